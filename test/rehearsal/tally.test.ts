import { describe, expect, it } from 'vitest';
import { binOf, boundOf, percentile } from '../../automation/rehearsal/load/histogram';
import { Pace } from '../../automation/rehearsal/load/pace';
import { type OpenRequest, Tally } from '../../automation/rehearsal/load/tally';
import { parseVersionKey, versionKeyOfTarget } from '../../automation/rehearsal/load/versions';

function request(startedAt: number): OpenRequest {
  return { kind: 'keep-alive', path: '/', startedAt, reusedConnection: false };
}

const success = (at: number) => ({ at, reason: null, status: 200, target: 'i-1;blue;1.0.0' });
const failure = (at: number) => ({ at, reason: 'status 500', status: 500, target: null });

describe('Tally', () => {
  it('finds the longest time without a success, failures do not end it', () => {
    const tally = new Tally(1000, 100);
    for (const [start, end] of [
      [1000, success(1010)],
      [1010, failure(1100)],
      [1100, failure(1200)],
      [1200, success(1310)],
      [1310, success(1320)],
    ] as const) {
      const open = request(start);
      tally.begin(open);
      tally.end(open, end);
    }
    const { totals } = tally.takeDelta(1330, 0);
    expect(totals).toMatchObject({
      longestGapMilliseconds: 300,
      longestGapAt: 1010,
      sent: 5,
      completed: 3,
      failed: 2,
    });
  });

  it('counts a gap that has not ended, but none after the stop', () => {
    const tally = new Tally(1000, 100);
    expect(tally.takeDelta(1500, 0).totals.longestGapMilliseconds).toBe(500);
    tally.stop(1600);
    expect(tally.takeDelta(9000, 0).totals).toMatchObject({ longestGapMilliseconds: 600, stoppedAt: 1600 });
  });

  it('gives with each delta only what changed', () => {
    const tally = new Tally(1000, 100);
    const [one, other] = [request(1000), request(1150)];
    tally.begin(one);
    tally.end(one, success(1050));
    expect(tally.takeDelta(1060, 0).buckets.map(({ at }) => at)).toEqual([1000]);
    expect(tally.takeDelta(1070, 0).buckets).toEqual([]);
    tally.begin(other);
    tally.end(other, failure(1250));
    const { buckets, failures, totals } = tally.takeDelta(1260, 0);
    expect(buckets.map(({ at, failed }) => [at, failed])).toEqual([
      [1100, 0],
      [1200, 1],
    ]);
    expect(failures).toHaveLength(1);
    expect(totals.failuresByReason).toEqual({ 'status 500': 1 });
  });

  it('refuses to end a request twice', () => {
    const tally = new Tally(0, 100);
    const open = request(0);
    tally.begin(open);
    tally.end(open, success(1));
    expect(() => tally.end(open, success(2))).toThrow(/ended twice/);
  });
});

describe('histogram', () => {
  it('puts a duration into the bin whose bounds hold it', () => {
    for (const duration of [0.1, 0.3, 1, 7.5, 40, 999, 15_000]) {
      const bin = binOf(duration);
      expect(duration).toBeLessThanOrEqual(boundOf(bin) * 1.000001);
      if (bin > 0) expect(duration).toBeGreaterThan(boundOf(bin - 1) * 0.999999);
    }
  });

  it('gives percentiles within a bin of the true ones and never above the longest', () => {
    const durations = Array.from({ length: 1000 }, (_, index) => 1 + index / 10);
    const counts: number[] = [];
    for (const duration of durations) counts[binOf(duration)] = (counts[binOf(duration)] ?? 0) + 1;
    expect(percentile(counts, 0.5, 101)).toBeGreaterThanOrEqual(51);
    expect(percentile(counts, 0.5, 101)).toBeLessThan(51 * 1.2);
    expect(percentile(counts, 0.99, 100.9)).toBeLessThanOrEqual(100.9);
    expect(percentile([], 0.5, 0)).toBe(0);
  });
});

describe('Pace', () => {
  it('keeps the beat when a request comes a little late, and makes no burst after a long wait', () => {
    const pace = new Pace(1000, 50);
    expect(pace.wait(990)).toBe(10);
    pace.took(1002);
    expect(pace.wait(1010)).toBe(40);
    pace.took(5000);
    pace.took(5000);
    expect(pace.wait(5000)).toBe(50);
  });
});

describe('version keys', () => {
  it('come from the target header, and say so when it is not there', () => {
    expect(versionKeyOfTarget('i-1;green;2.0.0')).toBe('2.0.0 green');
    expect(versionKeyOfTarget(null)).toBe('unknown');
    expect(versionKeyOfTarget('i-1')).toBe('unknown');
    expect(parseVersionKey('2.0.0 green')).toEqual({ version: '2.0.0', colour: 'green' });
    expect(parseVersionKey('unknown')).toEqual({ version: 'unknown', colour: '' });
  });
});
