/** Plans of every shape that planning can give, and the journals that drivers can leave behind for them. */
import fc from 'fast-check';
import { DEFAULT_PACING, type Check } from '../../src/domain/analysis/check';
import { COLOURS, otherColour, type Colour } from '../../src/domain/colour';
import { cutoverBegan, decide, type Action } from '../../src/domain/decide';
import type { FleetReading, InstanceReading } from '../../src/domain/fleet';
import {
  planDeploy,
  planRetire,
  planRollback,
  type DeploymentPolicy,
  type PlanRequest,
  type RegionFacts,
} from '../../src/domain/plan';
import {
  RECORD_FORMAT,
  type Holder,
  type JournalRecord,
  type Plan,
  type Reason,
  type RecordBody,
} from '../../src/domain/records';
import { goesPastSilence, isOfOneRegion, UNREACHABLE } from '../../src/domain/regions';
import { shiftsGivenBack } from '../../src/domain/too-late';
import type { FailurePolicy, WavePolicy } from '../../src/domain/waves';
import type { Strategy } from '../../src/domain/strategy';
import type { PlannedTest } from '../../src/domain/suite/gate';
import type { Request } from '../../src/domain/request';
import { replay, type DeploymentState } from '../../src/domain/replay';
import { isSafePoint, turnsBack, type MigrationHook, type Step } from '../../src/domain/step';
import { allTo, type Route } from '../../src/domain/traffic';

const VERSIONS = ['1.0.0', '2.0.0', '3.0.0'];
const HOLDER: Holder = { host: 'ci-7', pid: 42, user: 'ann', job: null };

const version = fc.constantFrom(...VERSIONS);
const colour = fc.constantFrom(...COLOURS);

const instance: fc.Arbitrary<InstanceReading> = fc.record({
  id: fc.stringMatching(/^i-[0-9a-f]{8}$/),
  version: fc.option(version),
  lifecycle: fc.constantFrom('InService', 'Pending', 'Pending:Wait', 'Terminating', 'Terminated'),
  statusCheck: fc.constantFrom('ok', 'initializing', 'impaired', 'unknown'),
  target: fc.constantFrom(
    'initial',
    'healthy',
    'unhealthy',
    'unused',
    'draining',
    'unavailable',
    'unregistered',
  ),
  targetReason: fc.constantFrom('', 'Target.Timeout'),
});

function fleet(region: string, of: Colour): fc.Arbitrary<FleetReading> {
  return fc.record({
    region: fc.constant(region),
    colour: fc.constant(of),
    autoScalingGroup: fc.constant(`shop-test-${of}`),
    minimum: fc.nat(4),
    maximum: fc.nat(6),
    desired: fc.nat(6),
    suspended: fc.subarray(['AZRebalance', 'Launch', 'ScheduledActions']),
    version: fc.option(version),
    instances: fc.array(instance, { maxLength: 4 }),
    activities: fc.constant([]),
  });
}

function routes(live: Colour, rules: number): Route[] {
  const route = (id: string, kind: Route['kind'], listener: Route['listener'], to: Colour): Route => ({
    id,
    kind,
    listener,
    label: id,
    weights: allTo(to),
  });
  return [
    route('production default', 'default', 'production', live),
    ...Array.from({ length: rules }, (_, index) => route(`rule ${index}`, 'rule', 'production', live)),
    route('test default', 'default', 'test', otherColour(live)),
  ];
}

function factsOf(region: string): fc.Arbitrary<RegionFacts> {
  return fc
    .record({
      live: colour,
      rules: fc.nat(3),
      blue: fc.option(fleet(region, 'blue'), { nil: undefined }),
      green: fc.option(fleet(region, 'green'), { nil: undefined }),
    })
    .map(({ live, rules, blue, green }) => ({
      region,
      routes: routes(live, rules),
      live,
      fleets: { blue, green },
    }));
}

const HOSTS: Check = { kind: 'unhealthy-hosts', name: 'hosts', limit: 0, pacing: DEFAULT_PACING };

const pause = fc.record({ pauseSeconds: fc.constantFrom(null, 0, 60), byHand: fc.boolean() });
const strategy: fc.Arbitrary<Strategy> = fc.oneof(
  { weight: 2, arbitrary: fc.constant<Strategy>({ kind: 'all-at-once' }) },
  {
    weight: 2,
    arbitrary: fc.tuple(fc.subarray([5, 50], { minLength: 1 }), pause).map(([weights, rest]): Strategy => ({
      kind: 'canary',
      steps: weights.map((percent) => ({ percent, ...rest })),
    })),
  },
  {
    weight: 1,
    arbitrary: fc
      .tuple(fc.constant(40), pause)
      .map(([percent, rest]): Strategy => ({ kind: 'linear', percent, ...rest })),
  },
);

const TEST: PlannedTest = {
  name: 'login',
  when: ['idle', 'live'],
  work: { kind: 'command', command: ['npm', 'test'] },
  timeoutSeconds: 60,
};

const HOOK: MigrationHook = { command: ['migrate'], on: 'local', timeoutSeconds: 60, repeatable: true };

const waves: fc.Arbitrary<WavePolicy> = fc.record({
  order: fc.constantFrom<WavePolicy['order'][]>('one-by-one', 'together', [
    ['eu-north-1'],
    ['eu-west-3', 'us-east-1'],
  ]),
  soakSeconds: fc.constantFrom(0, 60),
  onFailure: fc.constantFrom<FailurePolicy[]>('roll-back', 'leave'),
  patienceSeconds: fc.constant(300),
});

const policy: fc.Arbitrary<DeploymentPolicy> = fc.record({
  capacity: fc.constantFrom({ minimum: 1, maximum: 4, desired: 2 }, { minimum: 0, maximum: 1, desired: 1 }),
  gate: fc.constant({ consecutive: 3, intervalSeconds: 1, timeoutSeconds: 30 }),
  smoke: fc.constantFrom(
    [],
    [{ path: '/health', method: 'GET', headers: {}, status: 200, timeoutSeconds: 5 }],
  ),
  tests: fc.constantFrom([], [TEST]),
  proof: fc.constant({ path: '/', header: 'x-version', requests: 20, timeoutSeconds: 10 }),
  strategy,
  growth: fc.constantFrom({ kind: 'full' }, { kind: 'proportional', minimum: 1 }),
  checks: fc.constantFrom([], [HOSTS]),
  soakSeconds: fc.constantFrom(0, 30),
  waves,
  migrate: fc.constantFrom({}, {}, { expand: HOOK }, { expand: HOOK, contract: HOOK }),
  retire: fc.record({
    when: fc.constantFrom('after', 'on-request', 'never'),
    afterSeconds: fc.constantFrom(0, 600),
  }),
  quietSeconds: fc.constant(5),
  drainTimeoutSeconds: fc.constant(60),
});

const request: fc.Arbitrary<PlanRequest> = fc
  .subarray(['eu-west-3', 'eu-north-1', 'us-east-1'], { minLength: 1 })
  .chain((regions) =>
    fc.record({
      environment: fc.constant('test'),
      service: fc.constant('shop'),
      version,
      formerVersion: fc.option(version),
      regions: fc.tuple(...regions.map(factsOf)),
      policy,
    }),
  );

/** Plans of deployments, rollbacks and retirements, whatever was measured. */
export const plans: fc.Arbitrary<Plan> = fc
  .tuple(fc.constantFrom(planDeploy, planDeploy, planRollback, planRollback, planRetire), request)
  .map(([plan, given]) => plan(given));

/** Each number decides how one thing goes; 0, and what comes after the last of them, is: as it should. */
const fortune = fc.oneof(
  { weight: 8, arbitrary: fc.constant(0) },
  { weight: 1, arbitrary: fc.integer({ min: 1, max: 1000 }) },
);
export const fortunes: fc.Arbitrary<number[]> = fc.array(fortune, { maxLength: 400, size: 'max' });

/** The journal of a whole deployment with any failures, kills, stops, resumptions and aborts on its way. */
export const journals: fc.Arbitrary<JournalRecord[]> = fc
  .tuple(plans, fortunes)
  .map(([plan, fortune]) => new Story(plan, fortune).write());

/** A journal and how much of it a kill left. */
export const prefixes: fc.Arbitrary<JournalRecord[]> = journals.chain((records) =>
  fc.integer({ min: 1, max: records.length }).map((length) => records.slice(0, length)),
);

const REASON: Reason = { code: 'BASCULE_TEST', message: 'It was to be.', details: [] };

/** Thrown where the process that writes the journal dies. */
class Killed extends Error {}

/** What is done with a step. */
type Doing = Exclude<Action, { kind: 'close' | 'halt' }>;

/** Writes a journal as the driver does: decide, record the intent, act, record what came of it. */
export class Story {
  readonly records: JournalRecord[] = [];
  private drawn = 0;
  private fence = 1;
  private at = Date.UTC(2026, 0, 1);

  /** How many records were there before this process took the deployment over. */
  began = 0;

  constructor(
    plan: Plan,
    private readonly fortune: readonly number[],
  ) {
    this.append({ kind: 'opened', plan, holder: HOLDER });
  }

  /** Another process goes on with what is there; nothing untoward happens any more. */
  static continued(records: readonly JournalRecord[]): Story {
    const { plan, fence } = replay(records);
    const story = new Story(plan, []);
    story.records.splice(0, 1, ...records);
    story.fence = fence;
    story.began = records.length;
    story.resume();
    return story;
  }

  /** A person asks for the way back. */
  abort(): void {
    this.append({ kind: 'rollbackRequested', reason: REASON });
  }

  /** Tells the story to an end that nobody resumes. */
  write(): JournalRecord[] {
    for (;;) {
      try {
        this.drive();
        if (this.state.closed?.outcome !== 'halted' || !this.happens(2)) return this.records;
        this.resume();
      } catch (thrown) {
        if (!(thrown instanceof Killed)) throw thrown;
        this.resume();
      }
    }
  }

  private get state(): DeploymentState {
    return replay(this.records);
  }

  /** Draws whether something untoward happens, one time in `odds`; never once the fortune is used up. */
  private happens(odds: number): boolean {
    const number = this.fortune[this.drawn] ?? 0;
    this.drawn += 1;
    return number > 0 && number % odds === 0;
  }

  private append(body: RecordBody): void {
    this.at += 1000;
    this.records.push({
      ...body,
      format: RECORD_FORMAT,
      deployment: '20260101-000000-0000',
      sequence: this.records.length,
      at: this.at,
      fence: this.fence,
    });
  }

  private mayDie(): void {
    if (this.happens(7)) throw new Killed();
  }

  /** Another process takes over, to go on or to go back. */
  private resume(): void {
    this.fence += 1;
    if (this.happens(2)) this.append({ kind: 'unlocked', holder: HOLDER, former: HOLDER, why: 'it is gone' });
    this.append({ kind: 'resumed', holder: HOLDER });
    if (this.happens(3)) this.append({ kind: 'rollbackRequested', reason: REASON });
    if (this.happens(5)) this.accept();
  }

  /** What was changed by hand is taken as it is, and planned for anew. */
  private accept(): void {
    const { plan, turnedBack } = this.state;
    const direction = turnedBack === null ? 'forward' : 'back';
    this.append({ kind: 'replanned', plan, accepted: [], adopted: [], direction });
  }

  /** A person asks something of the running deployment. */
  private ask(): void {
    const { deployment, nextRequest: sequence } = this.state;
    const kind = this.happens(3) ? 'pause' : 'advance-full';
    const request: Request = { sequence, deployment, kind, step: null, by: HOLDER, at: this.at };
    this.append({ kind: 'asked', request });
  }

  private drive(): void {
    for (;;) {
      this.mayDie();
      if (this.happens(17)) this.ask();
      const { state } = this;
      const action = decide(state);
      if (action.kind === 'close') {
        this.append({ kind: 'closed', outcome: action.outcome, message: 'closed' });
        return;
      }
      if (action.kind === 'halt') this.append({ kind: 'halted', step: null, reason: action.reason });
      else if (!this.stops(state, action)) this.perform(action);
    }
  }

  /** A person asked to stop. */
  private stops(state: DeploymentState, action: Doing): boolean {
    if (action.kind === 'undo' || state.turnedBack !== null || !this.happens(11)) return false;
    if (action.kind !== 'start' && !isSafePoint(action.step)) return false;
    if (cutoverBegan(state) || state.plan.purpose === 'retire')
      this.append({ kind: 'halted', step: null, reason: REASON });
    else this.append({ kind: 'rollbackRequested', reason: REASON });
    return true;
  }

  private perform(action: Doing): void {
    const { step } = action;
    switch (action.kind) {
      case 'start':
        this.append({ kind: 'started', step: step.id });
        return this.run(step);
      case 'recover':
        // Whether all was held or put back no look can tell.
        if (step.kind === 'hold' || step.kind === 'release' || this.happens(2)) return this.run(step);
        return this.look(step);
      case 'verify':
        for (const one of [step, ...action.beside]) {
          this.look(one);
          if (this.records.at(-1)?.kind !== 'verified') return;
        }
        return;
      case 'undo':
        return this.undo(step);
    }
  }

  private run(step: Step): void {
    this.mayDie();
    if (this.happens(8)) return this.fail(step);
    if (this.happens(13)) return this.append({ kind: 'halted', step: step.id, reason: REASON });
    this.append({
      kind: 'ran',
      step: step.id,
      facts: step.kind === 'shift' ? { writes: step.to.length } : {},
    });
  }

  private look(step: Step): void {
    this.mayDie();
    if (this.happens(8)) return this.fail(step);
    if (this.happens(13)) return this.append({ kind: 'halted', step: step.id, reason: REASON });
    this.append({ kind: 'verified', step: step.id, facts: {} });
  }

  private fail(step: Step): void {
    const { plan } = this.state;
    const silent = isOfOneRegion(plan, step) && this.happens(2);
    if (silent && goesPastSilence(plan)) return this.miss(step);
    const reason = silent ? { ...REASON, code: UNREACHABLE } : REASON;
    const given = shiftsGivenBack(this.state).length > 0;
    this.append({ kind: turnsBack(step) && !given ? 'failed' : 'halted', step: step.id, reason });
  }

  /** A region gives no answer, and the others go first. */
  private miss(step: Step): void {
    const then = this.state.silent[step.region] === undefined ? 'later' : 'given-up';
    this.append({ kind: 'unreachable', step: step.id, reason: { ...REASON, code: UNREACHABLE }, then });
  }

  private undo(step: Step): void {
    this.append({ kind: 'undoStarted', step: step.id });
    this.mayDie();
    if (isOfOneRegion(this.state.plan, step) && this.happens(3)) return this.miss(step);
    if (this.happens(9)) {
      // What cannot be put back is told to a person; what cannot be undone stops for one.
      const kind = step.kind === 'hold' ? 'unrestored' : 'halted';
      return this.append({ kind, step: step.id, reason: REASON });
    }
    const restored = step.kind === 'shift' && this.happens(2) ? step.from.length : 0;
    this.append({ kind: 'undone', step: step.id, facts: restored === 0 ? {} : { restored } });
  }
}
