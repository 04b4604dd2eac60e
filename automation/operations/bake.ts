import { BasculeError } from '../../src/domain/errors';
import type { Bakery, Image, Images } from '../../src/ports';
import { packFolder } from '../bake/pack';

/** The tag that tells a version from its changed twin. */
export const CONTENT_TAG = 'bascule:content';

export interface BakeRequest {
  service: string;
  version: string;
  regions: readonly string[];
  /** The application's folder. */
  folder: string;
  /** Where the packed file is put on this machine. */
  workFolder: string;
}

export interface Baked {
  outcome: 'baked' | 'already-baked';
  version: string;
  contentSha256: string;
  images: Record<string, string>;
  message: string;
}

/**
 * Bakes a release: packs the folder and makes an image in each region. The same content is found, not baked
 * again.
 * @throws BasculeError BASCULE_VERSION_TAKEN (exit code 2) when the version was baked with other content.
 */
export async function bake(request: BakeRequest, images: Images, bakery: Bakery): Promise<Baked> {
  const { service, version, regions } = request;
  const bundle = await packFolder(request.folder, request.workFolder, `${service}-${version}`);
  const found = await Promise.all(regions.map((region) => images.find(region, service, version, ['self'])));
  for (const image of found)
    if (image !== undefined) refuseOtherContent(image, request, bundle.contentSha256);
  const existing = Object.fromEntries(
    found.flatMap((image) => (image === undefined ? [] : [[image.region, image.id]])),
  );
  if (Object.keys(existing).length === regions.length)
    return {
      outcome: 'already-baked',
      version,
      contentSha256: bundle.contentSha256,
      images: existing,
      message: `${service} ${version} is baked already with this content; nothing was changed.`,
    };
  const { sha256, contentSha256, file } = bundle;
  const baked = await bakery.bake({ version, sha256, contentSha256, bundleFile: file });
  const size = `${bundle.files} file(s), ${Math.ceil(bundle.bytes / 1024)} KiB packed`;
  return {
    outcome: 'baked',
    version,
    contentSha256,
    images: baked,
    message: `${service} ${version} is baked: ${size}.`,
  };
}

function refuseOtherContent(image: Image, request: BakeRequest, contentSha256: string): void {
  const before = image.tags[CONTENT_TAG];
  if (before === contentSha256) return;
  throw new BasculeError({
    code: 'BASCULE_VERSION_TAKEN',
    message: `${request.service} ${request.version} was baked before with other content (image ${image.id} in ${image.region}).`,
    details: [`content then: ${before ?? 'unknown'}`, `content now:  ${contentSha256}`],
    next: 'A version names one content for good: give the changed application a new version. Nothing was changed.',
  });
}
