/**
 * Whole deployments and single analyses, simulated. The samples are those of a seed, so that the numbers are the same
 * in each run; BASCULE_SEED=7 takes others.
 */
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { assessCheck } from '../../src/domain/analysis/assess';
import { budgeted } from '../../src/domain/analysis/budget';
import {
  DEFAULT_COMPARISON,
  DEFAULT_PACING,
  type Check,
  type RateCheck,
} from '../../src/domain/analysis/check';
import { dispersionOf, splitDispersionOf } from '../../src/domain/analysis/dispersion';
import { evidenceAlong, evidenceOver, type Pair } from '../../src/domain/analysis/evidence';
import type { Counts, Period, RateMeasurement } from '../../src/domain/analysis/measurement';
import { random, sample } from '../support/samples';

const SEED = Number(process.env.BASCULE_SEED ?? 20261121);
const LOOKS = 50;
const REQUESTS = 400;
const LIMIT = 0.01;
/** Seconds of work, and minutes where many share a machine. */
const MINUTES = 300_000;

/** The most of so many runs that show, with a certainty of 95 %, that fewer than one in a hundred goes so. */
function fewOf(runs: number): number {
  let exactly = (1 - LIMIT) ** runs;
  for (let many = 0, upTo = exactly; ; many += 1, upTo += exactly) {
    if (upTo > 0.05) return many - 1;
    exactly *= ((runs - many) / (many + 1)) * (LIMIT / (1 - LIMIT));
  }
}

const rule: RateCheck = {
  kind: 'error-rate',
  limit: null,
  windowSeconds: 300,
  minimumRequests: 100,
  comparison: DEFAULT_COMPARISON,
};

interface Deployment {
  /** Shares of the requests that the new colour gets, one stage after the other. */
  weights: number[];
  /** Checks that compare, each of which has its part of the significance. */
  checks?: number;
}

type Rate = (next: () => number) => number;
type Sampled = Period & Pair;

/** What a look at all of these periods finds, and the evidence that it leaves to the next stage. */
function lookAt(check: RateCheck, periods: readonly Sampled[], before: Counts[] | null, stages: Stages) {
  const window = { from: 0, to: periods.at(-1)?.to ?? 0 };
  const measured: RateMeasurement = { kind: 'rate', window, periods: [...periods], before };
  return assessCheck(check, measured, stages);
}

type Stages = NonNullable<Parameters<typeof assessCheck>[2]>;

/** Whether any of the looks on the way fails the release. */
function fails(
  check: RateCheck,
  periods: readonly Sampled[],
  before: Counts[] | null,
  stages: Stages,
): boolean {
  const certain = -Math.log(check.comparison?.significance ?? 1);
  const along = before === null ? evidenceAlong(periods) : periods.map(() => Infinity);
  return periods.some((_, at) => {
    // Without the evidence a look passes for sure.
    if (evidenceOver([...stages.earlier, along[at] ?? 0], stages.ofAll) < certain) return false;
    return lookAt(check, periods.slice(0, at + 1), before, stages).verdict === 'fail';
  });
}

function checksOf({ weights, checks = 1 }: Deployment) {
  const all = Array.from({ length: checks }, (_, at): Check => ({
    ...rule,
    name: `check-${at}`,
    pacing: { ...DEFAULT_PACING, intervalSeconds: 1 },
  }));
  const parts = budgeted(all, { regions: 1, stages: weights.length, soakSeconds: LOOKS });
  return { stages: parts.stages[0] as RateCheck, soak: parts.soak[0] as RateCheck };
}

/** Where a deployment is turned back; null when it succeeds. */
function end(deployment: Deployment, next: () => number, rate: Rate, worse: number): 'stage' | 'soak' | null {
  const checks = checksOf(deployment);
  const before: Counts[] = [];
  const stage = (weight: number): Sampled[] =>
    Array.from({ length: LOOKS }, (_, at) => {
      const now = rate(next);
      const mine = Math.round(REQUESTS * weight);
      const old = sample(next, REQUESTS - mine, now);
      if (weight < 1) before.push(old);
      return { from: at * 1000, to: (at + 1) * 1000, new: sample(next, mine, now * worse), old };
    });
  const earlier: number[] = [];
  for (const weight of deployment.weights) {
    const stages = { earlier: [...earlier], ofAll: deployment.weights.length };
    const periods = stage(weight);
    if (fails(checks.stages, periods, null, stages)) return 'stage';
    earlier.push(lookAt(checks.stages, periods, null, stages).evidence ?? 0);
  }
  return fails(checks.soak, stage(1), before, { earlier: [], ofAll: 1 }) ? 'soak' : null;
}

function ends(runs: number, deployment: Deployment, rate: Rate, worse: number) {
  const next = random(SEED);
  const all = Array.from({ length: runs }, () => end(deployment, next, rate, worse));
  return {
    succeeded: all.filter((one) => one === null).length,
    caught: all.filter((one) => one === 'stage').length,
  };
}

const steady: Rate = () => 0.01;
const badMinutes: Rate = (next) => (next() < 0.1 ? 0.15 : 0.005);
const whole: Deployment = { weights: [0.05, 0.25, 0.5] };

describe(
  `a whole deployment with ${LOOKS} looks at each weight and in the soak (seed ${SEED})`,
  { timeout: MINUTES },
  () => {
    const RUNS = 1000;

    it.each<[string, Rate]>([
      ['that fails a little', steady],
      ['that fails a lot', () => 0.1],
      ['with bad minutes', badMinutes],
    ])('of an equal release %s succeeds in at least 99 of 100 runs', (_what, rate) => {
      expect(RUNS - ends(RUNS, whole, rate, 1).succeeded).toBeLessThanOrEqual(fewOf(RUNS));
    });

    it.each<[string, Rate]>([
      ['steadily', steady],
      ['in bad minutes', badMinutes],
    ])('of a release that fails twice as often %s is turned back in at least 99 of 100', (_what, rate) => {
      expect(ends(RUNS, whole, rate, 2).succeeded).toBeLessThanOrEqual(fewOf(RUNS));
    });
  },
);

describe(`2 % against 1 % at 10,000 requests of each colour (seed ${SEED})`, { timeout: MINUTES }, () => {
  const RUNS = 3000;

  it.each<[string, Deployment]>([
    ['at the only weight', { weights: [0.5] }],
    ['at the only weight, by one of two checks', { weights: [0.5], checks: 2 }],
    ['at the last of three weights', whole],
  ])('is caught in at least 99 of 100 runs %s, with a soak to come', (_what, deployment) => {
    expect(RUNS - ends(RUNS, deployment, steady, 2).caught).toBeLessThanOrEqual(fewOf(RUNS));
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

  it('is little between colours that differ steadily, whatever befalls both, and more in bursts of one', () => {
    const pairs = (rates: readonly (readonly [number, number])[]): Pair[] =>
      rates.map(([mine, theirs]) => ({ new: sample(next, 400, mine), old: sample(next, 1000, theirs) }));
    const steadily = Array.from({ length: 64 }, () => [0.02, 0.01] as const);
    expect(splitDispersionOf(pairs(steadily))).toBe(1);
    const forBoth = steadily.map(([mine, theirs], at) =>
      at % 8 === 0 ? ([0.3, 0.15] as const) : ([mine, theirs] as const),
    );
    expect(splitDispersionOf(pairs(forBoth))).toBe(1);
    const ofOne = steadily.map(([mine, theirs], at) =>
      at % 8 === 0 ? ([0.2, 0.01] as const) : ([mine, theirs] as const),
    );
    expect(splitDispersionOf(pairs(ofOne))).toBeGreaterThan(5);
  });

  it('is a number of one at least whatever was counted', () => {
    const count = fc.record({ requests: fc.nat(1000), failures: fc.nat(1200) });
    fc.assert(
      fc.property(fc.array(count, { maxLength: 40 }), (counts) => {
        expect(dispersionOf(counts)).toBeGreaterThanOrEqual(1);
        expect(dispersionOf(counts)).toBeLessThan(Infinity);
        const pairs = counts.map((one, at): Pair => ({
          new: one,
          old: counts[counts.length - 1 - at] ?? one,
        }));
        expect(splitDispersionOf(pairs)).toBeGreaterThanOrEqual(1);
        expect(splitDispersionOf(pairs)).toBeLessThan(Infinity);
      }),
    );
  });
});
