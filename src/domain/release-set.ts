/** A release is one set: the same content in every region, each with its own copy. Pure. */
import { IMAGE_TAG } from './image-tags';

/** What S3 says of a bundle; `sha256` in hexadecimal, null where S3 keeps no such sum of it. */
export type BundleReading =
  { kind: 'found'; sha256: string | null } | { kind: 'missing' } | { kind: 'unreadable'; why: string };

/** What one region has of a release. */
export interface ReleasePart {
  region: string;
  imageId: string;
  /** The sum over all that makes the image; null where it bears none. */
  content: string | null;
  /** Where instances get the release from, and its sum by the image's tag; null where it is on the image. */
  bundle: { address: string; sha256: string | null } | null;
}

/** What keeps the parts from being one set. */
export interface Difference {
  region: string;
  /** A clause that begins with what it is about. */
  what: string;
}

export function releasePart(image: {
  region: string;
  id: string;
  tags: Record<string, string>;
}): ReleasePart {
  const { region, id: imageId, tags } = image;
  const address = tags[IMAGE_TAG.bundle];
  return {
    region,
    imageId,
    content: tags[IMAGE_TAG.content] ?? null,
    bundle: address === undefined ? null : { address, sha256: tags[IMAGE_TAG.bundleSum] ?? null },
  };
}

/** The addresses of bundles, each with a region that reads it; what several regions share stands here once. */
export function bundlesOf(parts: readonly ReleasePart[]): Map<string, string> {
  const places = new Map<string, string>();
  for (const { region, bundle } of parts)
    if (bundle !== null && !places.has(bundle.address)) places.set(bundle.address, region);
  return places;
}

/**
 * What the regions differ in, each held against the first.
 * @param bundles What S3 says of each address of `bundlesOf`; without it only what the images' tags say counts.
 */
export function differencesOf(
  parts: readonly ReleasePart[],
  bundles?: ReadonlyMap<string, BundleReading>,
): Difference[] {
  const [first, ...others] = parts;
  if (first === undefined) return [];
  const tagged = others.flatMap((part) =>
    [contentDifference(first, part) ?? bundleDifference(first, part)].flatMap((what) =>
      what === undefined ? [] : [{ region: part.region, what }],
    ),
  );
  return bundles === undefined ? tagged : [...tagged, ...storedDifferences(parts, bundles)];
}

function contentDifference(first: ReleasePart, { imageId, content }: ReleasePart): string | undefined {
  if (content === first.content) return undefined;
  return `image ${imageId} has ${named('content', content)}, and ${first.imageId} in ${first.region} ${named('content', first.content)}`;
}

function bundleDifference(first: ReleasePart, { imageId, bundle }: ReleasePart): string | undefined {
  if ((bundle === null) !== (first.bundle === null)) {
    const has = (one: ReleasePart['bundle']): string => (one === null ? 'no bundle' : 'a bundle');
    return `image ${imageId} has ${has(bundle)}, and ${first.imageId} in ${first.region} ${has(first.bundle)}`;
  }
  if (bundle?.sha256 === first.bundle?.sha256) return undefined;
  return `image ${imageId} has a bundle with ${named('sum', bundle?.sha256 ?? null)}, and ${first.imageId} in ${first.region} one with ${named('sum', first.bundle?.sha256 ?? null)}`;
}

function named(what: string, sum: string | null): string {
  return sum === null ? `no ${what}` : `${what} ${sum.slice(0, 12)}`;
}

/** What lies in the buckets: each bundle has the sum that its image names, and all have the same. */
function storedDifferences(
  parts: readonly ReleasePart[],
  bundles: ReadonlyMap<string, BundleReading>,
): Difference[] {
  // One object is equal to itself: where all read the same, a sum that may not be read is not needed.
  const compared = bundlesOf(parts).size > 1;
  const seen = parts.flatMap(({ bundle }) => {
    const reading = bundle === null ? undefined : bundles.get(bundle.address);
    return reading?.kind === 'found' && reading.sha256 !== null ? [reading.sha256] : [];
  });
  return parts.flatMap(({ region, bundle }) => {
    const reading = bundle === null ? undefined : bundles.get(bundle.address);
    if (bundle === null || reading === undefined) return [];
    const what = storedDifference(bundle, reading, { compared, expected: bundle.sha256 ?? seen[0] ?? null });
    return what === undefined ? [] : [{ region, what }];
  });
}

function storedDifference(
  { address }: { address: string },
  reading: BundleReading,
  { compared, expected }: { compared: boolean; expected: string | null },
): string | undefined {
  switch (reading.kind) {
    case 'missing':
      return `its bundle ${address} is not there`;
    case 'unreadable':
      return compared ? `its bundle ${address} cannot be compared: ${reading.why}` : undefined;
    case 'found':
      // Sent by an older version, S3 keeps no sum of it; instances compare it when they boot.
      if (reading.sha256 === null || expected === null || reading.sha256 === expected) return undefined;
      return `its bundle ${address} has sum ${reading.sha256.slice(0, 12)} instead of ${expected.slice(0, 12)}`;
  }
}
