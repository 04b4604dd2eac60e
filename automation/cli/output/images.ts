import { describeUses, type Release } from '../../../src/domain/release-images';
import type { Pruned } from '../../operations/images';
import { table } from './tables';

const DAY = 24 * 3600_000;

/** Releases for people, the newest first. */
export function renderReleases(releases: readonly Release[], now: number): string {
  if (releases.length === 0) return 'There is no image of any release yet.';
  const rows = releases.map((release) => [
    release.version,
    ageOf(release, now),
    release.images
      .map(({ region, state }) => (state === 'available' ? region : `${region} (${state})`))
      .join(', '),
    release.contentSha256?.slice(0, 12) ?? 'unknown',
    describeUses(release.uses) || 'nothing',
  ]);
  return table([['version', 'age', 'regions', 'content', 'used by'], ...rows]);
}

/** What a prune did, or would do. */
export function renderPruned({ releases }: Pruned, dryRun: boolean): string {
  const going = releases.filter(({ verdict }) => verdict.kind === 'prune');
  const rows = releases.map(({ release, verdict }) => [
    release.version,
    verdict.kind === 'prune' ? (dryRun ? 'would go' : 'gone') : 'stays',
    verdict.kind === 'prune'
      ? release.images.map(({ region, id }) => `${id} (${region})`).join(', ')
      : verdict.why,
  ]);
  const verb = dryRun ? 'would be deregistered' : 'were deregistered';
  const images = going.reduce((sum, { release }) => sum + release.images.length, 0);
  const summary = `${going.length} release(s) with ${images} image(s) ${verb}, with their snapshots.`;
  const next = dryRun && going.length > 0 ? ['Nothing was changed; --no-dry-run does it.'] : [];
  return [...(rows.length === 0 ? [] : [table(rows)]), summary, ...next].join('\n');
}

function ageOf({ createdAt }: Release, now: number): string {
  if (createdAt === null) return 'unknown';
  const days = Math.floor((now - createdAt) / DAY);
  return days === 0 ? 'today' : `${days} day(s)`;
}
