import { COLOURS, otherColour, type Colour } from '../../src/domain/colour';
import { describeInstance } from '../../src/domain/health';
import { healthyInstances, type FleetReading } from '../../src/domain/fleet';
import type { JournalRecord } from '../../src/domain/records';
import type { DeploymentState } from '../../src/domain/replay';
import { describeRequest, type RequestKind } from '../../src/domain/request';
import { describeStep, type Step } from '../../src/domain/step';
import { receivesTraffic } from '../../src/domain/traffic';
import { possibleWishes } from '../../src/domain/wishes';
import type { RegionReading } from '../operations/observe';
import { storyOf, type WeightCourse } from '../report/story';
import { checkViews, type CheckView } from './checks';

export interface StepView {
  id: string;
  what: string;
  region: string;
  phase: 'waiting' | 'under way' | 'done' | 'failed' | 'undoing' | 'undone' | 'skipped';
  startedAt: number | null;
  endedAt: number | null;
  /** When a timed wait is over; null for any other step. Unix milliseconds. */
  until: number | null;
  /** Whether only a person ends it. */
  byHand: boolean;
  reason: string | null;
}

export interface FleetView {
  colour: Colour;
  version: string | null;
  role: 'live' | 'idle' | 'shared';
  healthy: number;
  desired: number;
  instances: { id: string; healthy: boolean; words: string }[];
}

export interface RegionView {
  region: string;
  routes: { label: string; blue: number; green: number }[];
  fleets: FleetView[];
}

/** A deployment as whoever watches it sees it; plain data. */
export interface WatchView {
  environment: string;
  service: string;
  deployment: string;
  purpose: string;
  from: string | null;
  to: string;
  openedAt: number;
  /** When this was so. */
  at: number;
  by: string;
  outcome: string | null;
  message: string | null;
  closedAt: number | null;
  /** Why it goes back, or stopped; null while it goes forward. */
  trouble: string | null;
  /** Who asked it to hold. */
  paused: string | null;
  /** Why nobody works on it, where that is so. */
  abandoned: string | null;
  /** Why what is shown may be old. */
  problem: string | null;
  steps: StepView[];
  regions: RegionView[];
  /** How much of the traffic the gaining colour had, by the journal. */
  weights: WeightCourse[];
  checks: CheckView[];
  asked: { at: number; text: string }[];
  /** What may be asked of it now. */
  can: RequestKind[];
}

export interface Seen {
  environment: string;
  service: string;
  state: DeploymentState;
  records: readonly JournalRecord[];
  readings: readonly RegionReading[];
  at: number;
  by: string;
  abandoned: string | null;
  problem: string | null;
}

/** Pure: what was seen, as it is shown. */
export function viewOf(seen: Seen): WatchView {
  const { state, records, readings } = seen;
  const { plan, closed } = state;
  const story = storyOf(records);
  return {
    environment: seen.environment,
    service: seen.service,
    deployment: state.deployment,
    purpose: plan.purpose,
    from: plan.formerVersion,
    to: plan.version,
    openedAt: state.openedAt,
    at: seen.at,
    by: seen.by,
    outcome: closed?.outcome ?? null,
    message: closed?.message ?? null,
    closedAt: closed?.at ?? null,
    trouble: (state.halted ?? state.turnedBack ?? state.leaving?.reason)?.message ?? null,
    paused: state.paused === null ? null : `${state.paused.by.user} on ${state.paused.by.host}`,
    abandoned: seen.abandoned,
    problem: seen.problem,
    steps: stepsOf(state),
    regions: readings.map(regionOf),
    weights: story.weights,
    checks: checkViews(state, story.checks),
    asked: records.flatMap((record) =>
      record.kind === 'asked' ? [{ at: record.at, text: describeRequest(record.request) }] : [],
    ),
    can: seen.abandoned === null ? possibleWishes(state) : [],
  };
}

function stepsOf(state: DeploymentState): StepView[] {
  const { steps } = state.plan;
  const begun = steps.map((step) => (state.steps[step.id]?.phase ?? 'pending') !== 'pending');
  const last = begun.lastIndexOf(true);
  return steps.map((step, index) => {
    const { startedAt = null, endedAt = null, reason = null } = state.steps[step.id] ?? {};
    return {
      id: step.id,
      what: describeStep(step),
      region: step.region,
      phase: phaseOf(step, state, index < last),
      startedAt,
      endedAt,
      until: untilOf(step, startedAt),
      byHand: step.kind === 'analyse' && step.byHand,
      reason: reason?.message ?? null,
    };
  });
}

function phaseOf(step: Step, state: DeploymentState, passed: boolean): StepView['phase'] {
  switch (state.steps[step.id]?.phase ?? 'pending') {
    case 'pending':
      return passed ? 'skipped' : 'waiting';
    case 'started':
    case 'ran':
      // Of a deployment that ended or goes back, what was under way is so no more.
      return state.closed === null && state.turnedBack === null ? 'under way' : 'skipped';
    case 'verified':
      return 'done';
    case 'failed':
    case 'unrestored':
      return 'failed';
    case 'undoing':
      return 'undoing';
    case 'undone':
      return 'undone';
  }
}

function untilOf(step: Step, startedAt: number | null): number | null {
  if (startedAt === null) return null;
  if ((step.kind === 'analyse' || step.kind === 'soak') && step.seconds !== null)
    return startedAt + step.seconds * 1000;
  return null;
}

function regionOf(reading: RegionReading): RegionView {
  const { region, routes, fleets } = reading;
  return {
    region,
    routes: routes
      .filter(({ listener }) => listener === 'production')
      .map(({ label, weights }) => ({ label, ...weights })),
    fleets: COLOURS.flatMap((colour) => {
      const fleet = fleets[colour];
      return fleet === undefined ? [] : [fleetOf(fleet, reading)];
    }),
  };
}

function fleetOf(fleet: FleetReading, { routes }: RegionReading): FleetView {
  const { colour, version, desired, instances } = fleet;
  const healthy = new Set(healthyInstances(fleet));
  const serves = receivesTraffic(routes, colour);
  const shared = serves && receivesTraffic(routes, otherColour(colour));
  return {
    colour,
    version,
    role: shared ? 'shared' : serves ? 'live' : 'idle',
    healthy: healthy.size,
    desired,
    instances: instances.map((instance) => ({
      id: instance.id,
      healthy: healthy.has(instance),
      words: `${describeInstance(instance)}, version ${instance.version ?? 'unknown'}`,
    })),
  };
}
