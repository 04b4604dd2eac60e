import { COLOURS, type Colour } from './colour';
import type { FleetLimits } from './fleet';
import { HELD_PROCESSES } from './held';
import type { FoundRegion, Reason } from './records';
import type { DeploymentState, StepState } from './replay';
import type { Hold, Release, Step } from './step';
import { driftOf, type Drift, type Route, type RouteWeights } from './traffic';

/** The values that a number may have now; null while anything is right. */
type Allowed = readonly number[] | null;

/** What one fleet must look like. */
export interface FleetExpectation {
  /** Whether it must be there. */
  exists: boolean;
  minimum: Allowed;
  maximum: Allowed;
  desired: Allowed;
  /** Processes that must be suspended, and those that may be. */
  suspended: { required: readonly string[]; allowed: readonly string[] };
}

/** What one region must look like while a deployment is where its journal says. */
export interface Expectation {
  region: string;
  /** Each list gives allowed weights of the production routes. */
  routes: readonly RouteWeights[][];
  /** Production rules that forward to neither colour; undefined where the plan did not say what it found. */
  elsewhere: readonly string[] | undefined;
  fleets: Record<Colour, FleetExpectation>;
}

/** What of a region can be changed by hand, as it was measured. */
export interface Sighting {
  region: string;
  routes: readonly Route[];
  elsewhere?: readonly string[];
  fleets: Record<Colour, FleetLimits | undefined>;
}

/**
 * What the journal implies for a region. While a step that changes something is under way its former and its
 * new state are both right. The desired capacity of a fleet with traffic is Auto Scaling's own and never
 * judged. Undefined for plans of format 1, which did not say what they found.
 */
export function expectationOf(state: DeploymentState, region: string): Expectation | undefined {
  const found = state.plan.found?.find((one) => one.region === region);
  if (found === undefined) return undefined;
  const steps = state.plan.steps.filter((step) => step.region === region);
  const journey = steps.map((step) => ({ step, is: state.steps[step.id] }));
  return {
    region,
    routes: routesAfter(found, journey),
    elsewhere: found.elsewhere,
    fleets: {
      blue: fleetAfter('blue', found, journey, state),
      green: fleetAfter('green', found, journey, state),
    },
  };
}

type Journey = readonly { step: Step; is: StepState | undefined }[];

function routesAfter(found: FoundRegion, journey: Journey): RouteWeights[][] {
  let routes: RouteWeights[][] = [found.routes];
  for (const { step, is } of journey) {
    if (step.kind !== 'shift' || is === undefined || is.phase === 'pending') continue;
    if (is.phase === 'verified') routes = [step.to];
    else if (is.phase === 'undone') routes = [step.from];
    // The former weights are right again only once the way back leads to them.
    else routes = [...routes, step.to, ...(is.phase === 'undoing' ? [step.from] : [])];
  }
  return routes;
}

function fleetAfter(
  colour: Colour,
  { fleets, routes }: FoundRegion,
  journey: Journey,
  state: DeploymentState,
): FleetExpectation {
  const found = fleets[colour];
  const base = found?.suspended ?? [];
  const fleet: FleetExpectation = {
    exists: found !== null,
    minimum: found === null ? null : [found.minimum],
    maximum: found === null ? null : [found.maximum],
    desired: null,
    suspended: { required: base, allowed: base },
  };
  for (const [index, { step, is }] of journey.entries()) {
    if (is === undefined || is.phase === 'pending') continue;
    advance(fleet, colour, step, is, state);
    if (step.kind === 'follow' && shiftBegan(journey.slice(0, index))) fleet.desired = null;
  }
  // Whoever gets requests scales with them.
  if (routes.some((route) => route.weights[colour] > 0)) fleet.desired = null;
  return fleet;
}

/** Whether the fleet that is brought up may get requests already. */
function shiftBegan(journey: Journey): boolean {
  return journey.some(({ step, is }) => step.kind === 'shift' && is !== undefined && is.phase !== 'pending');
}

/** What one step that began makes of the expectation. */
function advance(
  fleet: FleetExpectation,
  colour: Colour,
  step: Step,
  is: StepState,
  state: DeploymentState,
): void {
  switch (step.kind) {
    case 'follow':
      if (step.colour === colour && !foundEnough(is)) applied(fleet, is, state.plan.scalesIdle === true);
      return;
    case 'clear-idle':
    case 'apply-idle':
    case 'unpin':
    case 'retire':
      if (step.colour === colour) applied(fleet, is, state.plan.scalesIdle === true);
      return;
    case 'hold':
    case 'release':
      return held(fleet, colour, step, is, state);
    case 'shift':
      fleet.desired = null;
      return;
    case 'health-gate':
    case 'point-test':
    case 'smoke':
    case 'test':
    case 'migrate':
    case 'approve':
    case 'analyse':
    case 'prove':
    case 'soak':
    case 'keep-warm':
    case 'traffic-end':
      return;
  }
}

/** Whether a fleet had what it needed, so that nothing was applied and what it was is what it must be. */
function foundEnough({ phase, facts }: StepState): boolean {
  return phase === 'verified' && typeof facts['wanted'] === 'number' && facts['minimum'] === undefined;
}

/** A stack is applied as a whole: what it made of the fleet was measured when the step was verified. */
function applied(fleet: FleetExpectation, is: StepState, scalesIdle: boolean): void {
  const { minimum, maximum, desired } = is.facts;
  const known = is.phase === 'verified';
  fleet.minimum = known && typeof minimum === 'number' ? [minimum] : null;
  fleet.maximum = known && typeof maximum === 'number' ? [maximum] : null;
  fleet.desired = known && typeof desired === 'number' && !scalesIdle ? [desired] : null;
  fleet.exists = known ? typeof minimum === 'number' : false;
}

function held(
  fleet: FleetExpectation,
  colour: Colour,
  step: Hold | Release,
  is: StepState,
  state: DeploymentState,
): void {
  const found = step.found[colour];
  const before = found?.suspended ?? [];
  const during = [...new Set([...before, ...HELD_PROCESSES])];
  const pin = step.kind === 'hold' ? is.facts['pin'] : state.steps[step.hold]?.facts['pin'];
  const pinned = step.losing === colour && typeof pin === 'number' ? pin : null;
  switch (holding(step, is)) {
    case 'held':
      fleet.suspended = { required: during, allowed: during };
      if (pinned !== null) fleet.minimum = [pinned];
      return;
    case 'free':
      fleet.suspended = { required: before, allowed: before };
      if (pinned !== null && found !== null) fleet.minimum = [found.minimum];
      return;
    case 'between':
      fleet.suspended = { required: before, allowed: during };
      if (pinned !== null && found !== null) fleet.minimum = [found.minimum, pinned];
      return;
  }
}

function holding(step: Hold | Release, is: StepState): 'held' | 'free' | 'between' {
  if (is.phase === 'undone') return 'free';
  if (is.phase !== 'verified') return 'between';
  return step.kind === 'hold' ? 'held' : 'free';
}

/** Where a region differs from what it must look like. Pure: the same look is judged the same. */
export function assessDrift(expectation: Expectation, seen: Sighting): { traffic: Drift[]; fleet: Drift[] } {
  const production = seen.routes.filter((route) => route.listener === 'production');
  return {
    traffic: [
      ...driftOf(production, expectation.routes),
      ...rewritten(production, expectation.routes),
      ...divertedBy(expectation.elsewhere, seen.elsewhere),
    ],
    fleet: COLOURS.flatMap((colour) => fleetDrift(colour, expectation.fleets[colour], seen.fleets[colour])),
  };
}

/** Rules that take requests away from both colours, or no longer do. */
function divertedBy(expected: readonly string[] | undefined, found: readonly string[] | undefined): Drift[] {
  if (expected === undefined || found === undefined) return [];
  const added = found.filter((rule) => !expected.includes(rule));
  const gone = expected.filter((rule) => !found.includes(rule));
  return [
    ...added.map((label) => ({
      label,
      expected: 'no such rule when the deployment was planned',
      found: 'there',
    })),
    ...gone.map((label) => ({ label, expected: 'there', found: 'the rule is gone' })),
  ];
}

/** Rules that forward by other conditions than they did. */
function rewritten(found: readonly Route[], allowed: readonly RouteWeights[][]): Drift[] {
  const labels = new Map(allowed.flat().map((route) => [route.id, route.label]));
  return found.flatMap(({ id, label }) => {
    const expected = labels.get(id);
    return expected === undefined || expected === label ? [] : [{ label: expected, expected, found: label }];
  });
}

function fleetDrift(colour: Colour, expected: FleetExpectation, found: FleetLimits | undefined): Drift[] {
  const name = `${colour} fleet`;
  if (found === undefined)
    return expected.exists ? [{ label: name, expected: 'a fleet', found: 'the fleet is gone' }] : [];
  const numbers = (['minimum', 'maximum', 'desired'] as const).flatMap((what): Drift[] => {
    const allowed = expected[what];
    if (allowed === null || allowed.includes(found[what])) return [];
    const label = `${name}, ${what === 'desired' ? 'desired capacity' : what}`;
    return [{ label, expected: [...new Set(allowed)].join(' or '), found: String(found[what]) }];
  });
  return [...numbers, ...suspensionDrift(name, expected.suspended, found.suspended)];
}

function suspensionDrift(
  name: string,
  { required, allowed }: FleetExpectation['suspended'],
  found: readonly string[],
): Drift[] {
  const wrong =
    required.some((process) => !found.includes(process)) ||
    found.some((process) => !allowed.includes(process));
  if (!wrong) return [];
  const named = (processes: readonly string[]): string => [...processes].sort().join(', ') || 'none';
  const expected = [...new Set([named(required), named(allowed)])].join(' or ');
  return [{ label: `${name}, suspended processes`, expected, found: named(found) }];
}

/** The reason of a halt, with both states; undefined when everything is as it must be. */
export function driftReason(
  region: string,
  { traffic, fleet }: { traffic: readonly Drift[]; fleet: readonly Drift[] },
): Reason | undefined {
  const drifts = [...traffic, ...fleet];
  if (drifts.length === 0) return undefined;
  const details = drifts.map((drift) => `${drift.label}: expected ${drift.expected}; found ${drift.found}`);
  if (traffic.length > 0)
    return {
      code: 'BASCULE_TRAFFIC_DRIFT',
      message: `The listeners in ${region} are not as this deployment left them: somebody else moved traffic.`,
      details,
      drifts,
    };
  return {
    code: 'BASCULE_FLEET_DRIFT',
    message: `A fleet in ${region} is not as this deployment left it: somebody else changed it.`,
    details,
    drifts,
  };
}
