import type { Clock } from '../../../../src/ports';

interface Waiter {
  at: number;
  end(): void;
}

/** Time that moves on to the next moment that somebody waits for, once nobody has anything left to do. */
export class SimulatedClock implements Clock {
  private time = Date.UTC(2026, 0, 1);
  private readonly waiting: Waiter[] = [];
  private scheduled = false;

  /** @param onMove Told after each move, for who samples. */
  constructor(private readonly onMove: () => void = () => undefined) {}

  now(): number {
    return this.time;
  }

  wait(milliseconds: number, signal?: AbortSignal): Promise<void> {
    if (signal?.aborted === true) return Promise.resolve();
    return new Promise((resolve) => {
      const leave = (): void => {
        signal?.removeEventListener('abort', end);
        resolve();
      };
      const waiter: Waiter = { at: this.time + Math.max(1, milliseconds), end: leave };
      const end = (): void => {
        this.waiting.splice(this.waiting.indexOf(waiter), 1);
        leave();
      };
      signal?.addEventListener('abort', end);
      const after = this.waiting.findIndex(({ at }) => at > waiter.at);
      this.waiting.splice(after === -1 ? this.waiting.length : after, 0, waiter);
      this.schedule();
    });
  }

  /** After all that follows from the last move, which is done in memory and takes no turn of the event loop. */
  private schedule(): void {
    if (this.scheduled) return;
    this.scheduled = true;
    setImmediate(() => {
      this.scheduled = false;
      const [first] = this.waiting;
      if (first === undefined) return;
      this.time = first.at;
      while (this.waiting[0] !== undefined && this.waiting[0].at <= this.time) this.waiting.shift()?.end();
      this.onMove();
      if (this.waiting.length > 0) this.schedule();
    });
  }
}
