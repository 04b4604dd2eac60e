import { budgeted } from './analysis/budget';
import { capacityAt, capacityFor, shareAt, WHOLE, type Share } from './capacity';
import type { FleetReading } from './fleet';
import { asRouteWeights, foundFleets } from './found';
import { idleOf, type PlanRequest, type RegionFacts } from './plan-request';
import { testSteps } from './plan-tests';
import { stagesOf, type Stage } from './strategy';
import type { Capacity, Follow, Shift, Soak, Step } from './step';
import { allTo, shared, type Weights } from './traffic';
import { ONE_BY_ONE, wavesOf } from './waves';

/** Time for the control plane to show what was written to it; elbv2 is eventually consistent. */
const READ_BACK_SECONDS = 60;

/**
 * Where no fleet serves yet there is nothing to compare a release with, and nowhere to go back to: weights in
 * between would only leave requests with an empty colour.
 */
export function withoutComparison(facts: RegionFacts, request: PlanRequest): PlanRequest {
  if (hasLiveFleet(facts)) return request;
  const { policy } = request;
  return { ...request, policy: { ...policy, strategy: { kind: 'all-at-once' }, checks: [] } };
}

function hasLiveFleet({ fleets, live }: RegionFacts): boolean {
  return (fleets[live]?.instances.length ?? 0) > 0;
}

/** All the traffic of a wave: its regions move one right after the other, and are watched side by side. */
export function moveWave(wave: readonly RegionFacts[], request: PlanRequest, number: number): Step[] {
  const comparing = wave.filter(hasLiveFleet);
  const several = (what: string | number) => (wave.length < 2 ? {} : { group: `wave-${number}:${what}` });
  return [
    ...wave.map(holdStill),
    ...stagesOf(request.policy.strategy).flatMap((stage) => [
      ...comparing.map((facts) => growFor(stage, facts, request)),
      ...comparing.map((facts) => shiftBy(stage, facts)),
      ...comparing.map((facts) => ({ ...lookAt(stage, facts, request), ...several(stage.percent) })),
    ]),
    ...wave.map((facts) => finalFollow(facts, request, true)),
    ...wave.map(cutover),
    ...wave.map((facts) => prove(facts, request)),
    ...wave.flatMap((facts) => triedLive(facts, request)),
    ...wave.flatMap((facts) =>
      soak(facts, withoutComparison(facts, request)).map((step) => ({ ...step, ...several('soak') })),
    ),
  ];
}

export function holdStill(facts: RegionFacts): Step {
  const { region } = facts;
  return { kind: 'hold', id: `hold:${region}`, region, losing: facts.live, found: foundFleets(facts) };
}

export function finalFollow(facts: RegionFacts, request: PlanRequest, brought: boolean): Step {
  const idle = facts.fleets[idleOf(facts)];
  const former = brought || idle === undefined ? {} : { former: capacityOf(idle) };
  return { ...follow(facts, request, WHOLE), ...former };
}

export function cutover(facts: RegionFacts): Step {
  return shiftTo(allTo(idleOf(facts)), facts);
}

export function prove({ region }: RegionFacts, { version, policy }: PlanRequest): Step {
  return { kind: 'prove', id: `prove:${region}`, region, version, ...policy.proof };
}

/** What is tried in production once all of it is proven to be at the release. */
function triedLive({ region }: RegionFacts, { version, policy }: PlanRequest): Step[] {
  return testSteps('live', { region, version, tests: policy.tests });
}

function growFor(stage: Stage, facts: RegionFacts, request: PlanRequest): Step {
  const { percent } = stage;
  const share = shareAt(request.policy.growth, percent);
  return { ...follow(facts, request, share), ...share, id: `follow:${facts.region}:${percent}` };
}

function shiftBy({ percent }: Stage, facts: RegionFacts): Step {
  return {
    ...shiftTo(shared(idleOf(facts), percent), facts),
    percent,
    id: `shift:${facts.region}:${percent}`,
  };
}

function lookAt(stage: Stage, facts: RegionFacts, request: PlanRequest): Step {
  const { region } = facts;
  const { percent, pauseSeconds } = stage;
  return {
    kind: 'analyse',
    id: `analyse:${region}:${percent}`,
    region,
    colour: idleOf(facts),
    version: request.version,
    percent,
    seconds: pauseSeconds,
    byHand: stage.byHand || pauseSeconds === null,
    checks: checksFor(request).stages,
  };
}

/** The false alarms that people allow are shared by all that looks, so that they hold for the deployment. */
function checksFor({ regions, policy }: PlanRequest): ReturnType<typeof budgeted> {
  const { checks, soakSeconds, strategy, waves = ONE_BY_ONE } = policy;
  const names = regions.map(({ region }) => region);
  const between = { times: wavesOf(names, waves).length - 1, seconds: waves.soakSeconds };
  const stages = stagesOf(strategy).length;
  return budgeted(checks, { regions: regions.length, stages, soakSeconds, between });
}

function follow(facts: RegionFacts, { version, policy }: PlanRequest, share: Share): Follow {
  const { region } = facts;
  const { consecutive, timeoutSeconds } = policy.gate;
  const capacity = capacityAt(facts.fleets[facts.live], policy.capacity, share);
  const colour = idleOf(facts);
  return {
    kind: 'follow',
    id: `follow:${region}`,
    region,
    colour,
    version,
    capacity,
    timeoutSeconds,
    consecutive,
  };
}

/** However far traffic moved, the way back leads to the weights that were found. */
function shiftTo(weights: Weights, facts: RegionFacts): Shift {
  const production = facts.routes.filter((route) => route.listener === 'production');
  return {
    kind: 'shift',
    id: `shift:${facts.region}`,
    region: facts.region,
    from: production.map(asRouteWeights),
    to: production.map((route) => ({ ...asRouteWeights(route), weights })),
    towards: idleOf(facts),
    timeoutSeconds: READ_BACK_SECONDS,
  };
}

function soak(facts: RegionFacts, request: PlanRequest): Soak[] {
  const { soakSeconds } = request.policy;
  return soakSeconds === 0 ? [] : [soakFor(soakSeconds, facts, request)];
}

/** Before the next wave begins, every region that has moved so far is watched again. */
export function watchBetween(done: readonly RegionFacts[], request: PlanRequest, wave: number): Step[] {
  const { soakSeconds } = request.policy.waves ?? ONE_BY_ONE;
  if (soakSeconds === 0) return [];
  const several = done.length < 2 ? {} : { group: `wave-${wave}:between` };
  return done.map((facts) => ({
    ...soakFor(soakSeconds, facts, withoutComparison(facts, request)),
    id: `wave-soak:${facts.region}:${wave}`,
    afterWave: wave,
    ...several,
  }));
}

function soakFor(seconds: number, facts: RegionFacts, request: PlanRequest): Soak {
  const { region } = facts;
  const { version, policy } = request;
  return {
    kind: 'soak',
    id: `soak:${region}`,
    region,
    colour: idleOf(facts),
    version,
    instances: capacityFor(facts.fleets[facts.live], policy.capacity).desired,
    seconds,
    intervalSeconds: policy.gate.intervalSeconds,
    checks: checksFor(request).soak,
  };
}

function capacityOf({ minimum, maximum, desired }: FleetReading): Capacity {
  return { minimum, maximum, desired };
}
