/** Whole deployments simulated with seeds: three weights with fifty looks each, then a soak with fifty more. */
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { assessCheck } from '../../src/domain/analysis/assess';
import { DEFAULT_COMPARISON, type RateCheck } from '../../src/domain/analysis/check';
import { dispersionOf } from '../../src/domain/analysis/dispersion';
import { evidenceAlong, type Pair } from '../../src/domain/analysis/evidence';
import type { Counts, Period } from '../../src/domain/analysis/measurement';
import { random, sample } from '../support/samples';

const LOOKS = 50;
const REQUESTS = 400;
const RUNS = 400;
const WEIGHTS = [0.05, 0.25, 0.5];

const rule: RateCheck = {
  kind: 'error-rate',
  limit: null,
  windowSeconds: 300,
  minimumRequests: 100,
  comparison: DEFAULT_COMPARISON,
};

type Rate = (next: () => number) => number;

/** Whether any look at these periods fails the release. */
function fails(periods: readonly (Period & Pair)[], before: Counts[] | null): boolean {
  const certain = -Math.log(DEFAULT_COMPARISON.significance);
  const along = before === null ? evidenceAlong(periods) : periods.map(() => Infinity);
  return periods.some((period, at) => {
    // Without the evidence a look passes for sure.
    if ((along[at] ?? 0) < certain) return false;
    const measured = { kind: 'rate', window: { from: 0, to: period.to }, before } as const;
    return assessCheck(rule, { ...measured, periods: periods.slice(0, at + 1) }).verdict === 'fail';
  });
}

function turnedBack(next: () => number, rate: Rate, worse: number): boolean {
  const before: Counts[] = [];
  const stage = (weight: number): (Period & Pair)[] =>
    Array.from({ length: LOOKS }, (_, at) => {
      const now = rate(next);
      const mine = Math.round(REQUESTS * weight);
      const old = sample(next, REQUESTS - mine, now);
      if (weight < 1) before.push(old);
      return { from: at * 1000, to: (at + 1) * 1000, new: sample(next, mine, now * worse), old };
    });
  return WEIGHTS.some((weight) => fails(stage(weight), null)) || fails(stage(1), before);
}

function turnedBackOf(rate: Rate, worse: number): number {
  const next = random(20261121);
  return Array.from({ length: RUNS }, () => turnedBack(next, rate, worse)).filter(Boolean).length;
}

describe('a whole deployment', () => {
  it.each<[string, Rate]>([
    ['that fails a little', () => 0.01],
    ['that fails a lot', () => 0.1],
    ['with bad minutes', (next) => (next() < 0.1 ? 0.15 : 0.005)],
  ])('of an equal release %s succeeds in at least 99 of 100 runs', (_what, rate) => {
    expect(turnedBackOf(rate, 1)).toBeLessThanOrEqual(RUNS * 0.01);
  });

  it.each<[string, Rate]>([
    ['steadily', () => 0.01],
    ['in bad minutes', (next) => (next() < 0.1 ? 0.15 : 0.005)],
  ])('of a release that fails twice as often %s is turned back in at least 99 of 100', (_what, rate) => {
    expect(turnedBackOf(rate, 2)).toBeGreaterThanOrEqual(RUNS * 0.99);
  });
});

describe('how much failures vary', () => {
  const next = random(7);
  const periods = (rates: readonly number[]) => rates.map((rate) => sample(next, 1000, rate));

  it('is about as much as by chance where requests fail independently, and never taken for less', () => {
    const found = dispersionOf(periods(Array.from({ length: 64 }, () => 0.02)));
    expect(found).toBeGreaterThanOrEqual(1);
    expect(found).toBeLessThan(3);
    expect(dispersionOf(Array.from({ length: 64 }, () => ({ requests: 1000, failures: 20 })))).toBe(1);
  });

  it('is more where they come in bursts, and still more where the bursts last', () => {
    const short = dispersionOf(periods(Array.from({ length: 64 }, (_, at) => (at % 8 === 0 ? 0.2 : 0.01))));
    const long = dispersionOf(periods(Array.from({ length: 64 }, (_, at) => (at < 8 ? 0.2 : 0.01))));
    expect(short).toBeGreaterThan(20);
    expect(long).toBeGreaterThan(3 * short);
  });

  it('is a number of one at least whatever was counted', () => {
    const count = fc.record({ requests: fc.nat(1000), failures: fc.nat(1200) });
    fc.assert(
      fc.property(fc.array(count, { maxLength: 40 }), (counts) => {
        expect(dispersionOf(counts)).toBeGreaterThanOrEqual(1);
        expect(dispersionOf(counts)).toBeLessThan(Infinity);
      }),
    );
  });
});
