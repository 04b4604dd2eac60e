import type { Check } from './check';

/** What of a plan shares the false alarms that its checks may give. */
export interface Watched {
  regions: number;
  /** Weights before the cutover in each region; their evidence adds up, so that they share one part. */
  stages: number;
  soakSeconds: number;
  /** Soaks between waves, each as long, of a region that has moved already. */
  between?: { times: number; seconds: number };
}

/** The part of the soak, which is held against an earlier time; the rest is that of the weights before it. */
const SOAK_PART = 0.25;

/**
 * The checks of the weights before the cutover and those of the soak, each with its part of the significance: the
 * parts of a deployment, over its regions, comparisons and looks, are together what people allowed (Bonferroni).
 */
export function budgeted(checks: readonly Check[], watched: Watched): { stages: Check[]; soak: Check[] } {
  const { regions, stages, soakSeconds, between = { times: 0, seconds: 0 } } = watched;
  const soaks = [soakSeconds, ...Array<number>(between.times).fill(between.seconds)].filter((one) => one > 0);
  const ofSoak = soaks.length === 0 ? 0 : stages === 0 ? 1 : SOAK_PART;
  const sharers = Math.max(1, regions * checks.filter(compares).length);
  return {
    stages: checks.map((check) => withPart(check, (1 - ofSoak) / sharers)),
    // Against an earlier time each look is a test of its own.
    soak: checks.map((check) =>
      withPart(check, ofSoak / sharers / looksOf(soaks, check.pacing.intervalSeconds)),
    ),
  };
}

function looksOf(soaks: readonly number[], intervalSeconds: number): number {
  const looks = soaks.reduce((sum, seconds) => sum + Math.ceil(seconds / intervalSeconds) + 1, 0);
  return Math.max(1, looks);
}

/** Response times are compared by bounds that keep to one in a million by themselves. */
function compares(check: Check): boolean {
  return (check.kind === 'error-rate' || check.kind === 'connection-errors') && check.comparison !== null;
}

function withPart(check: Check, part: number): Check {
  if (check.kind !== 'error-rate' && check.kind !== 'connection-errors') return check;
  const { comparison } = check;
  if (comparison === null) return check;
  return { ...check, comparison: { ...comparison, significance: comparison.significance * part } };
}
