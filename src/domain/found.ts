import { limitsOf } from './fleet';
import type { RegionFacts } from './plan';
import type { FoundRegion } from './records';
import type { FoundFleets } from './step';
import type { Route, RouteWeights } from './traffic';

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

/** Both fleets as a plan found them. */
export function foundFleets({ fleets }: Pick<RegionFacts, 'fleets'>): FoundFleets {
  return { blue: limitsOf(fleets.blue), green: limitsOf(fleets.green) };
}

/** What a plan remembers of a route. */
export function asRouteWeights(route: Route): RouteWeights {
  return { id: route.id, label: route.label, weights: route.weights };
}
