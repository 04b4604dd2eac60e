/** The tags that an image of a release and its snapshots bear, and what they tell later. Pure. */
import { BAKING_TAG, imageName, type Baking } from './bake-order';
import { RELEASES_PREFIX, type BakeConfig, type ImageConfig } from './config';

/** The tags that Bascule reads again. */
export const IMAGE_TAG = {
  service: 'service',
  version: 'version',
  /** Tells a version from its changed twin. */
  content: 'bascule:content',
  revision: 'bascule:revision',
  builder: 'bascule:builder',
  base: 'bascule:base',
  expires: 'bascule:expires',
  schema: 'bascule:schema',
  /** Where instances get the release from; absent when everything is on the image. */
  bundle: 'bascule:bundle',
  bundleSum: 'bascule:sha256',
} as const;

/** As many characters as the value of a tag may have (Amazon EC2 user guide, "Tag restrictions"). */
const TAG_VALUE = 256;

const DAY = 24 * 3600_000;

/**
 * Every tag of a baked image; with them it counts as baked, so they are set last of all.
 * @param now Unix milliseconds.
 * @param region Whose image it is; its instances may have a bucket of their own.
 */
export function bakedTags(bake: Baking, now: number, region: string): Record<string, string> {
  const { service, version, contentSha256, builder, base, expiresAfterDays } = bake;
  const bundled = builder === 'bundle';
  const known = {
    ...bake.tags,
    Name: imageName(bake),
    [IMAGE_TAG.service]: service,
    [IMAGE_TAG.version]: version,
    [IMAGE_TAG.content]: contentSha256,
    [IMAGE_TAG.builder]: bake.madeBy ?? builder,
    [IMAGE_TAG.base]: `${base.id} ${base.name}`,
    [IMAGE_TAG.revision]: bake.revision,
    [IMAGE_TAG.schema]: bake.schema,
    [IMAGE_TAG.expires]: expiresAfterDays === undefined ? undefined : dateAfter(now, expiresAfterDays),
    [IMAGE_TAG.bundle]: bundled ? bundleAddress(bake, region) : undefined,
    [IMAGE_TAG.bundleSum]: bundled ? bake.sha256 : undefined,
  };
  return Object.fromEntries(
    Object.entries(known).flatMap(([key, value]) =>
      value === undefined ? [] : [[key, value.slice(0, TAG_VALUE)]],
    ),
  );
}

/** Where in the bucket the bundle of a release is. */
export function bundleKey(bake: Pick<ImageConfig & BakeConfig, 'service' | 'version' | 'sha256'>): string {
  return `${RELEASES_PREFIX}${bake.service}/${bake.version}/${bake.sha256}.tar.gz`;
}

/** The bucket that a region's instances get their release from. */
export function bundleBucket(
  { bucket, regionBuckets }: Pick<ImageConfig, 'bucket' | 'regionBuckets'>,
  region: string,
): string {
  return regionBuckets[region] ?? bucket;
}

/** Where a region's instances get the bundle from: `s3://bucket/key`. */
export function bundleAddress(
  bake: Pick<ImageConfig & BakeConfig, 'bucket' | 'regionBuckets' | 'service' | 'version' | 'sha256'>,
  region: string,
): string {
  return `s3://${bundleBucket(bake, region)}/${bundleKey(bake)}`;
}

/** `2026-11-21`, in UTC. */
function dateAfter(start: number, days: number): string {
  return new Date(start + days * DAY).toISOString().slice(0, 10);
}

/** Whether a bake that ended left it: what counts as baked has a version, and is never swept. */
export function isLeftover(tags: Readonly<Record<string, string>>, service: string): boolean {
  return tags[BAKING_TAG] === service && tags[IMAGE_TAG.version] === undefined;
}

/** When an image expires by its tag: the end of that day, Unix milliseconds; null where the tag says no day. */
export function expiryOf(tag: string | undefined): number | null {
  const day = tag !== undefined && /^\d{4}-\d{2}-\d{2}$/.test(tag) ? Date.parse(tag) : Number.NaN;
  return Number.isNaN(day) ? null : day + DAY;
}

/**
 * What becomes of an image that has the name of the one to be made: one that failed never becomes anything else
 * (Amazon EC2 API reference, "Image", `imageState`), and is made again.
 */
export function judgeExisting(state: string | undefined): 'none' | 'wait' | 'ready' | 'failed' | 'unusable' {
  switch (state) {
    case undefined:
    case 'deregistered':
      return 'none';
    case 'available':
      return 'ready';
    case 'pending':
    case 'transient':
      return 'wait';
    case 'failed':
    case 'error':
    case 'invalid':
      return 'failed';
    default:
      // `disabled`, by a person: nothing is launched from it until that is taken back.
      return 'unusable';
  }
}
