import { foundRegion } from './found';
import { firstShare, WHOLE } from './capacity';
import { approvalSteps } from './plan-approvals';
import { applied, gate, migrate, tried } from './plan-bring-up';
import {
  cutover,
  finalFollow,
  holdStill,
  moveWave,
  prove,
  watchBetween,
  withoutComparison,
} from './plan-move';
import { isWarm, type PlanRequest, type RegionFacts } from './plan-request';
import { release, retireByPolicy, retireNow, settle } from './plan-settle';
import type { Plan } from './records';
import type { Step } from './step';
import { ONE_BY_ONE, wavesOf } from './waves';

export { isWarm } from './plan-request';
export type { DeploymentPolicy, PlanRequest, RegionFacts } from './plan-request';

/**
 * A new release, wave by wave: bring the idle colours up, prove them, cut over by strategy, soak. What was held is
 * given back, and the former colours are let go by policy, once no region turns back any more.
 */
export function planDeploy(asked: PlanRequest): Plan {
  const waves = wavesIn(asked);
  const request = { ...asked, regions: waves.flat() };
  const steps: Step[] = [
    ...approvalSteps('start', request),
    ...waves.flatMap((wave, index) => [
      ...bringUpWave(wave, request),
      ...(index === 0 ? approvalSteps('shift', request) : []),
      // All regions share the database, and none of them moves before it has what the release needs.
      ...(index === 0 ? migrate('expand', request) : []),
      ...moveWave(wave, request, index + 1),
      ...(index + 1 < waves.length ? watchBetween(waves.slice(0, index + 1).flat(), request, index + 1) : []),
    ]),
    ...request.regions.flatMap(release),
    ...request.regions.flatMap((facts) => settle(facts, request)),
    ...approvalSteps('retire', request),
    // Once nothing turns back any more, in no region.
    ...migrate('contract', request),
    ...request.regions.flatMap((facts) => retireByPolicy(facts, request)),
  ];
  return { ...heading(request, waves), purpose: 'deploy', steps };
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
      brought(facts)
        ? [...applied(facts, request, WHOLE), gate(facts, request, WHOLE), ...tried(facts, request)]
        : [gate(facts, request, WHOLE)],
    ),
    ...request.regions.flatMap((facts) => [
      holdStill(facts),
      finalFollow(facts, request, brought(facts)),
      cutover(facts),
      prove(facts, request),
    ]),
    ...request.regions.flatMap(release),
    ...request.regions.flatMap((facts) => settle(facts, request)),
  ];
  return { ...heading(request, [request.regions]), purpose: 'rollback', steps };
}

/** Let the idle colour go now. */
export function planRetire(request: PlanRequest): Plan {
  const steps = request.regions.flatMap((facts) => retireNow(facts, request));
  return { ...heading(request, [request.regions]), purpose: 'retire', steps };
}

function heading(
  request: PlanRequest,
  waves: readonly (readonly RegionFacts[])[],
): Omit<Plan, 'purpose' | 'steps'> {
  const { environment, service, version, formerVersion, schema, policy } = request;
  const found = request.regions.map(foundRegion);
  const declared = schema === undefined ? {} : { schema };
  const scalesIdle = policy.scalesIdle ?? false;
  const { onFailure, patienceSeconds } = policy.waves ?? ONE_BY_ONE;
  const order = waves.map((wave) => wave.map(({ region }) => region));
  const { unplanned = [] } = request;
  const whole = unplanned.length === 0 ? order : [...order, unplanned];
  const several = whole.flat().length < 2 ? {} : { waves: { order: whole, onFailure, patienceSeconds } };
  const leftOut = unplanned.length === 0 ? {} : { unplanned };
  return {
    environment,
    service,
    version,
    formerVersion,
    ...declared,
    ...several,
    ...leftOut,
    found,
    scalesIdle,
  };
}

function wavesIn({ regions, policy }: PlanRequest): RegionFacts[][] {
  const names = regions.map(({ region }) => region);
  const waves = wavesOf(names, policy.waves ?? ONE_BY_ONE);
  return waves.map((wave) => wave.flatMap((name) => regions.filter(({ region }) => region === name)));
}

/** First the fleets of all its regions start, then each is proven: they boot side by side. */
function bringUpWave(wave: readonly RegionFacts[], request: PlanRequest): Step[] {
  const each = wave.map((facts) => {
    const own = withoutComparison(facts, request);
    return { facts, own, share: firstShare(own.policy) };
  });
  return [
    ...each.flatMap(({ facts, own, share }) => applied(facts, own, share)),
    ...each.map(({ facts, own, share }) => gate(facts, own, share)),
    ...each.flatMap(({ facts, own }) => tried(facts, own)),
  ];
}
