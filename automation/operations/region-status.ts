import { COLOURS, type Colour } from '../../src/domain/colour';
import { healthyInstances, type FleetReading } from '../../src/domain/fleet';
import { describeInstance } from '../../src/domain/health';
import { driftOfRegion, servedVersions, type Standard } from '../../src/domain/region-status';
import type { Difference } from '../../src/domain/release-set';
import { replay, type DeploymentState } from '../../src/domain/replay';
import { describeWeights, type Route } from '../../src/domain/traffic';
import type { Image } from '../../src/ports';
import { isNoAnswer } from '../driver/interruptions';
import { readRegion, type RegionReading } from './observe';
import { findImages } from './planning';
import { lookAtReleaseSet } from './release-set';
import type { Session } from './session';

export interface FleetStatus {
  colour: Colour;
  version: string | null;
  /** `live`, `idle`, or `shared` while requests go to both colours. */
  role: 'live' | 'idle' | 'shared';
  healthy: number;
  desired: number;
  minimum: number;
  maximum: number;
  instances: string[];
}

export interface RegionStatus {
  region: string;
  /** Why nothing is known of it, where it gave no answer; null where it did. */
  unknown: string | null;
  live: Colour | null;
  /** The release that its production requests reach; null while there is none, or several. */
  version: string | null;
  url: string;
  testUrl: string;
  routes: { listener: Route['listener']; label: string; weights: string }[];
  fleets: FleetStatus[];
  /** In what it is not as the release set says; empty where it is. */
  drift: string[];
}

/** How many journals are looked through for the last deployment that succeeded. */
const MOST_JOURNALS = 20;

type Looked = { kind: 'seen'; reading: RegionReading } | { kind: 'silent'; region: string; why: string };

/** What every region serves, side by side; one that gives no answer holds up none of the others. */
export async function regionStatuses(
  session: Session,
  open: DeploymentState | undefined,
): Promise<RegionStatus[]> {
  const [looked, settled] = await Promise.all([
    Promise.all(session.regions.map((region) => looksAt(session, region))),
    settledVersion(session),
  ]);
  const readings = looked.flatMap((one) => (one.kind === 'seen' ? [one.reading] : []));
  const served = new Map(readings.map((reading) => [reading.region, servedVersions(reading)]));
  const releases = await releaseSets(session, [...new Set([...served.values()].flat())], [...served.keys()]);
  const standard = { settled, underWay: open?.plan.version ?? null, served, ...releases };
  return looked.map((one) =>
    one.kind === 'seen' ? seen(session, one.reading, standard) : unknown(session, one.region, one.why),
  );
}

async function looksAt(session: Session, region: string): Promise<Looked> {
  try {
    return { kind: 'seen', reading: await readRegion(session, region) };
  } catch (thrown) {
    if (!isNoAnswer(thrown)) throw thrown;
    return { kind: 'silent', region, why: thrown.message };
  }
}

/** The release that the last deployment which succeeded left, by the journals; null where there was none. */
async function settledVersion({ journal }: Session): Promise<string | null> {
  const newest = (await journal.list()).reverse().slice(0, MOST_JOURNALS);
  for (const id of newest) {
    const records = await journal.read(id);
    const state = records.length === 0 ? undefined : replay(records);
    if (state?.closed?.outcome !== 'succeeded' || state.plan.purpose === 'retire') continue;
    return state.plan.version;
  }
  return null;
}

/** The images and bundles of the releases that are served, in the regions that answer. */
async function releaseSets(
  session: Session,
  versions: readonly string[],
  regions: readonly string[],
): Promise<Pick<Standard, 'images' | 'differences'>> {
  const images = new Map<string, string | null>();
  const differences = new Map<string, Difference[]>();
  const { world, service, imageOwners } = session;
  await Promise.all(
    versions.map(async (version) => {
      try {
        const found = await findImages(world.images, { service, regions, imageOwners }, version);
        const there = [...found.values()].filter((image): image is Image => image !== undefined);
        differences.set(version, await lookAtReleaseSet(world.bundles, there));
        for (const [region, image] of found) images.set(`${region} ${version}`, image?.id ?? null);
      } catch (thrown) {
        // What serves is known; only what it is held against is not.
        if (!isNoAnswer(thrown)) throw thrown;
      }
    }),
  );
  return { images, differences };
}

function unknown(session: Session, region: string, why: string): RegionStatus {
  const { productionUrl: url, testUrl } = session.world.region(region);
  const nothing = { live: null, version: null, routes: [], fleets: [], drift: [] };
  return { region, unknown: why, url, testUrl, ...nothing };
}

function seen(session: Session, reading: RegionReading, standard: Standard): RegionStatus {
  const world = session.world.region(reading.region);
  const versions = servedVersions(reading);
  return {
    region: reading.region,
    unknown: null,
    live: reading.live.kind === 'live' ? reading.live.colour : null,
    version: versions.length === 1 ? (versions[0] ?? null) : null,
    url: world.productionUrl,
    testUrl: world.testUrl,
    routes: reading.routes.map(({ listener, label, weights }) => ({
      listener,
      label,
      weights: describeWeights(weights),
    })),
    fleets: COLOURS.flatMap((colour) => {
      const fleet = reading.fleets[colour];
      return fleet === undefined ? [] : [fleetStatus(fleet, reading)];
    }),
    drift: driftOfRegion(reading, standard),
  };
}

function fleetStatus(fleet: FleetReading, reading: RegionReading): FleetStatus {
  const { colour, version, desired, minimum, maximum } = fleet;
  const role = reading.live.kind !== 'live' ? 'shared' : reading.live.colour === colour ? 'live' : 'idle';
  return {
    colour,
    version,
    role,
    healthy: healthyInstances(fleet).length,
    desired,
    minimum,
    maximum,
    instances: fleet.instances.map(
      (instance) => `${describeInstance(instance)}, version ${instance.version ?? 'unknown'}`,
    ),
  };
}
