import type { Clock } from '../../src/ports';

/** Time that moves only when somebody waits. */
export class FakeClock implements Clock {
  private time = Date.UTC(2026, 0, 1);
  private readonly due: { at: number; run: () => void }[] = [];
  now(): number {
    return this.time;
  }
  /** Does something once the clock passes a moment. */
  after(milliseconds: number, run: () => void): void {
    this.due.push({ at: this.time + milliseconds, run });
  }
  wait(milliseconds: number): Promise<void> {
    this.time += Math.max(1, milliseconds);
    for (const one of this.due.splice(0)) {
      if (one.at <= this.time) one.run();
      else this.due.push(one);
    }
    return Promise.resolve();
  }
}
