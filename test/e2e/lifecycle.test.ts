/** An environment from its first deployment to its end, with plain Pulumi in between. */
import { cp, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { DescribeAutoScalingGroupsCommand, SetDesiredCapacityCommand } from '@aws-sdk/client-auto-scaling';
import { DescribeInstancesCommand } from '@aws-sdk/client-ec2';
import {
  DescribeLoadBalancersCommand,
  DescribeTargetGroupsCommand,
} from '@aws-sdk/client-elastic-load-balancing-v2';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import type { HistoryEntry } from '../../automation/operations/history';
import { ENVIRONMENT } from '../support/e2e-project';
import { apps, LiveEnvironment, soleColour } from '../support/e2e';
import { must, until } from '../support/until';

let live: LiveEnvironment;

beforeAll(async () => {
  live = await LiveEnvironment.start();
});

afterAll(() => live?.dispose());

const idsOf = async () => (await live.instances()).map(({ id }) => id).sort();
const historyOf = async () =>
  (await live.succeeds<{ deployments: HistoryEntry[] }>('history', ENVIRONMENT)).json.deployments;

async function groupOf(colour: string) {
  const { AutoScalingGroups = [] } = await live.autoScaling().send(new DescribeAutoScalingGroupsCommand({}));
  return must(
    AutoScalingGroups.find((group) =>
      group.Tags?.some((tag) => tag.Key === 'colour' && tag.Value === colour),
    ),
    `the Auto Scaling group of ${colour}`,
  );
}

describe('the first deployment', () => {
  test('is refused before the environment is up, and before the release is baked', async () => {
    const early = await live.deploy('1.0.0');
    expect(early.exitCode).toBe(2);
    expect(early.json.error?.code).toBe('BASCULE_NOT_UP');
    await live.succeeds('up', ENVIRONMENT);
    const unbaked = await live.deploy('1.0.0');
    expect(unbaked.exitCode).toBe(2);
    expect(unbaked.json.error).toMatchObject({ code: 'BASCULE_IMAGE_MISSING' });
    expect(unbaked.json.error?.next).toContain('bascule bake 1.0.0');
    expect(await live.instances()).toEqual([]);
  });

  test('brings a colour up where nothing is live, and gives it all traffic', async () => {
    await live.bake('1.0.0', apps.service);
    const { exitCode, json } = await live.deploy('1.0.0');
    expect(exitCode).toBe(0);
    expect(json).toMatchObject({ outcome: 'succeeded', from: null, to: '1.0.0' });
    expect(json.steps?.map(({ phase }) => phase)).toEqual(json.steps?.map(() => 'verified'));
    expect(soleColour(await live.forwards())).toBe('green');
    const answer = await fetch(await live.url());
    expect(answer.headers.get('x-version')).toBe('1.0.0');
  });

  test('is what status and history tell of', async () => {
    const status = await live.status();
    expect(status).toMatchObject({ environment: ENVIRONMENT, service: 'shop', open: null, holder: null });
    const [region] = status.regions;
    expect(region).toMatchObject({ region: live.region, live: 'green', url: await live.url() });
    expect(region?.routes.filter(({ listener }) => listener === 'production')).toEqual([
      { listener: 'production', label: 'default action', weights: 'blue 0, green 100' },
      { listener: 'production', label: 'rule 10 (path /api/*)', weights: 'blue 0, green 100' },
    ]);
    const green = region?.fleets.find(({ colour }) => colour === 'green');
    expect(green).toMatchObject({ role: 'live', version: '1.0.0', healthy: 2, desired: 2 });
    const [entry, ...more] = await historyOf();
    expect(more).toEqual([]);
    expect(entry).toMatchObject({ purpose: 'deploy', from: null, to: '1.0.0', outcome: 'succeeded' });
  });

  test('leaves its whole record in the bucket', async () => {
    const records = await live.journal(must((await historyOf())[0]).deployment);
    expect(records.map(({ sequence }) => sequence)).toEqual(records.map((_, index) => index));
    const opened = must(records[0]);
    if (opened.kind !== 'opened') throw new Error(`the journal begins with ${opened.kind}`);
    for (const { id } of opened.plan.steps) {
      const kinds = records.flatMap((record) => ('step' in record && record.step === id ? record.kind : []));
      expect([id, ...kinds]).toEqual([id, 'started', 'ran', 'verified']);
    }
    expect(records.at(-1)).toMatchObject({ kind: 'closed', outcome: 'succeeded' });
    expect(new Set(records.map(({ fence }) => fence)).size).toBe(1);
  });
});

describe('a version', () => {
  test('that was baked with this content is found, not baked again', async () => {
    const { exitCode, json } = await live.run('bake', '1.0.0', '--app', apps.service);
    expect(exitCode).toBe(0);
    expect(json.outcome).toBe('already-baked');
  });

  test('is refused for other content', async () => {
    const changed = path.join(live.folder, 'changed');
    await cp(apps.service, changed, { recursive: true });
    await writeFile(path.join(changed, 'NEWS'), 'something else\n');
    const { exitCode, json } = await live.run('bake', '1.0.0', '--app', changed);
    expect(exitCode).toBe(2);
    expect(json.error?.code).toBe('BASCULE_VERSION_TAKEN');
    expect(json.error?.details.join('\n')).toMatch(
      /content then: [0-9a-f]{64}\ncontent now: {2}[0-9a-f]{64}/,
    );
  });

  test('that is live already is not deployed again', async () => {
    const before = { forwards: await live.forwards(), ids: await idsOf(), history: await historyOf() };
    const { exitCode, json } = await live.deploy('1.0.0');
    expect(exitCode).toBe(0);
    expect(json).toMatchObject({ outcome: 'already-live' });
    expect(json.message).toContain('--force');
    expect({ forwards: await live.forwards(), ids: await idsOf(), history: await historyOf() }).toEqual(
      before,
    );
  });
});

describe('plain Pulumi', () => {
  test('finds nothing to change after a deployment', async () => {
    for (const stack of [ENVIRONMENT, `${ENVIRONMENT}.${live.region}.green`]) {
      const { exitCode, output } = await live.pulumi('preview', '-s', stack, '--expect-no-changes');
      expect(exitCode, output).toBe(0);
      expect(output).toMatch(/\d+ unchanged/);
    }
  });

  test('does not move traffic when it is applied', async () => {
    await live.moveByHand('rule', { blue: 1, green: 99 });
    const before = await live.forwards();
    expect(before.map(({ weights }) => weights)).toContainEqual({ blue: 1, green: 99 });
    const { exitCode, output } = await live.pulumi('up', '-s', ENVIRONMENT, '--yes', '--skip-preview');
    expect(exitCode, output).toBe(0);
    expect(await live.forwards()).toEqual(before);
    await live.moveByHand('rule', { blue: 0, green: 100 });
  });

  test('does not reset the capacity that was changed by hand', async () => {
    const { AutoScalingGroupName } = await groupOf('green');
    await live
      .autoScaling()
      .send(new SetDesiredCapacityCommand({ AutoScalingGroupName, DesiredCapacity: 3 }));
    const stack = `${ENVIRONMENT}.${live.region}.green`;
    const { exitCode, output } = await live.pulumi('up', '-s', stack, '--yes', '--skip-preview');
    expect(exitCode, output).toBe(0);
    expect((await groupOf('green')).DesiredCapacity).toBe(3);
    await until(live.status.bind(live), ({ regions }) => regions[0]?.fleets[0]?.healthy === 3);
  });
});

describe('the next deployment', () => {
  test('of the live version, forced, goes to the other colour at the current capacity', async () => {
    const before = await live.instances('green');
    const { result, load } = await live.underLoad(() => live.deploy('1.0.0', '--force'));
    expect(result.exitCode, result.stdout).toBe(0);
    expect(result.json).toMatchObject({ outcome: 'succeeded', from: '1.0.0', to: '1.0.0' });
    expect(soleColour(await live.forwards())).toBe('blue');
    expect(await live.instances('blue')).toHaveLength(3);
    expect((await live.instances('green')).map(({ id }) => id)).toEqual(before.map(({ id }) => id));
    expect(load).toMatchObject({ failed: 0, unaccounted: 0 });
    expect(Object.keys(load.byVersion).sort()).toEqual(['1.0.0 blue', '1.0.0 green']);
  });

  test('may lose an instance: it is noticed, taken out and replaced', async () => {
    const healthy = (status: Awaited<ReturnType<typeof live.status>>) =>
      status.regions[0]?.fleets.find(({ colour }) => colour === 'blue')?.healthy;
    const victim = must((await live.instances('blue'))[0]);
    const { load } = await live.underLoad(async (running) => {
      process.kill(must(victim.pid), 'SIGKILL');
      await until(
        () => live.instances('blue'),
        (ones) =>
          ones.every(({ id }) => id !== victim.id) &&
          ones.filter(({ health }) => health.some(({ state }) => state === 'healthy')).length === 3,
        60,
      );
      // Whatever failed while it was noticed must be over: from here on every request is answered.
      const { sent, failed } = running.snapshot();
      const later = await running.until((result) => result.sent > sent + 200);
      expect(later.failed).toBe(failed);
    });
    expect(load.unaccounted).toBe(0);
    expect(healthy(await live.status())).toBe(3);
  });
});

describe('the end', () => {
  test('needs to be confirmed', async () => {
    const before = { forwards: await live.forwards(), ids: await idsOf() };
    const { exitCode, json } = await live.run('down', ENVIRONMENT);
    expect(exitCode).toBe(2);
    expect(json.error?.code).toBe('BASCULE_CONFIRM');
    expect({ forwards: await live.forwards(), ids: await idsOf() }).toEqual(before);
  });

  test('leaves nothing but the journal', async () => {
    const pids = (await live.instances()).flatMap(({ pid }) => pid ?? []);
    expect(pids.length).toBeGreaterThan(0);
    const { exitCode, json } = await live.run('down', ENVIRONMENT, '--yes');
    expect(exitCode, JSON.stringify(json)).toBe(0);
    const { LoadBalancers } = await live.elb().send(new DescribeLoadBalancersCommand({}));
    const { TargetGroups } = await live.elb().send(new DescribeTargetGroupsCommand({}));
    const { AutoScalingGroups } = await live.autoScaling().send(new DescribeAutoScalingGroupsCommand({}));
    expect({ LoadBalancers, TargetGroups, AutoScalingGroups }).toEqual({
      LoadBalancers: [],
      TargetGroups: [],
      AutoScalingGroups: [],
    });
    await until(
      () => live.ec2().send(new DescribeInstancesCommand({})),
      ({ Reservations = [] }) =>
        Reservations.flatMap(({ Instances = [] }) => Instances).every(
          (one) => one.State?.Name === 'terminated',
        ),
    );
    await until(
      () => Promise.resolve(pids.filter(isAlive)),
      (alive) => alive.length === 0,
    );
    expect((await live.run('status', ENVIRONMENT)).json.error?.code).toBe('BASCULE_NOT_UP');
    const again = await live.run('down', ENVIRONMENT, '--yes');
    expect(again).toMatchObject({ exitCode: 0, json: { outcome: 'not-up' } });
  });
});

function isAlive(pid: number): boolean {
  try {
    return process.kill(pid, 0);
  } catch {
    return false;
  }
}
