import { COLOURS, otherColour, type Colour } from './colour';

/** How a forward action shares requests between the colours; 0 to 999 each (elbv2 API, TargetGroupTuple). */
export type Weights = Record<Colour, number>;

/** The weight given to the colour that receives everything. */
export const FULL_WEIGHT = 100;

/** All the traffic for one colour; the other stays in the action with weight 0 so that it is health-checked. */
export function allTo(colour: Colour): Weights {
  return colour === 'blue' ? { blue: FULL_WEIGHT, green: 0 } : { blue: 0, green: FULL_WEIGHT };
}

/** A share of the traffic for one colour, in per cent, and the rest for the other. */
export function shared(gaining: Colour, percent: number): Weights {
  const rest = FULL_WEIGHT - percent;
  return gaining === 'blue' ? { blue: percent, green: rest } : { blue: rest, green: percent };
}

/** Whether a colour gets at least so many per cent of a route's requests. */
export function getsAtLeast(weights: Weights, colour: Colour, percent: number): boolean {
  const total = weights.blue + weights.green;
  return total > 0 && weights[colour] * 100 >= percent * total;
}

/** A default action or a rule of a listener that forwards to the environment's colours. */
export interface Route {
  /** ARN of the rule, or of the listener for its default action. */
  id: string;
  kind: 'default' | 'rule';
  listener: 'production' | 'test';
  /** For people: `default action`, or `rule 10 (path /api/*)`. */
  label: string;
  weights: Weights;
}

export type RouteWeights = Pick<Route, 'id' | 'label' | 'weights'>;

export type Live =
  | { kind: 'live'; colour: Colour }
  /** Requests are shared between the colours, or the routes disagree. */
  | { kind: 'mixed' }
  /** There is no route, or none has any weight. */
  | { kind: 'none' };

export function sameWeights(one: Weights, other: Weights): boolean {
  return COLOURS.every((colour) => one[colour] === other[colour]);
}

/** The colour that receives everything through a route; undefined while it is shared or has no weight. */
export function soleColour(weights: Weights): Colour | undefined {
  return COLOURS.find((colour) => weights[colour] > 0 && weights[otherColour(colour)] === 0);
}

/** Which colour is live, as the production routes say; never taken from anywhere else. */
export function liveColour(routes: readonly Route[]): Live {
  const production = routes.filter((route) => route.listener === 'production');
  const carrying = production.filter((route) => COLOURS.some((colour) => route.weights[colour] > 0));
  if (carrying.length === 0) return { kind: 'none' };
  const first = soleColour(carrying[0]?.weights ?? { blue: 0, green: 0 });
  const agreed = first !== undefined && carrying.every((route) => soleColour(route.weights) === first);
  return agreed ? { kind: 'live', colour: first } : { kind: 'mixed' };
}

/** Whether any production route gives this colour weight. */
export function receivesTraffic(routes: readonly Route[], colour: Colour): boolean {
  return routes.some((route) => route.listener === 'production' && route.weights[colour] > 0);
}

export function describeWeights(weights: Weights): string {
  return `blue ${weights.blue}, green ${weights.green}`;
}

export interface Drift {
  label: string;
  expected: string;
  found: string;
}

/**
 * Compares routes as they are with what they may be: every expected route must be there with one of the
 * allowed weights, and no route may be there that was not expected.
 */
export function driftOf(found: readonly Route[], allowed: readonly RouteWeights[][]): Drift[] {
  const expectedIds = new Set(allowed.flatMap((list) => list.map((route) => route.id)));
  const byId = new Map(found.map((route) => [route.id, route]));
  const drifts: Drift[] = [];
  for (const id of expectedIds) {
    const options = allowed.flatMap((list) => list.filter((route) => route.id === id));
    const route = byId.get(id);
    const label = options[0]?.label ?? id;
    const expected = [...new Set(options.map((option) => describeWeights(option.weights)))].join(' or ');
    if (route === undefined) drifts.push({ label, expected, found: 'the route is gone' });
    else if (!options.some((option) => sameWeights(option.weights, route.weights)))
      drifts.push({ label, expected, found: describeWeights(route.weights) });
  }
  for (const route of found)
    if (!expectedIds.has(route.id))
      drifts.push({
        label: route.label,
        expected: 'no such route when the deployment was planned',
        found: describeWeights(route.weights),
      });
  return drifts;
}
