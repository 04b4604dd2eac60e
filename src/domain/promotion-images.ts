/** How the image of a release gets to another environment's account and regions: the same one, never another. Pure. */
import { IMAGE_TAG, judgeExisting } from './image-tags';

/** One image, as its account sees it. */
export interface PassedImage {
  id: string;
  region: string;
  state: string;
  tags: Readonly<Record<string, string>>;
}

/** Where a copy comes from: account, region and image. */
export const ORIGIN_TAG = 'bascule:origin';

/** One region that a release is to go to. */
export interface PlaceFacts {
  region: string;
  /** The image in the former environment's account: that of the same region where there is one. */
  source: PassedImage;
  /** What the account of the next environment has; undefined where it has none, or none that could become usable. */
  there: PassedImage | undefined;
  /** Account numbers of both environments. */
  accounts: { source: string; target: string };
  /** Whose images the next environment's instances are launched from; `self` is its own account. */
  owners: readonly string[];
}

export type Placement =
  /** It is the same release, available or about to be. */
  | { kind: 'there'; image: PassedImage }
  | { kind: 'copy' }
  /** The next environment launches from the former account's images. */
  | { kind: 'share' }
  /** An image of that version is there which is another release. */
  | { kind: 'another'; image: PassedImage }
  /** It could only be shared within its own region, where there is none. */
  | { kind: 'not-in-region' };

export function placementOf(facts: PlaceFacts): Placement {
  const { region, source, there, accounts, owners } = facts;
  const usable = there !== undefined && ['ready', 'wait'].includes(judgeExisting(there.state));
  if (there !== undefined && usable)
    return isSame(source, there) ? { kind: 'there', image: there } : { kind: 'another', image: there };
  const owns = owners.includes('self') || owners.includes(accounts.target);
  if (owns) return { kind: 'copy' };
  return source.region === region ? { kind: 'share' } : { kind: 'not-in-region' };
}

/** Images that something else than Bascule made bear no sum: then only the very same image is the same. */
function isSame(source: PassedImage, there: PassedImage): boolean {
  if (source.id === there.id && source.region === there.region) return true;
  const content = source.tags[IMAGE_TAG.content];
  if (content !== undefined) return content === there.tags[IMAGE_TAG.content];
  return (there.tags[ORIGIN_TAG] ?? '').endsWith(` ${source.region} ${source.id}`);
}

/** The bundle of a release, and where the next environment's instances get it from. */
export interface BundleMove {
  from: { bucket: string; key: string };
  to: { bucket: string; key: string };
  /** null where the image does not tell. */
  sha256: string | null;
}

/**
 * Where the bundle has to go: into the next environment's own bucket, unless its instances may read the one where it
 * is. Null for what stays where it is, and for images that have the release on them.
 */
export function bundleMove(
  { tags }: PassedImage,
  next: { bucket: string; readable: readonly string[] },
): BundleMove | null {
  const [, bucket, key] = /^s3:\/\/([^/]+)\/(.+)$/.exec(tags[IMAGE_TAG.bundle] ?? '') ?? [];
  if (bucket === undefined || key === undefined) return null;
  if (bucket === next.bucket || next.readable.includes(bucket)) return null;
  return {
    from: { bucket, key },
    to: { bucket: next.bucket, key },
    sha256: tags[IMAGE_TAG.bundleSum] ?? null,
  };
}

/** The tags of a copy: those of the image it is made of, which copying and sharing drop. */
export function passedTags(
  { id, region, tags }: PassedImage,
  account: string,
  move: BundleMove | null,
): Record<string, string> {
  const kept = Object.entries(tags).filter(([key]) => !/^aws:/i.test(key));
  return {
    ...Object.fromEntries(kept),
    // A copy of a copy still names the first.
    [ORIGIN_TAG]: tags[ORIGIN_TAG] ?? `${account} ${region} ${id}`,
    ...(move !== null && { [IMAGE_TAG.bundle]: `s3://${move.to.bucket}/${move.to.key}` }),
  };
}
