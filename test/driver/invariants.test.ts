import { beforeEach, describe, expect, it } from 'vitest';
import { deploy } from '../../automation/operations/deploy';
import { abort, resume } from '../../automation/operations/resume';
import { retire } from '../../automation/operations/retire';

import { BasculeError } from '../../src/domain/errors';
import type { DeploymentPolicy } from '../../src/domain/plan';
import { allTo } from '../../src/domain/traffic';
import {
  begins,
  deploymentOf,
  emptyPlace,
  livePlace,
  productionWrites,
  whenSaid,
} from '../support/deployments';
import type { FakeWorld } from '../support/fake-world';
import type { MemoryJournal, MemoryLeases } from '../support/memory';
import { refusal, sessionOf, story, type TestSession } from '../support/session';

let world: FakeWorld;
let journal: MemoryJournal;
let leases: MemoryLeases;

beforeEach(() => {
  ({ world, journal, leases } = emptyPlace());
});

function session(change: Partial<DeploymentPolicy> = {}): TestSession {
  return sessionOf(world, journal, leases, change);
}

const deployed = (version: string, change: Partial<DeploymentPolicy> = {}) =>
  deploymentOf(session(change), { version });

describe('invariant 1: production always forwards to a colour that passed its gate', () => {
  it.each(['crashes', 'sick'] as const)(
    'refuses a release that %s, with traffic untouched and the reason named',
    async (behaviour) => {
      world.runs('blue', '1.0.0');
      world.at().behaviours.set('2.0.0', behaviour);
      const result = await deployed('2.0.0');
      expect(result.outcome).toBe('failed');
      expect(productionWrites(world.at())).toEqual([]);
      expect(result.reason?.details.join('\n')).toContain('Error: no database');
      expect(result.reason?.details.join('\n')).toMatch(/i-\d+: InService.*Target.FailedHealthChecks/);
    },
  );

  it('does not cut over to a fleet that falls sick between its gate and the shift', async () => {
    world.runs('blue', '1.0.0');
    const one = whenSaid(session(), begins('shift'), () => world.at().sicken('green'));
    expect((await deploymentOf(one)).outcome).toBe('failed');
    expect(world.at().weightsOf('production')).toEqual(Array(4).fill(allTo('blue')));
  });
});

describe('invariant 2: the live fleet is never scaled down or changed', () => {
  it('halts when somebody moved traffic to the idle colour before it is applied', async () => {
    world.runs('blue', '2.0.0');
    world.runs('green', '1.0.0');
    const one = whenSaid(
      session(),
      ({ kind }) => kind === 'opened',
      () => world.at().setWeights('rule-1', allTo('green')),
    );
    const result = await deploy(one, { version: '3.0.0', force: false });
    expect(result).toMatchObject({ outcome: 'halted', reason: { code: 'BASCULE_TRAFFIC_DRIFT' } });
    expect(world.applied).toEqual([]);
  });

  it('keeps the former fleet while requests still reach it, and while metrics do not answer', async () => {
    world.runs('blue', '1.0.0');
    for (const requests of [7, null]) {
      world.at().requests.blue = requests;
      const result = await deployed(requests === null ? '3.0.0' : '2.0.0', {
        retire: { when: 'after', afterSeconds: 0 },
      });
      expect(result).toMatchObject({ outcome: 'halted', reason: { code: 'BASCULE_TRAFFIC_NOT_ENDED' } });
      world.at().requests = { blue: requests, green: requests };
    }
    expect((await world.at().read('blue'))?.desired).toBeGreaterThan(0);
  });

  it('retires only the idle colour', async () => {
    world.runs('blue', '1.0.0');
    await deployed('2.0.0');
    expect(await retire(session())).toMatchObject({ kind: 'retired', outcome: 'succeeded' });
    expect((await world.at().read('blue'))?.desired).toBe(0);
    expect((await world.at().read('green'))?.desired).toBe(2);
    expect(await retire(session())).toMatchObject({ kind: 'nothing-to-retire' });
  });
});

describe('invariant 3: weights are compared before they are written', () => {
  it('halts with both states when a route differs from the journal', async () => {
    world.runs('blue', '1.0.0');
    world.clock.after(1500, () => world.at().setWeights('rule-2', { blue: 50, green: 50 }));
    const result = await deployed('2.0.0');
    expect(result).toMatchObject({ outcome: 'halted', reason: { code: 'BASCULE_TRAFFIC_DRIFT' } });
    expect(result.reason?.details).toEqual([
      'rule rule-2: expected blue 100, green 0; found blue 50, green 50',
    ]);
    expect(productionWrites(world.at())).toEqual([]);
  });

  it('does not start while traffic is shared', async () => {
    world.runs('blue', '1.0.0');
    world.at().setWeights('rule-0', { blue: 90, green: 10 });
    expect(await refusal(deploy(session(), { version: '2.0.0', force: false }))).toMatchObject({
      code: 'BASCULE_TRAFFIC_SHARED',
      exitCode: 5,
    });
  });
});

describe('invariant 4: a failure leaves traffic where it was safe', () => {
  it('puts the weights back first when the new colour falls sick in the soak', async () => {
    world.runs('blue', '1.0.0');
    const one = whenSaid(session({ soakSeconds: 60 }), begins('soak'), () => world.at().sicken('green'));
    const result = await deploymentOf(one);
    expect(result.outcome).toBe('rolled-back');
    expect(world.at().weightsOf('production')).toEqual(Array(4).fill(allTo('blue')));
    const undone = story(await journal.read(result.deployment)).filter((line) => line.startsWith('undone'));
    expect(undone[0]).toBe('undone shift:eu-west-3');
    expect(undone).toContain('undone apply-idle:eu-west-3');
  });

  it('moves nothing and calls a person when both colours are unhealthy', async () => {
    world.runs('blue', '1.0.0');
    const one = whenSaid(session({ soakSeconds: 60 }), begins('soak'), () => {
      world.at().sicken('green');
      world.at().sicken('blue');
    });
    const result = await deploy(one, { version: '2.0.0', force: false });
    expect(result).toMatchObject({ outcome: 'halted', reason: { code: 'BASCULE_NO_WAY_BACK' } });
    expect(world.at().weightsOf('production')).toEqual(Array(4).fill(allTo('green')));
  });

  it('undoes a bring-up that the stack refused', async () => {
    world.runs('blue', '1.0.0');
    let refusals = 1;
    world.beforeApply = () => {
      refusals -= 1;
      if (refusals === 0)
        throw new BasculeError({ code: 'BASCULE_STACK_FAILED', message: 'quota', next: '' });
    };
    expect(await deployed('2.0.0')).toMatchObject({
      outcome: 'failed',
      reason: { code: 'BASCULE_STACK_FAILED' },
    });
  });
});

describe('invariant 5 and 6: one at a time, and nothing is lost', () => {
  it('refuses a second deployment and names the holder', async () => {
    world.runs('blue', '1.0.0');
    await leases.acquire('other', { host: 'ci-7', pid: 42, user: 'ann', job: 'https://ci.example/1' });
    const error = await refusal(deploy(session(), { version: '2.0.0', force: false }));
    expect(error).toMatchObject({ code: 'BASCULE_HELD', exitCode: 6 });
    expect(error.message).toContain('ann on ci-7 (process 42)');
  });

  it('goes on with an interrupted deployment, or goes back', async () => {
    for (const [way, outcome, colour] of [
      [resume, 'succeeded', 'green'],
      [abort, 'failed', 'blue'],
    ] as const) {
      ({ world, journal, leases } = livePlace());
      world.beforeApply = () => {
        throw new Error('killed');
      };
      await expect(deploy(session(), { version: '2.0.0', force: false })).rejects.toThrow('killed');
      world.beforeApply = () => undefined;
      expect(await refusal(deploy(session(), { version: '2.0.0', force: false }))).toMatchObject({
        code: 'BASCULE_INTERRUPTED',
      });
      expect(await way(session())).toMatchObject({ outcome });
      expect(world.at().weightsOf('production')).toEqual(Array(4).fill(allTo(colour)));
    }
  });
});
