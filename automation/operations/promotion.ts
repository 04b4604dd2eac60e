import type { PromotionConfig } from '../../src/domain/config';
import { BasculeError, messageOf } from '../../src/domain/errors';
import {
  adviceOn,
  describeVerdict,
  judgePromotion,
  passageOf,
  type Passage,
  type Verdict,
} from '../../src/domain/promotion';
import { bundleMove, passedTags, placementOf, type PassedImage } from '../../src/domain/promotion-images';
import type { Promoted } from '../../src/domain/records';
import type { Handover, Image, Journal } from '../../src/ports';
import type { Session } from './session';

/** Journals read at the same time. */
const READERS = 8;

/** Deployments of an environment, oldest first; with `until` only as far back as that is found. */
export async function passagesOf(
  journal: Pick<Journal, 'list' | 'read'>,
  { most = Infinity, until }: { most?: number; until?: (passage: Passage) => boolean } = {},
): Promise<Passage[]> {
  const ids = (await journal.list()).reverse().slice(0, most);
  const found: Passage[] = [];
  for (let from = 0; from < ids.length; from += READERS) {
    const journals = await Promise.all(ids.slice(from, from + READERS).map((id) => journal.read(id)));
    // One whose opening was cut off never began.
    found.push(...journals.filter((records) => records.length > 0).map(passageOf));
    if (until !== undefined && found.some(until)) break;
  }
  return found.reverse();
}

/** What the former environment's journals say of a version. */
export async function judgeIn(
  journal: Pick<Journal, 'list' | 'read'>,
  version: string,
  required: PromotionConfig,
  now: number,
): Promise<Verdict> {
  const isReady = (passages: readonly Passage[]): boolean =>
    judgePromotion(passages, version, required, now).kind === 'ready';
  // The last success of it mostly tells; an older one may have been live longer.
  const lately = await passagesOf(journal, {
    until: ({ outcome, purpose, version: one }) =>
      outcome === 'succeeded' && purpose === 'deploy' && one === version,
  });
  const passages = isReady(lately) ? lately : await passagesOf(journal);
  return judgePromotion(passages, version, required, now);
}

/**
 * Lets a deployment begin when it is a promotion, or by force, or where none is asked for.
 * @throws BasculeError BASCULE_NOT_PROMOTED (exit code 2), before anything is begun.
 */
export function requirePromotion(
  { environment, promotion }: Session,
  request: { version: string; promoted?: Promoted; forcePromotion?: string },
): Promoted | undefined {
  if (promotion === null) return undefined;
  if (request.promoted !== undefined) return request.promoted;
  const { from } = promotion;
  if (request.forcePromotion !== undefined) return { from, deployment: null, forced: request.forcePromotion };
  throw new BasculeError({
    code: 'BASCULE_NOT_PROMOTED',
    message: `${environment} takes only releases that come from ${from}, and deploy looks at nothing of that.`,
    next: `Nothing was begun. \`bascule promote ${request.version} --to ${environment}\` does, and deploys; by force: \`bascule deploy ${environment} … --force-promotion --reason "<reason>"\`, which is recorded.`,
  });
}

export function notFit(
  environment: string,
  version: string,
  required: PromotionConfig,
  verdict: Verdict,
  now: number,
): BasculeError {
  const { from } = required;
  return new BasculeError({
    code: 'BASCULE_NOT_PROMOTED',
    message: `${version} may not go to ${environment} yet: ${describeVerdict(verdict, version, required, now)}.`,
    next: `Nothing was begun. ${adviceOn(verdict, version, from)} By force: \`bascule promote ${version} --to ${environment} --force-promotion --reason "<reason>"\`, which is recorded.`,
  });
}

/** What a release is placed for. */
export interface Destination {
  version: string;
  /** The environment before, and its regions. */
  from: { environment: string; regions: readonly string[] };
  /** The next one: its bucket, and others that its instances may read releases of. */
  environment: string;
  regions: readonly string[];
  imageOwners: readonly string[];
  bucket: string;
  readableBuckets: readonly string[];
}

export interface PlacedRelease {
  region: string;
  imageId: string;
  how: 'there' | 'copied' | 'shared';
}

/**
 * Gets the very image of a release, never another, into each region of the next environment, side by side.
 * @throws BasculeError BASCULE_PROMOTION_DIFFERS or BASCULE_IMAGE_MISSING (exit code 2), BASCULE_PROMOTION_FAILED (3).
 */
export async function placeRelease(
  handover: Handover,
  to: Destination,
  tell: (text: string) => void,
): Promise<PlacedRelease[]> {
  const accounts = await handover.accounts();
  const failures: unknown[] = [];
  const placed = await Promise.all(
    to.regions.map((region) =>
      placeIn({ handover, to, accounts, tell }, region).catch((thrown: unknown) => {
        failures.push(failed(to, region, thrown));
        return undefined;
      }),
    ),
  );
  // All have ended by now: nothing of it goes on unseen.
  if (failures.length > 0) throw failures[0];
  return placed.flatMap((one) => one ?? []);
}

interface Placing {
  handover: Handover;
  to: Destination;
  accounts: { source: string; target: string };
  tell: (text: string) => void;
}

async function placeIn({ handover, to, accounts, tell }: Placing, region: string): Promise<PlacedRelease> {
  const [source, there] = await Promise.all([
    sourceFor(handover, to, region),
    handover.target(region, to.version),
  ]);
  const placement = placementOf({ region, source, there, accounts, owners: to.imageOwners });
  const next = { bucket: to.bucket, readable: to.readableBuckets };
  const move = accounts.source === accounts.target ? null : bundleMove(source, next);
  const tags = passedTags(source, accounts.source, move);
  switch (placement.kind) {
    case 'there':
      if (move !== null) await handover.moveBundle(move);
      await handover.available(placement.image);
      return { region, imageId: placement.image.id, how: 'there' };
    case 'copy': {
      if (move !== null) await handover.moveBundle(move);
      tell(
        `${to.version}: copying ${source.id} (${accounts.source}, ${source.region}) to ${accounts.target}, ${region}`,
      );
      return { region, imageId: await handover.copy(source, region, tags), how: 'copied' };
    }
    case 'share':
      if (move !== null) await handover.moveBundle(move);
      return { region, imageId: await handover.share(source, tags), how: 'shared' };
    case 'another':
      throw differs(to, source, placement.image);
    case 'not-in-region':
      throw notInRegion(to, source, region);
  }
}

async function sourceFor(handover: Handover, { from, version }: Destination, region: string): Promise<Image> {
  for (const one of new Set([region, ...from.regions])) {
    const image = await handover.source(one, version);
    if (image?.state === 'available') return image;
  }
  throw new BasculeError({
    code: 'BASCULE_IMAGE_MISSING',
    message: `There is no image of ${version} in the account of ${from.environment} that could be promoted (${[...new Set([region, ...from.regions])].join(', ')}).`,
    next: 'A release is promoted as it is, never built again: bake it anew under another version, and take that one through. Nothing was deployed.',
  });
}

function differs(
  { version, environment, from }: Destination,
  source: PassedImage,
  there: PassedImage,
): BasculeError {
  return new BasculeError({
    code: 'BASCULE_PROMOTION_DIFFERS',
    message: `The account of ${environment} has an image of ${version} in ${there.region} which is not the release that ${from.environment} has: ${there.id} is not made of the same as ${source.id} (${source.region}).`,
    next: `Nothing was deployed. Deregister ${there.id} if nothing needs it, and promote again; or bake what is wanted under a version of its own.`,
  });
}

function notInRegion({ environment }: Destination, source: PassedImage, region: string): BasculeError {
  return new BasculeError({
    code: 'BASCULE_PROMOTION_FAILED',
    message: `${environment} launches only images of another account (\`fleet.imageOwners\`), and ${source.id} of ${source.region} can be shared there, but not in ${region}.`,
    next: 'Bake to that region as well (`regions` in Pulumi.image.yaml), or add self to `fleet.imageOwners`, and the image is copied. Nothing was deployed.',
  });
}

function failed({ version, environment }: Destination, region: string, thrown: unknown): unknown {
  // Whoever may not do it, and what has a reason of its own, is told so.
  if (thrown instanceof BasculeError && thrown.code !== 'BASCULE_IMAGE_NOT_AVAILABLE') return thrown;
  return new BasculeError({
    code: 'BASCULE_PROMOTION_FAILED',
    message: `The image of ${version} could not be brought to ${region} for ${environment}: ${messageOf(thrown)}`,
    next: 'Nothing was deployed. Promote it again once the cause is gone: copies that were begun are found. What AWS encrypted with its own key for EBS cannot leave its account: name one of your own, in `kmsKeys` of Pulumi.image.yaml for what is baked, in `promotion.kmsKeys` of the environment before for a copy.',
    blame: 'world',
    exitCode: 3,
    cause: thrown,
  });
}
