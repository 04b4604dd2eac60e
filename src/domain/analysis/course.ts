import type { Assessment } from './assessment';
import type { Pacing } from './check';

/** What one check has come to so far. Plain data: a driver that resumes makes it anew from the journal. */
export interface Course {
  /** Assessments, of whatever verdict. */
  looks: number;
  failures: number;
  /** Attempts in a row that measured nothing. */
  errors: number;
  last: Assessment | null;
  /** When the last look was; Unix milliseconds. */
  lastAt: number | null;
  /** The latest evidence that a look found; absent where none compared. */
  evidence?: number;
}

/** The stretch of time a check watches over: a step at one weight, or the soak. Unix milliseconds. */
export interface Stretch {
  from: number;
  /** Infinity while only a person can end it. */
  to: number;
  /** When somebody went on with a deployment that had stopped: the waiting for an answer begins anew then. */
  resumedAt?: number | null;
}

export type Next =
  /** Measure at this time, or at once when it is past. */
  | { kind: 'look'; at: number }
  | { kind: 'passed' }
  | { kind: 'failed'; reason: string }
  /** There is no answer: a person is needed. */
  | { kind: 'halt'; reason: string };

export const NO_COURSE: Course = { looks: 0, failures: 0, errors: 0, last: null, lastAt: null };

export function observe(course: Course, assessment: Assessment, at: number): Course {
  const { verdict } = assessment;
  const evidence = assessment.evidence ?? course.evidence;
  return {
    looks: course.looks + 1,
    failures: course.failures + (verdict === 'fail' ? 1 : 0),
    errors: verdict === 'error' ? course.errors + 1 : 0,
    last: assessment,
    lastAt: at,
    ...(evidence === undefined ? {} : { evidence }),
  };
}

/** A person goes on after a halt: attempts that measured nothing are forgotten, and nothing else. */
export function takenUpAgain(course: Course): Course {
  return { ...course, errors: 0 };
}

/**
 * What a check does next. It fails as soon as its failures exceed their limit; it passes only when a look
 * that saw the whole stretch passed. Without an answer it waits, and then halts or turns back.
 */
export function nextOf(course: Course, pacing: Pacing, stretch: Stretch, now: number): Next {
  const reason = course.last?.reason ?? 'it never looked';
  if (course.failures > pacing.failureLimit) return { kind: 'failed', reason };
  if (course.errors > pacing.consecutiveErrorLimit)
    return giveUp(pacing, `${course.errors} times in a row nothing could be measured: ${reason}`);
  // Metrics are late: what counts is how far they reached, and not when the look was.
  const sawAll = course.last !== null && course.last.window.to >= stretch.to;
  if (sawAll && course.last?.verdict === 'pass') return { kind: 'passed' };
  const waitsFrom = Math.max(stretch.to, stretch.resumedAt ?? 0);
  if (now >= waitsFrom + pacing.waitSeconds * 1000 && (course.lastAt ?? 0) >= waitsFrom)
    return giveUp(pacing, `no answer within ${pacing.waitSeconds} s: ${reason}`);
  return { kind: 'look', at: nextLook(course, pacing, stretch) };
}

/** At the interval, but also at the very end of the stretch, which no step must outlive unseen. */
function nextLook({ lastAt }: Course, { intervalSeconds }: Pacing, { from, to }: Stretch): number {
  const due = (lastAt ?? from) + intervalSeconds * 1000;
  return lastAt === null || lastAt < to ? Math.min(due, to) : due;
}

function giveUp({ then }: Pacing, reason: string): Next {
  return then === 'halt' ? { kind: 'halt', reason } : { kind: 'failed', reason };
}

/** What an analysis of several checks does next: one failure is enough, and all must pass. */
export function nextOfAll(all: readonly Next[]): Next {
  const looks = all.flatMap((next) => (next.kind === 'look' ? [next.at] : []));
  return (
    all.find(({ kind }) => kind === 'failed') ??
    all.find(({ kind }) => kind === 'halt') ??
    (looks.length > 0 ? { kind: 'look', at: Math.min(...looks) } : { kind: 'passed' })
  );
}
