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
    blocks = inPairs(blocks);
    greatest = Math.max(greatest, pearson(blocks));
  }
  return greatest;
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

function inPairs(blocks: readonly Counts[]): Counts[] {
  return Array.from({ length: Math.floor(blocks.length / 2) }, (_, at) => {
    const [one, other] = [blocks[2 * at], blocks[2 * at + 1]];
    return {
      requests: (one?.requests ?? 0) + (other?.requests ?? 0),
      failures: (one?.failures ?? 0) + (other?.failures ?? 0),
    };
  });
}
