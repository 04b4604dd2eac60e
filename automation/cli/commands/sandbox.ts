import type { CommandModule } from 'yargs';
import type { SandboxInfo, SandboxStatus } from '../../sandbox';
import { conclude } from '../command';
import { table } from '../output/tables';
import { sandboxParts } from '../setup';
import { inject } from './sandbox-inject';
import { inFolder, sandboxOptions, wrongUse, type SandboxOptions } from './sandbox-options';

function hint({ folder }: SandboxOptions): string {
  const option = folder === undefined ? '' : ` --folder ${folder}`;
  return `Use it in this shell with: eval "$(bascule sandbox env${option})"`;
}

interface StartCommandOptions extends SandboxOptions {
  'build-machine': boolean | undefined;
  account: string[] | undefined;
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
      .option('account', {
        type: 'string',
        array: true,
        describe: 'One more AWS account, by its id; the sandbox keeps it',
      })
      .example('bascule sandbox start', 'Start it; again at no cost')
      .example('bascule sandbox start --account 222222222222 --account 333333333333', 'Three accounts in all')
      .example('bascule sandbox start --build-machine', 'To bake with Packer in it'),
  handler: (argv) =>
    conclude(argv.json, async () => {
      const accounts = (argv.account ?? []).map(accountId);
      const { startSandbox } = await import('../../sandbox/index.js');
      const info = await startSandbox({
        ...(await sandboxParts(argv.folder)),
        accounts,
        ...(argv['build-machine'] === undefined ? {} : { buildMachine: argv['build-machine'] }),
      });
      const what = info.started.length === 0 ? 'runs already' : `is up (started: ${info.started.join(', ')})`;
      return {
        exitCode: 0,
        json: { ...info },
        text: [
          `The sandbox ${what} at ${info.endpoint}.`,
          ...accountLines(info),
          ...machineLine(info),
          hint(argv),
        ].join('\n'),
      };
    }),
};

function accountId(text: string): string {
  if (/^\d{12}$/.test(text)) return text;
  throw wrongUse(`'${text}' is no id of an AWS account: these have twelve digits.`);
}

function accountLines({ accounts }: SandboxInfo): string[] {
  if (accounts.length < 2) return [];
  const rows = accounts.map(({ id, bucket, roles, profile }) => [
    `  account ${id}`,
    `bucket ${bucket}`,
    `profile ${profile}`,
    `${roles.deploy}, ${roles.approve}`,
  ]);
  return [table(rows)];
}

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
  if (found.sandbox) lines.push(...accountLines(found.sandbox));
  for (const { region, traffic } of found.cuts)
    lines.push(`  region ${region} is cut off${traffic ? ', and its load balancers' : ''}`);
  for (const balancer of found.loadBalancers)
    for (const listener of balancer.listeners)
      lines.push(
        `  ${balancer.name} (${balancer.region}, ${balancer.account})  ${listener.url}${listener.problem === null ? '' : `  ${listener.problem}`}`,
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
