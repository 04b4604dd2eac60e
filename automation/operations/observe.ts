import { COLOURS, type Colour } from '../../src/domain/colour';
import { BasculeError } from '../../src/domain/errors';
import { healthyInstances, type FleetReading } from '../../src/domain/fleet';
import type { RegionFacts } from '../../src/domain/plan';
import {
  describeWeights,
  liveColour,
  receivesTraffic,
  type Live,
  type Route,
} from '../../src/domain/traffic';
import type { Session } from './session';

/** One region as it was measured, whatever its state. */
export interface RegionReading {
  region: string;
  routes: Route[];
  /** Production rules that forward to neither colour, in words. */
  elsewhere: string[];
  live: Live;
  fleets: Record<Colour, FleetReading | undefined>;
}

/** Measures every region of the environment, side by side. */
export async function readRegions(session: Session): Promise<RegionReading[]> {
  return Promise.all(session.regions.map((region) => readRegion(session, region)));
}

export async function readRegion(session: Session, region: string): Promise<RegionReading> {
  const world = session.world.region(region);
  const [routes, blue, green] = await Promise.all([
    world.traffic.routes(),
    world.fleets.read('blue'),
    world.fleets.read('green'),
  ]);
  const elsewhere = await world.traffic.elsewhere();
  return { region, routes, elsewhere, live: liveColour(routes), fleets: { blue, green } };
}

/**
 * The facts that a plan may be made from.
 * @throws BasculeError BASCULE_TRAFFIC_SHARED (exit code 5) when no single colour is live: which one is to
 *   be replaced would be a guess.
 */
export function requireOneLive(readings: readonly RegionReading[]): RegionFacts[] {
  return readings.map(({ region, routes, elsewhere, live, fleets }) => {
    if (live.kind === 'live') return { region, routes, elsewhere, live: live.colour, fleets };
    throw new BasculeError({
      code: 'BASCULE_TRAFFIC_SHARED',
      message:
        live.kind === 'none'
          ? `No production route in ${region} gives any colour weight.`
          : `The production routes in ${region} do not agree on one live colour.`,
      details: routes.map((route) => `${route.listener} ${route.label}: ${describeWeights(route.weights)}`),
      next: 'Nothing was changed. Give all production routes to one colour, or finish the deployment that shares them.',
      blame: 'world',
      exitCode: 5,
    });
  });
}

/** The release that serves production in a region; null when the live colour has no instance that could serve. */
export function servingVersion(facts: RegionFacts): string | null {
  const live = facts.fleets[facts.live];
  if (live === undefined) return null;
  const versions = new Set(healthyInstances(live).map((instance) => instance.version));
  if (versions.size === 1) return [...versions][0] ?? null;
  return live.desired > 0 ? live.version : null;
}

/** The release that is live in every region; null when there is none, or they differ. */
export function liveVersion(regions: readonly RegionFacts[]): string | null {
  const versions = new Set(regions.map(servingVersion));
  return versions.size === 1 ? ([...versions][0] ?? null) : null;
}

/** The only release that any request reaches, also while traffic is shared; null where there is none or several. */
export function servedVersion(readings: readonly RegionReading[]): string | null {
  const versions = readings.flatMap(({ routes, fleets }) =>
    COLOURS.flatMap((colour) => {
      const fleet = fleets[colour];
      if (fleet === undefined || !receivesTraffic(routes, colour)) return [];
      return healthyInstances(fleet).map(({ version }) => version);
    }),
  );
  const [first, ...others] = new Set(versions);
  return others.length === 0 ? (first ?? null) : null;
}
