/** Other hands on the same environment, and the ways back and out: what is live is never taken away. */
import { DescribeAutoScalingGroupsCommand } from '@aws-sdk/client-auto-scaling';
import { DescribeTargetHealthCommand } from '@aws-sdk/client-elastic-load-balancing-v2';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { ENVIRONMENT } from '../support/e2e-project';
import { apps, LiveEnvironment, soleColour } from '../support/e2e';
import type { Answer } from '../support/command-line';
import type { Colour } from '../../src/domain/colour';
import { alsoAs } from '../support/releases';
import { must, until } from '../support/until';

let live: LiveEnvironment;

beforeAll(async () => {
  live = await LiveEnvironment.live(apps.service);
  await alsoAs(live, '1.0.0', ['2.0.0', '3.0.0']);
});

afterAll(() => live?.dispose());

const idsOf = async (colour: Colour) => (await live.instances(colour)).map(({ id }) => id).sort();

async function capacities() {
  const { AutoScalingGroups = [] } = await live.autoScaling().send(new DescribeAutoScalingGroupsCommand({}));
  return Object.fromEntries<unknown>(
    AutoScalingGroups.map(({ AutoScalingGroupName, MinSize, MaxSize, DesiredCapacity, Instances }) => [
      AutoScalingGroupName ?? '',
      { MinSize, MaxSize, DesiredCapacity, ids: Instances?.map(({ InstanceId }) => InstanceId).sort() },
    ]),
  );
}

function setGate(consecutive: number): Promise<void> {
  return live.change((settings) => {
    settings.deployment.healthGate.consecutive = consecutive;
  });
}

describe('two deployments at once', () => {
  test('one goes on, the other is told who holds the environment, since when and at which step', async () => {
    await setGate(20);
    const began = Date.now();
    const both = ['2.0.0', '2.0.0'].map((version) => live.begin('deploy', ENVIRONMENT, '--version', version));
    const first = await Promise.race(both.map((program) => live.answerOf(program)));
    expect(first.exitCode, first.stdout + first.stderr).toBe(6);
    expect(first.json.error?.code).toBe('BASCULE_HELD');
    // A third one, when the holder is well on its way.
    const winner = must(both.find((program) => !program.stdout.includes('BASCULE_HELD')));
    await winner.says(/health gate of blue/);
    const third = await live.deploy('3.0.0');
    expect(third.exitCode).toBe(6);
    const [, pid, since] = must(
      /is held by \S+ on \S+ \(process (\d+)\) since (\S+), deployment \S+, at: (?:health gate of blue)/.exec(
        third.json.error?.message ?? '',
      ),
      `who holds it in: ${third.json.error?.message}`,
    );
    expect(Date.parse(must(since))).toBeGreaterThanOrEqual(began);
    const won = await live.answerOf<{ exitCode: number; by: { pid: number } }>(winner);
    expect(won.exitCode, won.stdout + won.stderr).toBe(0);
    expect(won.json.by.pid).toBe(Number(pid));
    expect(soleColour(await live.forwards())).toBe('blue');
    await setGate(2);
  });
});

describe('the way back', () => {
  test('goes in one go while the former colour is warm, and says so beforehand', async () => {
    const before = await capacities();
    const { result, load } = await live.underLoad(() => live.run('rollback', ENVIRONMENT));
    expect(result.exitCode, result.stdout).toBe(0);
    expect(result.json).toMatchObject({ outcome: 'succeeded', from: '2.0.0', to: '1.0.0' });
    expect(result.stderr).toMatch(
      /green is warm and healthy at 1\.0\.0; traffic moves back in one go.*cutover/s,
    );
    expect(result.json.steps?.some(({ step }) => step.startsWith('apply'))).toBe(false);
    expect(soleColour(await live.forwards())).toBe('green');
    expect(await capacities()).toEqual(before);
    expect(load).toMatchObject({ failed: 0, unaccounted: 0 });
  });
});

describe('retire', () => {
  /** Requests through the test listener reach the idle colour: traffic that has not ended. */
  async function whileAsked<T>(work: () => Promise<T>): Promise<{ result: T; lastRequestAt: number }> {
    const testUrl = must((await live.status()).regions[0]).testUrl;
    let asking = true;
    let lastRequestAt = 0;
    const asked = (async () => {
      while (asking) {
        const answer = await fetch(testUrl);
        await answer.text();
        lastRequestAt = Date.now();
        // A pause, so that asking does not take the machine; nothing waits for it.
        await new Promise((resolve) => setTimeout(resolve, 50));
      }
    })();
    try {
      return { result: await work(), lastRequestAt };
    } finally {
      asking = false;
      await asked;
    }
  }

  test('waits for the traffic of the idle colour to end, then scales that one down only', async () => {
    await live.change((settings) => {
      settings.deployment.quietSeconds = 5;
    });
    const liveIds = await idsOf('green');
    const pids = (await live.instances('blue')).flatMap(({ pid }) => pid ?? []);
    expect(pids).toHaveLength(2);
    const { result: program, lastRequestAt } = await whileAsked(async () => {
      const began = live.begin('retire', ENVIRONMENT);
      await began.says(/waits for \d+ request\(s\) in the last 5 s to end/);
      expect(await idsOf('blue')).toHaveLength(2);
      return began;
    });
    const answer = await live.answerOf(program);
    expect(answer.exitCode, answer.stdout).toBe(0);
    const records = await live.journal(must(answer.json.deployment));
    const scaled = records.find((record) => record.kind === 'started' && record.step.startsWith('retire:'));
    expect(must(scaled).at).toBeGreaterThanOrEqual(lastRequestAt + 4_000);
    expect(await live.instances('blue')).toEqual([]);
    for (const pid of pids) expect(() => process.kill(pid, 0)).toThrow('ESRCH');
    expect(await idsOf('green')).toEqual(liveIds);
    const blue = must((await live.forwards())[0]?.action.ForwardConfig?.TargetGroups).find((group) =>
      group.TargetGroupArn?.includes('-blue/'),
    );
    const { TargetHealthDescriptions } = await live
      .elb()
      .send(new DescribeTargetHealthCommand({ TargetGroupArn: must(blue?.TargetGroupArn) }));
    expect(TargetHealthDescriptions).toEqual([]);
  });

  test('has nothing to do a second time', async () => {
    const { exitCode, json } = await live.run('retire', ENVIRONMENT);
    expect({ exitCode, outcome: json.outcome }).toEqual({ exitCode: 0, outcome: 'nothing-to-retire' });
  });

  test('the way back brings the former release up first, when it is no longer warm', async () => {
    const { result, load } = await live.underLoad(() => live.run('rollback', ENVIRONMENT));
    expect(result.exitCode, result.stdout).toBe(0);
    expect(result.json).toMatchObject({ outcome: 'succeeded', from: '1.0.0', to: '2.0.0' });
    expect(result.stderr).toMatch(
      /blue has no instances; it is brought up at 2\.0\.0 and must pass the health gate.*apply blue.*health gate.*cutover/s,
    );
    expect(soleColour(await live.forwards())).toBe('blue');
    expect(load).toMatchObject({ failed: 0, unaccounted: 0 });
    expect(Object.keys(load.byVersion).sort()).toEqual(['1.0.0 green', '2.0.0 blue']);
  });

  test('halts when the colour it is to let go is given traffic by hand', async () => {
    const before = await capacities();
    const { result } = await whileAsked(async () => {
      const program = live.begin('retire', ENVIRONMENT);
      await program.says(/waits for \d+ request\(s\)/);
      await live.moveByHand('rule', { blue: 99, green: 1 });
      return live.answerOf(program);
    });
    expect(result.exitCode, result.stdout).toBe(5);
    expect(result.json.reason?.code).toBe('BASCULE_TRAFFIC_DRIFT');
    expect(result.json.reason?.details).toEqual([
      'rule 10 (path /api/*): expected blue 100, green 0; found blue 99, green 1',
    ]);
    expect(await capacities()).toEqual(before);
    const shared = await live.run('retire', ENVIRONMENT);
    expect(shared.exitCode).toBe(5);
    expect(shared.json.error?.code).toBe('BASCULE_TRAFFIC_SHARED');
    expect(await capacities()).toEqual(before);
    await live.moveByHand('rule', { blue: 100, green: 0 });
  });
});

describe('weights that are moved by hand while the gate of a deployment is shut', () => {
  async function deployedWhile(weights: Record<Colour, number>): Promise<Answer> {
    await setGate(8);
    const program = live.begin('deploy', ENVIRONMENT, '--version', '3.0.0');
    await program.says(/waits for 2 of 2 healthy/);
    await live.moveByHand('rule', weights);
    return live.answerOf(program);
  }

  test.each([
    { what: 'shared', weights: { blue: 70, green: 30 } },
    { what: 'given to the idle colour', weights: { blue: 0, green: 100 } },
  ])('$what: the deployment halts, shows both states, and writes nothing', async ({ weights }) => {
    const blueIds = await idsOf('blue');
    const { result, load } = await live.underLoad(() => deployedWhile(weights));
    expect(result.exitCode, result.stdout + result.stderr).toBe(5);
    expect(result.json).toMatchObject({ outcome: 'halted', reason: { code: 'BASCULE_TRAFFIC_DRIFT' } });
    expect(result.json.reason?.details).toEqual([
      `rule 10 (path /api/*): expected blue 100, green 0; found blue ${weights.blue}, green ${weights.green}`,
    ]);
    const after = await live.forwards();
    expect(after.find(({ kind }) => kind === 'rule')?.weights).toEqual(weights);
    expect(after.find(({ kind }) => kind === 'default')?.weights).toEqual({ blue: 100, green: 0 });
    expect(await idsOf('blue')).toEqual(blueIds);
    expect(await idsOf('green')).toHaveLength(2);
    expect(load).toMatchObject({ failed: 0, byVersion: { '2.0.0 blue': load.completed } });
    await live.moveByHand('rule', { blue: 100, green: 0 });
    await until(
      () => live.status(),
      ({ regions }) => regions[0]?.live === 'blue',
    );
  });
});
