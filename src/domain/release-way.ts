/** The way of each version through the environments of its service. Pure. */
import type { PromotionConfig } from './config/promotion';
import type { Outcome } from './outcome';
import { describeVerdict, judgePromotion, soakedSeconds, staysOf, type Passage } from './promotion';

/** One environment, in the order of promotion. */
export interface WayStation {
  environment: string;
  promotion: PromotionConfig | null;
  /** Its deployments, oldest first; null where they cannot be read. */
  passages: Passage[] | null;
}

/** A version as it was baked. */
export interface BakedRelease {
  version: string;
  /** Unix milliseconds. */
  createdAt: number | null;
  contentSha256: string | null;
}

export interface ReleaseWay {
  version: string;
  /** Unix milliseconds; null where its image is there no more. */
  bakedAt: number | null;
  contentSha256: string | null;
  environments: ReleaseIn[];
}

/** How a version did in one environment; times are Unix milliseconds. */
export interface ReleaseIn {
  environment: string;
  /** false where its deployments cannot be read. */
  known: boolean;
  /** Of the last deployment that counts; null where it was never deployed there. */
  deployment: string | null;
  deployedAt: number | null;
  outcome: Outcome | 'open' | null;
  /** By the journal; null while it never succeeded. */
  soakedSeconds: number | null;
  live: boolean;
  tests: { passed: number; all: number } | null;
  /** null where releases come from nowhere. */
  promotion: { from: string; allowed: boolean; why: string } | null;
}

/** Every version that has an image or was deployed, the newest first. */
export function waysOf(
  stations: readonly WayStation[],
  baked: readonly BakedRelease[],
  now: number,
): ReleaseWay[] {
  const all = stations.flatMap(({ passages }) => passages ?? []);
  const versions = new Set([
    ...baked.map(({ version }) => version),
    ...all.filter(({ purpose }) => purpose !== 'retire').map(({ version }) => version),
  ]);
  return [...versions]
    .map((version) => {
      const image = baked.find((one) => one.version === version);
      return {
        version,
        bakedAt: image?.createdAt ?? null,
        contentSha256: image?.contentSha256 ?? null,
        environments: stations.map((station) => releaseIn(station, stations, version, now)),
      };
    })
    .sort((one, other) => beginningOf(other, all) - beginningOf(one, all) || byVersion(other, one));
}

/** When a version was baked; where nobody knows, when it was deployed first. */
function beginningOf({ bakedAt, version }: ReleaseWay, all: readonly Passage[]): number {
  const deployed = all.flatMap((one) => (one.version === version ? [one.openedAt] : []));
  return bakedAt ?? (deployed.length === 0 ? 0 : Math.min(...deployed));
}

function byVersion(one: ReleaseWay, other: ReleaseWay): number {
  return one.version.localeCompare(other.version, 'en', { numeric: true });
}

function releaseIn(
  station: WayStation,
  stations: readonly WayStation[],
  version: string,
  now: number,
): ReleaseIn {
  const passages = station.passages ?? [];
  const own = passages.filter((one) => one.purpose !== 'retire' && one.version === version);
  const stays = staysOf(passages, version);
  const stay = stays[stays.length - 1];
  const last = stay?.passage ?? own[own.length - 1];
  return {
    environment: station.environment,
    known: station.passages !== null,
    deployment: last?.deployment ?? null,
    deployedAt: last?.closedAt ?? last?.openedAt ?? null,
    outcome: last === undefined ? null : (last.outcome ?? 'open'),
    soakedSeconds: stay === undefined ? null : soakedSeconds(stay, now),
    live: stay?.until === null,
    tests:
      last === undefined
        ? null
        : { passed: last.tests.filter(({ passed }) => passed).length, all: last.tests.length },
    promotion: promotionTo(station, stations, version, now),
  };
}

function promotionTo(
  { promotion }: WayStation,
  stations: readonly WayStation[],
  version: string,
  now: number,
): ReleaseIn['promotion'] {
  if (promotion === null) return null;
  const { from } = promotion;
  const before = stations.find(({ environment }) => environment === from)?.passages ?? null;
  if (before === null) return { from, allowed: false, why: `the journal of ${from} cannot be read` };
  const verdict = judgePromotion(before, version, promotion, now);
  const why = describeVerdict(verdict, version, promotion, now);
  return { from, allowed: verdict.kind === 'ready', why };
}
