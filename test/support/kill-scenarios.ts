/** What is killed: which command, and what it finds of the idle colour when it begins. */
import { must } from './until';
import { ENVIRONMENT, type Settings } from './e2e-project';
import type { Answer } from './command-line';
import type { LiveEnvironment } from './e2e';
import { fleetStackName } from '../../src/domain/config';
import { idleState, type Roles } from './kill-world';

/** The idle colour: never made, scaled down, or running another release. */
export type Start = 'absent' | 'empty' | 'warm';

export interface Scenario {
  name: string;
  start: Start;
  /** Whether it goes to what the idle colour ran before. */
  back: boolean;
  command(version: string): string[];
  /** Whether the environment has two regions, one wave after the other. */
  twoRegions?: boolean;
  /** What the run's own machine has differently in its settings. */
  change?(settings: Settings): void;
}

const deploy = (version: string) => ['deploy', ENVIRONMENT, '--version', version];
const canary = (version: string) => [
  ...deploy(version),
  ...['--strategy', 'canary', '--weights', '25,60', '--pause', '2'],
];
const rollback = () => ['rollback', ENVIRONMENT];

export const scenarios: Record<
  'first' | 'deployment' | 'canary' | 'rollback' | 'cold' | 'regions',
  Scenario
> = {
  first: {
    name: 'a deployment to a colour that was never made',
    start: 'absent',
    back: false,
    command: deploy,
  },
  deployment: { name: 'a deployment over another release', start: 'warm', back: false, command: deploy },
  canary: {
    name: 'a deployment in steps, with a fleet that grows and a check',
    start: 'empty',
    back: false,
    command: canary,
    change: ({ deployment }) => {
      deployment.growth = { kind: 'proportional', minimum: 1 };
      const hosts = { kind: 'unhealthy-hosts' as const, name: 'hosts' };
      deployment.analysis = { intervalSeconds: 1, checks: [hosts] };
    },
  },
  rollback: { name: 'a rollback to a warm colour', start: 'warm', back: true, command: rollback },
  regions: {
    name: 'a deployment over two regions',
    start: 'warm',
    back: false,
    command: deploy,
    twoRegions: true,
  },
  cold: { name: 'a rollback that brings the fleet up', start: 'empty', back: true, command: rollback },
};

const VERSIONS = ['1.0.0', '2.0.0', '3.0.0'];

/** What a scenario is played on. */
export interface Stage {
  live: LiveEnvironment;
  run(args: string[]): Promise<Answer>;
}

/** As prepare, after a deployment of its own: the idle colour then has what the live release replaced. */
export async function prepareAnew(stage: Stage, { start, back }: Scenario): Promise<void> {
  if (back) await succeed(stage, deploy(await freshVersion(stage.live)));
  return prepare(stage, start);
}

/** Makes the idle colour what a scenario begins with, if it is not so already. */
export async function prepare(stage: Stage, start: Start): Promise<void> {
  const { kind, colour } = await idleState(stage.live);
  if (kind === start) return;
  if (start === 'absent') {
    for (const region of stage.live.regions)
      await destroy(stage.live, fleetStackName(ENVIRONMENT, region, colour));
    return;
  }
  if (kind !== 'warm') await succeed(stage, deploy(await freshVersion(stage.live)));
  if (start === 'empty') await succeed(stage, ['retire', ENVIRONMENT]);
}

async function succeed(stage: Stage, args: string[]): Promise<void> {
  const answer = await stage.run(args);
  if (answer.exitCode !== 0)
    throw new Error(`${args.join(' ')} ended with ${answer.exitCode}: ${answer.stderr}${answer.stdout}`);
}

async function destroy(live: LiveEnvironment, stack: string): Promise<void> {
  for (const args of [
    ['state', 'unprotect', '--all', '--yes', '--stack', stack],
    ['destroy', '--yes', '--skip-preview', '--stack', stack],
    ['stack', 'rm', '--yes', '--stack', stack],
  ]) {
    const { exitCode, output } = await live.pulumi(...args);
    if (exitCode !== 0) throw new Error(`pulumi ${args.join(' ')}: ${output}`);
  }
}

/** A release that neither colour runs. */
async function freshVersion(live: LiveEnvironment): Promise<string> {
  const { version } = await idleState(live);
  const serving = await liveVersion(live);
  return must(VERSIONS.find((one) => one !== version && one !== serving));
}

async function liveVersion(live: LiveEnvironment): Promise<string> {
  const answer = await fetch(await live.url());
  await answer.text();
  return must(answer.headers.get('x-version'), 'the live version');
}

/** What each release is to the run that comes, and which one it takes the environment to. */
export async function rolesOf(
  live: LiveEnvironment,
  scenario: Scenario,
): Promise<{ roles: Roles; target: string }> {
  const from = await liveVersion(live);
  const { version: idle = 'none' } = await idleState(live);
  const target = scenario.back ? idle : await freshVersion(live);
  return { target, roles: { [idle]: 'idle', [from]: 'from', [target]: 'to' } };
}
