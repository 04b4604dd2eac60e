/** How long after a refusal the full rate is taken again. */
const RECOVERY_SECONDS = 30;

/** The least part of the full rate that is kept, however often AWS refuses. */
const LEAST_SHARE = 1 / 16;

/** Refusals within this time are one event: calls that were under way together are refused together. */
const SAME_EVENT_MILLISECONDS = 1_000;

/** The time by which a bucket fills; a simulation has its own. */
export interface BucketTime {
  /** Milliseconds. */
  now(): number;
  wait(milliseconds: number): Promise<void>;
}

const REAL_TIME: BucketTime = {
  now: () => performance.now(),
  wait: (milliseconds) => new Promise((resolve) => setTimeout(resolve, milliseconds)),
};

/**
 * Hands out permissions at a rate, with a reserve for bursts; who comes too early waits in line. An account's
 * rate is shared with whoever else calls AWS: each refusal halves the part that is taken, and the rest comes
 * back little by little, so that several deployments come to share it without knowing of one another.
 */
export class TokenBucket {
  private tokens: number;
  private filledAt: number;
  private share = 1;
  private refusedAt = -Infinity;
  private last: Promise<void> = Promise.resolve();

  /**
   * @param size how many may be taken at once
   * @param perSecond how many come back each second
   * @param from whether the rate holds from the start, or only for a while after a refusal
   */
  constructor(
    private readonly size: number,
    private readonly perSecond: number,
    private readonly from: 'start' | 'refusal' = 'start',
    private readonly time: BucketTime = REAL_TIME,
  ) {
    this.tokens = size;
    this.filledAt = time.now();
  }

  take(): Promise<void> {
    this.last = this.last.then(() => this.next());
    return this.last;
  }

  /** AWS refused a call because the account's rate is used up. */
  refused(): void {
    this.fill();
    const now = this.time.now();
    if (now - this.refusedAt > SAME_EVENT_MILLISECONDS)
      this.share = Math.max(LEAST_SHARE, this.shareAt(now) / 2);
    this.refusedAt = now;
    this.tokens = 0;
  }

  private async next(): Promise<void> {
    if (this.from === 'refusal' && this.shareAt(this.time.now()) === 1) return;
    for (this.fill(); this.tokens < 1; this.fill()) {
      const missing = ((1 - this.tokens) / this.rate()) * 1000;
      await this.time.wait(Math.ceil(missing));
    }
    this.tokens -= 1;
  }

  private fill(): void {
    const rate = this.rate();
    const now = this.time.now();
    this.tokens = Math.min(this.size, this.tokens + ((now - this.filledAt) / 1000) * rate);
    this.filledAt = now;
  }

  private rate(): number {
    return this.perSecond * this.shareAt(this.time.now());
  }

  private shareAt(now: number): number {
    const recovered = (now - this.refusedAt) / 1000 / RECOVERY_SECONDS;
    return Math.min(1, this.share + recovered);
  }
}
