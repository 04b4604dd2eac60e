import { duration, worst, type Assessment, type Figure, type Verdict } from './assessment';
import type { LatencyCheck } from './check';
import type { Latencies, LatencyMeasurement } from './measurement';

/** A percentile is worth something once this many requests were slower. */
const SLOWER_REQUESTS = 10;
/** Standard errors on either side: both bounds together fail one equal release in a million looks. */
const DEVIATIONS = 3.3;
/** The percentiles to ask for, as multiples of the share that is slower than the one in question. */
const SHARES = [4, 3, 2, 1.5, 1.25, 1, 0.8, 0.65, 0.5, 0.35, 0.2, 0.1, 0];

/**
 * The percentiles that a comparison may need, ascending and without repetition; the first of those above the
 * one in question and below it are far enough apart for the fewest requests that decide.
 */
export function percentilesFor(percentile: number): number[] {
  const slower = 100 - percentile;
  const wanted = SHARES.map((factor) => Number(Math.max(100 - slower * factor, 0).toFixed(4)));
  return [...new Set(wanted)];
}

/** The least number of requests from which on a percentile decides. */
export function requestsFor(check: LatencyCheck): number {
  return Math.max(
    check.minimumRequests,
    Math.ceil(Number(((100 * SLOWER_REQUESTS) / (100 - check.percentile)).toFixed(6))),
  );
}

/** Judges a percentile of the response times: against the absolute limit, and new colour against old. */
export function assessLatency(check: LatencyCheck, measured: LatencyMeasurement): Assessment {
  const needed = requestsFor(check);
  const name = `p${check.percentile}`;
  const figures: Figure[] = [];
  const verdicts: { verdict: Verdict; reason: string }[] = [];
  const value = measured.new?.seconds[check.percentile] ?? null;
  const few = [tooFew('new', measured.new, needed), tooFew('old', measured.old, needed)] as const;

  if (check.limitSeconds !== null) {
    figures.push({ name: `${name} of the new colour`, value, limit: check.limitSeconds, unit: 'seconds' });
    if (few[0] !== null || value === null) verdicts.push(undecided(few[0] ?? `there is no ${name}`));
    else {
      const over = value > check.limitSeconds;
      const reason = `${name} of the new colour is ${duration(value)}, ${over ? 'over' : 'within'} the limit of ${duration(check.limitSeconds)}`;
      verdicts.push({ verdict: over ? 'fail' : 'pass', reason });
    }
  }
  if (check.comparison !== null) {
    const allowed = allowedBy(check, measured.old);
    figures.push({ name: `${name} against the old colour`, value, limit: allowed, unit: 'seconds' });
    const missing = few[0] ?? few[1];
    verdicts.push(missing === null ? compare(check, measured) : undecided(missing));
  }
  const verdict = worst(verdicts.map((one) => one.verdict));
  const telling = verdicts.filter((one) => one.verdict === verdict).map(({ reason }) => reason);
  const reason = telling.join('; ') || 'the check has neither a limit nor a comparison';
  return { verdict, reason, window: measured.window, figures };
}

/**
 * Slower only if even what the new colour's percentile is at least exceeds what the old one's is at most, by more
 * than is allowed. The bounds are percentiles too: how many of n requests are faster than the true one is
 * binomial, whatever the response times' distribution.
 */
function compare(check: LatencyCheck, measured: LatencyMeasurement): { verdict: Verdict; reason: string } {
  const name = `p${check.percentile}`;
  const ofNew = boundOf(check.percentile, measured.new, 'least');
  const ofOld = boundOf(check.percentile, measured.old, 'most');
  if (ofNew === null || ofOld === null || check.comparison === null)
    return undecided(`the percentiles around ${name} are missing`);
  const { ratio, toleranceSeconds } = check.comparison;
  const slower = ofNew > ofOld * ratio + toleranceSeconds;
  const reason =
    `${name} is at least ${duration(ofNew)} on the new colour and at most ${duration(ofOld)} on the old one, ` +
    `${slower ? 'more' : 'not more'} than ${ratio} times and ${duration(toleranceSeconds)} apart`;
  return { verdict: slower ? 'fail' : 'pass', reason };
}

function boundOf(percentile: number, of: Latencies | null, side: 'least' | 'most'): number | null {
  if (of === null) return null;
  const p = percentile / 100;
  const error = DEVIATIONS * Math.sqrt((p * (1 - p)) / of.requests) * 100;
  const known = percentilesFor(percentile).filter((one) => of.seconds[one] !== undefined);
  const chosen =
    side === 'least'
      ? known.filter((one) => one <= percentile - error).at(-1)
      : known.find((one) => one >= Math.min(percentile + error, 100));
  return chosen === undefined ? null : (of.seconds[chosen] ?? null);
}

/** For the chart: what the new colour's percentile may be, next to the old one's own. */
function allowedBy({ percentile, comparison }: LatencyCheck, old: Latencies | null): number | null {
  const value = old?.seconds[percentile];
  if (value === undefined || comparison === null) return null;
  return value * comparison.ratio + comparison.toleranceSeconds;
}

function undecided(reason: string): { verdict: Verdict; reason: string } {
  return { verdict: 'inconclusive', reason };
}

function tooFew(colour: 'new' | 'old', of: Latencies | null, needed: number): string | null {
  if (of === null) return `there are no response times of the ${colour} colour`;
  if (of.requests >= needed) return null;
  return `${of.requests} requests of the ${colour} colour are fewer than the ${needed} that decide`;
}
