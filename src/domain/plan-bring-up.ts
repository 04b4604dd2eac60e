import { capacityAt, type Share } from './capacity';
import { idleOf, type PlanRequest, type RegionFacts } from './plan-request';
import { testSteps } from './plan-tests';
import type { MigrationPhase, Step } from './step';

/** The idle fleet at the new release, and the test listener at it. */
export function applied(facts: RegionFacts, request: PlanRequest, share: Share): Step[] {
  const { region } = facts;
  const { version, policy } = request;
  const colour = idleOf(facts);
  const capacity = capacityAt(facts.fleets[facts.live], policy.capacity, share);
  const idle = facts.fleets[colour];
  const stale = idle?.instances.some((instance) => instance.version !== version) ?? false;
  const clear: Step[] = stale
    ? [{ kind: 'clear-idle', id: `clear-idle:${region}`, region, colour, version }]
    : [];
  return [
    ...clear,
    { kind: 'apply-idle', id: `apply-idle:${region}`, region, colour, version, capacity },
    { kind: 'point-test', id: `point-test:${region}`, region, colour, settling: false },
  ];
}

export function gate(facts: RegionFacts, request: PlanRequest, share: Share): Step {
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

/** What is tried through the test listener once the fleet is healthy. */
export function tried({ region }: RegionFacts, { version, policy }: PlanRequest): Step[] {
  const smoke: Step[] =
    policy.smoke.length === 0
      ? []
      : [{ kind: 'smoke', id: `smoke:${region}`, region, version, requests: policy.smoke }];
  return [...smoke, ...testSteps('idle', { region, version, tests: policy.tests })];
}

/** Once for the whole deployment. */
export function migrate(phase: MigrationPhase, request: PlanRequest): Step[] {
  const { version, schema = null, policy } = request;
  const [facts] = request.regions;
  const hook = policy.migrate?.[phase];
  if (hook === undefined || facts === undefined) return [];
  const { region } = facts;
  const id = `${phase}:${region}`;
  return [{ kind: 'migrate', id, region, phase, version, colour: idleOf(facts), schema, ...hook }];
}
