import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { assessCheck } from '../../src/domain/analysis/assess';
import { DEFAULT_COMPARISON, type RateCheck } from '../../src/domain/analysis/check';
import { evidence, evidenceAlong, evidenceOver, type Pair } from '../../src/domain/analysis/evidence';
import type { Period } from '../../src/domain/analysis/measurement';
import { random, sample } from '../support/samples';

const pair = (newRequests: number, newFailures: number, oldRequests: number, oldFailures: number): Pair => ({
  new: { requests: newRequests, failures: newFailures },
  old: { requests: oldRequests, failures: oldFailures },
});

const logFactorial = (n: number): number => {
  let sum = 0;
  for (let one = 2; one <= n; one += 1) sum += Math.log(one);
  return sum;
};
const logChoose = (n: number, k: number) => logFactorial(n) - logFactorial(k) - logFactorial(n - k);

/** The probability that so many of the failures were the new colour's, when both fail equally often. */
function hypergeometric(newRequests: number, oldRequests: number, failures: number, ofNew: number): number {
  if (ofNew > newRequests || failures - ofNew > oldRequests) return 0;
  const ways = logChoose(newRequests, ofNew) + logChoose(oldRequests, failures - ofNew);
  return Math.exp(ways - logChoose(newRequests + oldRequests, failures));
}

describe('the evidence that the new colour fails more often', () => {
  it('is expected to be no more than one when the colours are equal, whatever their requests', () => {
    const small = fc.integer({ min: 1, max: 40 });
    fc.assert(
      fc.property(small, small, fc.nat(80), (newRequests, oldRequests, wanted) => {
        const failures = Math.min(wanted, newRequests + oldRequests);
        let expected = 0;
        for (let ofNew = 0; ofNew <= failures; ofNew += 1) {
          const probability = hypergeometric(newRequests, oldRequests, failures, ofNew);
          if (probability === 0) continue;
          expected +=
            probability * Math.exp(evidence([pair(newRequests, ofNew, oldRequests, failures - ofNew)]));
        }
        expect(expected).toBeLessThanOrEqual(1 + 1e-9);
      }),
    );
  });

  it('is expected to be no more than it was after one more pair, whatever came before', () => {
    const count = fc.integer({ min: 1, max: 15 });
    const some = fc.tuple(
      count,
      count,
      fc.double({ min: 0, max: 1, noNaN: true }),
      fc.double({ min: 0, max: 1, noNaN: true }),
    );
    fc.assert(
      fc.property(
        fc.array(some, { maxLength: 5 }),
        count,
        count,
        fc.nat(30),
        (past, mine, theirs, wanted) => {
          const before = past.map(([a, b, x, y]) => pair(a, Math.round(a * x), b, Math.round(b * y)));
          const failures = Math.min(wanted, mine + theirs);
          let expected = 0;
          for (let ofNew = 0; ofNew <= failures; ofNew += 1) {
            const probability = hypergeometric(mine, theirs, failures, ofNew);
            if (probability > 0)
              expected +=
                probability * Math.exp(evidence([...before, pair(mine, ofNew, theirs, failures - ofNew)]));
          }
          expect(Math.log(expected)).toBeLessThanOrEqual(evidence(before) + 1e-9);
        },
      ),
    );
  });

  it('says nothing where there is nothing to compare', () => {
    expect(evidence([])).toBeCloseTo(0, 12);
    expect(evidence([pair(100, 50, 0, 0)])).toBeCloseTo(0, 12);
    expect(evidence([pair(0, 0, 100, 50)])).toBeCloseTo(0, 12);
    expect(evidence([pair(100, 0, 100, 0)])).toBeCloseTo(0, 12);
  });

  it('agrees with a likelihood ratio worked out by hand', () => {
    // Of one failure the new colour, with half of the requests, has it with 1/2 if equal, with r/(r+1) if worse.
    const ratios = [1.6, 2.5, 10, 100];
    const weights = [0.5, 0.25, 0.15, 0.1];
    const mixed = ratios.reduce(
      (sum, ratio, at) => sum + (weights[at] ?? 0) * ((2 * ratio) / (ratio + 1)),
      0,
    );
    expect(Math.exp(evidence([pair(50, 1, 50, 0)]))).toBeCloseTo(0.8 * mixed + 0.2, 12);
  });

  it('is the same along the way as it was then', () => {
    const pairs = Array.from({ length: 20 }, (_, at) => pair(100, at % 7, 200, (at * 3) % 5));
    const along = pairs.map((_, at) => evidence(pairs.slice(0, at + 1)));
    expect(evidenceAlong(pairs)).toEqual(along);
  });

  it('grows with each failure of the new colour, and shrinks with each of the old one', () => {
    const rising = [0, 5, 10, 20, 40].map((failures) => evidence([pair(100, failures, 100, 10)]));
    expect(rising).toEqual([...rising].sort((one, other) => one - other));
    const falling = [0, 5, 10, 20, 40].map((failures) => evidence([pair(100, 10, 100, failures)]));
    expect(falling).toEqual([...falling].sort((one, other) => other - one));
  });

  it('still sees what begins after long good hours', () => {
    const good = Array.from({ length: 120 }, () => pair(500, 5, 500, 5));
    const bad = Array.from({ length: 5 }, () => pair(500, 50, 500, 5));
    expect(evidence(good)).toBeLessThan(0.1);
    expect(evidence([...good, ...bad])).toBeGreaterThan(Math.log(1 / DEFAULT_COMPARISON.significance));
  });

  it('does not blame a bad hour for both on the new colour', () => {
    // Most of the new colour's traffic comes in the bad hour: the totals alone would speak against it.
    const quiet = Array.from({ length: 30 }, () => pair(50, 0, 950, 9));
    const bad = Array.from({ length: 30 }, () => pair(500, 100, 500, 100));
    const check: RateCheck = { ...rule, limit: null };
    expect(judge(check, [...quiet, ...bad])).toBe('pass');
    expect(evidence([pair(50 * 30 + 500 * 30, 3000, 950 * 30 + 500 * 30, 3270)])).toBeGreaterThan(10);
  });
});

describe('the evidence of several weights', () => {
  it('is that of the only one, and nothing where nothing was found', () => {
    expect(evidenceOver([3.2], 1)).toBeCloseTo(3.2, 12);
    for (const found of [[0], [0, 0], [0, 0, 0]]) expect(evidenceOver(found, 3)).toBeCloseTo(0, 12);
  });

  it('adds up, so that what no weight alone is enough for is seen over all of them', () => {
    expect(evidenceOver([2, 2, 2], 3)).toBeGreaterThan(5);
    expect(evidenceOver([2, 2, 2], 3)).toBeLessThan(6);
  });

  it('is not used up by weights at which the release was well', () => {
    expect(evidenceOver([-5, -5, 8], 3)).toBeGreaterThan(5);
  });

  it('is expected to be no more than it was after one more weight, whatever came before', () => {
    const found = fc.double({ min: -8, max: 8, noNaN: true });
    fc.assert(
      fc.property(
        fc.array(found, { maxLength: 4 }),
        fc.double({ min: 0.01, max: 0.99, noNaN: true }),
        (earlier, chance) => {
          // Evidence of the next weight with the expectation 1: it grows to 1/chance with that chance, and is lost else.
          const grown = Math.exp(evidenceOver([...earlier, -Math.log(chance)], 5));
          const lost = Math.exp(evidenceOver([...earlier, -Infinity], 5));
          const expected = chance * grown + (1 - chance) * lost;
          expect(expected).toBeCloseTo(
            Math.exp(evidenceOver(earlier.length === 0 ? [0] : [...earlier, 0], 5)),
            6,
          );
        },
      ),
    );
  });
});

const rule: RateCheck = {
  kind: 'error-rate',
  limit: null,
  windowSeconds: 300,
  minimumRequests: 100,
  comparison: DEFAULT_COMPARISON,
};

function judge(check: RateCheck, pairs: readonly Pair[]) {
  const periods: Period[] = pairs.map((one, at) => ({ ...one, from: at * 1000, to: (at + 1) * 1000 }));
  const window = { from: 0, to: periods.length * 1000 };
  return assessCheck(check, { kind: 'rate', window, periods, before: null }).verdict;
}

const failures = (next: () => number, requests: number, rate: number): number =>
  sample(next, requests, rate).failures;

const LOOKS = 50;
const RUNS = 1000;

/** Whether any of the looks at growing samples failed the release. */
function everFailed(next: () => number, pairOf: (next: () => number, look: number) => Pair): boolean {
  const pairs = Array.from({ length: LOOKS }, (_, look) => pairOf(next, look));
  const certain = -Math.log(DEFAULT_COMPARISON.significance);
  // The other looks pass for sure: they have not the evidence.
  return evidenceAlong(pairs).some(
    (found, look) => found >= certain && judge(rule, pairs.slice(0, look + 1)) === 'fail',
  );
}

function failedRuns(pairOf: (next: () => number, look: number) => Pair): number {
  const next = random(20261121);
  return Array.from({ length: RUNS }, () => everFailed(next, pairOf)).filter(Boolean).length;
}

describe('fifty looks on the way to 10,000 requests of each colour', () => {
  const equal = (next: () => number, rate: number, mine = 200, theirs = 200) =>
    pair(mine, failures(next, mine, rate), theirs, failures(next, theirs, rate));

  it('catch 2 % against 1 % in at least 99 of 100 runs', () => {
    const caught = failedRuns((next) => pair(200, failures(next, 200, 0.02), 200, failures(next, 200, 0.01)));
    expect(caught).toBeGreaterThanOrEqual(RUNS * 0.99);
  });

  it.each<[string, (next: () => number, look: number) => Pair]>([
    ['equal releases', (next) => equal(next, 0.01)],
    ['equal releases that fail a lot', (next) => equal(next, 0.3)],
    ['equal releases of which the new one has little traffic', (next) => equal(next, 0.01, 100, 1900)],
    ['equal releases with bad minutes', (next) => equal(next, next() < 0.1 ? 0.15 : 0.005)],
    ['equal releases with a bad half', (next, look) => equal(next, look < 25 ? 0.001 : 0.1)],
    [
      'equal releases whose traffic moves in steps',
      (next, look) => equal(next, 0.02, 20 + 7 * look, 380 - 7 * look),
    ],
  ])('pass %s in at least 99 of 100 runs', (_what, pairOf) => {
    expect(failedRuns(pairOf)).toBeLessThanOrEqual(RUNS * 0.01);
  });
});
