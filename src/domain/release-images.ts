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
  /** The snapshots of its volumes, which stay and cost when only the image is deregistered. */
  snapshots: string[];
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
  images: ReleaseImage[];
  uses: ImageUse[];
}

/** Releases with what they are used for, the newest first. */
export function releasesOf(images: readonly ReleaseImage[], used: readonly Used[]): Release[] {
  const versions = [...new Set(images.map((image) => image.version))];
  return versions
    .map((version) => {
      const own = images.filter((image) => image.version === version);
      const contents = new Set(own.map((image) => image.contentSha256));
      const times = own.flatMap(({ createdAt }) => (createdAt === null ? [] : [createdAt]));
      return {
        version,
        createdAt: times.length === 0 ? null : Math.max(...times),
        contentSha256: contents.size === 1 ? ([...contents][0] ?? null) : null,
        images: own.sort((one, other) => one.region.localeCompare(other.region)),
        uses: used.flatMap((one) => (concerns(one, version, own) ? [one.use] : [])),
      };
    })
    .sort((one, other) => (other.createdAt ?? 0) - (one.createdAt ?? 0));
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

export type PruneVerdict = { kind: 'prune' } | { kind: 'keep'; why: string };

const DAY = 24 * 3600_000;

/** What becomes of each release; what is used stays, whatever its age and number. */
export function judgePrune(
  releases: readonly Release[],
  { keep, olderThanDays }: PrunePolicy,
  now: number,
): { release: Release; verdict: PruneVerdict }[] {
  return releases.map((release, index) => {
    const kept = (why: string) => ({ release, verdict: { kind: 'keep' as const, why } });
    if (release.uses.length > 0) return kept(describeUses(release.uses));
    if (index < keep) return kept(`one of the ${keep} newest`);
    if (release.createdAt === null) return kept('its age is not known');
    if (now - release.createdAt <= olderThanDays * DAY) return kept(`not older than ${olderThanDays} day(s)`);
    return { release, verdict: { kind: 'prune' } };
  });
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
