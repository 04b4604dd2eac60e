import type { Argv, CommandModule } from 'yargs';
import type { Fault, SandboxInfo, SandboxStatus } from '../../sandbox';
import { conclude } from '../command';
import { table } from '../output/tables';
import { sandboxParts } from '../setup';

interface SandboxOptions {
  json: boolean;
  folder: string | undefined;
}

function sandboxOptions<T>(argv: Argv<T>): Argv<T & SandboxOptions> {
  return argv
    .option('json', {
      type: 'boolean',
      default: false,
      describe: 'Print one JSON document on standard output',
    })
    .option('folder', {
      type: 'string',
      describe: 'Where the sandbox keeps its state (default: .bascule/sandbox of the project)',
    });
}

function inFolder(argv: SandboxOptions): { folder?: string } {
  return argv.folder === undefined ? {} : { folder: argv.folder };
}

function hint({ folder }: SandboxOptions): string {
  const option = folder === undefined ? '' : ` --folder ${folder}`;
  return `Use it in this shell with: eval "$(bascule sandbox env${option})"`;
}

interface StartCommandOptions extends SandboxOptions {
  'build-machine': boolean | undefined;
}

const start: CommandModule<object, StartCommandOptions> = {
  command: 'start',
  describe: 'Start a local AWS on this machine, or mend one of which a part died',
  builder: (argv) =>
    sandboxOptions(argv)
      .option('build-machine', {
        type: 'boolean',
        describe:
          'With a machine on which Packer makes images, by OpenSSH on loopback; the sandbox keeps it until --no-build-machine',
      })
      .example('bascule sandbox start', 'Start it; again at no cost')
      .example('bascule sandbox start --build-machine', 'To bake with Packer in it'),
  handler: (argv) =>
    conclude(argv.json, async () => {
      const { startSandbox } = await import('../../sandbox/index.js');
      const info = await startSandbox({
        ...(await sandboxParts(argv.folder)),
        ...(argv['build-machine'] === undefined ? {} : { buildMachine: argv['build-machine'] }),
      });
      const what = info.started.length === 0 ? 'runs already' : `is up (started: ${info.started.join(', ')})`;
      return {
        exitCode: 0,
        json: { ...info },
        text: [`The sandbox ${what} at ${info.endpoint}.`, ...machineLine(info), hint(argv)].join('\n'),
      };
    }),
};

function machineLine({ buildMachine }: SandboxInfo): string[] {
  if (buildMachine === null) return [];
  return [`Its build machine is ${buildMachine.user}@${buildMachine.host}, port ${buildMachine.port}.`];
}

const reset: CommandModule<object, SandboxOptions> = {
  command: 'reset',
  describe: 'Stop the sandbox, forget everything in it, and start it empty',
  builder: (argv) => sandboxOptions(argv).example('bascule sandbox reset', 'Begin anew'),
  handler: (argv) =>
    conclude(argv.json, async () => {
      const { resetSandbox } = await import('../../sandbox/index.js');
      const info = await resetSandbox(await sandboxParts(argv.folder));
      return {
        exitCode: 0,
        json: { ...info },
        text: `The sandbox is empty and up at ${info.endpoint}.\n${hint(argv)}`,
      };
    }),
};

const stop: CommandModule<object, SandboxOptions> = {
  command: 'stop',
  describe: 'Stop the sandbox and all its processes; its state is kept',
  builder: (argv) => sandboxOptions(argv).example('bascule sandbox stop', 'Stop it'),
  handler: (argv) =>
    conclude(argv.json, async () => {
      const { stopSandbox } = await import('../../sandbox/index.js');
      const { stopped } = await stopSandbox(inFolder(argv));
      const text = stopped.length === 0 ? 'The sandbox was not running.' : `Stopped: ${stopped.join(', ')}.`;
      return { exitCode: 0, json: { stopped }, text };
    }),
};

const status: CommandModule<object, SandboxOptions> = {
  command: 'status',
  describe: 'Show the parts, load balancers and instances of the sandbox',
  builder: (argv) => sandboxOptions(argv).example('bascule sandbox status', 'What runs and where it listens'),
  handler: (argv) =>
    conclude(argv.json, async () => {
      const { sandboxStatus } = await import('../../sandbox/index.js');
      const found = await sandboxStatus(inFolder(argv));
      return { exitCode: 0, json: { ...found }, text: renderSandbox(found) };
    }),
};

function renderSandbox(found: SandboxStatus): string {
  const lines = [`The sandbox is ${found.state}.`];
  if (found.state === 'absent' || found.state === 'stopped')
    lines.push('Start it with `bascule sandbox start`.');
  if (found.state === 'partly') lines.push('`bascule sandbox start` mends it.');
  lines.push(
    table(
      found.parts.map((part) => [
        `  ${part.name}`,
        part.state,
        part.pid === null ? '' : `pid ${part.pid}`,
        part.logFile,
      ]),
    ),
  );
  for (const balancer of found.loadBalancers)
    for (const listener of balancer.listeners)
      lines.push(
        `  ${balancer.name} (${balancer.region})  ${listener.url}${listener.problem === null ? '' : `  ${listener.problem}`}`,
      );
  const rows = found.instances.map((one) => [
    `  ${one.id}`,
    one.colour,
    one.version,
    one.state,
    `process ${one.process}${one.pid === null ? '' : ` ${one.pid}`}`,
    one.address ?? '',
    one.health
      .map((health) => `${health.state}${health.reason === null ? '' : ` (${health.reason})`}`)
      .join(', '),
  ]);
  if (rows.length > 0) lines.push(table(rows));
  return lines.join('\n');
}

interface EnvOptions {
  folder: string | undefined;
  shell: string;
}

const env: CommandModule<object, EnvOptions> = {
  command: 'env',
  describe: 'Print the environment that makes every AWS tool use the sandbox',
  builder: (argv) =>
    argv
      .option('folder', { type: 'string', describe: 'The folder of the sandbox' })
      .option('shell', { choices: ['sh', 'fish', 'json'] as const, default: 'sh', describe: 'Form to print' })
      .example('eval "$(bascule sandbox env)"', 'Use the sandbox in this shell'),
  handler: (argv) =>
    conclude(false, async () => {
      const { renderEnv, requireSandbox, sandboxEnv } = await import('../../sandbox/index.js');
      const info = await requireSandbox(argv.folder === undefined ? {} : { folder: argv.folder });
      return { exitCode: 0, json: {}, text: renderEnv(sandboxEnv(info), argv.shell) };
    }),
};

interface InjectOptions extends SandboxOptions {
  fault: (typeof FAULTS)[number];
  message: string | undefined;
  group: string | undefined;
  milliseconds: number;
  seconds: number;
}

const FAULTS = ['capacity-error', 'latency', 'late-metrics', 'minute-metrics', 'none'] as const;

const inject: CommandModule<object, InjectOptions> = {
  command: 'inject <fault>',
  describe: 'Make the sandbox fail, or be as slow, as AWS: the fault in force until the next one, or none',
  builder: (argv) =>
    sandboxOptions(argv)
      .positional('fault', { choices: FAULTS, demandOption: true })
      .option('message', { type: 'string', describe: 'capacity-error: the words of AWS' })
      .option('group', { type: 'string', describe: 'capacity-error: only this Auto Scaling group' })
      .option('milliseconds', { type: 'number', default: 100, describe: 'latency: added to each AWS call' })
      .option('seconds', { type: 'number', default: 120, describe: 'late-metrics: until they can be seen' })
      .example('bascule sandbox inject capacity-error', 'No instance can be launched from now on')
      .example('bascule sandbox inject none', 'All is well again'),
  handler: (argv) =>
    conclude(argv.json, async () => {
      const { clearFaults, injectFaults } = await import('../../sandbox/index.js');
      if (argv.fault === 'none') await clearFaults(inFolder(argv));
      else await injectFaults(inFolder(argv), [faultOf(argv.fault, argv)]);
      const text = argv.fault === 'none' ? 'No fault is injected any more.' : `Injected: ${argv.fault}.`;
      return { exitCode: 0, json: { fault: argv.fault }, text };
    }),
};

function faultOf(kind: Exclude<InjectOptions['fault'], 'none'>, argv: InjectOptions): Fault {
  switch (kind) {
    case 'latency':
      return { kind, milliseconds: argv.milliseconds };
    case 'late-metrics':
      return { kind, seconds: argv.seconds };
    case 'minute-metrics':
      return { kind };
    case 'capacity-error':
      return {
        kind,
        ...(argv.group === undefined ? {} : { autoScalingGroup: argv.group }),
        ...(argv.message === undefined ? {} : { message: argv.message }),
      };
  }
}

export const sandboxCommand: CommandModule = {
  command: 'sandbox <command>',
  describe: 'A local AWS with real processes and real traffic: start, stop, status, env, reset, inject',
  builder: (argv) =>
    argv
      .command(start)
      .command(stop)
      .command(status)
      .command(env)
      .command(reset)
      .command(inject)
      .demandCommand(1, 'Name one of: start, stop, status, env, reset, inject')
      .example('bascule sandbox start', 'Start it'),
  handler: () => undefined,
};
