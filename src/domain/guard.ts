import type { Colour } from './colour';
import { otherColour } from './colour';
import type { FleetStackConfig } from './config/stack-config';
import type { FleetLimits } from './fleet';
import { describeWeights, liveColour, receivesTraffic, type Route } from './traffic';

/** What a Pulumi program reads of one region of AWS before it changes anything there. */
export interface RegionLook {
  /** All production and test routes, all pages. */
  routes(): Promise<Route[]>;
  /** The limits of both fleets; a colour without a group is undefined. */
  limits(): Promise<Record<Colour, FleetLimits | undefined>>;
  /** How many instances of each colour could serve requests at this instant. */
  healthy(): Promise<Record<Colour, number>>;
}

/** Where to look. */
export interface LookPlace {
  region: string;
  productionListenerArn: string;
  testListenerArn: string;
  /** ARNs. */
  targetGroups: Record<Colour, string>;
  /** Names of the Auto Scaling groups. */
  groups: Record<Colour, string>;
}

/** How a program learns what is live, and what it does about it. */
export interface Guard {
  lookAt(place: LookPlace): RegionLook;
  /** Whether the program refuses to harm what is live. The driver looks and refuses by itself, right before it. */
  refuses: boolean;
}

/** The colour that production requests go to, in one word; `unknown` where the listeners could not be read. */
export type LiveWord = Colour | 'mixed' | 'none' | 'unknown';

/** In one word which colour is live. */
export function liveWord(routes: readonly Route[]): LiveWord {
  const live = liveColour(routes);
  return live.kind === 'live' ? live.colour : live.kind;
}

/** `blue is live in eu-west-3 (default action: blue 100, green 0)` */
export function liveText(region: string, routes: readonly Route[]): string {
  const word = liveWord(routes);
  const production = routes.filter((route) => route.listener === 'production');
  const byDefault = production.find((route) => route.kind === 'default');
  const weights = byDefault === undefined ? '' : ` (default action: ${describeWeights(byDefault.weights)})`;
  switch (word) {
    case 'none':
    case 'unknown':
      return `No colour is live in ${region}: no route of the production listener gives either of them weight.`;
    case 'mixed':
      return `Both colours are live in ${region}${weights}.`;
    default:
      return `${word} is live in ${region}${weights}.`;
  }
}

/** What a fleet's stack last applied; undefined where it is not known. */
export interface AppliedRelease {
  version: string | undefined;
  imageId: string | undefined;
}

/** What a fleet's stack is about to apply. */
export interface WantedFleet {
  version: string;
  imageId: string;
  minimum: number;
  maximum: number;
}

/** A fleet's stack, and what stands there now. */
export interface FleetChange {
  stack: string;
  region: string;
  colour: Colour;
  applied: AppliedRelease;
  /** Undefined when the fleet is not there. */
  limits: FleetLimits | undefined;
  wanted: WantedFleet;
}

/** Why a program does not go on. */
export interface Refusal {
  code: string;
  message: string;
  details: string[];
  next: string;
}

/** What of a change would be felt by requests if the fleet had any: `version: 1.0.0 → 2.0.0`. */
export function harmsOf({ applied, limits, wanted }: FleetChange): string[] {
  // Nothing runs there that could be harmed.
  if (limits === undefined || limits.desired === 0) return [];
  const otherRelease = applied.version !== wanted.version;
  return [
    ...(otherRelease ? [`version: ${applied.version ?? 'not known'} → ${wanted.version}`] : []),
    ...(applied.imageId === wanted.imageId
      ? []
      : [`image: ${applied.imageId ?? 'not known'} → ${wanted.imageId}`]),
    ...lowered('minimum', limits.minimum, wanted.minimum),
    ...lowered('maximum', limits.maximum, wanted.maximum),
  ];
}

function lowered(what: string, now: number, wanted: number): string[] {
  return wanted < now ? [`${what}: ${now} → ${wanted}`] : [];
}

/** Whether Auto Scaling would take instances away at once. */
export function takesInstances({ limits, wanted }: FleetChange): boolean {
  return limits !== undefined && wanted.maximum < limits.desired;
}

/** Whether the stack's own configuration allows what would else be refused, for this release. */
export function isAllowed({ version, allowLiveChange }: FleetStackConfig): boolean {
  return allowLiveChange === version;
}

/** Why a harmful change of a fleet with production traffic is refused; undefined when it has none. */
export function refusalOfLive(
  change: FleetChange,
  harms: readonly string[],
  routes: readonly Route[],
): Refusal | undefined {
  const { colour, region } = change;
  if (harms.length === 0 || !receivesTraffic(routes, colour)) return undefined;
  const carrying = routes.filter((route) => route.listener === 'production' && route.weights[colour] > 0);
  return {
    code: 'BASCULE_FLEET_IS_LIVE',
    message: `The ${colour} fleet in ${region} receives production traffic, so it is not changed.`,
    details: [
      ...harms.map((harm) => `would change ${harm}`),
      ...firstFew(carrying).map((route) => `${route.label}: ${describeWeights(route.weights)}`),
      ...(carrying.length > SHOWN ? [`and ${carrying.length - SHOWN} more routes`] : []),
    ],
    next: `Deploy instead, which brings up the idle colour: bascule deploy ${environmentOf(change)} --version ${change.wanted.version}. ${insistence(change)}`,
  };
}

/**
 * Why instances are not taken from the only colour that has healthy ones, with traffic or without: it is what
 * requests could still be sent to. Undefined when the other colour has some as well, or this one has none.
 */
export function refusalOfOnlyHealthy(
  change: FleetChange,
  healthy: Record<Colour, number>,
): Refusal | undefined {
  const { colour, region } = change;
  const other = otherColour(colour);
  if (healthy[colour] === 0 || healthy[other] > 0) return undefined;
  return {
    code: 'BASCULE_ONLY_HEALTHY_COLOUR',
    message: `The ${colour} fleet in ${region} is the only one with healthy instances, so none are taken from it.`,
    details: [
      `${colour}: ${healthy[colour]} healthy, ${change.limits?.desired ?? 0} wanted now, ${change.wanted.maximum} at most afterwards`,
      `${other}: none healthy`,
    ],
    next: `Let ${other} become healthy first, or send the traffic back to ${colour}: bascule rollback ${environmentOf(change)}. ${insistence(change)}`,
  };
}

/** Why nothing is changed where it could not be read what is live. */
export function refusalOfUnknown(change: Pick<FleetChange, 'stack' | 'region'>, why: string): Refusal {
  return {
    code: 'BASCULE_LIVE_UNKNOWN',
    message: `It cannot be read what is live in ${change.region}, so nothing is changed there.`,
    details: why.split('\n'),
    next: `Mend what is named above and run this again. No answer of AWS counts as live.`,
  };
}

function insistence({ stack, wanted }: FleetChange): string {
  return `To do it all the same: in Pulumi.${stack}.yaml, under bascule:fleet, write allowLiveChange: ${wanted.version}. The next deployment removes it.`;
}

const SHOWN = 5;

function firstFew(routes: readonly Route[]): readonly Route[] {
  return routes.slice(0, SHOWN);
}

function environmentOf({ stack }: Pick<FleetChange, 'stack'>): string {
  return stack.split('.')[0] ?? stack;
}

/** A refusal as a Pulumi program says it; the code comes first, for machines. */
export function refusalText({ code, message, details, next }: Refusal): string {
  return [`${code}: ${message}`, ...details.map((line) => `  ${line}`), `  Next: ${next}`].join('\n');
}
