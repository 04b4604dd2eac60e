import { beforeEach, describe, expect, it } from 'vitest';
import { abort, resume } from '../../automation/operations/resume';
import { rollback } from '../../automation/operations/rollback';
import type { DeploymentPolicy } from '../../src/domain/plan';
import { BasculeError } from '../../src/domain/errors';
import type { Step } from '../../src/domain/step';
import { allTo, type Route } from '../../src/domain/traffic';
import { begins, deploymentOf, livePlace, onceSaid } from '../support/deployments';
import type { FakeWorld } from '../support/fake-world';
import type { MemoryJournal, MemoryLeases } from '../support/memory';
import { refusal, sessionOf, story, type TestSession } from '../support/session';

let world: FakeWorld;
let journal: MemoryJournal;
let leases: MemoryLeases;

beforeEach(() => {
  ({ world, journal, leases } = livePlace());
});

const session = (change: Partial<DeploymentPolicy> = {}): TestSession =>
  sessionOf(world, journal, leases, { soakSeconds: 60, ...change });

/** Does something once, some seconds after a step began. */
function during(one: TestSession, kind: Step['kind'], act: () => void, seconds = 2): TestSession {
  return onceSaid(one, begins(kind), () => world.clock.after(seconds * 1000, act));
}

const deployed = (one = session()) => deploymentOf(one);

const shared = () => world.at().setWeights('rule-1', { blue: 30, green: 70 });
const notes = (one: TestSession) => one.messages.flatMap((one) => (one.kind === 'note' ? [one.text] : []));

describe('what somebody else changes during a deployment', () => {
  it.each<[Step['kind'], string, () => void, string]>([
    ['soak', 'weights', shared, 'rule rule-1: expected blue 0, green 100; found blue 30, green 70'],
    [
      'soak',
      'a maximum',
      () => world.at().byHand('blue', { maximum: 9 }),
      'blue fleet, maximum: expected 4; found 9',
    ],
    [
      'health-gate',
      'a suspended process',
      () => world.at().byHand('blue', { suspended: ['Launch'] }),
      'blue fleet, suspended processes: expected none; found Launch',
    ],
    [
      'soak',
      'the minimum that is pinned',
      () => world.at().byHand('green', { minimum: 1 }),
      'green fleet, minimum: expected 2; found 1',
    ],
    [
      'soak',
      'a rule',
      () => world.at().routeList.splice(1, 1),
      'rule rule-0: expected blue 0, green 100; found the route is gone',
    ],
    [
      'soak',
      'a rule that takes requests elsewhere',
      () => world.at().others.push('rule 5 (path /*): fixed-response'),
      'rule 5 (path /*): fixed-response: expected no such rule when the deployment was planned; found there',
    ],
  ])('in the %s halts it: %s', async (kind, _what, act, detail) => {
    const result = await deployed(during(session({ gate: slowGate }), kind, act));
    expect(result).toMatchObject({ outcome: 'halted' });
    expect(result.reason?.code).toMatch(/^BASCULE_(TRAFFIC|FLEET)_DRIFT$/);
    expect(result.reason?.details).toEqual([detail]);
    expect((await world.at().read('green'))?.suspended).toEqual([]);
  });

  it('is not seen in what Auto Scaling does by itself', async () => {
    const one = during(session(), 'soak', () => {
      world.at().scale('green', 4);
      world.at().scale('blue', 3);
    });
    expect(await deployed(one)).toMatchObject({ outcome: 'succeeded' });
  });

  it('is not seen in what is back a moment later', async () => {
    let seen = 0;
    const one = during(session(), 'soak', () => {
      world.at().beforeLook = () => {
        seen += 1;
        if (seen !== 1) return;
        world.at().byHand('blue', { maximum: 9 });
        world.clock.after(2000, () => world.at().byHand('blue', { maximum: 4 }));
      };
    });
    expect(await deployed(one)).toMatchObject({ outcome: 'succeeded' });
    expect(seen).toBeGreaterThan(1);
  });

  it('is not seen where AWS gives no answer', async () => {
    let silent = 0;
    const one = during(session(), 'soak', () => {
      world.at().beforeLook = () => {
        silent += 1;
        throw new BasculeError({ code: 'BASCULE_AWS_THROTTLED', message: 'slow down', next: '' });
      };
    });
    during(one, 'soak', () => (world.at().beforeLook = () => undefined), 55);
    expect(await deployed(one)).toMatchObject({ outcome: 'succeeded' });
    expect(silent).toBeGreaterThan(5);
  });

  it('is found again by resume while it lasts, and no longer when it is mended', async () => {
    await deployed(during(session(), 'soak', shared));
    const again = await resume(session());
    expect(again).toMatchObject({ outcome: 'halted', reason: { code: 'BASCULE_TRAFFIC_DRIFT' } });
    world.at().setWeights('rule-1', allTo('green'));
    expect(await resume(session())).toMatchObject({ outcome: 'succeeded' });
    expect(await refusal(resume(session()))).toMatchObject({ code: 'BASCULE_NOTHING_OPEN' });
  });
});

const slowGate = { consecutive: 20, intervalSeconds: 1, timeoutSeconds: 60 };

describe('resume --accept', () => {
  it('goes on to the same release from shared weights, with every route of now', async () => {
    const first = await deployed(during(session(), 'soak', shared));
    const added: Route = {
      id: 'rule-new',
      kind: 'rule',
      listener: 'production',
      label: 'rule rule-new',
      weights: allTo('blue'),
    };
    world.at().routeList.push(added);
    const applied = world.applied.length;
    const one = session();
    const result = await resume(one, { accept: true });
    expect(result).toMatchObject({ outcome: 'succeeded', deployment: first.deployment });
    expect(world.at().weightsOf('production')).toEqual(Array(5).fill(allTo('green')));
    // Green serves already: it is neither cleared nor applied anew, only released in the end.
    expect(world.applied.slice(applied).map(({ colour, capacity }) => [colour, capacity.minimum])).toEqual([
      ['green', 1],
    ]);
    expect(notes(one)).toContain(
      'accepted: rule rule-1: blue 30, green 70 (the journal said blue 0, green 100)',
    );
    const kinds = story(await journal.read(first.deployment));
    expect(kinds.filter((kind) => kind === 'replanned')).toHaveLength(1);
  });

  it('keeps what a person suspended and set, and puts back only what was held', async () => {
    const one = during(session(), 'soak', () => world.at().byHand('blue', { minimum: 1, maximum: 9 }));
    await deployed(one);
    world.at().byHand('blue', { suspended: ['Launch'] });
    expect(await resume(session(), { accept: true })).toMatchObject({ outcome: 'succeeded' });
    expect(await world.at().read('blue')).toMatchObject({ minimum: 1, maximum: 9, suspended: ['Launch'] });
    expect((await world.at().read('green'))?.suspended).toEqual([]);
  });

  it('of an interrupted deployment takes nothing for found that it holds itself', async () => {
    world.at().byHand('blue', { minimum: 1 });
    const one = during(session(), 'soak', () => {
      world.at().beforeLook = () => {
        throw new BasculeError({ code: 'BASCULE_AWS_CREDENTIALS', message: 'expired', next: 'Renew.' });
      };
    });
    await refusal(deployed(one));
    world.at().beforeLook = () => undefined;
    expect(await world.at().read('blue')).toMatchObject({ minimum: 2 });
    world.at().byHand('blue', { maximum: 9 });
    expect(await resume(session(), { accept: true })).toMatchObject({ outcome: 'succeeded' });
    expect(await world.at().read('blue')).toMatchObject({ minimum: 1, maximum: 9, suspended: [] });
    expect((await world.at().read('green'))?.suspended).toEqual([]);
  });

  it('brings the idle colour up again when it was changed so that it cannot carry the traffic', async () => {
    const one = during(session({ gate: slowGate }), 'health-gate', () => {
      world.at().byHand('green', { minimum: 1, maximum: 1 });
      world.at().scale('green', 1);
    });
    await deployed(one);
    expect(await resume(session(), { accept: true })).toMatchObject({ outcome: 'succeeded' });
    expect((await world.at().read('green'))?.instances).toHaveLength(2);
  });

  it('soaks no second time, and does not move what was moved', async () => {
    const one = during(session({ retire: { when: 'after', afterSeconds: 60 } }), 'keep-warm', () =>
      world.at().byHand('blue', { maximum: 9 }),
    );
    const result = await deployed(one);
    expect(result).toMatchObject({ outcome: 'halted', reason: { code: 'BASCULE_FLEET_DRIFT' } });
    const writes = world.at().writes.length;
    const before = (await journal.read(result.deployment)).length;
    const two = session({ retire: { when: 'after', afterSeconds: 60 } });
    expect(await resume(two, { accept: true })).toMatchObject({ outcome: 'succeeded' });
    const after = story((await journal.read(result.deployment)).slice(before));
    expect(after.filter((line) => /(soak|hold|apply-idle|health-gate)/.test(line))).toEqual([]);
    const production = world.at().writes.slice(writes).flat();
    expect(production.every(({ route }) => route.listener === 'test')).toBe(true);
    expect((await world.at().read('blue'))?.instances).toEqual([]);
  });

  it('turns back to the former colour alone when the release proves sick', async () => {
    await deployed(during(session(), 'soak', shared));
    const one = during(session(), 'soak', () => world.at().sicken('green'));
    expect(await resume(one, { accept: true })).toMatchObject({ outcome: 'rolled-back' });
    expect(world.at().weightsOf('production')).toEqual(Array(4).fill(allTo('blue')));
    expect((await world.at().read('green'))?.instances).toEqual([]);
  });

  it('takes traffic back also when the gate of the new plan stays shut', async () => {
    await deployed(during(session(), 'soak', shared));
    world.at().sicken('green');
    expect(await resume(session(), { accept: true })).toMatchObject({ outcome: 'rolled-back' });
    expect(world.at().weightsOf('production')).toEqual(Array(4).fill(allTo('blue')));
  });

  it('of a rollback goes on to the former release', async () => {
    await deployed();
    const one = during(session({ gate: slowGate }), 'health-gate', () =>
      world.at().setWeights('rule-1', { blue: 5, green: 95 }),
    );
    expect(await rollback(one)).toMatchObject({ outcome: 'halted' });
    expect(await resume(session(), { accept: true })).toMatchObject({ outcome: 'succeeded' });
    expect(world.at().weightsOf('production')).toEqual(Array(4).fill(allTo('blue')));
  });

  it('says so when there is nothing to accept', async () => {
    const one = session();
    during(one, 'soak', () => one.stopNow());
    await deployed(one);
    const two = session();
    expect(await resume(two, { accept: true })).toMatchObject({ outcome: 'succeeded' });
    expect(notes(two)).toContain('nothing differs from what the journal says; there is nothing to accept');
  });
});

describe('abort of a halted deployment', () => {
  it('leads back past a rule that takes requests elsewhere: it is in no weight’s way', async () => {
    const one = during(session(), 'soak', () => world.at().others.push('rule 5 (path /*): fixed-response'));
    expect(await deployed(one)).toMatchObject({ outcome: 'halted' });
    expect(await abort(session())).toMatchObject({ outcome: 'rolled-back' });
    expect(
      new Set(
        world
          .at()
          .weightsOf('production')
          .map(({ green }) => green),
      ),
    ).toEqual(new Set([0]));
  });

  it('leads back, weights first, when the weights are as they were written', async () => {
    await deployed(during(session(), 'soak', () => world.at().byHand('blue', { maximum: 9 })));
    expect(await abort(session())).toMatchObject({ outcome: 'rolled-back' });
    expect(world.at().weightsOf('production')).toEqual(Array(4).fill(allTo('blue')));
    expect(await world.at().read('blue')).toMatchObject({ maximum: 9, suspended: [] });
  });

  it('halts at weights that are neither, unless they are accepted', async () => {
    await deployed(during(session(), 'soak', shared));
    expect(await abort(session())).toMatchObject({
      outcome: 'halted',
      reason: { code: 'BASCULE_TRAFFIC_DRIFT' },
    });
    expect(world.at().weightsOf('production')[2]).toEqual({ blue: 30, green: 70 });
    expect(await abort(session(), { accept: true })).toMatchObject({ outcome: 'rolled-back' });
    expect(world.at().weightsOf('production')).toEqual(Array(4).fill(allTo('blue')));
    expect((await world.at().read('green'))?.instances).toEqual([]);
  });

  it('takes back weights that were moved before the shift, when they are accepted', async () => {
    const one = during(session({ gate: slowGate }), 'health-gate', shared);
    await deployed(one);
    expect(await abort(session())).toMatchObject({ outcome: 'halted' });
    expect(await abort(session(), { accept: true })).toMatchObject({ outcome: 'rolled-back' });
    expect(world.at().weightsOf('production')).toEqual(Array(4).fill(allTo('blue')));
  });

  it('is refused once the former fleet is being let go', async () => {
    world.at().requests.blue = 7;
    const retire = { when: 'after' as const, afterSeconds: 0 };
    const halted = await deployed(session({ retire }));
    expect(halted).toMatchObject({ reason: { code: 'BASCULE_TRAFFIC_NOT_ENDED' } });
    world.at().requests.blue = 0;
    const dying = session({ retire });
    world.beforeApply = () => {
      throw new BasculeError({ code: 'BASCULE_AWS_CREDENTIALS', message: 'expired', next: 'Renew them.' });
    };
    expect(await refusal(resume(dying))).toMatchObject({ code: 'BASCULE_AWS_CREDENTIALS', exitCode: 5 });
    world.beforeApply = () => undefined;
    const error = await refusal(abort(session()));
    expect(error).toMatchObject({ code: 'BASCULE_TOO_LATE', exitCode: 5 });
    expect(error.next).toMatch(/bascule resume test.*bascule rollback test/);
    expect(await resume(session())).toMatchObject({ outcome: 'succeeded' });
    expect(await rollback(session())).toMatchObject({ outcome: 'succeeded' });
  });

  it('is refused once the former fleet has shrunk', async () => {
    world.at().requests.blue = 7;
    await deployed(session({ retire: { when: 'after', afterSeconds: 0 } }));
    world.at().scale('blue', 1);
    expect(await refusal(abort(session()))).toMatchObject({ code: 'BASCULE_TOO_LATE' });
  });
});
