import { share, worst, type Assessment, type Figure, type Verdict } from './assessment';
import type { RateCheck } from './check';
import { dispersionOf, thinned } from './dispersion';
import { evidence, type Pair } from './evidence';
import type { Counts, RateMeasurement } from './measurement';

/** A comparison with an earlier time looks anew each time; this leaves room for a hundred looks. */
const LOOKS = 100;

interface Finding {
  verdict: Verdict;
  reason: string;
  figure: Figure;
}

/** Judges the share of failed requests: against the absolute limit, and new colour against old. */
export function assessRate(check: RateCheck, measured: RateMeasurement): Assessment {
  const findings = [...againstLimit(check, measured), ...againstOld(check, measured)];
  const verdict = worst(findings.map((finding) => finding.verdict));
  const telling = findings.filter((finding) => finding.verdict === verdict);
  return {
    verdict,
    reason:
      telling.map(({ reason }) => reason).join('; ') || 'the check has neither a limit nor a comparison',
    window: measured.window,
    figures: findings.map(({ figure }) => figure),
  };
}

function againstLimit(check: RateCheck, { periods, window }: RateMeasurement): Finding[] {
  if (check.limit === null) return [];
  const since = window.to - check.windowSeconds * 1000;
  const recent = total(periods.filter(({ to }) => to > since).map((period) => period.new));
  const value = recent === null ? null : rateOf(recent);
  const figure: Figure = { name: 'new colour', value, limit: check.limit, unit: 'share' };
  if (recent === null || value === null || recent.requests < check.minimumRequests)
    return [{ verdict: 'inconclusive', reason: tooFew('the new colour', recent, check), figure }];
  const over = value > check.limit;
  const reason = `${told(recent)} failed on the new colour, ${over ? 'over' : 'within'} the limit of ${share(check.limit)}`;
  return [{ verdict: over ? 'fail' : 'pass', reason, figure }];
}

function againstOld(check: RateCheck, measured: RateMeasurement): Finding[] {
  if (check.comparison === null) return [];
  const sameTime = measured.periods.flatMap((period): Pair[] =>
    period.new === null || period.old === null ? [] : [{ new: period.new, old: period.old }],
  );
  const { significance } = check.comparison;
  const met = sameTime.filter((pair) => pair.new.requests > 0 && pair.old.requests > 0);
  const lastMet = met.length > 0 && met.at(-1) === sameTime.at(-1);
  if (lastMet || measured.before === null)
    return [compare(check, met, { significance, spread: 1 }, 'the old colour')];
  // All traffic is on the new colour: it is held against what the old one did while it had some.
  const since = measured.window.to - check.windowSeconds * 1000;
  const recent = total(measured.periods.filter(({ to }) => to > since).map((period) => period.new));
  const pair = {
    new: recent ?? { requests: 0, failures: 0 },
    old: total(measured.before) ?? { requests: 0, failures: 0 },
  };
  // Nothing of the same time tells a bad minute from a bad release: it may vary as much as it did before.
  const spread = dispersionOf(measured.before);
  return [compare(check, [pair], { significance: significance / LOOKS, spread }, 'the old colour before')];
}

interface Certainty {
  significance: number;
  /** How many times as much failures vary as by chance alone. */
  spread: number;
}

function compare(check: RateCheck, pairs: Pair[], certainty: Certainty, whom: string): Finding {
  const ofNew = total(pairs.map((pair) => pair.new));
  const ofOld = total(pairs.map((pair) => pair.old));
  const [newRate, oldRate] = [rateOf(ofNew), rateOf(ofOld)];
  const tolerance = check.comparison?.tolerance ?? 0;
  const figure: Figure = {
    name: `new colour against ${whom}`,
    value: newRate,
    limit: oldRate === null ? null : oldRate + tolerance,
    unit: 'share',
  };
  if (newRate === null || (ofNew?.requests ?? 0) < check.minimumRequests)
    return { verdict: 'inconclusive', reason: tooFew('the new colour', ofNew, check), figure };
  if (oldRate === null || (ofOld?.requests ?? 0) < check.minimumRequests)
    return { verdict: 'inconclusive', reason: tooFew(whom, ofOld, check), figure };
  const certain =
    evidence(pairs.map((pair) => thinned(pair, certainty.spread))) >= -Math.log(certainty.significance);
  const worse = certain && newRate - oldRate > tolerance;
  const reason = `${told(ofNew)} failed on the new colour, ${told(ofOld)} on ${whom}: ${
    worse ? 'more than chance explains' : 'no more than chance or the tolerance explains'
  }`;
  return { verdict: worse ? 'fail' : 'pass', reason, figure };
}

function total(counts: readonly (Counts | null)[]): Counts | null {
  const known = counts.flatMap((one) => (one === null ? [] : [one]));
  if (known.length === 0) return null;
  return known.reduce(
    (sum, one) => ({ requests: sum.requests + one.requests, failures: sum.failures + one.failures }),
    { requests: 0, failures: 0 },
  );
}

/** Failures can be told before the request they belong to is counted, but a share is at most 1. */
function rateOf(counts: Counts | null): number | null {
  return counts === null || counts.requests === 0 ? null : Math.min(counts.failures / counts.requests, 1);
}

function told(counts: Counts | null): string {
  const rate = rateOf(counts);
  return `${counts?.failures ?? 0} of ${counts?.requests ?? 0} requests${rate === null ? '' : ` (${share(rate)})`}`;
}

function tooFew(whom: string, counts: Counts | null, check: RateCheck): string {
  if (counts === null) return `there are no metrics of ${whom}`;
  return `${counts.requests} requests of ${whom} are fewer than the ${check.minimumRequests} that decide`;
}
