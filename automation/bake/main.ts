import { randomUUID } from 'node:crypto';
import path from 'node:path';
import { sweepLeftovers } from '../../src/adapters/bake-leftovers';
import { systemClock } from '../../src/adapters/clock';
import { distribute, tagBaked } from '../../src/adapters/image-copies';
import { AwsImages } from '../../src/adapters/images';
import { replicateBundle, uploadBundle } from '../../src/adapters/bundles';
import { findBaseImage, makeImage } from '../../src/adapters/release';
import { testBoot } from '../../src/adapters/test-boot';
import { bakeId, imageName, type Baking, type BakeOrder } from '../../src/domain/bake-order';
import { bakeFailed, toldError } from '../../src/domain/bake-progress';
import { BasculeError, messageOf } from '../../src/domain/errors';
import { IMAGE_TAG } from '../../src/domain/image-tags';
import { bakeRelease, type BakeParts, type HomeImage } from './flow';
import { beginCleaner, whenParentEnds, type Cleaner } from './outliving';
import { buildWithPacker } from './packer';
import { recipeOf } from './recipe';
import { tellOnStderr, type Tell } from './tell';

/**
 * The script that the image stack runs. It is told what to bake in BASCULE_BAKE, says what it does on
 * standard error, and ends with one line of JSON that names the images.
 */
async function main(tell: Tell): Promise<void> {
  const ordered = JSON.parse(process.env['BASCULE_BAKE'] ?? '{}') as BakeOrder;
  // Of this very run: an order may be carried out twice, with one who clears up after the first still at work.
  const order = { ...ordered, id: randomUUID() };
  const stop = new AbortController();
  for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const)
    process.on(signal, () => stop.abort(new Error(`stopped by ${signal}`)));
  whenParentEnds(() => stop.abort(new Error('the process that began this bake is gone')));
  const cleaner = beginCleaner(order);
  tell({ kind: 'begun', pid: process.pid, cleaner: cleaner.pid });
  const images = await bakeRelease(order, partsOf(order, cleaner, tell, stop.signal), stop.signal);
  cleaner.done();
  process.stdout.write(`${JSON.stringify({ images })}\n`);
}

function partsOf(order: BakeOrder, cleaner: Cleaner, tell: Tell, signal: AbortSignal): BakeParts {
  const home = order.regions[0] ?? '';
  return {
    tell,
    sweep: async (whose) => {
      const all = { service: order.service, image: imageName(order) };
      const scope = whose === 'this' ? { ...all, bakeId: bakeId(order) } : all;
      const swept = order.regions.map((region) => sweepLeftovers(region, scope, systemClock));
      const removed = (await Promise.all(swept)).flat();
      if (whose === 'this') cleaner.done();
      return removed;
    },
    findBase: () => findBaseImage(order, home),
    build: async (baking) => {
      const made = await madeBefore(baking, home);
      if (made !== undefined) return made;
      const built = await (order.builder === 'packer'
        ? buildWithPacker({
            baking,
            ...recipe(order),
            tell,
            onGroup: (group) => cleaner.group(group),
            signal,
          })
        : bundle(baking, home, tell, signal));
      return { ...built, counts: false };
    },
    testBoot: async ({ region, imageId }) => {
      const outcome = await testBoot(order, region, imageId, systemClock, signal);
      return outcome.kind === 'passed' ? undefined : { why: outcome.why, lines: outcome.lines };
    },
    distribute: async (image) => {
      // Also where the image of the first region counts already, and only another region's part is missing.
      if (order.builder === 'bundle') await replicateBundle(order);
      return distribute(order, image, systemClock, signal);
    },
    tagBaked,
  };
}

/** The image that counts already, where only another region lacks its copy. */
async function madeBefore(
  { service, version, contentSha256 }: Baking,
  region: string,
): Promise<(HomeImage & { counts: true }) | undefined> {
  const image = await new AwsImages().find(region, service, version, ['self']);
  if (image?.tags[IMAGE_TAG.content] !== contentSha256) return undefined;
  return { region, imageId: image.id, counts: true };
}

async function bundle(baking: Baking, home: string, tell: Tell, signal: AbortSignal): Promise<HomeImage> {
  tell({ kind: 'step', title: 'send the bundle' });
  await uploadBundle(baking);
  tell({ kind: 'step', title: `copy the base image ${baking.base.name}` });
  return makeImage(baking, home, systemClock, signal);
}

/** Paths are absolute where the command line made the order; by hand they are relative to the project. */
function recipe(order: BakeOrder) {
  return recipeOf(order, process.cwd(), path.resolve(__dirname, '..', '..', '..', 'images'));
}

const tell = tellOnStderr();
main(tell).catch((thrown: unknown) => {
  const order = JSON.parse(process.env['BASCULE_BAKE'] ?? '{}') as Partial<BakeOrder>;
  const error =
    thrown instanceof BasculeError
      ? thrown
      : bakeFailed(`${order.service} ${order.version}`, messageOf(thrown), [], thrown);
  tell({ kind: 'failed', error: toldError(error) });
  process.exitCode = 1;
});
