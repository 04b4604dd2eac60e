import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { deploy } from '../../automation/operations/deploy';
import { openDeployment } from '../../automation/operations/deployments';
import { abort, resume } from '../../automation/operations/resume';
import type { Session } from '../../automation/operations/session';
import { BasculeError } from '../../src/domain/errors';
import { unknownRegions } from '../../src/domain/regions';
import { replay, type DeploymentState } from '../../src/domain/replay';
import { allTo, liveColour, sameWeights } from '../../src/domain/traffic';
import type { FailurePolicy, WavePolicy } from '../../src/domain/waves';
import type { FakeRegion } from '../support/fake-world';
import { Killed, mischiefs, type Mischief } from '../support/mischief';
import { BY_HAND, Watched, type Beginning } from '../support/watched';

/** What a process may end with when mischief happened to it; anything else is a defect. */
const INTERRUPTIONS = /^BASCULE_(AWS_\w+|DISPLACED|HELD|INTERRUPTED|NOTHING_OPEN|TOO_LATE|TRAFFIC_SHARED)$/;
/** No answer is nobody's fault: it may end a process, never a deployment. */
const NO_ANSWER = /^BASCULE_AWS_/;

/** The processes at work on one deployment, of which some may stand still. */
class Cast {
  private readonly strays: Promise<void>[] = [];

  constructor(private readonly watched: Watched) {}

  /** Lets a process do its work until it ends, is killed or stands still. */
  async send(work: (session: Session) => Promise<unknown>): Promise<void> {
    this.watched.fate.awake += 1;
    const ended = this.ended(work(this.watched.process())).finally(() => (this.watched.fate.awake -= 1));
    const stands = new Promise<'stands'>((resolve) => (this.watched.fate.onPause = () => resolve('stands')));
    if ((await Promise.race([ended, stands])) === 'stands') this.strays.push(ended);
  }

  /** Those that stood still go on, and find that they were displaced, or finish what nobody took from them. */
  async gather(): Promise<boolean> {
    if (this.strays.length === 0) return false;
    this.watched.fate.wake();
    const strays = this.strays.splice(0);
    const stands = new Promise<void>((resolve) => (this.watched.fate.onPause = resolve));
    await Promise.race([Promise.all(strays), stands.then(() => this.strays.push(...strays))]);
    return true;
  }

  private async ended(work: Promise<unknown>): Promise<void> {
    await work.catch((thrown: unknown) => {
      if (!isExpected(thrown)) throw thrown;
    });
  }
}

function isExpected(thrown: unknown): boolean {
  if (thrown instanceof Killed) return true;
  if (!(thrown instanceof BasculeError)) return false;
  return thrown.cause instanceof Killed || INTERRUPTIONS.test(thrown.code);
}

/** What people do about a deployment that halted, once they have put right what they could. */
type Finale = 'leave' | 'resume' | 'abort' | 'accept';

/** A deployment to 2.0.0 and the people who take it over until it is closed, going on or going back. */
async function story(watched: Watched, ways: readonly boolean[], finale: Finale = 'leave'): Promise<void> {
  const cast = new Cast(watched);
  await cast.send((session) => deploy(session, { version: '2.0.0', force: false }));
  for (let round = 0; ; round += 1) {
    if (round === ways.length) watched.relent();
    if ((await openDeployment(watched.plain())) === undefined) {
      if (await cast.gather()) continue;
      break;
    }
    // Whoever comes last meets with no more mischief: it must come to an end.
    if (round > ways.length + 10) throw new Error('the deployment cannot be ended');
    await cast.send(ways[round] === true ? abort : resume);
  }
  watched.relent();
  if (finale !== 'leave' && (await haltedBy(watched)) !== undefined) await conclude(cast, watched, finale);
}

/** The code of what halted the deployment; undefined while nothing did. */
async function haltedBy(watched: Watched): Promise<string | undefined> {
  const last = (await watched.records()).at(-1);
  const state = last && replay(last);
  return state?.closed?.outcome === 'halted' ? state.halted?.code : undefined;
}

async function conclude(cast: Cast, watched: Watched, finale: Exclude<Finale, 'leave'>): Promise<void> {
  watched.heal();
  if (finale === 'accept') watched.accepted = true;
  else watched.giveBackByHand();
  await cast.send(finale === 'abort' ? abort : (session) => resume(session, { accept: finale === 'accept' }));
  // A migration of which nobody knows how it ended is not repeated before a person was told so; and a region that
  // went back by itself without an answer is first brought back, and then it is for a person to say again.
  if ((await haltedBy(watched)) !== undefined) await cast.send(resume);
}

const ways = fc.array(fc.boolean(), { maxLength: 4 });
const finales = fc.constantFrom('resume' as const, 'abort' as const, 'accept' as const);

const beginnings: fc.Arbitrary<Beginning> = fc.record({
  regions: fc.constantFrom(
    ['eu-west-3'],
    ['eu-west-3', 'us-east-1'],
    ['eu-west-3', 'us-east-1', 'eu-central-1'],
  ),
  waves: fc.record({
    order: fc.constantFrom<WavePolicy['order'][]>('one-by-one', 'together', [
      ['us-east-1'],
      ['eu-west-3', 'eu-central-1'],
    ]),
    soakSeconds: fc.constantFrom(0, 5),
    onFailure: fc.constantFrom<FailurePolicy[]>('roll-back', 'leave'),
    patienceSeconds: fc.constantFrom(5, 60),
  }),
  suspended: fc.constantFrom([], ['AZRebalance'], ['AlarmNotification', 'ScheduledActions']),
  mischief: mischiefs,
  stages: fc.constantFrom([], [10], [5, 50]),
  migrations: fc.constantFrom(undefined, { repeatable: true }, { repeatable: false }),
});

/** Something after which a deployment halts, among whatever else. */
const halting = fc
  .tuple(
    beginnings,
    fc.constantFrom('moved-by-hand' as const, 'requests' as const, 'both-sick' as const, 'cut-off' as const),
    fc.nat(80),
  )
  .map(([beginning, cause, after]) => ({
    ...beginning,
    mischief: [...haltBy(cause, after), ...beginning.mischief],
  }));

/** Killed in the contract, which must not be repeated unasked, and halted for another reason first. */
const killedInTheContract: Beginning = {
  regions: ['eu-west-3', 'us-east-1'],
  suspended: [],
  stages: [],
  migrations: { repeatable: false },
  mischief: [
    { after: 71, what: { kind: 'requests', colour: 'blue', seen: 7 } },
    { after: 28, what: { kind: 'killed', when: 'after' } },
    { after: 0, what: { kind: 'moved-by-hand' } },
  ],
};

const stoppedWhileReleasing: Beginning = {
  regions: ['eu-west-3'],
  suspended: [],
  mischief: [
    { after: 38, what: { kind: 'requests', colour: 'blue', seen: 7 } },
    { after: 48, what: { kind: 'falls-sick', colour: 'blue' } },
    { after: 14, what: { kind: 'falls-sick', colour: 'blue' } },
    { after: 1, what: { kind: 'ctrl-c' } },
  ],
};

const raisedBeforeItGrows: Beginning = {
  regions: ['eu-west-3'],
  suspended: [],
  stages: [5, 50],
  mischief: [
    { after: 0, what: { kind: 'falls-sick', colour: 'blue' } },
    { after: 0, what: { kind: 'falls-sick', colour: 'green' } },
    { after: 0, what: { kind: 'fleet-by-hand', colour: 'green', what: 'minimum' } },
  ],
};

/** Whoever takes the deployment over stands still before it hears that it holds the lease, until that has run out. */
const standsStillWhileItTakesOver: Beginning = {
  regions: ['eu-west-3'],
  suspended: [],
  stages: [],
  mischief: [
    { after: 0, what: { kind: 'moved-by-hand' } },
    { after: 0, what: { kind: 'killed', when: 'before' } },
    { after: 54, what: { kind: 'killed', when: 'before' } },
    { after: 22, what: { kind: 'falls-sick', colour: 'blue' } },
    { after: 52, what: { kind: 'paused', calls: 123 } },
  ],
};

/** Whoever is about to change the database stands still until somebody else has done it and gone on. */
const standsStillBeforeItMigrates: Beginning = {
  regions: ['eu-west-3', 'us-east-1'],
  suspended: [],
  stages: [],
  migrations: { repeatable: true },
  mischief: [
    { after: 50, what: { kind: 'requests', colour: 'blue', seen: 7 } },
    { after: 52, what: { kind: 'paused', calls: 228 } },
  ],
};

function haltBy(cause: 'moved-by-hand' | 'requests' | 'both-sick' | 'cut-off', after: number): Mischief[] {
  switch (cause) {
    case 'moved-by-hand':
      return [{ after, what: { kind: cause } }];
    case 'requests':
      return [{ after, what: { kind: cause, colour: 'blue', seen: 7 } }];
    case 'cut-off':
      return [{ after: 2 * after, what: { kind: cause, region: 1 } }];
    case 'both-sick':
      return [
        { after, what: { kind: 'falls-sick', colour: 'blue' } },
        { after: 0, what: { kind: 'falls-sick', colour: 'green' } },
      ];
  }
}

function expectPutBack(region: FakeRegion, suspended: readonly string[]): void {
  const blue = region.fleets.get('blue');
  expect(blue?.suspended.sort(), 'blue has back what it had').toEqual([...suspended].sort());
  expect(region.fleets.get('green')?.suspended ?? []).toEqual([]);
  if (blue !== undefined && blue.desired > 0) expect(blue.minimum).toBe(2);
}

function expectEnding(watched: Watched, state: DeploymentState): void {
  const { regions, beginning } = watched;
  expect(state.closed).not.toBeNull();
  for (const reason of [state.turnedBack, state.halted])
    expect(reason?.code ?? '', 'a deployment ended for want of an answer').not.toMatch(NO_ANSWER);
  const unknown = unknownRegions(state);
  expect(unknown.length === 0 || state.closed?.outcome === 'halted', 'what is unknown is not done').toBe(
    true,
  );
  for (const region of regions)
    if (!watched.fleetsByHand && !unknown.includes(region.name)) expectPutBack(region, beginning.suspended);
  const shared = regions.some((region) =>
    region.weightsOf('production').some((weights) => sameWeights(weights, BY_HAND)),
  );
  if (state.closed?.outcome === 'halted' || shared) return;
  const colour = state.closed?.outcome === 'succeeded' ? 'green' : 'blue';
  for (const region of regions) {
    expect(liveColour(region.routeList)).toEqual({ kind: 'live', colour });
    expect(region.fleets.get(colour)?.instances.length, `${colour} serves`).toBeGreaterThanOrEqual(2);
  }
}

describe('a deployment to which anything may happen', () => {
  it('keeps every invariant at every write, and comes to an end that its journal tells', async () => {
    await fc.assert(
      fc.asyncProperty(beginnings, ways, async (beginning, way) => {
        const watched = new Watched(beginning);
        await story(watched, way);
        expect(watched.violations).toEqual([]);
        for (const records of await watched.records()) expectEnding(watched, replay(records));
      }),
      { numRuns: 150 },
    );
  });

  it('can be ended after a halt too, once people put right what made it halt, or accept it', async () => {
    await fc.assert(
      fc.asyncProperty(halting, ways, finales, async (beginning, way, finale) => {
        const watched = new Watched(beginning);
        await story(watched, way, finale);
        expect(watched.violations).toEqual([]);
        for (const records of await watched.records()) {
          const state = replay(records);
          expectEnding(watched, state);
          // With the former fleet let go, the way back is a deployment of its own.
          if (state.closed?.outcome === 'halted') expect(finale).toBe('abort');
        }
      }),
      // Stopped between putting the fleets back and seeing that they are; once, each resume halted anew. And a
      // fleet that has to grow while it serves, of which a person had raised the minimum beyond that. And a record of a
      // former holder, from when a lease counted as fresh once its answer was heard. And a command begun by who had been
      // displaced.
      {
        numRuns: 80,
        examples: [
          [stoppedWhileReleasing, [], 'resume'],
          [raisedBeforeItGrows, [], 'accept'],
          [standsStillWhileItTakesOver, [false, true], 'resume'],
          [standsStillBeforeItMigrates, [], 'resume'],
          [killedInTheContract, [false], 'resume'],
        ],
      },
    );
  });

  it('is not disturbed when nothing happens', async () => {
    const watched = new Watched({ regions: ['eu-west-3'], suspended: ['AZRebalance'], mischief: [] });
    await story(watched, []);
    const [records = []] = await watched.records();
    const state = replay(records);
    expect(state.closed?.outcome).toBe('succeeded');
    expect(watched.world.at().weightsOf('production')).toEqual(Array(3).fill(allTo('green')));
    expect(watched.violations).toEqual([]);
    expectEnding(watched, state);
  });
});
