import type { CommandModule } from 'yargs';
import type { Fault } from '../../sandbox';
import { conclude } from '../command';
import type { CommandResult } from '../output/result';
import { inFolder, sandboxOptions, wrongUse, type SandboxOptions } from './sandbox-options';

interface InjectOptions extends SandboxOptions {
  fault: (typeof FAULTS)[number] | undefined;
  cut: string | undefined;
  traffic: boolean;
  heal: string | undefined;
  message: string | undefined;
  group: string | undefined;
  milliseconds: number;
  seconds: number;
}

const FAULTS = ['capacity-error', 'latency', 'late-metrics', 'minute-metrics', 'none'] as const;

/** `bascule sandbox inject` */
export const inject: CommandModule<object, InjectOptions> = {
  command: 'inject [fault]',
  describe:
    'Make the sandbox fail, or be as slow, as AWS: the fault in force until the next one, or none; or cut a region off',
  builder: (argv) =>
    sandboxOptions(argv)
      .positional('fault', { choices: FAULTS })
      .option('cut', {
        type: 'string',
        describe: 'Cut this region off: its APIs give no answer until --heal',
      })
      .option('traffic', { type: 'boolean', default: false, describe: 'cut: its load balancers, too' })
      .option('heal', { type: 'string', describe: 'End the cut of this region' })
      .option('message', { type: 'string', describe: 'capacity-error: the words of AWS' })
      .option('group', { type: 'string', describe: 'capacity-error: only this Auto Scaling group' })
      .option('milliseconds', { type: 'number', default: 100, describe: 'latency: added to each AWS call' })
      .option('seconds', { type: 'number', default: 120, describe: 'late-metrics: until they can be seen' })
      .example('bascule sandbox inject capacity-error', 'No instance can be launched from now on')
      .example('bascule sandbox inject --cut eu-central-1', 'No call to that region is answered from now on')
      .example('bascule sandbox inject none', 'All is well again, in every region'),
  handler: (argv) =>
    conclude(argv.json, async () => {
      const what = [argv.fault, argv.cut, argv.heal].filter((one) => one !== undefined);
      if (what.length !== 1) throw wrongUse('Name one of: a fault, --cut <region>, --heal <region>.');
      if (argv.cut !== undefined || argv.heal !== undefined) return reach(argv);
      const { clearFaults, healRegion, injectFaults } = await import('../../sandbox/index.js');
      const { fault = 'none' } = argv;
      if (fault === 'none') await Promise.all([clearFaults(inFolder(argv)), healRegion(inFolder(argv))]);
      else await injectFaults(inFolder(argv), [faultOf(fault, argv)]);
      const text = fault === 'none' ? 'No fault is injected any more.' : `Injected: ${fault}.`;
      return { exitCode: 0, json: { fault }, text };
    }),
};

/** Cuts a region off, or heals it. */
async function reach(argv: InjectOptions): Promise<CommandResult> {
  const { cutRegion, healRegion } = await import('../../sandbox/index.js');
  const region = regionName(argv.cut ?? argv.heal ?? '');
  const { traffic } = argv;
  if (argv.cut === undefined) {
    await healRegion(inFolder(argv), region);
    return { exitCode: 0, json: { healed: region }, text: `${region} can be reached again.` };
  }
  await cutRegion(inFolder(argv), { region, traffic });
  const text = `${region} is cut off${traffic ? ', and its load balancers' : ''}, until --heal ${region}.`;
  return { exitCode: 0, json: { cut: region, traffic }, text };
}

function regionName(text: string): string {
  if (/^[a-z]{2}(-[a-z]+)+-\d$/.test(text)) return text;
  throw wrongUse(`'${text}' is no AWS region.`);
}

function faultOf(kind: Exclude<(typeof FAULTS)[number], 'none'>, argv: InjectOptions): Fault {
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
