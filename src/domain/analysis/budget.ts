import type { Check } from './check';

/** What of a plan shares the false alarms that its checks may give. */
export interface Watched {
  regions: number;
  /** Weights before the cutover in each region; their evidence adds up, so that they share one part. */
  stages: number;
  soakSeconds: number;
}

/** The part of the soak, which is held against an earlier time; the rest is that of the weights before it. */
const SOAK_PART = 0.25;

/**
 * The checks of the weights before the cutover and those of the soak, each with its part of the significance: the
 * parts of a deployment, over its regions, comparisons and looks, are together what people allowed (Bonferroni).
 */
export function budgeted(checks: readonly Check[], watched: Watched): { stages: Check[]; soak: Check[] } {
  const { regions, stages, soakSeconds } = watched;
  const ofSoak = soakSeconds === 0 ? 0 : stages === 0 ? 1 : SOAK_PART;
  const sharers = Math.max(1, regions * checks.filter(compares).length);
  return {
    stages: checks.map((check) => withPart(check, (1 - ofSoak) / sharers)),
    // Against an earlier time each look is a test of its own.
    soak: checks.map((check) =>
      withPart(check, ofSoak / sharers / (Math.ceil(soakSeconds / check.pacing.intervalSeconds) + 1)),
    ),
  };
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
