/** Hands out permissions at a rate, with a reserve for bursts; who comes too early waits in line. */
export class TokenBucket {
  private tokens: number;
  private filledAt = performance.now();
  private last: Promise<void> = Promise.resolve();

  /** @param size how many may be taken at once; @param perSecond how many come back each second */
  constructor(
    private readonly size: number,
    private readonly perSecond: number,
  ) {
    this.tokens = size;
  }

  take(): Promise<void> {
    this.last = this.last.then(() => this.next());
    return this.last;
  }

  private async next(): Promise<void> {
    this.fill();
    if (this.tokens < 1) {
      const missing = ((1 - this.tokens) / this.perSecond) * 1000;
      await new Promise((resolve) => setTimeout(resolve, Math.ceil(missing)));
      this.fill();
    }
    this.tokens -= 1;
  }

  private fill(): void {
    const now = performance.now();
    this.tokens = Math.min(this.size, this.tokens + ((now - this.filledAt) / 1000) * this.perSecond);
    this.filledAt = now;
  }
}
