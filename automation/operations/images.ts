import { COLOURS } from '../../src/domain/colour';
import { BasculeError, messageOf } from '../../src/domain/errors';
import {
  describeUses,
  judgeLeft,
  judgePrune,
  releasesOf,
  type LeftSnapshot,
  type PrunePolicy,
  type PruneVerdict,
  type Release,
  type ReleaseImage,
  type Used,
} from '../../src/domain/release-images';
import { replay } from '../../src/domain/replay';
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
  /** What images left behind that are gone, and goes as well. */
  left: LeftSnapshot[];
  /** Of the images that go: who else may launch them, and may do so unseen. */
  shared: { image: string; region: string; accounts: string[] }[];
  /** Ids of the images that were deregistered; empty in a dry run. */
  removed: string[];
}

type PruneRequest = ImagesRequest & { policy: PrunePolicy; dryRun: boolean; clock: Clock };

/**
 * Deregisters the images that nothing needs, with their snapshots; a dry run only says which.
 * @throws BasculeError BASCULE_PRUNE_STOPPED when AWS refuses one; what went before it is named.
 */
export async function pruneReleases(request: PruneRequest): Promise<Pruned> {
  const { images, regions, policy, dryRun, clock } = request;
  const now = clock.now();
  const releases = judgePrune(await listReleases(request), policy, now);
  const left = judgeLeft(
    (await Promise.all(regions.map((region) => images.left(region)))).flat(),
    policy,
    now,
  );
  const going = releases.flatMap(({ release, verdict }) => (verdict.kind === 'prune' ? release.images : []));
  const shared = await sharedOf(images, going);
  if (dryRun) return { releases, left, shared, removed: [] };
  const removed: string[] = [];
  try {
    for (const judged of releases) await removeRelease(images, judged, removed);
    for (const snapshot of left) await images.removeLeft(snapshot);
  } catch (thrown) {
    throw stopped(removed, thrown);
  }
  return { releases, left, shared, removed };
}

async function sharedOf(images: ReleaseImages, going: readonly ReleaseImage[]): Promise<Pruned['shared']> {
  const all = await Promise.all(
    going.map(async (image) => {
      const accounts = await images.sharedWith(image);
      return { image: image.id, region: image.region, accounts };
    }),
  );
  return all.filter(({ accounts }) => accounts.length > 0);
}

/** A release in all its regions, unless something came to use it since all were looked at; the verdict says so then. */
async function removeRelease(
  images: ReleaseImages,
  judged: { release: Release; verdict: PruneVerdict },
  removed: string[],
): Promise<void> {
  if (judged.verdict.kind !== 'prune') return;
  const own = judged.release.images;
  const used = (await Promise.all(own.map(({ region, id }) => images.uses(region, [id])))).flat();
  const uses = used.flatMap((one) =>
    'image' in one && own.some(({ id }) => id === one.image) ? [one.use] : [],
  );
  if (uses.length > 0) {
    judged.verdict = { kind: 'keep', why: describeUses(uses) };
    return;
  }
  for (const image of own) {
    await images.remove(image);
    removed.push(image.id);
  }
}

function stopped(removed: readonly string[], thrown: unknown): BasculeError {
  return new BasculeError({
    code: 'BASCULE_PRUNE_STOPPED',
    message: `Not all that was to go could be removed: ${messageOf(thrown)}`,
    details: removed.length === 0 ? ['Nothing was removed.'] : [`removed before: ${removed.join(', ')}`],
    next: 'Once the cause is gone, do it again: what is gone already is not missed.',
    blame: 'world',
    exitCode: thrown instanceof BasculeError ? thrown.exitCode : 3,
    cause: thrown,
  });
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

/**
 * What `bascule rollback` would go back to. Where it would refuse, because no single release is live, it is what the
 * last deployment that succeeded replaced: once traffic is in order again, that is the one.
 */
async function rollbackUses(session: Session, readings: readonly RegionReading[]): Promise<Used[]> {
  const oneLive = readings.every(({ live }) => live.kind === 'live');
  const regions = oneLive ? requireOneLive(readings) : [];
  const live = oneLive ? liveVersion(regions) : null;
  const last = live === null ? await lastReplaced(session) : null;
  const target = last ?? (oneLive ? await rollbackTarget(session, live, regions) : undefined);
  if (target === undefined) return [];
  return [{ version: target, use: { kind: 'rollback-target', environment: session.environment } }];
}

async function lastReplaced(session: Session): Promise<string | null> {
  for (const id of (await session.journal.list()).reverse()) {
    const records = await session.journal.read(id);
    if (records.length === 0) continue;
    const { plan, closed } = replay(records);
    if (closed?.outcome === 'succeeded' && plan.purpose !== 'retire') return plan.formerVersion;
  }
  return null;
}
