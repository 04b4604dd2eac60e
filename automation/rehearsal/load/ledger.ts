import type { LoadBucket, LoadDelta, LoadFailure, LoadResult, LoadTotals } from './types';

/** The parent's copy of what its load generator counted, put together from what changed. */
export class Ledger {
  private totals: LoadTotals | null = null;
  private readonly buckets = new Map<number, LoadBucket>();
  private readonly failures: LoadFailure[] = [];

  apply(delta: LoadDelta): void {
    this.totals = delta.totals;
    for (const bucket of delta.buckets) this.buckets.set(bucket.at, bucket);
    this.failures.push(...delta.failures);
  }

  /** Everything so far, the buckets in order of time; null before the first report. */
  result(): LoadResult | null {
    if (this.totals === null) return null;
    const buckets = [...this.buckets.values()].sort((one, other) => one.at - other.at);
    return { ...this.totals, failures: [...this.failures], buckets };
  }
}
