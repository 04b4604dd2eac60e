import { beforeEach, describe, expect, it } from 'vitest';
import { abort, resume } from '../../automation/operations/resume';
import { rollback } from '../../automation/operations/rollback';
import type { Colour } from '../../src/domain/colour';
import { BasculeError } from '../../src/domain/errors';
import type { DeploymentPolicy } from '../../src/domain/plan';
import type { Step } from '../../src/domain/step';
import { allTo } from '../../src/domain/traffic';
import { begins, deploymentOf, emptyPlace, livePlace, says, whenSaid } from '../support/deployments';
import type { FakeWorld } from '../support/fake-world';
import type { MemoryJournal, MemoryLeases } from '../support/memory';
import { refusal, sessionOf, story, type TestSession } from '../support/session';

let world: FakeWorld;
let journal: MemoryJournal;
let leases: MemoryLeases;

beforeEach(() => {
  ({ world, journal, leases } = livePlace({ instances: 3 }));
  world.at().byHand('blue', { minimum: 1, suspended: ['AZRebalance', 'Terminate'] });
});

const session = (change: Partial<DeploymentPolicy> = {}): TestSession =>
  sessionOf(world, journal, leases, change);

const deployed = (one = session()) => deploymentOf(one);

/** Does something when a step begins, as far as the person who follows the deployment can see. */
const when = (one: TestSession, kind: Step['kind'], act: () => void): TestSession =>
  whenSaid(one, begins(kind), act);

async function limitsOf(colour: Colour) {
  const fleet = await world.at().read(colour);
  return fleet && { minimum: fleet.minimum, suspended: fleet.suspended };
}

const FOUND = { minimum: 1, suspended: ['AZRebalance', 'Terminate'] };

describe('both fleets', () => {
  it('are held from before the shift until after the soak, and given back exactly', async () => {
    const seen: unknown[] = [];
    const one = session();
    for (const kind of ['health-gate', 'follow', 'shift', 'soak', 'unpin'] as const)
      when(one, kind, () => {
        const { blue, green } = {
          blue: world.at().fleets.get('blue'),
          green: world.at().fleets.get('green'),
        };
        seen.push([kind, blue?.minimum, [...(blue?.suspended ?? [])].sort(), [...(green?.suspended ?? [])]]);
      });
    expect(await deployed(one)).toMatchObject({ outcome: 'succeeded' });
    const all = ['AZRebalance', 'ScheduledActions', 'Terminate'];
    const held = ['AZRebalance', 'ScheduledActions'];
    expect(seen).toEqual([
      ['health-gate', 1, FOUND.suspended, []],
      ['follow', 3, all, held],
      ['shift', 3, all, held],
      ['soak', 3, all, held],
      ['unpin', 1, FOUND.suspended, []],
    ]);
    expect(await limitsOf('blue')).toEqual(FOUND);
    expect(await limitsOf('green')).toEqual({ minimum: 1, suspended: [] });
  });

  it('are recorded with what is to be put back before anything is touched', async () => {
    const appended: string[] = [];
    const append = journal.append.bind(journal);
    journal.append = (record) => {
      appended.push(...story([record]));
      return append(record);
    };
    let before: string | undefined;
    world.at().beforeAlter = () => {
      before ??= appended.at(-1);
    };
    const result = await deployed();
    const records = await journal.read(result.deployment);
    const hold = result.plan.steps.find((step) => step.kind === 'hold');
    expect(hold).toMatchObject({ losing: 'blue', found: { blue: FOUND, green: null } });
    expect(records.find((one) => one.kind === 'started' && one.step.startsWith('hold'))).toMatchObject({
      facts: { pin: 3 },
    });
    expect(before).toBe('started hold:eu-west-3');
  });

  it('are held in a rollback as well', async () => {
    await deployed();
    world.at().byHand('green', { suspended: ['ScheduledActions'] });
    const seen: (string[] | undefined)[] = [];
    const one = when(session(), 'shift', () => seen.push(world.at().fleets.get('green')?.suspended));
    expect(await rollback(one)).toMatchObject({ outcome: 'succeeded' });
    expect(seen).toEqual([['ScheduledActions', 'AZRebalance']]);
    expect(await limitsOf('green')).toEqual({ minimum: 1, suspended: ['ScheduledActions'] });
    expect((await limitsOf('blue'))?.suspended).toEqual(FOUND.suspended);
  });

  it('of a first deployment have nothing to pin', async () => {
    ({ world, journal, leases } = emptyPlace());
    expect(await deployed()).toMatchObject({ outcome: 'succeeded' });
    expect(await limitsOf('green')).toEqual({ minimum: 1, suspended: [] });
  });
});

describe('what was held is put back exactly', () => {
  it.each(['follow', 'soak'] as const)('when %s fails', async (kind) => {
    const one = when(session({ soakSeconds: 60 }), kind, () => world.at().sicken('green'));
    const result = await deployed(one);
    expect(result.outcome).toBe(kind === 'soak' ? 'rolled-back' : 'failed');
    expect(await limitsOf('blue')).toEqual(FOUND);
    expect((await limitsOf('green'))?.suspended).toEqual([]);
    const undone = story(await journal.read(result.deployment)).filter((line) => line.startsWith('undone'));
    expect(undone.at(-2)).toBe('undone hold:eu-west-3');
  });

  it.each(['follow', 'soak'] as const)('when a person stops it in %s', async (kind) => {
    const one = session({ soakSeconds: 60 });
    when(one, kind, () => one.stopNow());
    const result = await deployed(one);
    expect(result).toMatchObject({ outcome: kind === 'soak' ? 'halted' : 'failed' });
    expect(await limitsOf('blue')).toEqual(FOUND);
    const last = story(await journal.read(result.deployment)).slice(-2);
    if (kind === 'soak') expect(last).toEqual(['undone hold:eu-west-3', 'closed']);
  });

  it('when nobody is healthy and it halts', async () => {
    const one = when(session({ soakSeconds: 60 }), 'soak', () => {
      world.at().sicken('green');
      world.at().sicken('blue');
    });
    expect(await deployed(one)).toMatchObject({ outcome: 'halted', reason: { code: 'BASCULE_NO_WAY_BACK' } });
    expect(await limitsOf('blue')).toEqual(FOUND);
    expect((await limitsOf('green'))?.suspended).toEqual([]);
  });

  it('and held anew when a halted deployment is resumed', async () => {
    const one = session({ soakSeconds: 60 });
    when(one, 'soak', () => one.stopNow());
    await deployed(one);
    const seen: (string[] | undefined)[] = [];
    const two = session({ soakSeconds: 60 });
    whenSaid(two, says('done', 'soak:eu-west-3'), () =>
      seen.push([...(world.at().fleets.get('green')?.suspended ?? [])]),
    );
    expect(await resume(two)).toMatchObject({ outcome: 'succeeded' });
    expect(seen).toEqual([['AZRebalance', 'ScheduledActions']]);
    expect(await limitsOf('blue')).toEqual(FOUND);
  });

  it('but what a person set meanwhile is left', async () => {
    const one = when(session({ soakSeconds: 60 }), 'soak', () => {
      world.at().byHand('blue', { minimum: 2 });
    });
    expect(await deployed(one)).toMatchObject({ outcome: 'halted', reason: { code: 'BASCULE_FLEET_DRIFT' } });
    expect(await limitsOf('blue')).toEqual({ ...FOUND, minimum: 2 });
  });
});

describe('what cannot be put back', () => {
  const denied = () => {
    throw new BasculeError({ code: 'BASCULE_AWS_DENIED', message: 'not allowed', next: '' });
  };

  it('is told with what a person has to type, and tried again by resume', async () => {
    const one = session({ soakSeconds: 60 });
    when(one, 'soak', () => {
      world.at().beforeAlter = denied;
      one.stopNow();
    });
    const result = await deployed(one);
    expect(result).toMatchObject({ outcome: 'halted', reason: { code: 'BASCULE_STOPPED' } });
    expect(result.reason?.details).toEqual([
      expect.stringContaining('could not be put back as it was found: not allowed') as string,
      'aws autoscaling resume-processes --region eu-west-3 --auto-scaling-group-name shop-test-blue --scaling-processes ScheduledActions',
      'aws autoscaling update-auto-scaling-group --region eu-west-3 --auto-scaling-group-name shop-test-blue --min-size 1',
      'aws autoscaling resume-processes --region eu-west-3 --auto-scaling-group-name shop-test-green --scaling-processes AZRebalance ScheduledActions',
    ]);
    world.at().beforeAlter = () => undefined;
    expect(await abort(session())).toMatchObject({ outcome: 'rolled-back' });
    expect(await limitsOf('blue')).toEqual(FOUND);
    expect(world.at().weightsOf('production')).toEqual(Array(4).fill(allTo('blue')));
  });

  it('for want of an answer leaves the deployment open', async () => {
    const one = session({ soakSeconds: 60 });
    when(one, 'soak', () => {
      world.at().sicken('green');
      world.at().beforeAlter = () => {
        throw new BasculeError({ code: 'BASCULE_AWS_UNREACHABLE', message: 'no route', next: 'Wait.' });
      };
    });
    expect(await refusal(deployed(one))).toMatchObject({ code: 'BASCULE_AWS_UNREACHABLE', exitCode: 5 });
    expect(world.at().weightsOf('production')).toEqual(Array(4).fill(allTo('blue')));
    world.at().beforeAlter = () => undefined;
    expect(await resume(session())).toMatchObject({ outcome: 'rolled-back' });
    expect(await limitsOf('blue')).toEqual(FOUND);
  });
});
