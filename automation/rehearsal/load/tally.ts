import { BIN_COUNT, binOf, summarise } from './histogram';
import type { KindTotals, LoadBucket, LoadDelta, LoadFailure, LoadTotals, RequestKind } from './types';
import { versionKeyOfTarget } from './versions';

/** Failures kept in full; the rest are only counted, by reason. */
const FAILURES_KEPT = 50;

/** A request that was sent and has not ended. Times are Unix milliseconds with fractions. */
export interface OpenRequest {
  kind: RequestKind;
  path: string;
  startedAt: number;
  reusedConnection: boolean;
}

/** How a request ended: `reason` is null when it succeeded. */
export interface RequestEnd {
  at: number;
  reason: string | null;
  status: number | null;
  target: string | null;
}

function emptyKind(): KindTotals {
  return { sent: 0, completed: 0, failed: 0, longestMilliseconds: 0 };
}

function bump(counts: Record<string, number>, key: string): void {
  counts[key] = (counts[key] ?? 0) + 1;
}

/**
 * Counts requests. Pure bookkeeping: the times come from the caller, so the same calls always give the same
 * figures.
 */
export class Tally {
  private sent = 0;
  private completed = 0;
  private failed = 0;
  private slowInFlight = 0;
  private readonly open = new Set<OpenRequest>();
  private readonly byVersion: Record<string, number> = {};
  private readonly byKind = { 'keep-alive': emptyKind(), fresh: emptyKind(), slow: emptyKind() };
  private readonly failuresByReason: Record<string, number> = {};
  private readonly histogram = new Uint32Array(BIN_COUNT);
  private maxMilliseconds = 0;
  private lastSuccessAt: number;
  private gap: { at: number; milliseconds: number };
  private stoppedAt: number | null = null;
  private failuresKept = 0;
  private newFailures: LoadFailure[] = [];
  private readonly changed = new Map<number, LoadBucket>();
  private current: LoadBucket | null = null;

  constructor(
    private readonly startedAt: number,
    private readonly bucketMilliseconds: number,
  ) {
    this.lastSuccessAt = startedAt;
    this.gap = { at: startedAt, milliseconds: 0 };
  }

  get inFlight(): number {
    return this.open.size;
  }

  /** A request goes out. */
  begin(request: OpenRequest): void {
    this.sent++;
    this.byKind[request.kind].sent++;
    this.open.add(request);
    if (request.kind === 'slow') this.slowInFlight++;
    this.bucketAt(request.startedAt);
  }

  /** A request ended. Ending one twice throws: each has exactly one end, or the totals lie. */
  end(request: OpenRequest, end: RequestEnd): void {
    if (!this.open.delete(request)) throw new Error(`A request to ${request.path} ended twice.`);
    if (request.kind === 'slow') this.slowInFlight--;
    const kind = this.byKind[request.kind];
    const duration = end.at - request.startedAt;
    kind.longestMilliseconds = Math.max(kind.longestMilliseconds, duration);
    const bucket = this.bucketAt(end.at);
    if (end.reason === null) this.succeed(request, end, duration, bucket);
    else this.fail(request, end, duration, bucket, end.reason);
  }

  /** From now on no gap is counted: the load is being stopped, and silence is what was asked for. */
  stop(at: number): void {
    if (this.stoppedAt !== null) return;
    this.noteGap(at, this.bucketAt(at));
    this.stoppedAt = at;
  }

  private succeed(request: OpenRequest, end: RequestEnd, duration: number, bucket: LoadBucket): void {
    const version = versionKeyOfTarget(end.target);
    this.completed++;
    this.byKind[request.kind].completed++;
    bump(this.byVersion, version);
    bump(bucket.byVersion, version);
    if (this.stoppedAt === null) this.noteGap(end.at, bucket);
    this.lastSuccessAt = Math.max(this.lastSuccessAt, end.at);
    if (request.kind !== 'slow') this.noteLatency(duration, bucket);
  }

  private fail(
    request: OpenRequest,
    end: RequestEnd,
    duration: number,
    bucket: LoadBucket,
    reason: string,
  ): void {
    this.failed++;
    this.byKind[request.kind].failed++;
    bucket.failed++;
    bump(this.failuresByReason, reason);
    if (this.failuresKept === FAILURES_KEPT) return;
    this.failuresKept++;
    const { path, kind, reusedConnection } = request;
    const { at, status, target } = end;
    this.newFailures.push({
      at,
      path,
      kind,
      reason,
      durationMilliseconds: duration,
      reusedConnection,
      status,
      target,
    });
  }

  private noteGap(at: number, bucket: LoadBucket): void {
    const milliseconds = at - this.lastSuccessAt;
    bucket.longestGapMilliseconds = Math.max(bucket.longestGapMilliseconds, milliseconds);
    if (milliseconds > this.gap.milliseconds) this.gap = { at: this.lastSuccessAt, milliseconds };
  }

  private noteLatency(duration: number, bucket: LoadBucket): void {
    const bin = binOf(duration);
    this.histogram[bin] = (this.histogram[bin] ?? 0) + 1;
    this.maxMilliseconds = Math.max(this.maxMilliseconds, duration);
    const { latency } = bucket;
    latency.count++;
    latency.sumMilliseconds += duration;
    latency.maxMilliseconds = Math.max(latency.maxMilliseconds, duration);
    const pair = latency.histogram.find(([known]) => known === bin);
    if (pair) pair[1]++;
    else latency.histogram.push([bin, 1]);
  }

  private bucketAt(at: number): LoadBucket {
    const start = Math.floor(at / this.bucketMilliseconds) * this.bucketMilliseconds;
    if (this.current === null || start > this.current.at) this.current = this.emptyBucket(start);
    this.current.slowInFlight = this.slowInFlight;
    this.changed.set(this.current.at, this.current);
    return this.current;
  }

  private emptyBucket(at: number): LoadBucket {
    const latency = { count: 0, sumMilliseconds: 0, maxMilliseconds: 0, histogram: [] };
    return {
      at,
      byVersion: {},
      failed: 0,
      latency,
      slowInFlight: this.slowInFlight,
      longestGapMilliseconds: 0,
    };
  }

  /** What changed since the last call, with the totals of this moment. */
  takeDelta(now: number, generatorStallMilliseconds: number): LoadDelta {
    const delta = {
      totals: this.totals(now, generatorStallMilliseconds),
      buckets: [...this.changed.values()],
      failures: this.newFailures,
    };
    this.changed.clear();
    this.newFailures = [];
    return delta;
  }

  private totals(now: number, generatorStallMilliseconds: number): LoadTotals {
    const { sent, completed, failed } = this;
    const inFlight = this.open.size;
    // A gap that is still open counts as well, or an outage that never ends would not be seen.
    const openGap = this.stoppedAt === null ? now - this.lastSuccessAt : 0;
    const gap =
      openGap > this.gap.milliseconds ? { at: this.lastSuccessAt, milliseconds: openGap } : this.gap;
    return {
      startedAt: this.startedAt,
      endedAt: now,
      stoppedAt: this.stoppedAt,
      bucketMilliseconds: this.bucketMilliseconds,
      sent,
      completed,
      failed,
      inFlight,
      unaccounted: sent - completed - failed - inFlight,
      byVersion: { ...this.byVersion },
      byKind: structuredClone(this.byKind),
      failuresByReason: { ...this.failuresByReason },
      longestGapMilliseconds: gap.milliseconds,
      longestGapAt: gap.at,
      latency: summarise(this.histogram, this.maxMilliseconds),
      generatorStallMilliseconds,
    };
  }
}
