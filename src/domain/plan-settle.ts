import type { Colour } from './colour';
import { foundFleets } from './found';
import { idleOf, type DeploymentPolicy, type PlanRequest, type RegionFacts } from './plan-request';
import type { Step } from './step';

/** After the soak of every region: until then traffic may have to go back, to a fleet that did not shrink. */
export function release(facts: RegionFacts): Step[] {
  const { region, live: losing } = facts;
  const found = foundFleets(facts);
  return [{ kind: 'release', id: `release:${region}`, region, hold: `hold:${region}`, losing, found }];
}

export function settle(facts: RegionFacts, request: PlanRequest): Step[] {
  const { region, live } = facts;
  const colour = idleOf(facts);
  const { version, policy } = request;
  return [
    { kind: 'unpin', id: `unpin:${region}`, region, colour, version, capacity: policy.capacity },
    { kind: 'point-test', id: `point-test-former:${region}`, region, colour: live, settling: true },
  ];
}

export function retireByPolicy(facts: RegionFacts, request: PlanRequest): Step[] {
  const { region, live } = facts;
  const { when, afterSeconds } = request.policy.retire;
  const former = facts.fleets[live];
  if (when !== 'after' || former === undefined || former.desired === 0) return [];
  return [
    { kind: 'keep-warm', id: `keep-warm:${region}`, region, colour: live, seconds: afterSeconds },
    ...letGo(region, live, request.formerVersion ?? former.version ?? request.version, request.policy),
  ];
}

export function retireNow(facts: RegionFacts, request: PlanRequest): Step[] {
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
