import { otherColour, type Colour } from './colour';
import { limitsOf, type FleetReading } from './fleet';
import type { FoundRegion, Plan } from './records';
import type { Capacity, FoundFleets, SmokeRequest, Step } from './step';
import { allTo, type Route, type RouteWeights } from './traffic';

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
  soakSeconds: number;
  retire: { when: 'after' | 'on-request' | 'never'; afterSeconds: number };
  quietSeconds: number;
  drainTimeoutSeconds: number;
  /** Whether a scaling policy may give a fleet that serves nobody more instances, as one by processor load does. */
  scalesIdle?: boolean;
}

export interface PlanRequest {
  environment: string;
  service: string;
  version: string;
  formerVersion: string | null;
  regions: RegionFacts[];
  policy: DeploymentPolicy;
}

/** Time for the control plane to show what was written to it; elbv2 is eventually consistent. */
const READ_BACK_SECONDS = 60;

/** A new release: bring the idle colour up, prove it, cut over, soak, let the former colour go by policy. */
export function planDeploy(request: PlanRequest): Plan {
  const steps: Step[] = [
    ...request.regions.flatMap((facts) => bringUp(facts, request)),
    ...request.regions.flatMap((facts) => moveTraffic(facts, request, { soak: true, brought: true })),
    ...request.regions.flatMap(release),
    ...request.regions.flatMap((facts) => settle(facts, request)),
    ...request.regions.flatMap((facts) => retireByPolicy(facts, request)),
  ];
  return { ...heading(request), purpose: 'deploy', steps };
}

/**
 * The way back to the former release. Where its fleet is warm, only traffic moves; where it is not, it is
 * brought up like a new release first. The colour that is left stays as it is, to be looked at.
 */
export function planRollback(request: PlanRequest): Plan {
  const brought = (facts: RegionFacts): boolean => !isWarm(facts, request.version);
  const steps: Step[] = [
    ...request.regions.flatMap((facts) =>
      brought(facts) ? bringUp(facts, request) : [gate(facts, request, idleOf(facts))],
    ),
    ...request.regions.flatMap((facts) =>
      moveTraffic(facts, request, { soak: false, brought: brought(facts) }),
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
  const { environment, service, version, formerVersion, policy } = request;
  const found = request.regions.map(foundRegion);
  return { environment, service, version, formerVersion, found, scalesIdle: policy.scalesIdle ?? false };
}

/** What a plan rests on in one region. */
export function foundRegion(facts: Omit<RegionFacts, 'live'>): FoundRegion {
  const { region, routes, fleets, elsewhere } = facts;
  const production = routes.filter((route) => route.listener === 'production');
  return {
    region,
    routes: production.map(asRouteWeights),
    fleets: foundFleets({ fleets }),
    ...(elsewhere && { elsewhere }),
  };
}

function foundFleets({ fleets }: Pick<RegionFacts, 'fleets'>): FoundFleets {
  return { blue: limitsOf(fleets.blue), green: limitsOf(fleets.green) };
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

/** The idle fleet starts with the live one's current desired capacity, pinned, and never with its minimum. */
export function capacityFor(live: FleetReading | undefined, configured: Capacity): Capacity {
  const desired = live === undefined || live.desired === 0 ? configured.desired : live.desired;
  return { minimum: desired, maximum: Math.max(configured.maximum, desired), desired };
}

function bringUp(facts: RegionFacts, request: PlanRequest): Step[] {
  const { region } = facts;
  const { version, policy } = request;
  const colour = idleOf(facts);
  const capacity = capacityFor(facts.fleets[facts.live], policy.capacity);
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
    gate(facts, request, colour),
    ...smoke,
  ];
}

function gate(facts: RegionFacts, request: PlanRequest, colour: Colour): Step {
  const { region } = facts;
  const { desired } = capacityFor(facts.fleets[facts.live], request.policy.capacity);
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

function moveTraffic(
  facts: RegionFacts,
  request: PlanRequest,
  { soak: soaks, brought }: { soak: boolean; brought: boolean },
): Step[] {
  const { region } = facts;
  const { version, policy } = request;
  const colour = idleOf(facts);
  const production = facts.routes.filter((route) => route.listener === 'production');
  const capacity = capacityFor(facts.fleets[facts.live], policy.capacity);
  const timeoutSeconds = policy.gate.timeoutSeconds;
  const soak: Step[] =
    !soaks || policy.soakSeconds === 0
      ? []
      : [
          {
            kind: 'soak',
            id: `soak:${region}`,
            region,
            colour,
            version,
            instances: capacity.desired,
            seconds: policy.soakSeconds,
            intervalSeconds: policy.gate.intervalSeconds,
          },
        ];
  const idle = facts.fleets[colour];
  const former = brought || idle === undefined ? {} : { former: capacityOf(idle) };
  return [
    { kind: 'hold', id: `hold:${region}`, region, losing: facts.live, found: foundFleets(facts) },
    { kind: 'follow', id: `follow:${region}`, region, colour, version, capacity, timeoutSeconds, ...former },
    {
      kind: 'shift',
      id: `shift:${region}`,
      region,
      from: production.map(asRouteWeights),
      to: production.map((route) => ({ ...asRouteWeights(route), weights: allTo(colour) })),
      towards: colour,
      timeoutSeconds: READ_BACK_SECONDS,
    },
    { kind: 'prove', id: `prove:${region}`, region, version, ...policy.proof },
    ...soak,
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

function asRouteWeights(route: Route): RouteWeights {
  return { id: route.id, label: route.label, weights: route.weights };
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
  return [
    {
      kind: 'traffic-end',
      id: `traffic-end:${region}`,
      region,
      colour,
      quietSeconds: policy.quietSeconds,
      timeoutSeconds,
    },
    { kind: 'retire', id: `retire:${region}`, region, colour, version, timeoutSeconds },
  ];
}
