import type { Pair } from './evidence';
import type { Counts } from './measurement';

/** Fewer blocks than this tell nothing about how much they vary. */
const FEWEST_BLOCKS = 8;

/**
 * How many times as much the failures of periods vary as those of independent requests would, 1 at least: Pearson's
 * statistic over its degrees of freedom (McCullagh and Nelder, "Generalized Linear Models", 4.5). Failures come
 * in bursts of any length, so that the greatest over blocks of growing length is taken.
 */
export function dispersionOf(periods: readonly Counts[]): number {
  let blocks = periods.filter(({ requests }) => requests > 0);
  let greatest = Math.max(1, pearson(blocks));
  while (blocks.length >= 2 * FEWEST_BLOCKS) {
    blocks = halved(blocks, sumOf);
    greatest = Math.max(greatest, pearson(blocks));
  }
  return greatest;
}

/**
 * How many times as much the split of the failures between the colours varies as by chance, 1 at least: with the
 * bursts of single instances it does, and a bad minute for both leaves it as it is. Only what chance would rarely
 * do counts, so that a release that is steadily worse is caught as soon as ever.
 */
export function splitDispersionOf(pairs: readonly Pair[]): number {
  let blocks = pairs.filter((pair) => pair.new.requests > 0 && pair.old.requests > 0);
  let greatest = splitPearson(blocks);
  while (blocks.length >= 2 * FEWEST_BLOCKS) {
    blocks = halved(blocks, (one, other) => ({
      new: sumOf(one.new, other.new),
      old: sumOf(one.old, other.old),
    }));
    greatest = Math.max(greatest, splitPearson(blocks));
  }
  return greatest;
}

function splitPearson(blocks: readonly Pair[]): number {
  const ratio = ratioOf(blocks);
  if (ratio === null) return 1;
  const squares = blocks.flatMap((pair) => {
    const failures = pair.new.failures + pair.old.failures;
    if (failures === 0) return [];
    const odds = (ratio * pair.new.requests) / pair.old.requests;
    const expected = (failures * odds) / (1 + odds);
    return [(pair.new.failures - expected) ** 2 / (expected / (1 + odds))];
  });
  const statistic = squares.reduce((sum, one) => sum + one, 0);
  const freedom = squares.length - 1;
  return freedom >= 1 && statistic > chiSquared(freedom) ? statistic / freedom : 1;
}

/** How many times as often the new colour fails over all pairs (Mantel and Haenszel 1959); null where none tells. */
function ratioOf(pairs: readonly Pair[]): number | null {
  let [ofNew, ofOld] = [0, 0];
  for (const pair of pairs) {
    const total = pair.new.requests + pair.old.requests;
    ofNew += (pair.new.failures * pair.old.requests) / total;
    ofOld += (pair.old.failures * pair.new.requests) / total;
  }
  return ofNew === 0 || ofOld === 0 ? null : ofNew / ofOld;
}

/** What chi-squared exceeds once in a hundred times (Wilson and Hilferty 1931). */
function chiSquared(freedom: number): number {
  const spread = 2 / (9 * freedom);
  return freedom * (1 - spread + 2.326 * Math.sqrt(spread)) ** 3;
}

/** The counts that would tell as much if requests failed independently. */
export function thinned({ new: ofNew, old }: Pair, spread: number): Pair {
  const less = ({ requests, failures }: Counts): Counts => ({
    requests: requests / spread,
    failures: failures / spread,
  });
  return { new: less(ofNew), old: less(old) };
}

function pearson(blocks: readonly Counts[]): number {
  const requests = blocks.reduce((sum, one) => sum + one.requests, 0);
  const failures = blocks.reduce((sum, one) => sum + one.failures, 0);
  const rate = failures / requests;
  if (blocks.length < 2 || failures === 0 || failures >= requests) return 1;
  const squares = blocks.map((one) => {
    const expected = one.requests * rate;
    return (one.failures - expected) ** 2 / (expected * (1 - rate));
  });
  return squares.reduce((sum, one) => sum + one, 0) / (blocks.length - 1);
}

/** Each two that follow each other as one. */
function halved<T>(blocks: readonly T[], together: (one: T, other: T) => T): T[] {
  const made: T[] = [];
  for (let at = 1; at < blocks.length; at += 2) made.push(together(blocks[at - 1] as T, blocks[at] as T));
  return made;
}

function sumOf(one: Counts, other: Counts): Counts {
  return { requests: one.requests + other.requests, failures: one.failures + other.failures };
}
