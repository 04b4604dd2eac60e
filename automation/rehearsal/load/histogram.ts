import type { LatencySummary } from './types';

/** Each bin is this much wider than the one before, so a percentile is off by a tenth at most. */
export const GROWTH = 1.2;
/** Upper bound of the first bin. */
export const FIRST_BOUND_MILLISECONDS = 0.25;
/** The last bin ends above two minutes, longer than any time-out. */
export const BIN_COUNT = 74;

const LOG_GROWTH = Math.log(GROWTH);

/** The bin of a duration. */
export function binOf(milliseconds: number): number {
  if (milliseconds <= FIRST_BOUND_MILLISECONDS) return 0;
  const bin = Math.ceil(Math.log(milliseconds / FIRST_BOUND_MILLISECONDS) / LOG_GROWTH);
  return Math.min(bin, BIN_COUNT - 1);
}

/** The upper bound of a bin in milliseconds. */
export function boundOf(bin: number): number {
  return FIRST_BOUND_MILLISECONDS * GROWTH ** bin;
}

/**
 * The duration that `share` (0 to 1) of all durations do not exceed, read from counts per bin and never
 * above the longest one seen. 0 when there are none.
 */
export function percentile(counts: ArrayLike<number>, share: number, max: number): number {
  let total = 0;
  for (let bin = 0; bin < counts.length; bin++) total += counts[bin] ?? 0;
  if (total === 0) return 0;
  let left = Math.max(1, Math.ceil(total * share));
  for (let bin = 0; bin < counts.length; bin++) {
    left -= counts[bin] ?? 0;
    if (left <= 0) return Math.min(boundOf(bin), max);
  }
  return max;
}

/** The usual percentiles of counts per bin. */
export function summarise(counts: ArrayLike<number>, max: number): LatencySummary {
  return {
    p50: percentile(counts, 0.5, max),
    p95: percentile(counts, 0.95, max),
    p99: percentile(counts, 0.99, max),
    max,
  };
}
