import { otherColour, type Colour } from './colour';
import { foundRegion } from './found';
import {
  isWarm,
  planDeploy,
  planRetire,
  planRollback,
  type DeploymentPolicy,
  type PlanRequest,
  type RegionFacts,
} from './plan';
import { approvalsOfPlan } from './plan-approvals';
import { testsOfPlan } from './plan-tests';
import type { Plan } from './records';
import type { DeploymentState } from './replay';
import type { Shift, Step } from './step';
import { allTo, getsAtLeast, soleColour, type Route, type RouteWeights } from './traffic';

/** A region as a person left it and accepts it; its traffic may be shared between the colours. */
export type AcceptedRegion = Omit<RegionFacts, 'live'>;

export interface Replan {
  plan: Plan;
  /** Ids of steps that are as good as done. */
  adopted: string[];
}

/** The colour that gains in each region of a deployment: it stays the same whatever was changed by hand. */
function gaining(plan: Plan): Map<string, Colour> {
  return new Map(
    plan.steps.flatMap((step): [string, Colour][] => {
      if (step.kind === 'shift') return [[step.region, step.towards]];
      // Letting a colour go leaves the other one where it is.
      if (plan.purpose === 'retire' && step.kind === 'retire') return [[step.region, step.colour]];
      return [];
    }),
  );
}

/** A new plan towards the same release, from what is there. */
export function replanForward(
  state: DeploymentState,
  regions: readonly AcceptedRegion[],
  policy: DeploymentPolicy,
): Replan {
  const { plan } = state;
  const towards = gaining(plan);
  const facts = regions.flatMap((region): RegionFacts[] => {
    const colour = towards.get(region.region);
    return colour === undefined ? [] : [{ ...region, live: otherColour(colour) }];
  });
  const { environment, service, version, formerVersion, schema } = plan;
  const fresh = planFor(plan.purpose, {
    environment,
    service,
    version,
    formerVersion,
    ...(schema && { schema }),
    ...(plan.unplanned && { unplanned: plan.unplanned }),
    regions: facts,
    policy: { ...policy, tests: testsOfPlan(plan), approvals: approvalsOfPlan(plan) },
  });
  const steps = fresh.steps.map((step) => (step.kind === 'shift' ? fromThere(step) : step));
  const adopted = facts.flatMap((region) => adoptedIn(region, steps, state));
  return { plan: { ...fresh, steps }, adopted };
}

function planFor(purpose: Plan['purpose'], request: PlanRequest): Plan {
  switch (purpose) {
    case 'deploy':
      return planDeploy(request);
    case 'rollback':
      return planRollback(request);
    case 'retire':
      return planRetire(request);
  }
}

/** The shift begins where a person left the weights; its way back still leads to the former colour alone. */
function fromThere(step: Shift): Shift {
  const former = allTo(otherColour(step.towards));
  const there = step.from;
  return {
    ...step,
    accepted: there,
    from: there.map((route) => ({ ...route, weights: former })),
    to: isReached(step.percent, there, step.towards)
      ? there
      : step.to.map((route, index) => {
          const now = there[index]?.weights;
          // All of it goes there already, in whatever numbers.
          return now !== undefined && soleColour(now) === step.towards ? { ...route, weights: now } : route;
        }),
  };
}

/** Whether each route gives the colour that gains a stage's share already: no such stage takes any of it back. */
function isReached(
  percent: number | undefined,
  routes: readonly Pick<Route, 'weights'>[],
  towards: Colour,
): boolean {
  return percent !== undefined && routes.every(({ weights }) => getsAtLeast(weights, towards, percent));
}

/** What the former plan did and nobody changed since. */
function adoptedIn(facts: RegionFacts, steps: readonly Step[], state: DeploymentState): string[] {
  const { region } = facts;
  const towards = otherColour(facts.live);
  const here = steps.filter((step) => step.region === region);
  const production = facts.routes.filter((route) => route.listener === 'production');
  const serves = production.some((route) => route.weights[towards] > 0);
  const alone = production.every((route) => soleColour(route.weights) === towards);
  const phase = (id: string): string => state.steps[id]?.phase ?? 'pending';
  // Once the fleets were to be given back every soak was over: what is left never moves traffic.
  const settled = alone && phase(`release:${region}`) !== 'pending';
  const last = here.findIndex((step) => step.kind === 'release');
  if (settled) return here.slice(0, last + 1).map((step) => step.id);
  const up = serves || isWarm(facts, state.plan.version);
  const reached = here.filter(
    (step) => step.kind === 'analyse' && isReached(step.percent, production, towards),
  );
  // Of the weights that were gone past only the last is looked at, unless it was.
  const lookedAt = reached.filter(
    (step) => alone || step !== reached.at(-1) || phase(step.id) === 'verified',
  );
  return here
    .filter(
      (step) =>
        (up && (step.kind === 'clear-idle' || step.kind === 'apply-idle')) ||
        lookedAt.includes(step) ||
        (step.kind === 'soak' && phase(step.id) === 'verified'),
    )
    .map((step) => step.id);
}

/** The same plan, with a way back that begins where a person left the weights. */
export function replanBack(state: DeploymentState, regions: readonly AcceptedRegion[]): Replan {
  const found = regions.map(foundRegion);
  const steps = state.plan.steps.map((step): Step => {
    const there = found.find(({ region }) => region === step.region)?.routes;
    if (step.kind !== 'shift' || there === undefined) return step;
    const weights = allTo(otherColour(step.towards));
    const from: RouteWeights[] = there.map((route) => ({ ...route, weights }));
    return { ...step, from, to: there };
  });
  return { plan: { ...state.plan, steps, found }, adopted: [] };
}
