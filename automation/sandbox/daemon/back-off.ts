import { setTimeout as pause } from 'node:timers/promises';

/**
 * Pauses that double from 100 ms to 2 s, and one log line for a series of failures instead of one for each:
 * a control plane that is away for an hour must neither be hammered nor fill the log.
 */
export class BackOff {
  private failures = 0;

  constructor(
    private readonly what: string,
    private readonly log: (line: string) => void,
  ) {}

  /** Whether the last try failed. */
  get failing(): boolean {
    return this.failures > 0;
  }

  succeeded(): void {
    if (this.failing) this.log(`${this.what}: works again`);
    this.failures = 0;
  }

  /** Waits before the next try; returns early when the signal is aborted. */
  async failed(reason: string, signal: AbortSignal): Promise<void> {
    if (!this.failing) this.log(`${this.what}: ${reason}; trying again until it works`);
    this.failures += 1;
    await this.wait(Math.min(100 * 2 ** (this.failures - 1), 2_000), signal);
  }

  private async wait(milliseconds: number, signal: AbortSignal): Promise<void> {
    try {
      await pause(milliseconds, undefined, { signal });
    } catch {
      // Aborted: the caller's own loop looks at the signal.
    }
  }
}
