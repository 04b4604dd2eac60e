import type { PromotionConfig } from '../../src/domain/config';
import { BasculeError } from '../../src/domain/errors';
import { waysOf, type BakedRelease, type ReleaseWay } from '../../src/domain/release-way';
import type { Journal, ReleaseImages } from '../../src/ports';
import { passagesOf } from './promotion';

/** One environment of a service, in the order of promotion. */
export interface Station {
  environment: string;
  promotion: PromotionConfig | null;
  journal: Pick<Journal, 'list' | 'read'>;
  /** The images of its account, in its first region. */
  images: Pick<ReleaseImages, 'list'>;
  region: string;
}

export interface Releases {
  releases: ReleaseWay[];
  /** Environments whose journal, or whose images, could not be read. */
  unread: { environment: string; code: string; why: string }[];
}

/** The way of every version through the environments; of each the last `most` deployments count. */
export async function releases(stations: readonly Station[], most: number, now: number): Promise<Releases> {
  const unread: Releases['unread'] = [];
  const told = async <T>(environment: string, work: Promise<T>): Promise<T | null> => {
    try {
      return await work;
    } catch (thrown) {
      // An account that cannot be reached hides the others from nobody; a defect goes on.
      if (!(thrown instanceof BasculeError)) throw thrown;
      unread.push({ environment, code: thrown.code, why: thrown.message });
      return null;
    }
  };
  const [read, baked] = await Promise.all([
    Promise.all(
      stations.map(async ({ environment, promotion, journal }) => {
        const passages = await told(environment, passagesOf(journal, { most }));
        return { environment, promotion, passages };
      }),
    ),
    Promise.all(stations.map(({ environment, images, region }) => told(environment, images.list(region)))),
  ]);
  const all = baked.flatMap((list) => list ?? []);
  return { releases: waysOf(read, firstOf(all), now), unread: once(unread) };
}

/** A copy in another account is younger than what it was copied of. */
function firstOf(images: readonly BakedRelease[]): BakedRelease[] {
  const first = new Map<string, BakedRelease>();
  for (const { version, createdAt, contentSha256 } of images) {
    const known = first.get(version);
    if (known === undefined || (createdAt ?? Infinity) < (known.createdAt ?? Infinity))
      first.set(version, { version, createdAt, contentSha256 });
  }
  return [...first.values()];
}

function once(unread: Releases['unread']): Releases['unread'] {
  return unread.filter(
    ({ environment }, index) => unread.findIndex((one) => one.environment === environment) === index,
  );
}
