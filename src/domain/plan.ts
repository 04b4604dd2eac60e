import { budgeted } from './analysis/budget';
import type { Check } from './analysis/check';
import { capacityAt, capacityFor, firstShare, shareAt, WHOLE, type Share } from './capacity';
import { otherColour, type Colour } from './colour';
import type { FleetReading } from './fleet';
import { asRouteWeights, foundFleets, foundRegion } from './found';
import type { Plan } from './records';
import type { SchemaRange } from './schema-range';
import { stagesOf, type Growth, type Stage, type Strategy } from './strategy';
import type { Capacity, Follow, MigrationHook, MigrationPhase, Shift, SmokeRequest, Step } from './step';
import { allTo, shared, type Route, type Weights } from './traffic';

/** What was found in one region before a plan is made. */
export interface RegionFacts {
  region: string;
  routes: Route[];
  /** Production rules that forward to neither colour, in words. */
  elsewhere?: string[];
  live: Colour;
  fleets: Record<Colour, FleetReading | undefined>;
}

/** What people decided about deployments of the environment, in the units of the configuration. */
export interface DeploymentPolicy {
  capacity: Capacity;
  gate: { consecutive: number; intervalSeconds: number; timeoutSeconds: number };
  smoke: SmokeRequest[];
  proof: { path: string; header: string | null; requests: number; timeoutSeconds: number };
  strategy: Strategy;
  growth: Growth;
  /** What judges the new colour while traffic moves in steps, and while it soaks. */
  checks: Check[];
  soakSeconds: number;
  /** What changes the database for a release; absent where nothing does. */
  migrate?: Partial<Record<MigrationPhase, MigrationHook>>;
  retire: { when: 'after' | 'on-request' | 'never'; afterSeconds: number };
  quietSeconds: number;
  drainTimeoutSeconds: number;
  /** How long the load balancer leaves open what is under way to an instance that leaves. */
  drainSeconds?: number;
  /** Whether a scaling policy may give a fleet that serves nobody more instances, as one by processor load does. */
  scalesIdle?: boolean;
}

export interface PlanRequest {
  environment: string;
  service: string;
  version: string;
  formerVersion: string | null;
  /** The range of database schemas that the release declares, where it does. */
  schema?: SchemaRange;
  regions: RegionFacts[];
  policy: DeploymentPolicy;
}

/** Time for the control plane to show what was written to it; elbv2 is eventually consistent. */
const READ_BACK_SECONDS = 60;

/** A new release: bring the idle colour up, prove it, cut over by strategy, soak, let the former colour go by policy. */
export function planDeploy(request: PlanRequest): Plan {
  const steps: Step[] = [
    ...request.regions.flatMap((facts) => {
      const own = withoutComparison(facts, request);
      return bringUp(facts, own, firstShare(own.policy));
    }),
    // All regions share the database, and none of them moves before it has what the release needs.
    ...migrate('expand', request),
    ...request.regions.flatMap((facts) =>
      moveTraffic(facts, withoutComparison(facts, request), { forward: true, brought: true }),
    ),
    ...request.regions.flatMap(release),
    ...request.regions.flatMap((facts) => settle(facts, request)),
    // Once nothing turns back any more, in no region.
    ...migrate('contract', request),
    ...request.regions.flatMap((facts) => retireByPolicy(facts, request)),
  ];
  return { ...heading(request), purpose: 'deploy', steps };
}

/**
 * Where no fleet serves yet there is nothing to compare a release with, and nowhere to go back to: weights in
 * between would only leave requests with an empty colour.
 */
function withoutComparison(facts: RegionFacts, request: PlanRequest): PlanRequest {
  if ((facts.fleets[facts.live]?.instances.length ?? 0) > 0) return request;
  const { policy } = request;
  return { ...request, policy: { ...policy, strategy: { kind: 'all-at-once' }, checks: [] } };
}

/**
 * The way back to the former release. Where its fleet is warm, only traffic moves; where it is not, it is
 * brought up like a new release first. All of it moves at once: what is gone back to has served already. The
 * colour that is left stays as it is, to be looked at.
 */
export function planRollback(request: PlanRequest): Plan {
  const brought = (facts: RegionFacts): boolean => !isWarm(facts, request.version);
  const steps: Step[] = [
    ...request.regions.flatMap((facts) =>
      brought(facts) ? bringUp(facts, request, WHOLE) : [gate(facts, request, WHOLE)],
    ),
    ...request.regions.flatMap((facts) =>
      moveTraffic(facts, request, { forward: false, brought: brought(facts) }),
    ),
    ...request.regions.flatMap(release),
    ...request.regions.flatMap((facts) => settle(facts, request)),
  ];
  return { ...heading(request), purpose: 'rollback', steps };
}

/** Let the idle colour go now. */
export function planRetire(request: PlanRequest): Plan {
  const steps = request.regions.flatMap((facts) => retireNow(facts, request));
  return { ...heading(request), purpose: 'retire', steps };
}

function heading(request: PlanRequest): Omit<Plan, 'purpose' | 'steps'> {
  const { environment, service, version, formerVersion, schema, policy } = request;
  const found = request.regions.map(foundRegion);
  const declared = schema === undefined ? {} : { schema };
  const scalesIdle = policy.scalesIdle ?? false;
  return { environment, service, version, formerVersion, ...declared, found, scalesIdle };
}

function idleOf(facts: RegionFacts): Colour {
  return otherColour(facts.live);
}

/** Whether the idle fleet runs a release already, at the live fleet's current capacity. */
export function isWarm(facts: RegionFacts, version: string): boolean {
  const idle = facts.fleets[idleOf(facts)];
  if (idle === undefined || idle.version !== version) return false;
  const serving = idle.instances.filter(
    (instance) =>
      instance.version === version && instance.lifecycle === 'InService' && instance.target === 'healthy',
  );
  return serving.length >= Math.max(1, facts.fleets[facts.live]?.desired ?? 1);
}

function bringUp(facts: RegionFacts, request: PlanRequest, share: Share): Step[] {
  const { region } = facts;
  const { version, policy } = request;
  const colour = idleOf(facts);
  const capacity = capacityAt(facts.fleets[facts.live], policy.capacity, share);
  const idle = facts.fleets[colour];
  const stale = idle?.instances.some((instance) => instance.version !== version) ?? false;
  const clear: Step[] = stale
    ? [{ kind: 'clear-idle', id: `clear-idle:${region}`, region, colour, version }]
    : [];
  const smoke: Step[] =
    policy.smoke.length === 0
      ? []
      : [{ kind: 'smoke', id: `smoke:${region}`, region, version, requests: policy.smoke }];
  return [
    ...clear,
    { kind: 'apply-idle', id: `apply-idle:${region}`, region, colour, version, capacity },
    { kind: 'point-test', id: `point-test:${region}`, region, colour, settling: false },
    gate(facts, request, share),
    ...smoke,
  ];
}

function gate(facts: RegionFacts, request: PlanRequest, share: Share): Step {
  const { region } = facts;
  const colour = idleOf(facts);
  const { desired } = capacityAt(facts.fleets[facts.live], request.policy.capacity, share);
  return {
    kind: 'health-gate',
    id: `health-gate:${region}`,
    region,
    colour,
    version: request.version,
    instances: desired,
    ...request.policy.gate,
  };
}

/** Once for the whole deployment. */
function migrate(phase: MigrationPhase, request: PlanRequest): Step[] {
  const { version, schema = null, policy } = request;
  const [facts] = request.regions;
  const hook = policy.migrate?.[phase];
  if (hook === undefined || facts === undefined) return [];
  const { region } = facts;
  const id = `${phase}:${region}`;
  return [{ kind: 'migrate', id, region, phase, version, colour: idleOf(facts), schema, ...hook }];
}

function moveTraffic(
  facts: RegionFacts,
  request: PlanRequest,
  { forward, brought }: { forward: boolean; brought: boolean },
): Step[] {
  const { region } = facts;
  const { version, policy } = request;
  const idle = facts.fleets[idleOf(facts)];
  const former = brought || idle === undefined ? {} : { former: capacityOf(idle) };
  return [
    { kind: 'hold', id: `hold:${region}`, region, losing: facts.live, found: foundFleets(facts) },
    ...(forward ? stagesOf(policy.strategy).flatMap((stage) => moveTo(stage, facts, request)) : []),
    { ...follow(facts, request, WHOLE), ...former },
    shiftTo(allTo(idleOf(facts)), facts),
    { kind: 'prove', id: `prove:${region}`, region, version, ...policy.proof },
    ...(forward ? soak(facts, request) : []),
  ];
}

/** One weight before the cutover: grow for it, move to it, look how it does. */
function moveTo(stage: Stage, facts: RegionFacts, request: PlanRequest): Step[] {
  const { region } = facts;
  const { version, policy } = request;
  const { percent, pauseSeconds } = stage;
  const colour = idleOf(facts);
  const share = shareAt(policy.growth, percent);
  return [
    { ...follow(facts, request, share), ...share, id: `follow:${region}:${percent}` },
    { ...shiftTo(shared(colour, percent), facts), percent, id: `shift:${region}:${percent}` },
    {
      kind: 'analyse',
      id: `analyse:${region}:${percent}`,
      region,
      colour,
      version,
      percent,
      seconds: pauseSeconds,
      byHand: stage.byHand || pauseSeconds === null,
      checks: checksFor(request).stages,
    },
  ];
}

/** The false alarms that people allow are shared by all that looks, so that they hold for the deployment. */
function checksFor({ regions, policy }: PlanRequest): ReturnType<typeof budgeted> {
  const { checks, soakSeconds } = policy;
  return budgeted(checks, {
    regions: regions.length,
    stages: stagesOf(policy.strategy).length,
    soakSeconds,
  });
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

function soak(facts: RegionFacts, request: PlanRequest): Step[] {
  const { region } = facts;
  const { version, policy } = request;
  if (policy.soakSeconds === 0) return [];
  return [
    {
      kind: 'soak',
      id: `soak:${region}`,
      region,
      colour: idleOf(facts),
      version,
      instances: capacityFor(facts.fleets[facts.live], policy.capacity).desired,
      seconds: policy.soakSeconds,
      intervalSeconds: policy.gate.intervalSeconds,
      checks: checksFor(request).soak,
    },
  ];
}

function capacityOf({ minimum, maximum, desired }: FleetReading): Capacity {
  return { minimum, maximum, desired };
}

/** After the soak of every region: until then traffic may have to go back, to a fleet that did not shrink. */
function release(facts: RegionFacts): Step[] {
  const { region, live: losing } = facts;
  const found = foundFleets(facts);
  return [{ kind: 'release', id: `release:${region}`, region, hold: `hold:${region}`, losing, found }];
}

function settle(facts: RegionFacts, request: PlanRequest): Step[] {
  const { region, live } = facts;
  const colour = idleOf(facts);
  const { version, policy } = request;
  return [
    { kind: 'unpin', id: `unpin:${region}`, region, colour, version, capacity: policy.capacity },
    { kind: 'point-test', id: `point-test-former:${region}`, region, colour: live, settling: true },
  ];
}

function retireByPolicy(facts: RegionFacts, request: PlanRequest): Step[] {
  const { region, live } = facts;
  const { when, afterSeconds } = request.policy.retire;
  const former = facts.fleets[live];
  if (when !== 'after' || former === undefined || former.desired === 0) return [];
  return [
    { kind: 'keep-warm', id: `keep-warm:${region}`, region, colour: live, seconds: afterSeconds },
    ...letGo(region, live, request.formerVersion ?? former.version ?? request.version, request.policy),
  ];
}

function retireNow(facts: RegionFacts, request: PlanRequest): Step[] {
  const colour = idleOf(facts);
  const idle = facts.fleets[colour];
  if (idle === undefined || (idle.desired === 0 && idle.instances.length === 0)) return [];
  return letGo(facts.region, colour, idle.version ?? request.version, request.policy);
}

function letGo(region: string, colour: Colour, version: string, policy: DeploymentPolicy): Step[] {
  const timeoutSeconds = policy.drainTimeoutSeconds;
  const drain = policy.drainSeconds === undefined ? {} : { drainSeconds: policy.drainSeconds };
  return [
    {
      kind: 'traffic-end',
      id: `traffic-end:${region}`,
      region,
      colour,
      quietSeconds: policy.quietSeconds,
      timeoutSeconds,
    },
    { kind: 'retire', id: `retire:${region}`, region, colour, version, timeoutSeconds, ...drain },
  ];
}
