import type { EnvironmentConfig } from '../config';
import { COLOURS } from '../colour';
import type { RegionFacts } from '../plan';
import type { FoundRegion, Plan } from '../records';
import type { Step } from '../step';
import type { Strategy } from '../strategy';
import type { PlanSections, PreviewedImage, StackPreview } from './preview';

/** What a plan rests on and does: all that must be the same for it to be the same plan. */
export interface PlanBasis {
  plan: Plan;
  regions: readonly RegionFacts[];
  config: EnvironmentConfig;
  /** As this deployment has it, which may not be as configured. */
  strategy: Strategy;
  images: readonly PreviewedImage[];
  /** Those that the deployment applies. */
  stacks: readonly StackPreview[];
}

/**
 * What the hash of a plan is made of. Times, expected durations, prices and warnings do not belong to it; what
 * was found of the fleets does, so that a plan that was made for other numbers is not run.
 */
export function sectionsOf({ plan, regions, config, strategy, images, stacks }: PlanBasis): PlanSections {
  const { environment, service, version, formerVersion, schema } = plan;
  return {
    version: { environment, service, version, formerVersion, ...(schema && { schema }) },
    config: { environment: whatRuns(config), strategy },
    images: byKey(images, ({ region, found }) => [region, found]),
    routes: byKey(plan.found ?? [], (found) => [found.region, routesSection(found)]),
    fleets: byKey(regions, (facts) => [facts.region, fleetsSection(facts)]),
    steps: {
      order: plan.steps.map(({ id }) => id),
      ...byKey(plan.steps, (step) => [step.id, stepSection(step)]),
    },
    stacks: byKey(stacks, (stack) => [stack.stack, stackSection(stack)]),
  };
}

function byKey<T>(list: readonly T[], entry: (one: T) => [string, unknown]): Record<string, unknown> {
  return Object.fromEntries(list.map(entry));
}

/** What a deployment costs, and who is told of it, changes nothing of what it does. */
function whatRuns(config: EnvironmentConfig): Omit<EnvironmentConfig, 'prices' | 'notifications'> {
  const { prices: _prices, notifications: _notifications, ...rest } = config;
  return rest;
}

function routesSection({ routes, elsewhere }: FoundRegion): Record<string, unknown> {
  return {
    routes: byKey(routes, ({ id, label, weights }) => [label, { id, weights }]),
    elsewhere: elsewhere ?? [],
  };
}

function fleetsSection({ live, fleets }: RegionFacts): Record<string, unknown> {
  const found = byKey(COLOURS, (colour) => {
    const fleet = fleets[colour];
    if (fleet === undefined) return [colour, null];
    const { version, minimum, maximum, desired, suspended } = fleet;
    return [colour, { version, minimum, maximum, desired, suspended }];
  });
  return { live, ...found };
}

/** What a step repeats of the routes and fleets is compared once, there. */
function stepSection(step: Step): unknown {
  if (step.kind === 'shift') {
    const { from, to, ...rest } = step;
    const weights = new Map(to.map((route) => [JSON.stringify(route.weights), route.weights]));
    return { ...rest, routes: from.length, to: [...weights.values()] };
  }
  if (step.kind === 'hold' || step.kind === 'release') {
    const { found: _, ...rest } = step;
    return rest;
  }
  return step;
}

function stackSection({ resources, unchanged }: StackPreview): Record<string, unknown> {
  return {
    ...byKey(resources, ({ operation, type, name, properties }) => [
      `${type} ${name}`,
      { operation, properties: byKey(properties, ({ path, ...change }) => [path, change]) },
    ]),
    unchanged,
  };
}
