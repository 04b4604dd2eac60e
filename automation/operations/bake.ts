import { randomUUID } from 'node:crypto';
import type { BakeEvent } from '../../src/domain/bake-progress';
import type { ImageConfig } from '../../src/domain/config';
import { BasculeError } from '../../src/domain/errors';
import { bundleBucket, IMAGE_TAG } from '../../src/domain/image-tags';
import { releasePart } from '../../src/domain/release-set';
import type { Bakery, Bundles, Image, Images } from '../../src/ports';
import { packFolder, type Bundle } from '../bake/pack';
import { combined, hashRecipe, type Recipe } from '../bake/recipe';

export interface BakeRequest {
  config: ImageConfig;
  version: string;
  /** The application's folder; only what runs a container image does without one. */
  folder: string | undefined;
  /** What Packer runs; undefined for another builder. */
  recipe: Recipe | undefined;
  /** Where the packed file is put on this machine. */
  workFolder: string;
}

export interface BakeWorld {
  images: Images;
  bundles: Bundles;
  bakery: Bakery;
  tell(event: BakeEvent): void;
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
 * @throws BasculeError BASCULE_VERSION_TAKEN (exit code 2) when the version was baked with other content,
 * BASCULE_PACKER_MISSING (2) when it cannot be baked here, BASCULE_BAKE_FAILED (3).
 */
export async function bake(request: BakeRequest, world: BakeWorld): Promise<Baked> {
  const { config, version } = request;
  const { service, regions } = config;
  const bundle = await pack(request);
  const contentSha256 = await contentOf(request, bundle);
  const found = await Promise.all(
    regions.map((region) => world.images.find(region, service, version, ['self'])),
  );
  for (const image of found) if (image !== undefined) refuseOtherContent(image, request, contentSha256);
  const existing = Object.fromEntries(
    found.flatMap((image) => (image === undefined ? [] : [[image.region, image.id]])),
  );
  if (Object.keys(existing).length === regions.length && (await haveBundles(found, config, world.bundles)))
    return {
      outcome: 'already-baked',
      version,
      contentSha256,
      images: existing,
      message: `${service} ${version} is baked already with this content; nothing was changed.`,
    };
  const madeBy = await world.bakery.tools();
  const { sha256, file, revision, schema } = bundle;
  const order = { version, sha256, contentSha256, bundleFile: file, id: randomUUID() };
  const optional = { madeBy, revision, schema };
  const given = Object.fromEntries(Object.entries(optional).filter(([, value]) => value !== undefined));
  const baked = await world.bakery.bake({ ...order, ...given }, (event) => world.tell(event));
  const size = `${bundle.files} file(s), ${Math.ceil(bundle.bytes / 1024)} KiB packed`;
  const by = madeBy === undefined ? '' : `, made by ${madeBy}`;
  return {
    outcome: 'baked',
    version,
    contentSha256,
    images: baked,
    message: `${service} ${version} is baked: ${size}${by}.`,
  };
}

/** Whether the bundle that each image names is whole, and where the configuration has it. */
async function haveBundles(
  images: readonly (Image | undefined)[],
  config: ImageConfig,
  bundles: Bundles,
): Promise<boolean> {
  const whole = images.map(async (image) => {
    const bundle = image === undefined ? null : releasePart(image).bundle;
    if (image === undefined || bundle === null) return true;
    if (!bundle.address.startsWith(`s3://${bundleBucket(config, image.region)}/`)) return false;
    const reading = await bundles.look(image.region, bundle.address);
    if (reading.kind !== 'found') return reading.kind === 'unreadable';
    return reading.sha256 === null || bundle.sha256 === null || reading.sha256 === bundle.sha256;
  });
  return (await Promise.all(whole)).every((one) => one);
}

async function pack({ config, folder, version, workFolder }: BakeRequest): Promise<Bundle> {
  const starts = config.application.kind === 'archive';
  if (folder === undefined && starts)
    throw new BasculeError({
      code: 'BASCULE_USAGE',
      message: 'The folder of the application is missing.',
      next: 'Name it: `bascule bake <version> --app <folder>`. Only a container image is baked without one.',
    });
  return packFolder(folder, workFolder, `${config.service}-${version}`, { starts });
}

/** For Packer, all that makes the image; a bundle is its release alone. */
async function contentOf({ config, recipe, version }: BakeRequest, bundle: Bundle): Promise<string> {
  if (recipe === undefined) return bundle.contentSha256;
  const { application } = config;
  // The image's tag is the version, and so another version is another content.
  const release =
    application.kind === 'container' ? `${bundle.contentSha256} ${version}` : bundle.contentSha256;
  return combined(release, await hashRecipe(recipe, config));
}

function refuseOtherContent(image: Image, { config, version }: BakeRequest, contentSha256: string): void {
  const before = image.tags[IMAGE_TAG.content];
  if (before === contentSha256) return;
  throw new BasculeError({
    code: 'BASCULE_VERSION_TAKEN',
    message: `${config.service} ${version} was baked before with other content (image ${image.id} in ${image.region}).`,
    details: [`content then: ${before ?? 'unknown'}`, `content now:  ${contentSha256}`],
    next: 'A version names one content for good: give the changed application a new version. Nothing was changed.',
  });
}
