import { describeUses, isExpired, type Release } from '../../../src/domain/release-images';
import type { Pruned } from '../../operations/images';
import type { UnreadEnvironment } from '../compose-images';
import { table } from './tables';

const DAY = 24 * 3600_000;

/** Releases for people, the newest first. */
export function renderReleases(
  releases: readonly Release[],
  unread: readonly UnreadEnvironment[],
  now: number,
): string {
  const notes = unread.map(
    ({ environment, why }) =>
      `note: ${environment} could not be read, so that what it would roll back to is not seen: ${why}`,
  );
  if (releases.length === 0) return ['There is no image of any release yet.', ...notes].join('\n');
  const columns = COLUMNS.filter(
    ({ always, of }) => always || releases.some((release) => of(release, now) !== ''),
  );
  const rows = releases.map((release) => columns.map(({ of }) => of(release, now)));
  return [table([columns.map(({ name }) => name), ...rows]), ...notes].join('\n');
}

interface Column {
  name: string;
  /** Shown also when no release has anything to say in it. */
  always: boolean;
  of: (release: Release, now: number) => string;
}

const COLUMNS: Column[] = [
  { name: 'version', always: true, of: ({ version }) => version },
  { name: 'age', always: true, of: ageOf },
  {
    name: 'regions',
    always: true,
    of: ({ images }) =>
      images.map(({ region, state }) => (state === 'available' ? region : `${region} (${state})`)).join(', '),
  },
  {
    name: 'content',
    always: true,
    of: ({ contentSha256 }) => contentSha256?.slice(0, 12) ?? 'unknown',
  },
  { name: 'builder', always: false, of: ({ builder }) => builder ?? '' },
  { name: 'schema', always: false, of: ({ schema }) => schema ?? '' },
  { name: 'expires', always: false, of: expiryText },
  { name: 'used by', always: true, of: ({ uses }) => describeUses(uses) || 'nothing' },
];

/** What a prune did, or would do. */
export function renderPruned(pruned: Pruned, dryRun: boolean): string {
  const { releases, left, shared } = pruned;
  const going = releases.filter(({ verdict }) => verdict.kind === 'prune');
  const rows = releases.map(({ release, verdict }) => [
    release.version,
    verdict.kind === 'prune' ? (dryRun ? 'would go' : 'gone') : 'stays',
    verdict.why,
    verdict.kind === 'prune' ? release.images.map(({ region, id }) => `${id} (${region})`).join(', ') : '',
  ]);
  const verb = dryRun ? 'would be deregistered' : 'were deregistered';
  const images = going.reduce((sum, { release }) => sum + release.images.length, 0);
  return [
    ...(rows.length === 0 ? [] : [table(rows)]),
    ...shared.map(
      ({ image, region, accounts }) =>
        `note: ${image} (${region}) is shared with ${accounts.join(', ')}; whether it is used there is not seen.`,
    ),
    `${going.length} release(s) with ${images} image(s) ${verb}, with their snapshots.`,
    ...(left.length === 0
      ? []
      : [
          `${left.length} snapshot(s) of images that are gone already ${dryRun ? 'would be' : 'were'} deleted: ${left
            .map(({ id, region }) => `${id} (${region})`)
            .join(', ')}.`,
        ]),
    ...(dryRun && going.length + left.length > 0 ? ['Nothing was changed; --no-dry-run does it.'] : []),
  ].join('\n');
}

function expiryText({ expiresAt }: Release, now: number): string {
  if (expiresAt === null) return '';
  // The day named in the tag is the last on which it has not expired.
  const day = new Date(expiresAt - DAY).toISOString().slice(0, 10);
  return isExpired(expiresAt, now) ? `${day} (expired)` : day;
}

function ageOf({ createdAt }: Release, now: number): string {
  if (createdAt === null) return 'unknown';
  const days = Math.floor((now - createdAt) / DAY);
  return days === 0 ? 'today' : `${days} day(s)`;
}
