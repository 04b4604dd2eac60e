import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { assessCheck } from '../../src/domain/analysis/assess';
import { duration, share, worst } from '../../src/domain/analysis/assessment';
import {
  DEFAULT_COMPARISON,
  DEFAULT_LATENCY_COMPARISON,
  type CheckRule,
  type LatencyCheck,
  type RateCheck,
} from '../../src/domain/analysis/check';
import { percentilesFor, requestsFor } from '../../src/domain/analysis/latency';
import type { Counts, Latencies, Measurement, Period } from '../../src/domain/analysis/measurement';

const MINUTE = 60_000;
const window = { from: 0, to: 10 * MINUTE };
const counts = (requests: number, failures: number): Counts => ({ requests, failures });
const period = (minute: number, ofNew: Counts | null, ofOld: Counts | null): Period => ({
  from: minute * MINUTE,
  to: (minute + 1) * MINUTE,
  new: ofNew,
  old: ofOld,
});

const rule: RateCheck = {
  kind: 'error-rate',
  limit: 0.05,
  windowSeconds: 120,
  minimumRequests: 100,
  comparison: DEFAULT_COMPARISON,
};
const rate = (periods: Period[], before: Counts[] | null = null): Measurement => ({
  kind: 'rate',
  window,
  periods,
  before,
});
const everyMinute = (ofNew: Counts | null, ofOld: Counts | null) =>
  Array.from({ length: 10 }, (_, minute) => period(minute, ofNew, ofOld));

describe('the share of failed requests', () => {
  const verdict = (measured: Measurement, check: RateCheck = rule) => assessCheck(check, measured).verdict;

  it('passes where both colours do alike, and tells the numbers', () => {
    const found = assessCheck(rule, rate(everyMinute(counts(100, 1), counts(900, 9))));
    expect(found).toMatchObject({ verdict: 'pass', window });
    expect(found.reason).toContain(
      '2 of 200 requests (1 %) failed on the new colour, within the limit of 5 %',
    );
    expect(found.reason).toContain('90 of 9000 requests (1 %) on the old colour');
    expect(found.figures).toEqual([
      { name: 'new colour', value: 0.01, limit: 0.05, unit: 'share' },
      { name: 'new colour against the old colour', value: 0.01, limit: 0.011, unit: 'share' },
    ]);
  });

  it('fails by the limit alone, by the comparison alone, and says which', () => {
    const both = rate(everyMinute(counts(100, 8), counts(900, 72)));
    const over = assessCheck(rule, both);
    expect(over.verdict).toBe('fail');
    expect(over.reason).toBe('16 of 200 requests (8 %) failed on the new colour, over the limit of 5 %');
    expect(verdict(both, { ...rule, limit: null })).toBe('pass');
    const worse = assessCheck(rule, rate(everyMinute(counts(100, 4), counts(900, 9))));
    expect(worse.verdict).toBe('fail');
    expect(worse.reason).toMatch(/^40 of 1000 requests \(4 %\).*more than chance explains$/);
    expect(verdict(rate(everyMinute(counts(100, 4), counts(900, 9))), { ...rule, comparison: null })).toBe(
      'pass',
    );
  });

  it.each<[string, Period[]]>([
    ['no metrics at all', []],
    ['no metrics of either colour', everyMinute(null, null)],
    ['no metrics of the new colour', everyMinute(null, counts(900, 9))],
    ['no requests', everyMinute(counts(0, 0), counts(0, 0))],
    ['three requests that all failed', [period(9, counts(3, 3), counts(900, 0))]],
    ['too few of the old colour', everyMinute(counts(100, 0), counts(1, 0))],
  ])('is inconclusive with %s', (_what, periods) => {
    expect(verdict(rate(periods))).toBe('inconclusive');
  });

  it('applies the limit to the window, so that a good past hides nothing', () => {
    const late = [
      ...everyMinute(counts(1000, 0), null).slice(0, 8),
      period(8, counts(100, 20), null),
      period(9, counts(100, 20), null),
    ];
    expect(verdict(rate(late), { ...rule, comparison: null })).toBe('fail');
    const early = [period(0, counts(100, 100), null), ...everyMinute(counts(100, 0), null).slice(1)];
    expect(verdict(rate(early), { ...rule, comparison: null })).toBe('pass');
  });

  it('tolerates a difference that is certain but small', () => {
    const tiny = rate(everyMinute(counts(1_000_000, 200), counts(1_000_000, 20)));
    expect(verdict(tiny)).toBe('pass');
    const strict = { ...rule, comparison: { ...DEFAULT_COMPARISON, tolerance: 0 } };
    expect(verdict(tiny, strict)).toBe('fail');
  });

  it('holds the soak against what the old colour did before it lost its traffic', () => {
    const soaking = (failures: number) => everyMinute(counts(500, failures), counts(0, 0));
    const relative = { ...rule, limit: null };
    expect(verdict(rate(soaking(5), [counts(9000, 90)]), relative)).toBe('pass');
    expect(verdict(rate(soaking(60), [counts(9000, 90)]), relative)).toBe('fail');
    expect(verdict(rate(soaking(60)), relative)).toBe('inconclusive');
  });

  it('never passes without requests, whatever else is known', () => {
    const some = fc.option(fc.record({ requests: fc.nat(99), failures: fc.nat(5) }), { nil: null });
    fc.assert(
      fc.property(some, fc.boolean(), fc.boolean(), (ofNew, limited, compared) => {
        const check = {
          ...rule,
          limit: limited ? 0.05 : null,
          comparison: compared ? DEFAULT_COMPARISON : null,
        };
        expect(verdict(rate([period(9, ofNew, counts(1000, 0))]), check)).toBe('inconclusive');
      }),
    );
  });
});

describe('a percentile of the response times', () => {
  const check: LatencyCheck = {
    kind: 'latency',
    percentile: 95,
    limitSeconds: 1,
    minimumRequests: 100,
    comparison: DEFAULT_LATENCY_COMPARISON,
  };
  /** Of a sample as CloudWatch would tell it. */
  const told = (times: readonly number[], percentile = 95): Latencies => {
    const sorted = [...times].sort((one, other) => one - other);
    const at = (one: number) => sorted[Math.max(Math.ceil((sorted.length * one) / 100) - 1, 0)] ?? 0;
    return {
      requests: times.length,
      seconds: Object.fromEntries(percentilesFor(percentile).map((one) => [one, at(one)])),
    };
  };
  const between = (count: number, from: number, to: number) =>
    Array.from({ length: count }, (_, index) => from + ((to - from) * index) / count);
  const judge = (ofNew: Latencies | null, ofOld: Latencies | null, over: Partial<LatencyCheck> = {}) =>
    assessCheck({ ...check, ...over }, { kind: 'latency', window, new: ofNew, old: ofOld });

  it('asks for percentiles on both sides of it, up to the slowest', () => {
    expect(percentilesFor(95)).toEqual([80, 85, 90, 92.5, 93.75, 95, 96, 96.75, 97.5, 98.25, 99, 99.5, 100]);
    expect(percentilesFor(50)[0]).toBe(0);
    expect(percentilesFor(99.9)).toContain(99.9);
  });

  it.each([
    [95, 100, 200],
    [99, 100, 1000],
    [99.9, 100, 10_000],
    [50, 500, 500],
  ])('p%f decides with at least %i requests, or %i', (percentile, minimumRequests, needed) => {
    expect(requestsFor({ ...check, percentile, minimumRequests })).toBe(needed);
  });

  it('passes equal response times and fails a regression, with both bounds in the reason', () => {
    const usual = told(between(1000, 0.05, 0.15));
    expect(judge(usual, usual).verdict).toBe('pass');
    const slow = judge(told(between(1000, 0.1, 0.3)), usual);
    expect(slow.verdict).toBe('fail');
    expect(slow.reason).toMatch(
      /p95 is at least 28\d ms on the new colour and at most 14\d ms on the old one, more/,
    );
    expect(slow.figures.map(({ limit }) => limit)).toEqual([1, expect.closeTo(0.145 * 1.25 + 0.005, 3)]);
  });

  it('fails by the absolute limit without any old colour, and does not pass without one', () => {
    const slow = told(between(1000, 1, 3));
    expect(judge(slow, null).verdict).toBe('fail');
    expect(judge(slow, null).reason).toMatch(/^p95 of the new colour is 2\.9 s, over the limit of 1 s$/);
    expect(judge(told(between(1000, 0.1, 0.2)), null).verdict).toBe('inconclusive');
    expect(judge(told(between(1000, 0.1, 0.2)), null, { comparison: null }).verdict).toBe('pass');
  });

  it.each<[string, Latencies | null, Latencies | null]>([
    ['nothing of the new colour', null, told(between(1000, 1, 2))],
    ['199 requests of the new colour', told(between(199, 50, 60)), told(between(1000, 1, 2))],
    ['199 requests of the old colour', told(between(1000, 50, 60)), told(between(199, 1, 2))],
    ['no percentiles', { requests: 1000, seconds: {} }, { requests: 1000, seconds: {} }],
  ])('is inconclusive with %s', (_what, ofNew, ofOld) => {
    expect(judge(ofNew, ofOld, { limitSeconds: null }).verdict).toBe('inconclusive');
  });

  it('lets the difference be that short response times make by themselves', () => {
    const two = judge(told(between(1000, 0.001, 0.002)), told(between(1000, 0.0005, 0.001)));
    expect(two.verdict).toBe('pass');
  });

  it('does not fail equal colours, whatever the distribution of their response times', () => {
    const sample = fc.array(fc.integer({ min: 1, max: 10 }), { minLength: 400, maxLength: 600 });
    fc.assert(
      fc.property(sample, sample, fc.integer({ min: 1, max: 6 }), (one, other, heavy) => {
        const seconds = (times: number[]) => told(times.map((time) => time ** heavy / 100));
        expect(judge(seconds(one), seconds(other), { limitSeconds: null }).verdict).toBe('pass');
      }),
      { numRuns: 100, seed: 5 },
    );
  });
});

describe('hosts, alarms and commands', () => {
  const verdictOf = (check: CheckRule, measured: Measurement) => assessCheck(check, measured).verdict;

  it.each([
    [0, 'pass'],
    [1, 'pass'],
    [2, 'fail'],
    [null, 'inconclusive'],
  ] as const)('%s unhealthy hosts with one put up with: %s', (unhealthy, verdict) => {
    expect(verdictOf({ kind: 'unhealthy-hosts', limit: 1 }, { kind: 'hosts', window, unhealthy })).toBe(
      verdict,
    );
  });

  it.each([
    [['OK', 'OK'], 'pass'],
    [['OK', 'ALARM'], 'fail'],
    [['ALARM', 'INSUFFICIENT_DATA'], 'fail'],
    [['OK', 'INSUFFICIENT_DATA'], 'inconclusive'],
    [['OK'], 'inconclusive'],
  ] as const)('alarms %s: %s', (states, verdict) => {
    const alarms = states.map((state, index) => ({ name: `alarm-${index}`, state, reason: 'too hot' }));
    const check: CheckRule = { kind: 'alarms', names: ['alarm-0', 'alarm-1'] };
    const found = assessCheck(check, { kind: 'alarms', window, alarms });
    expect(found.verdict).toBe(verdict);
    if (verdict === 'fail') expect(found.reason).toMatch(/alarm alarm-\d: too hot/);
    if (states.length === 1) expect(found.reason).toBe('there is no alarm alarm-1');
  });

  it.each([
    [{ kind: 'exited', code: 0 }, 'pass'],
    [{ kind: 'exited', code: 1 }, 'fail'],
    [{ kind: 'exited', code: 2 }, 'inconclusive'],
    [{ kind: 'exited', code: 3 }, 'error'],
    [{ kind: 'exited', code: 127 }, 'error'],
    [{ kind: 'killed', signal: 'SIGKILL' }, 'error'],
    [{ kind: 'timed-out' }, 'error'],
    [{ kind: 'not-started', reason: 'ENOENT' }, 'error'],
  ] as const)('a command that %j: %s', (ending, verdict) => {
    const check: CheckRule = { kind: 'command', command: ['check'], timeoutSeconds: 10 };
    expect(verdictOf(check, { kind: 'command', window, ending, output: 'said so' })).toBe(verdict);
  });

  it.each<CheckRule>([
    rule,
    { kind: 'unhealthy-hosts', limit: 0 },
    { kind: 'alarms', names: ['a'] },
    { kind: 'command', command: ['check'], timeoutSeconds: 10 },
  ])('without an answer, $kind is an error and never a pass', (check) => {
    const none = assessCheck(check, { kind: 'none', window, reason: 'Rate exceeded' });
    expect(none).toEqual({ verdict: 'error', reason: 'Rate exceeded', window, figures: [] });
  });
});

it('one failure outweighs all, a pass needs all', () => {
  expect(worst(['pass', 'inconclusive', 'fail', 'error'])).toBe('fail');
  expect(worst(['pass', 'inconclusive'])).toBe('inconclusive');
  expect(worst(['pass', 'pass'])).toBe('pass');
  expect(worst([])).toBe('inconclusive');
});

it('numbers are told in three digits', () => {
  expect([share(0.02134), share(1), share(0)]).toEqual(['2.13 %', '100 %', '0 %']);
  expect([duration(0.02134), duration(1.2345)]).toEqual(['21.3 ms', '1.23 s']);
});
