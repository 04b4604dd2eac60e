/**
 * When the next request of one connection is due. Requests keep a fixed beat; one that comes late does not
 * make those after it come in a burst.
 */
export class Pace {
  private due: number;

  /** `first` is the time of the first request, `interval` the milliseconds between two. */
  constructor(
    first: number,
    private readonly interval: number,
  ) {
    this.due = first;
  }

  /** The milliseconds until the next request may go, 0 when it is due. */
  wait(now: number): number {
    return Math.max(0, this.due - now);
  }

  /** A request goes now. */
  took(now: number): void {
    this.due = Math.max(this.due + this.interval, now);
  }
}
