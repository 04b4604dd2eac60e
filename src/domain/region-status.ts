/** What one region serves, and in what it drifted from the release that all regions should have. Pure. */
import { COLOURS, type Colour } from './colour';
import { healthyInstances, type FleetReading, type InstanceReading } from './fleet';
import type { Difference } from './release-set';
import { receivesTraffic, type Route } from './traffic';

/** One region as it was measured. */
export interface Measured {
  region: string;
  routes: readonly Route[];
  fleets: Record<Colour, FleetReading | undefined>;
}

/** What the regions are held against. */
export interface Standard {
  /** The release that the last succeeded deployment left; null where none is known. */
  settled: string | null;
  /** The release of the deployment that has begun and not ended, which a region may serve as well. */
  underWay: string | null;
  /** The image of each release in each region, `<region> <version>`; null where it has none any more. */
  images: ReadonlyMap<string, string | null>;
  /** What keeps each release from being one set, by version. */
  differences: ReadonlyMap<string, readonly Difference[]>;
  /** What each region serves, those that gave no answer left out. */
  served: ReadonlyMap<string, readonly string[]>;
}

/** The fleets that any production request may reach. */
function serving({ routes, fleets }: Measured): FleetReading[] {
  return COLOURS.flatMap((colour) => {
    const fleet = fleets[colour];
    return fleet !== undefined && receivesTraffic(routes, colour) ? [fleet] : [];
  });
}

/** The releases that requests reach, by the instances that would answer them; in alphabetical order. */
export function servedVersions(measured: Measured): string[] {
  const versions = serving(measured).flatMap((fleet) => {
    const healthy = healthyInstances(fleet).flatMap(({ version }) => version ?? []);
    return healthy.length > 0 ? healthy : fleet.desired > 0 ? [fleet.version] : [];
  });
  return [...new Set(versions.filter((version) => version !== null))].sort();
}

/** Clauses, each with one thing that is not as it should be; none where the region has what all should have. */
export function driftOfRegion(measured: Measured, standard: Standard): string[] {
  const versions = servedVersions(measured);
  return [
    ...versionDrift(measured.region, versions, standard),
    ...serving(measured).flatMap((fleet) => fleetDrift(measured.region, fleet, standard)),
    ...versions.flatMap((version) =>
      (standard.differences.get(version) ?? [])
        .filter(({ region }) => region === measured.region)
        .map(({ what }) => `${version}: ${what}`),
    ),
  ];
}

function versionDrift(
  region: string,
  versions: readonly string[],
  { settled, underWay, served }: Standard,
): string[] {
  const serves = versions.length === 0 ? 'nothing that is healthy' : versions.join(' and ');
  if (settled !== null) {
    const strange = versions.filter((version) => version !== settled && version !== underWay);
    const several = underWay === null && versions.length > 1;
    if (strange.length === 0 && !several && versions.length > 0) return [];
    return [`serves ${serves}; the last deployment that succeeded left ${settled}`];
  }
  if (underWay !== null) return [];
  return [...served].flatMap(([other, theirs]) =>
    other === region || theirs.join() === versions.join()
      ? []
      : [`serves ${serves}; ${other} serves ${theirs.length === 0 ? 'nothing' : theirs.join(' and ')}`],
  );
}

function fleetDrift(region: string, fleet: FleetReading, { images }: Standard): string[] {
  const healthy = healthyInstances(fleet);
  const unlike = fleet.version === null ? [] : healthy.filter(({ version }) => version !== fleet.version);
  return [
    ...(unlike.length > 0
      ? [
          `${unlike.length} of ${healthy.length} instances on ${fleet.colour} run another release than new ones get, ${fleet.version}`,
        ]
      : []),
    ...imageDrift(region, healthy, images),
  ];
}

function imageDrift(
  region: string,
  instances: readonly InstanceReading[],
  images: ReadonlyMap<string, string | null>,
): string[] {
  const unlike = new Map<string, number>();
  for (const { version, imageId } of instances) {
    const wanted = version === null ? undefined : images.get(`${region} ${version}`);
    if (wanted === undefined || imageId == null || imageId === wanted) continue;
    const where = wanted === null ? 'has no image here any more' : `has image ${wanted} here`;
    const what = `run image ${imageId}; ${version} ${where}`;
    unlike.set(what, (unlike.get(what) ?? 0) + 1);
  }
  return [...unlike].map(([what, count]) => `${count} of ${instances.length} instances ${what}`);
}
