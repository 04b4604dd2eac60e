/** The driver dies before and after each record that it writes; whoever takes over ends what it began. */
import { beforeAll, describe, expect, it } from 'vitest';
import { deploy } from '../../automation/operations/deploy';
import { abort, resume } from '../../automation/operations/resume';
import { rollback } from '../../automation/operations/rollback';
import type { Session } from '../../automation/operations/session';
import type { Colour } from '../../src/domain/colour';
import { BasculeError } from '../../src/domain/errors';
import { allTo } from '../../src/domain/traffic';
import { emptyPlace } from '../support/deployments';
import type { FakeWorld } from '../support/fake-world';
import { DeadlyJournal } from '../support/kill-switch';
import { type MemoryJournal, MemoryLeases } from '../support/memory';
import { sessionOf } from '../support/session';

const FOUND = ['AZRebalance', 'Terminate'];

/** A world, and the work in it that is killed. */
interface Scene {
  name: string;
  /** Where everything ends when the work is gone on with, and when it is undone. */
  ends: { resumed: Colour; aborted: Colour };
  prepare(world: FakeWorld, journal: MemoryJournal): Promise<void>;
  work(session: Session): Promise<unknown>;
}

const toTwo = (session: Session) => deploy(session, { version: '2.0.0', force: false });

async function live(world: FakeWorld): Promise<void> {
  world.runs('blue', '1.0.0', 3);
  world.at().byHand('blue', { minimum: 1, suspended: [...FOUND] });
  return Promise.resolve();
}

const SCENES: Scene[] = [
  { name: 'a deployment', ends: { resumed: 'green', aborted: 'blue' }, prepare: live, work: toTwo },
  {
    name: 'a deployment of a release that is sick',
    ends: { resumed: 'blue', aborted: 'blue' },
    prepare: async (world) => {
      await live(world);
      world.at().behaviours.set('2.0.0', 'sick');
    },
    work: toTwo,
  },
  {
    name: 'a rollback',
    ends: { resumed: 'blue', aborted: 'green' },
    prepare: async (world, journal) => {
      await live(world);
      await toTwo(sessionOf(world, journal, new MemoryLeases(world.clock)));
    },
    work: rollback,
  },
];

async function stage(scene: Scene) {
  const place = emptyPlace();
  await scene.prepare(place.world, place.journal);
  return place;
}

/** How many records the work writes when nobody disturbs it. */
async function lengthOf(scene: Scene): Promise<number> {
  const { world, journal, leases } = await stage(scene);
  await scene.work(sessionOf(world, journal, leases));
  return (await journal.read((await journal.list()).at(-1) ?? '')).length;
}

async function endOf(world: FakeWorld) {
  const [blue, green] = await Promise.all([world.at().read('blue'), world.at().read('green')]);
  const facts = (fleet: typeof blue) =>
    fleet === undefined || fleet.maximum === 0
      ? 'empty'
      : {
          minimum: fleet.minimum,
          maximum: fleet.maximum,
          healthy: fleet.instances.length,
          version: fleet.version,
        };
  return {
    weights: world.at().weightsOf('production'),
    blue: facts(blue),
    green: facts(green),
    suspended: { blue: blue?.suspended ?? [], green: green?.suspended ?? [] },
  };
}

describe.each(SCENES)('$name', (scene) => {
  let length = 0;
  let undisturbed: unknown;

  beforeAll(async () => {
    length = await lengthOf(scene);
    const { world, journal, leases } = await stage(scene);
    await scene.work(sessionOf(world, journal, leases));
    undisturbed = await endOf(world);
  });

  async function killed(at: number, moment: 'before' | 'after') {
    const place = await stage(scene);
    const { world, journal, leases } = place;
    const dying = sessionOf(world, new DeadlyJournal(journal, at, moment), leases);
    await scene.work(dying).catch((thrown: unknown) => {
      if (!String(thrown).includes('killed')) throw thrown;
    });
    return place;
  }

  /** Every place at which a deployment is open: from its first record to its last but one. */
  function points(): [number, 'before' | 'after'][] {
    return Array.from({ length: length - 1 }, (_, index): [number, 'before' | 'after'][] => [
      [index + 1, 'after'],
      [index + 2, 'before'],
    ]).flat();
  }

  it('that is killed anywhere ends as one that nobody disturbed, when it is resumed', async () => {
    expect(length).toBeGreaterThan(10);
    for (const [at, moment] of points()) {
      const { world, journal, leases } = await killed(at, moment);
      await resume(sessionOf(world, journal, leases));
      expect(await endOf(world), `killed ${moment} record ${at}`).toEqual(undisturbed);
    }
  });

  it('that is killed anywhere, and again while it is resumed, ends so as well', async () => {
    for (const [at, moment] of points().filter((_, index) => index % 3 === 0))
      for (const again of [1, 2, 3, 5]) {
        const { world, journal, leases } = await killed(at, moment);
        const dying = sessionOf(world, new DeadlyJournal(journal, again, moment), leases);
        await resume(dying).catch(() => undefined);
        await resume(sessionOf(world, journal, leases)).catch((thrown: unknown) => {
          if (!(thrown instanceof BasculeError) || thrown.code !== 'BASCULE_NOTHING_OPEN') throw thrown;
        });
        expect(await endOf(world), `killed ${moment} record ${at}, then ${again}`).toEqual(undisturbed);
      }
  });

  it('that is killed anywhere leads back when it is aborted, with everything put back', async () => {
    const { world: initial } = await stage(scene);
    const former = await endOf(initial);
    const tested = initial.at().weightsOf('test');
    for (const [at, moment] of points()) {
      const { world, journal, leases } = await killed(at, moment);
      await abort(sessionOf(world, journal, leases));
      const now = await endOf(world);
      const where = `killed ${moment} record ${at}`;
      expect(now.weights, where).toEqual(Array(4).fill(allTo(scene.ends.aborted)));
      expect(now.suspended, where).toEqual(former.suspended);
      // The fleet that was live is as it was found; the other one is let go, or as it was found as well.
      expect(now[scene.ends.aborted], where).toEqual(former[scene.ends.aborted]);
      const other = scene.ends.aborted === 'blue' ? 'green' : 'blue';
      expect([former[other], 'empty'], where).toContainEqual(now[other]);
      // A smoke test must never come to meet the colour that is live.
      expect([tested, tested.map(() => allTo(other))], where).toContainEqual(world.at().weightsOf('test'));
    }
  });
});
