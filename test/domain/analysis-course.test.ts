import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { Assessment, Verdict } from '../../src/domain/analysis/assessment';
import { DEFAULT_PACING, type Pacing } from '../../src/domain/analysis/check';
import { NO_COURSE, nextOf, nextOfAll, observe, type Next } from '../../src/domain/analysis/course';

const SECOND = 1000;
const stretch = { from: 0, to: 300 * SECOND };
const pacing: Pacing = { ...DEFAULT_PACING, intervalSeconds: 60, waitSeconds: 120 };

function assessed(verdict: Verdict, to: number): Assessment {
  return { verdict, reason: `it was ${verdict}`, window: { from: 0, to }, figures: [] };
}

/** Looks whenever the check asks for it; metrics reach so many seconds behind. What it came to, and when. */
function follow(verdictAt: (second: number) => Verdict, over: Partial<Pacing> = {}, lateSeconds = 0) {
  let course = NO_COURSE;
  let now = stretch.from;
  const looks: number[] = [];
  for (;;) {
    const next = nextOf(course, { ...pacing, ...over }, stretch, now);
    if (next.kind !== 'look') return { next, looks, second: now / SECOND };
    now = Math.max(now, next.at);
    looks.push(now / SECOND);
    const verdict = verdictAt(now / SECOND);
    course = observe(course, assessed(verdict, now - lateSeconds * SECOND), now);
    if (looks.length > 1000) throw new Error('it never ends');
  }
}

describe('the course of a check', () => {
  it('looks at each interval and at the end, and passes then', () => {
    expect(follow(() => 'pass')).toEqual({
      next: { kind: 'passed' },
      looks: [60, 120, 180, 240, 300],
      second: 300,
    });
    expect(follow(() => 'pass', { intervalSeconds: 200 }).looks).toEqual([200, 300]);
    expect(follow(() => 'pass', { intervalSeconds: 1000 }).looks).toEqual([300]);
  });

  it('passes only once the metrics reach the end, however late they are', () => {
    expect(follow(() => 'pass', {}, 100)).toMatchObject({ next: { kind: 'passed' }, second: 420 });
    expect(follow(() => 'pass', {}, 1000).next.kind).toBe('halt');
  });

  it('fails at the first failure, or at the one beyond the limit', () => {
    const once = follow((second) => (second === 120 ? 'fail' : 'pass'));
    expect(once).toMatchObject({ next: { kind: 'failed', reason: 'it was fail' }, second: 120 });
    const blip = (second: number) => (second === 120 ? 'fail' : 'pass');
    expect(follow(blip, { failureLimit: 1 }).next.kind).toBe('passed');
    expect(follow(() => 'fail', { failureLimit: 2 })).toMatchObject({
      next: { kind: 'failed' },
      second: 180,
    });
    // Failures count over the whole stretch, not only those in a row.
    const often = follow((second) => (second % 120 === 0 ? 'fail' : 'pass'), { failureLimit: 1 });
    expect(often).toMatchObject({ next: { kind: 'failed' }, second: 240 });
  });

  it('does not end with a failure, however many are put up with', () => {
    const last = (second: number) => (second === 300 ? 'fail' : 'pass');
    expect(follow(last, { failureLimit: 1 })).toMatchObject({ next: { kind: 'passed' }, second: 360 });
  });

  it('waits for an answer that is late, and then passes or fails', () => {
    expect(follow((second) => (second < 400 ? 'inconclusive' : 'pass'))).toMatchObject({
      next: { kind: 'passed' },
      second: 420,
    });
    expect(follow((second) => (second < 400 ? 'inconclusive' : 'fail')).next.kind).toBe('failed');
  });

  it('halts when no answer comes, or turns back where that is asked for', () => {
    const never = follow(() => 'inconclusive');
    expect(never).toMatchObject({
      next: { kind: 'halt', reason: 'no answer within 120 s: it was inconclusive' },
      second: 420,
    });
    expect(follow(() => 'inconclusive', { then: 'turn-back' }).next.kind).toBe('failed');
  });

  it('puts up with a few errors in a row, and with no more', () => {
    const some = (second: number) => (second <= 240 ? 'error' : 'pass');
    expect(follow(some).next.kind).toBe('passed');
    expect(follow(() => 'error', { consecutiveErrorLimit: 2 })).toMatchObject({
      next: { kind: 'halt', reason: '3 times in a row nothing could be measured: it was error' },
      second: 180,
    });
    const alternating = follow((second) => (second % 120 === 0 ? 'pass' : 'error'), {
      consecutiveErrorLimit: 1,
    });
    expect(alternating.next.kind).toBe('passed');
  });

  it('looks once more when it was away until after the deadline', () => {
    const course = observe(NO_COURSE, assessed('inconclusive', 60 * SECOND), 60 * SECOND);
    expect(nextOf(course, pacing, stretch, 10_000 * SECOND)).toEqual({ kind: 'look', at: 120 * SECOND });
  });

  it('never passes unless its last look passed and saw everything, and always ends', () => {
    const verdict = fc.constantFrom<Verdict>('pass', 'fail', 'inconclusive', 'error');
    const limits = fc.record({
      failureLimit: fc.nat(3),
      consecutiveErrorLimit: fc.nat(3),
      intervalSeconds: fc.integer({ min: 1, max: 400 }),
      then: fc.constantFrom('halt' as const, 'turn-back' as const),
    });
    fc.assert(
      fc.property(fc.infiniteStream(verdict), limits, fc.nat(200), (verdicts, over, late) => {
        const given: Verdict[] = [];
        const end = follow(
          () => given[given.push(verdicts.next().value as Verdict) - 1] ?? 'error',
          over,
          late,
        );
        const fails = given.filter((one) => one === 'fail').length;
        if (fails > over.failureLimit) expect(end.next.kind).toBe('failed');
        if (end.next.kind !== 'passed') return;
        expect(given.at(-1)).toBe('pass');
        expect(end.second - late).toBeGreaterThanOrEqual(stretch.to / SECOND);
      }),
    );
  });
});

describe('several checks', () => {
  const failed: Next = { kind: 'failed', reason: 'a' };
  const halt: Next = { kind: 'halt', reason: 'b' };
  it('fail with one, halt with one, look with the first that is due, and pass with all', () => {
    expect(nextOfAll([{ kind: 'passed' }, halt, failed])).toBe(failed);
    expect(nextOfAll([{ kind: 'look', at: 5 }, halt])).toBe(halt);
    expect(nextOfAll([{ kind: 'look', at: 5 }, { kind: 'passed' }, { kind: 'look', at: 3 }])).toEqual({
      kind: 'look',
      at: 3,
    });
    expect(nextOfAll([{ kind: 'passed' }, { kind: 'passed' }])).toEqual({ kind: 'passed' });
    // Without any check there is nothing to wait for.
    expect(nextOfAll([])).toEqual({ kind: 'passed' });
  });
});
