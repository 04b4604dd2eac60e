import type { Check } from './analysis/check';
import type { Colour } from './colour';
import type { FleetLimits } from './fleet';
import type { SchemaRange } from './schema-range';
import { describeWork, type TestMoment, type TestWork } from './suite/gate';
import type { RouteWeights } from './traffic';

/** How many instances a fleet may have. The driver pins the minimum of the fleet that it brings up. */
export interface Capacity {
  minimum: number;
  maximum: number;
  desired: number;
}

interface OfRegion {
  /** Unique within the plan, for example `health-gate:eu-west-3`. */
  id: string;
  region: string;
}

/** A step that only looks. Those that bear the same group are begun together and watched side by side. */
interface Watches extends OfRegion {
  group?: string;
}

/** Take away what the idle fleet still runs of another release, so that only the new one comes up. */
export interface ClearIdle extends OfRegion {
  kind: 'clear-idle';
  colour: Colour;
  version: string;
}

/** Apply the idle fleet's stack with the new version and the live fleet's current capacity. */
export interface ApplyIdle extends OfRegion {
  kind: 'apply-idle';
  colour: Colour;
  version: string;
  capacity: Capacity;
}

/** Wait until the fleet is proven healthy, several looks in a row. */
export interface HealthGate extends OfRegion {
  kind: 'health-gate';
  colour: Colour;
  version: string;
  instances: number;
  consecutive: number;
  intervalSeconds: number;
  timeoutSeconds: number;
}

/** Point the test listener at a colour. */
export interface PointTest extends OfRegion {
  kind: 'point-test';
  colour: Colour;
  /** Whether it follows a finished shift; its failure then no longer turns anything back. */
  settling: boolean;
}

export interface SmokeRequest {
  path: string;
  method: string;
  headers: Record<string, string>;
  /** The Host header; the load balancer's own name when absent. */
  host?: string;
  body?: string;
  status: number;
  bodyContains?: string;
  timeoutSeconds: number;
}

/** Send the configured requests through the test listener. */
export interface Smoke extends OfRegion {
  kind: 'smoke';
  version: string;
  requests: SmokeRequest[];
}

/** Run a test of the user's: its failure turns back. */
export interface Test extends OfRegion {
  kind: 'test';
  name: string;
  /** Through the test listener before traffic moves, or through production once all of it has. */
  when: TestMoment;
  version: string;
  work: TestWork;
  timeoutSeconds: number;
}

/** A command of the user's that changes the database for a release. */
export interface MigrationHook {
  /** Program and arguments; no shell. */
  command: string[];
  /** On the machine that deploys, or on an instance of the new release. */
  on: 'local' | 'instance';
  timeoutSeconds: number;
  /** Whether it may be run again where nobody knows whether it ended, as after a kill. */
  repeatable: boolean;
}

/** `expand` adds what a release needs; `contract` takes away what only former releases need. */
export type MigrationPhase = 'expand' | 'contract';

/** Change the database: once for each deployment, in its first region. */
export interface Migrate extends OfRegion, MigrationHook {
  kind: 'migrate';
  phase: MigrationPhase;
  /** The new release, and its colour. */
  version: string;
  colour: Colour;
  /** The range that the release declares; null where it declares none. */
  schema: SchemaRange | null;
}

/** Whose consent a deployment needs, and when. */
export interface ApprovalRule {
  name: string;
  /** What waits for it. */
  before: 'start' | 'shift' | 'retire';
  count: number;
  /** Patterns of ARNs of roles and users of IAM. */
  approvers: string[];
  notRequester: boolean;
  expiresAfterSeconds: number;
  timeoutSeconds: number;
}

/** Wait until people approved the plan: once for each deployment, in its first region. */
export interface Approve extends OfRegion, ApprovalRule {
  kind: 'approve';
}

/** Write new weights on all production routes; the cutover when one colour gets everything. */
export interface Shift extends OfRegion {
  kind: 'shift';
  /** The former weights, to which the way back leads. */
  from: RouteWeights[];
  to: RouteWeights[];
  /** What a person left and accepted as the beginning, where that is not `from`. */
  accepted?: RouteWeights[];
  /** The colour that gains. */
  towards: Colour;
  timeoutSeconds: number;
  /** Per cent for the colour that gains, where it is not everything yet. */
  percent?: number;
}

/** Look, for a while or until a person goes on, how the new colour does beside the old one. */
export interface Analyse extends Watches {
  kind: 'analyse';
  /** The colour that gained. */
  colour: Colour;
  version: string;
  percent: number;
  /** Seconds from its beginning; null where only a person ends it. */
  seconds: number | null;
  /** Whether a person has to say `advance`, after the time where there is one. */
  byHand: boolean;
  checks: Check[];
}

/** Send requests through the production listener until the new version alone answers. */
export interface Prove extends OfRegion {
  kind: 'prove';
  version: string;
  path: string;
  /** The response header that names the version; without one only the status is judged. */
  header: string | null;
  requests: number;
  timeoutSeconds: number;
}

/** Watch with all traffic on the new colour and the former one still warm. */
export interface Soak extends Watches {
  kind: 'soak';
  /** The wave after which, and before the next, a region that has moved is watched again. */
  afterWave?: number;
  colour: Colour;
  version: string;
  instances: number;
  seconds: number;
  intervalSeconds: number;
  /** Absent in plans of format 2. */
  checks?: Check[];
}

/** Follow the live fleet: bring the idle one to its current desired capacity, when that grew since the plan. */
export interface Follow extends OfRegion {
  kind: 'follow';
  /** The colour that is brought up. */
  colour: Colour;
  version: string;
  capacity: Capacity;
  timeoutSeconds: number;
  /** Per cent of the traffic that it is about to get, where the fleet grows with it; everything when absent. */
  percent?: number;
  /** With `percent`: never fewer instances than this. */
  atLeast?: number;
  /** Looks in a row that must find the fleet healthy after it grew; 1 when absent. */
  consecutive?: number;
  /** What the fleet is given back on the way back, where no other step of the plan brought it up. */
  former?: Capacity;
}

/** What was found of both fleets when the plan was made; null for a fleet that did not exist. */
export type FoundFleets = Record<Colour, FleetLimits | null>;

/**
 * Keep both fleets still while traffic moves: suspend what would change them by itself, and pin the minimum of
 * the fleet that is live. What is to be put back stands here, and is thereby recorded before anything is touched.
 */
export interface Hold extends OfRegion {
  kind: 'hold';
  /** The colour that is live until the shift, and whose minimum is pinned. */
  losing: Colour;
  found: FoundFleets;
}

/** Put back what `hold` changed, exactly as it was found. */
export interface Release extends OfRegion {
  kind: 'release';
  /** The id of the hold. */
  hold: string;
  losing: Colour;
  found: FoundFleets;
}

/** Give a fleet the capacity limits of the configuration again, after the minimum was pinned. */
export interface Unpin extends OfRegion {
  kind: 'unpin';
  colour: Colour;
  version: string;
  capacity: Capacity;
}

/** Keep the former colour warm for a while, so that the way back stays short. */
export interface KeepWarm extends OfRegion {
  kind: 'keep-warm';
  colour: Colour;
  seconds: number;
}

/** Wait until no request was seen to reach a colour for a while; missing metrics keep the gate shut. */
export interface TrafficEnd extends OfRegion {
  kind: 'traffic-end';
  colour: Colour;
  quietSeconds: number;
  timeoutSeconds: number;
}

/** Scale the former colour down. */
export interface Retire extends OfRegion {
  kind: 'retire';
  colour: Colour;
  version: string;
  timeoutSeconds: number;
  /** How long the load balancer leaves open what is under way; absent in plans of format 2. */
  drainSeconds?: number;
}

export type Step =
  | ClearIdle
  | ApplyIdle
  | HealthGate
  | PointTest
  | Smoke
  | Test
  | Migrate
  | Approve
  | Hold
  | Follow
  | Shift
  | Analyse
  | Prove
  | Soak
  | Release
  | Unpin
  | KeepWarm
  | TrafficEnd
  | Retire;

export type StepKind = Step['kind'];
export type StepOf<K extends StepKind> = Extract<Step, { kind: K }>;

/** A step in a few words, the same in progress, journal and report. */
export function describeStep(step: Step): string {
  switch (step.kind) {
    case 'clear-idle':
      return `clear ${step.colour} of other releases`;
    case 'apply-idle':
      return `apply ${step.colour} at ${step.version}, ${step.capacity.desired} instance(s)`;
    case 'health-gate':
      return `health gate of ${step.colour}`;
    case 'point-test':
      return `test listener to ${step.colour}`;
    case 'smoke':
      return `smoke test of ${step.version} through the test listener`;
    case 'test':
      return `test ${step.name} of ${step.version} ${step.when === 'idle' ? 'through the test listener' : 'in production'} (${describeWork(step.work)})`;
    case 'migrate':
      return `${step.phase} the database for ${step.version}, ${step.on === 'local' ? 'from here' : `on an instance of ${step.colour}`}`;
    case 'approve':
      return `approval ${step.name} by ${step.count === 1 ? 'one person' : `${step.count} people`}`;
    case 'hold':
      return 'hold both fleets still';
    case 'release':
      return 'give both fleets back their processes and limits';
    case 'follow':
      return step.percent === undefined || step.percent === 100
        ? `${step.colour} follows the live capacity`
        : `${step.colour} grows for ${step.percent} % of the live capacity`;
    case 'shift':
      return step.percent === undefined
        ? `cutover of ${step.to.length} route(s) to ${step.towards}`
        : `shift of ${step.percent} % on ${step.to.length} route(s) to ${step.towards}`;
    case 'analyse':
      return `${step.percent} % on ${step.colour}${step.seconds === null ? '' : ` for ${step.seconds} s`}${step.byHand ? ', until a person goes on' : ''}`;
    case 'prove':
      return `prove ${step.version} with traffic`;
    case 'soak':
      return step.afterWave === undefined
        ? `soak for ${step.seconds} s`
        : `soak for ${step.seconds} s after wave ${step.afterWave}`;
    case 'unpin':
      return `release the pinned minimum of ${step.colour}`;
    case 'keep-warm':
      return `keep ${step.colour} warm for ${step.seconds} s`;
    case 'traffic-end':
      return `see the traffic of ${step.colour} end`;
    case 'retire':
      return `retire ${step.colour}`;
  }
}

/** Whether a step may be watched side by side with others of its group. */
export function isWatched(step: Step): step is Analyse | Soak {
  return step.kind === 'analyse' || step.kind === 'soak';
}

/**
 * Whether the failure of a step turns the deployment back. Once the new release was proven and soaked, what
 * is left to do never moves traffic again: its failure halts for a person instead.
 */
export function turnsBack(step: Step): boolean {
  switch (step.kind) {
    case 'clear-idle':
    case 'apply-idle':
    case 'health-gate':
    case 'smoke':
    case 'test':
    case 'hold':
    case 'follow':
    case 'shift':
    case 'analyse':
    case 'prove':
    case 'soak':
      return true;
    case 'point-test':
      return !step.settling;
    case 'migrate':
      // What a contract took away the former release may need: there is no way back past it.
      return step.phase === 'expand';
    case 'approve':
      return step.before !== 'retire';
    case 'release':
    case 'unpin':
    case 'keep-warm':
    case 'traffic-end':
    case 'retire':
      return false;
  }
}

/** Whether a step changed something that the way back has to undo; gates only looked. */
export function leavesTraces(step: Step): boolean {
  if (step.kind === 'follow') return step.former !== undefined;
  if (step.kind === 'point-test') return step.settling;
  return step.kind === 'shift' || step.kind === 'apply-idle' || step.kind === 'hold';
}

/** Whether a step may be left while it waits; a shift or a migration may not, for it would stay half-done. */
export function isSafePoint(step: Step): boolean {
  return step.kind !== 'shift' && step.kind !== 'migrate';
}
