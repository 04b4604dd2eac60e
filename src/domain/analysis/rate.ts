import { share, worst, type Assessment, type Figure, type Verdict } from './assessment';
import type { RateCheck, RateComparison } from './check';
import { dispersionOf, splitDispersionOf, thinned } from './dispersion';
import { evidence, evidenceOver, type Pair } from './evidence';
import type { Counts, Period, RateMeasurement } from './measurement';

/** What the same check found at the weights before this one. */
export interface Stages {
  /** The logarithm of the evidence of each of them, in their order. */
  earlier: readonly number[];
  /** How many weights the deployment has. */
  ofAll: number;
}

/** A comparison that stands for itself. */
export const SOLE_STAGE: Stages = { earlier: [], ofAll: 1 };

interface Finding {
  verdict: Verdict;
  reason: string;
  figure: Figure;
  /** The logarithm of the evidence of the same time, where there was a comparison. */
  evidence?: number;
}

/** Judges the share of failed requests: against the absolute limit, and new colour against old. */
export function assessRate(
  check: RateCheck,
  measured: RateMeasurement,
  stages: Stages = SOLE_STAGE,
): Assessment {
  const findings = [...againstLimit(check, measured), ...againstOld(check, measured, stages)];
  const found = findings.flatMap((finding) => finding.evidence ?? []);
  const verdict = worst(findings.map((finding) => finding.verdict));
  const telling = findings.filter((finding) => finding.verdict === verdict);
  return {
    verdict,
    reason:
      telling.map(({ reason }) => reason).join('; ') || 'the check has neither a limit nor a comparison',
    window: measured.window,
    figures: findings.map(({ figure }) => figure),
    ...(found[0] === undefined ? {} : { evidence: found[0] }),
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

function againstOld(check: RateCheck, measured: RateMeasurement, stages: Stages): Finding[] {
  if (check.comparison === null) return [];
  const sameTime = measured.periods.filter(hasBoth);
  const met = sameTime.filter((pair) => pair.new.requests > 0 && pair.old.requests > 0);
  const lastMet = met.length > 0 && met.at(-1) === sameTime.at(-1);
  if (lastMet || measured.before === null) {
    const spread = splitDispersionOf(met);
    const found = evidence(met.map((pair) => thinned(pair, spread)));
    const certain = isCertain(check.comparison, evidenceOver([...stages.earlier, found], stages.ofAll));
    return [{ ...compare(check, met, certain, 'the old colour'), evidence: found }];
  }
  // All traffic is on the new colour: it is held against what the old one did while it had some.
  const since = measured.window.to - check.windowSeconds * 1000;
  const recent = total(measured.periods.filter(({ to }) => to > since).map((period) => period.new));
  const pair = {
    new: recent ?? { requests: 0, failures: 0 },
    old: total(measured.before) ?? { requests: 0, failures: 0 },
  };
  // Nothing of the same time tells a bad minute from a bad release: it may vary as much as it did before.
  const certain = isCertain(check.comparison, evidence([thinned(pair, dispersionOf(measured.before))]));
  return [compare(check, [pair], certain, 'the old colour before')];
}

function hasBoth(period: Period): period is Period & Pair {
  return period.new !== null && period.old !== null;
}

function isCertain({ significance }: RateComparison, logEvidence: number): boolean {
  return logEvidence >= -Math.log(significance);
}

function compare(check: RateCheck, pairs: Pair[], certain: boolean, whom: string): Finding {
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
  const worse = certain && newRate - oldRate > tolerance;
  const reason = `${told(ofNew)} failed on the new colour, ${told(ofOld)} on ${whom}: ${
    worse ? 'more than chance explains' : 'no more than chance or the tolerance explains'
  }`;
  return { verdict: worse ? 'fail' : 'pass', reason, figure };
}

function total(counts: readonly (Counts | null)[]): Counts | null {
  let sum: Counts | null = null;
  for (const one of counts) {
    if (one === null) continue;
    sum ??= { requests: 0, failures: 0 };
    sum.requests += one.requests;
    sum.failures += one.failures;
  }
  return sum;
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
