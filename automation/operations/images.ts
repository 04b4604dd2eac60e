import { COLOURS } from '../../src/domain/colour';
import {
  judgePrune,
  releasesOf,
  type PrunePolicy,
  type PruneVerdict,
  type Release,
  type Used,
} from '../../src/domain/release-images';
import type { Clock, ReleaseImages } from '../../src/ports';
import { openDeployment } from './deployments';
import { liveVersion, readRegions, requireOneLive, type RegionReading } from './observe';
import { rollbackTarget } from './rollback';
import type { Session } from './session';

export interface ImagesRequest {
  images: ReleaseImages;
  /** Where releases are baked to. */
  regions: readonly string[];
  /** What the environments of the service need. */
  used: readonly Used[];
}

/** Every release that has an image, the newest first, with what it is used for. */
export async function listReleases({ images, regions, used }: ImagesRequest): Promise<Release[]> {
  const all = await Promise.all(
    regions.map(async (region) => {
      const found = await images.list(region);
      const ids = found.map(({ id }) => id);
      return { found, uses: ids.length === 0 ? [] : await images.uses(region, ids) };
    }),
  );
  return releasesOf(
    all.flatMap(({ found }) => found),
    [...used, ...all.flatMap(({ uses }) => uses)],
  );
}

export interface Pruned {
  releases: { release: Release; verdict: PruneVerdict }[];
  /** Ids of the images that were deregistered; empty in a dry run. */
  removed: string[];
}

/** Deregisters the images that nothing needs, with their snapshots; a dry run only says which. */
export async function pruneReleases(
  request: ImagesRequest & { policy: PrunePolicy; dryRun: boolean; clock: Clock },
): Promise<Pruned> {
  const { images, policy, dryRun, clock } = request;
  const releases = judgePrune(await listReleases(request), policy, clock.now());
  const going = releases.flatMap(({ release, verdict }) => (verdict.kind === 'prune' ? release.images : []));
  if (dryRun) return { releases, removed: [] };
  for (const image of going) await images.remove(image);
  return { releases, removed: going.map(({ id }) => id) };
}

/** Which releases an environment runs, would go back to, or is just deploying. */
export async function usesOf(session: Session): Promise<Used[]> {
  const [readings, open] = await Promise.all([readRegions(session), openDeployment(session)]);
  return [
    ...readings.flatMap((reading) => fleetUses(session.environment, reading)),
    ...(await rollbackUses(session, readings)),
    ...[open?.plan.version, open?.plan.formerVersion].flatMap((version): Used[] =>
      open === undefined || version == null
        ? []
        : [
            {
              version,
              use: { kind: 'deployment', environment: session.environment, deployment: open.deployment },
            },
          ],
    ),
  ];
}

function fleetUses(environment: string, { region, routes, fleets }: RegionReading): Used[] {
  return COLOURS.flatMap((colour): Used[] => {
    const fleet = fleets[colour];
    if (fleet === undefined || (fleet.desired === 0 && fleet.instances.length === 0)) return [];
    const isLive = routes.some((route) => route.listener === 'production' && route.weights[colour] > 0);
    const role = isLive ? 'live' : 'warm';
    const versions = new Set([fleet.version, ...fleet.instances.map((instance) => instance.version)]);
    return [...versions].flatMap((version): Used[] =>
      version === null ? [] : [{ version, use: { kind: 'fleet', environment, region, colour, role } }],
    );
  });
}

/** While a deployment shares traffic there is no single target; both of its releases are kept as its own. */
async function rollbackUses(session: Session, readings: readonly RegionReading[]): Promise<Used[]> {
  if (readings.some(({ live }) => live.kind !== 'live')) return [];
  const regions = requireOneLive(readings);
  const version = await rollbackTarget(session, liveVersion(regions), regions);
  if (version === undefined) return [];
  return [{ version, use: { kind: 'rollback-target', environment: session.environment } }];
}
