/** What other hands change during a deployment halts it; what the deployment itself changes for a while is put back. */
import {
  DescribeAutoScalingGroupsCommand,
  ResumeProcessesCommand,
  SuspendProcessesCommand,
  UpdateAutoScalingGroupCommand,
} from '@aws-sdk/client-auto-scaling';
import { CreateRuleCommand, DeleteRuleCommand } from '@aws-sdk/client-elastic-load-balancing-v2';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import type { Colour } from '../../src/domain/colour';
import type { Answer, Program } from '../support/command-line';
import { ENVIRONMENT, SERVICE } from '../support/e2e-project';
import { apps, LiveEnvironment, soleColour } from '../support/e2e';
import { alsoAs } from '../support/releases';
import { must } from '../support/until';

const HELD = ['AZRebalance', 'ScheduledActions'];

let live: LiveEnvironment;

beforeAll(async () => {
  live = await LiveEnvironment.live(apps.service);
  await alsoAs(live, '1.0.0', ['2.0.0']);
});

afterAll(() => live?.dispose());

const groupOf = (colour: Colour) => `${SERVICE}-${ENVIRONMENT}-${colour}`;

/** What a deployment may only borrow: minimum, maximum and suspended processes of both fleets. */
async function limits(): Promise<Record<string, { minimum: number; maximum: number; suspended: string[] }>> {
  const { AutoScalingGroups = [] } = await live.autoScaling().send(new DescribeAutoScalingGroupsCommand({}));
  return Object.fromEntries(
    AutoScalingGroups.map(({ AutoScalingGroupName, MinSize, MaxSize, SuspendedProcesses = [] }) => [
      must(AutoScalingGroupName).endsWith('blue') ? 'blue' : 'green',
      {
        minimum: must(MinSize),
        maximum: must(MaxSize),
        suspended: SuspendedProcesses.map(({ ProcessName }) => must(ProcessName)).sort(),
      },
    ]),
  );
}

function suspend(colour: Colour, ...ScalingProcesses: string[]): Promise<unknown> {
  const input = { AutoScalingGroupName: groupOf(colour), ScalingProcesses };
  return live.autoScaling().send(new SuspendProcessesCommand(input));
}

function resumeAll(colour: Colour): Promise<unknown> {
  return live.autoScaling().send(new ResumeProcessesCommand({ AutoScalingGroupName: groupOf(colour) }));
}

function update(colour: Colour, change: { MinSize?: number; MaxSize?: number; DesiredCapacity?: number }) {
  const input = { AutoScalingGroupName: groupOf(colour), ...change };
  return live.autoScaling().send(new UpdateAutoScalingGroupCommand(input));
}

async function during(
  version: string,
  moment: RegExp,
  settings: { soakSeconds?: number; consecutive?: number },
): Promise<Program> {
  await tune({ soakSeconds: 1, consecutive: 2, ...settings });
  const program = live.begin('deploy', ENVIRONMENT, '--version', version);
  await program.says(moment);
  return program;
}

function tune({ soakSeconds, consecutive }: { soakSeconds: number; consecutive: number }): Promise<void> {
  return live.change(({ deployment }) => {
    deployment.soakSeconds = soakSeconds;
    deployment.healthGate.consecutive = consecutive;
  });
}

/** The deployment stops for a person, with exit code 5 and both states. */
async function halts(program: Program, code: string, details: string[]): Promise<Answer> {
  const answer = await live.answerOf(program);
  expect(answer.exitCode, answer.stdout + answer.stderr).toBe(5);
  expect(answer.json).toMatchObject({ outcome: 'halted', reason: { code } });
  expect(answer.json.reason?.details).toEqual(details);
  expect(answer.stdout).toContain(`bascule resume ${ENVIRONMENT} --accept`);
  return answer;
}

async function goesOn(version: string, colour: Colour): Promise<Answer> {
  await tune({ soakSeconds: 1, consecutive: 2 });
  const answer = await live.run('resume', ENVIRONMENT, '--accept');
  expect(answer.exitCode, answer.stdout + answer.stderr).toBe(0);
  expect(answer.json).toMatchObject({ outcome: 'succeeded', to: version });
  expect(soleColour(await live.forwards())).toBe(colour);
  return answer;
}

describe('what a deployment borrows', () => {
  test('is held while traffic moves and given back exactly, with what a person had suspended', async () => {
    await suspend('green', 'AZRebalance', 'AlarmNotification');
    await update('green', { MinSize: 1 });
    const before = await limits();
    expect(before['green']).toEqual({
      minimum: 1,
      maximum: 4,
      suspended: ['AZRebalance', 'AlarmNotification'],
    });
    const program = await during('2.0.0', /soak for 10 s/, { soakSeconds: 10 });
    expect(await limits()).toEqual({
      green: {
        minimum: 2,
        maximum: 4,
        suspended: ['AZRebalance', 'AlarmNotification', 'ScheduledActions'].sort(),
      },
      blue: { minimum: 2, maximum: 4, suspended: HELD },
    });
    const answer = await live.answerOf(program);
    expect(answer.exitCode, answer.stdout + answer.stderr).toBe(0);
    expect(await limits()).toEqual({
      green: before['green'],
      blue: { minimum: 2, maximum: 4, suspended: [] },
    });
    await resumeAll('green');
    await update('green', { MinSize: 2 });
  });

  test('is given back when the deployment fails', async () => {
    await suspend('blue', 'ScheduledActions');
    const before = await limits();
    const program = await during('1.0.0', /soak for 60 s/, { soakSeconds: 60 });
    program.signal('SIGINT');
    const stopped = await live.answerOf(program);
    expect(stopped.exitCode, stopped.stdout + stopped.stderr).toBe(5);
    expect(await limits()).toEqual(before);
    const aborted = await live.run('abort', ENVIRONMENT);
    expect(aborted.exitCode, aborted.stdout + aborted.stderr).toBe(4);
    expect(soleColour(await live.forwards())).toBe('blue');
    expect((await limits())['blue']).toEqual(before['blue']);
    await resumeAll('blue');
  });
});

describe('what is changed by hand', () => {
  test('a suspended process during the gate: halted before anything is held; accepted, it stays suspended', async () => {
    const program = await during('1.0.0', /waits for 2 of 2 healthy/, { consecutive: 8 });
    await suspend('blue', 'AZRebalance');
    await halts(program, 'BASCULE_FLEET_DRIFT', [
      'blue fleet, suspended processes: expected none; found AZRebalance',
    ]);
    expect((await limits())['blue']?.suspended).toEqual(['AZRebalance']);
    expect((await limits())['green']?.suspended).toEqual([]);
    await goesOn('1.0.0', 'green');
    expect((await limits())['blue']?.suspended).toEqual(['AZRebalance']);
    expect((await limits())['green']?.suspended).toEqual([]);
    await resumeAll('blue');
  });

  test('a maximum during the soak: halted, fleets given back, resumed only when it is accepted', async () => {
    const program = await during('2.0.0', /soak for 120 s/, { soakSeconds: 120 });
    await update('green', { MaxSize: 6 });
    await halts(program, 'BASCULE_FLEET_DRIFT', ['green fleet, maximum: expected 4; found 6']);
    expect(await limits()).toEqual({
      green: { minimum: 2, maximum: 6, suspended: [] },
      blue: { minimum: 2, maximum: 4, suspended: [] },
    });
    expect(soleColour(await live.forwards())).toBe('blue');
    const again = live.begin('resume', ENVIRONMENT);
    await halts(again, 'BASCULE_FLEET_DRIFT', ['green fleet, maximum: expected 4; found 6']);
    const { stderr } = await goesOn('2.0.0', 'blue');
    expect(stderr).toContain('accepted: green fleet, maximum: 6 (the journal said 4)');
    expect((await limits())['green']).toEqual({ minimum: 2, maximum: 6, suspended: [] });
    await update('green', { MaxSize: 4 });
  });

  test('weights during the soak: halted, left as they are, and taken as the beginning when accepted', async () => {
    const { load } = await live.underLoad(async () => {
      const program = await during('1.0.0', /soak for 120 s/, { soakSeconds: 120 });
      await live.moveByHand('rule', { blue: 30, green: 70 });
      await halts(program, 'BASCULE_TRAFFIC_DRIFT', [
        'rule 10 (path /api/*): expected blue 0, green 100; found blue 30, green 70',
      ]);
      const rule = (await live.forwards()).find(({ kind }) => kind === 'rule');
      expect(rule?.weights).toEqual({ blue: 30, green: 70 });
      expect(Object.values(await limits()).map(({ suspended }) => suspended)).toEqual([[], []]);
      await goesOn('1.0.0', 'green');
    });
    expect(load).toMatchObject({ failed: 0, unaccounted: 0 });
  });

  test('a rule that is added: halted, and moved with the others when accepted', async () => {
    const program = await during('2.0.0', /waits for 2 of 2 healthy/, { consecutive: 8 });
    const forward = must((await live.forwards()).find(({ kind }) => kind === 'default'));
    const { Rules = [] } = await live.elb().send(
      new CreateRuleCommand({
        ListenerArn: forward.id,
        Priority: 20,
        Conditions: [{ Field: 'path-pattern', Values: ['/new/*'] }],
        Actions: [forward.action],
      }),
    );
    await halts(program, 'BASCULE_TRAFFIC_DRIFT', [
      'rule 20 (path /new/*): expected no such route when the deployment was planned; found blue 0, green 100',
    ]);
    await goesOn('2.0.0', 'blue');
    await live.elb().send(new DeleteRuleCommand({ RuleArn: must(Rules[0]?.RuleArn) }));
  });

  test('weights that are neither the former nor the new ones are taken back only when that is accepted', async () => {
    const program = await during('1.0.0', /soak for 120 s/, { soakSeconds: 120 });
    await live.moveByHand('rule', { blue: 30, green: 70 });
    await halts(program, 'BASCULE_TRAFFIC_DRIFT', [
      'rule 10 (path /api/*): expected blue 0, green 100; found blue 30, green 70',
    ]);
    const refused = await live.run('abort', ENVIRONMENT);
    expect(refused.exitCode, refused.stdout + refused.stderr).toBe(5);
    expect(refused.json).toMatchObject({ outcome: 'halted', reason: { code: 'BASCULE_TRAFFIC_DRIFT' } });
    const answer = await live.run('abort', ENVIRONMENT, '--accept');
    expect(answer.exitCode, answer.stdout + answer.stderr).toBe(4);
    expect(soleColour(await live.forwards())).toBe('blue');
  });
});
