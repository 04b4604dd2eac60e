import type { Baking, BakeOrder } from '../../src/domain/bake-order';
import { bakeFailed, bakeStopped } from '../../src/domain/bake-progress';
import { BasculeError, messageOf } from '../../src/domain/errors';
import type { Tell } from './tell';

export interface HomeImage {
  region: string;
  imageId: string;
}

/** What a bake does in the world, each safe to repeat. */
export interface BakeParts {
  tell: Tell;
  /** Removes what no image that counts consists of: of all bakes of the service, or of this one alone. */
  sweep(whose: 'service' | 'this'): Promise<string[]>;
  findBase(): Promise<Baking['base']>;
  /** Makes the image in the home region, or finds the one that was made; not tagged as baked yet. */
  build(baking: Baking): Promise<HomeImage & { counts: boolean }>;
  /** Undefined when the image booted and answered, otherwise what happened instead. */
  testBoot(home: HomeImage): Promise<{ why: string; lines: string[] } | undefined>;
  distribute(home: HomeImage): Promise<Record<string, string>>;
  tagBaked(baking: Baking, images: Record<string, string>): Promise<void>;
}

/** Bakes one release; when it fails or is stopped, nothing is left that does not count. */
export async function bakeRelease(
  order: BakeOrder,
  parts: BakeParts,
  signal: AbortSignal,
): Promise<Record<string, string>> {
  const swept = await parts.sweep('service');
  if (swept.length > 0)
    parts.tell({ kind: 'note', text: `removed what an earlier bake had left: ${swept.join(', ')}` });
  try {
    return await make(order, parts, signal);
  } catch (thrown) {
    throw await cleared(parts, signal.aborted ? bakeStopped(`${order.service} ${order.version}`) : thrown);
  }
}

async function make(
  order: BakeOrder,
  parts: BakeParts,
  signal: AbortSignal,
): Promise<Record<string, string>> {
  const { tell } = parts;
  signal.throwIfAborted();
  const baking: Baking = { ...order, base: await parts.findBase() };
  const home = await parts.build(baking);
  signal.throwIfAborted();
  if (order.testBoot.enabled && !home.counts) {
    tell({ kind: 'step', title: `test boot of ${home.imageId}` });
    const failed = await parts.testBoot(home);
    if (failed !== undefined)
      throw bakeFailed(
        `${order.service} ${order.version}`,
        `its test boot failed: ${failed.why}`,
        failed.lines,
      );
  }
  const copies = order.regions.length > 1 ? ` and copy it to ${order.regions.slice(1).join(', ')}` : '';
  tell({ kind: 'step', title: `wait for ${home.imageId}${copies}` });
  const images = await parts.distribute(home);
  signal.throwIfAborted();
  tell({ kind: 'step', title: 'tag what is baked' });
  await parts.tagBaked(baking, images);
  tell({ kind: 'done', note: '' });
  return images;
}

/** Removes what was made; where that fails too, both are told. */
async function cleared(parts: BakeParts, thrown: unknown): Promise<unknown> {
  parts.tell({ kind: 'step', title: 'remove what was made' });
  try {
    const removed = await parts.sweep('this');
    parts.tell({ kind: 'done', note: removed.join(', ') });
    return thrown;
  } catch (problem) {
    const { code, message, details, exitCode } = thrown instanceof BasculeError ? thrown : unknownOf(thrown);
    return new BasculeError({
      code,
      message,
      details: [...details, `what it had made could not be removed: ${messageOf(problem)}`],
      next: 'The next bake of this service removes what is left, by its tag bascule:baking. Mend the cause and bake again.',
      blame: 'world',
      exitCode,
      cause: thrown,
    });
  }
}

function unknownOf(thrown: unknown): BasculeError {
  return bakeFailed('The release', messageOf(thrown), [], thrown);
}
