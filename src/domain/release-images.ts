/** The images of a service's releases, what they are used for, and which of them may go. Pure. */
import type { Colour } from './colour';

/** One machine image of a release, in one region. */
export interface ReleaseImage {
  id: string;
  region: string;
  version: string;
  state: string;
  /** Unix milliseconds; null where AWS did not say. */
  createdAt: number | null;
  /** Checksum of what was baked; null for images that something else made. */
  contentSha256: string | null;
  /** What made it, with versions; null where its tags do not tell. */
  builder: string | null;
  /** The range of database schemas that the release works with, `4-6`; null where it declares none. */
  schema: string | null;
  /** Unix milliseconds; null for an image that never expires. */
  expiresAt: number | null;
  /** The snapshots of its volumes, which stay and cost when only the image is deregistered. */
  snapshots: string[];
}

/** A snapshot of an image of a release that is there no more. */
export interface LeftSnapshot {
  id: string;
  region: string;
  version: string;
  createdAt: number | null;
  expiresAt: number | null;
}

/** Why an image must stay. */
export type ImageUse =
  /** A fleet of an environment runs it. */
  | { kind: 'fleet'; environment: string; region: string; colour: Colour; role: 'live' | 'warm' }
  /** `bascule rollback` would go back to it. */
  | { kind: 'rollback-target'; environment: string }
  /** A deployment that has not ended goes to it, or would go back to it. */
  | { kind: 'deployment'; environment: string; deployment: string }
  /** An Auto Scaling group would launch it, whoever the group belongs to. */
  | { kind: 'launch-template'; region: string; group: string }
  | { kind: 'instance'; region: string; instance: string };

/** A use that is known by the release's version, and one that is known by the image. */
export type Used = { version: string; use: ImageUse } | { image: string; use: ImageUse };

/** A version in all of its regions: it is kept or goes as one, as it was baked. */
export interface Release {
  version: string;
  /** Unix milliseconds of its newest image; null where AWS did not say. */
  createdAt: number | null;
  /** Of all its images; null where they differ or do not tell. */
  contentSha256: string | null;
  builder: string | null;
  schema: string | null;
  /** Of the image that expires last; null as soon as one never does. */
  expiresAt: number | null;
  images: ReleaseImage[];
  uses: ImageUse[];
}

/** Releases with what they are used for, the newest first. */
export function releasesOf(images: readonly ReleaseImage[], used: readonly Used[]): Release[] {
  const versions = [...new Set(images.map((image) => image.version))];
  return versions
    .map((version) => {
      const own = images.filter((image) => image.version === version);
      const times = own.flatMap(({ createdAt }) => (createdAt === null ? [] : [createdAt]));
      return {
        version,
        createdAt: times.length === 0 ? null : Math.max(...times),
        contentSha256: common(own.map((image) => image.contentSha256)),
        builder: common(own.map((image) => image.builder)),
        schema: common(own.map((image) => image.schema)),
        expiresAt: latest(own.map((image) => image.expiresAt)),
        images: own.sort((one, other) => one.region.localeCompare(other.region)),
        uses: used.flatMap((one) => (concerns(one, version, own) ? [one.use] : [])),
      };
    })
    .sort(newestFirst);
}

/** AWS tells whole seconds: of those baked within one the higher version counts as the newer. */
function newestFirst(one: Pick<Release, 'createdAt' | 'version'>, other: typeof one): number {
  const later = (other.createdAt ?? 0) - (one.createdAt ?? 0);
  return later !== 0 ? later : other.version.localeCompare(one.version, 'en', { numeric: true });
}

/** What all of them have; null where they differ. */
function common(values: readonly (string | null)[]): string | null {
  const [first = null, ...others] = new Set(values);
  return others.length === 0 ? first : null;
}

function latest(times: readonly (number | null)[]): number | null {
  const known = times.flatMap((time) => (time === null ? [] : [time]));
  return known.length === 0 || known.length < times.length ? null : Math.max(...known);
}

function concerns(used: Used, version: string, images: readonly ReleaseImage[]): boolean {
  return 'version' in used ? used.version === version : images.some(({ id }) => id === used.image);
}

export interface PrunePolicy {
  /** How many releases stay in any case, the newest first. */
  keep: number;
  /** Days; what is younger stays. */
  olderThanDays: number;
}

export type PruneVerdict = { kind: 'prune' | 'keep'; why: string };

const DAY = 24 * 3600_000;

/**
 * What becomes of each release; what is used stays, whatever its age and number. One that has expired goes before its
 * age says so, but not while it is one of the newest.
 */
export function judgePrune(
  releases: readonly Release[],
  policy: PrunePolicy,
  now: number,
): { release: Release; verdict: PruneVerdict }[] {
  return releases.map((release, index) => {
    const kept = (why: string) => ({ release, verdict: { kind: 'keep' as const, why } });
    if (release.uses.length > 0) return kept(describeUses(release.uses));
    if (index < policy.keep) return kept(`one of the ${policy.keep} newest`);
    return { release, verdict: judgeAge(release, policy, now) };
  });
}

/** Which snapshots that an image left behind may go; the newest releases are none of theirs. */
export function judgeLeft(
  snapshots: readonly LeftSnapshot[],
  policy: PrunePolicy,
  now: number,
): LeftSnapshot[] {
  return snapshots.filter((snapshot) => judgeAge(snapshot, policy, now).kind === 'prune');
}

function judgeAge(
  { createdAt, expiresAt }: Pick<Release, 'createdAt' | 'expiresAt'>,
  { olderThanDays }: PrunePolicy,
  now: number,
): PruneVerdict {
  if (isExpired(expiresAt, now)) return { kind: 'prune', why: 'expired' };
  if (createdAt === null) return { kind: 'keep', why: 'its age is not known' };
  const old = now - createdAt > olderThanDays * DAY;
  return old
    ? { kind: 'prune', why: `older than ${olderThanDays} day(s)` }
    : { kind: 'keep', why: `not older than ${olderThanDays} day(s)` };
}

export function isExpired(expiresAt: number | null, now: number): boolean {
  return expiresAt !== null && now >= expiresAt;
}

/** What a release is used for; where a fleet is known to run it, its template and its instances go without saying. */
export function describeUses(uses: readonly ImageUse[]): string {
  const known = uses.some(({ kind }) => kind === 'fleet');
  const told = uses.filter(({ kind }) => !known || (kind !== 'launch-template' && kind !== 'instance'));
  return told.map(describeUse).join('; ');
}

function describeUse(use: ImageUse): string {
  switch (use.kind) {
    case 'fleet':
      return `${use.role} in ${use.environment} (${use.colour}, ${use.region})`;
    case 'rollback-target':
      return `${use.environment} would roll back to it`;
    case 'deployment':
      return `part of the open deployment ${use.deployment} of ${use.environment}`;
    case 'launch-template':
      return `launch template of ${use.group} (${use.region})`;
    case 'instance':
      return `instance ${use.instance} (${use.region})`;
  }
}
