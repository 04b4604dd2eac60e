import type { Post } from '../../automation/operations/courier';
import {
  NOTIFICATION_EVENTS,
  type Notification,
  type NotificationEvent,
} from '../../src/domain/notifications';
import type { Channel, Clock, Deliveries } from '../../src/ports';

/** Time of its own, which leaps to whatever is waited for next once everything else has come to rest. */
export class LeapingClock implements Clock {
  private time = Date.UTC(2026, 0, 1);
  private readonly due = new Set<{ at: number; resolve: () => void }>();
  private leaping = false;

  now(): number {
    return this.time;
  }

  wait(milliseconds: number, signal?: AbortSignal): Promise<void> {
    return new Promise((resolve) => {
      const one = { at: this.time + Math.max(1, milliseconds), resolve };
      if (signal?.aborted === true) return resolve();
      signal?.addEventListener('abort', () => {
        this.due.delete(one);
        resolve();
      });
      this.due.add(one);
      this.leapSoon();
    });
  }

  private leapSoon(): void {
    if (this.leaping) return;
    this.leaping = true;
    setImmediate(() => {
      this.leaping = false;
      const [next] = [...this.due].sort((one, other) => one.at - other.at);
      if (next === undefined) return;
      this.due.delete(next);
      this.time = Math.max(this.time, next.at);
      next.resolve();
      if (this.due.size > 0) this.leapSoon();
    });
  }
}

/** A channel in memory that does with each notification what a test says. */
export class FakeChannel implements Channel {
  readonly got: Notification[] = [];
  /** How often it was asked to send something. */
  asked = 0;
  /** What becomes of one before it is got; a test throws or hangs here. */
  carries: (notification: Notification, signal: AbortSignal) => Promise<void> | void = () => undefined;

  constructor(
    readonly name: string,
    readonly events: readonly NotificationEvent[] = NOTIFICATION_EVENTS,
  ) {}

  async send(notification: Notification, signal: AbortSignal): Promise<void> {
    this.asked += 1;
    await this.carries(notification, signal);
    this.got.push(notification);
  }

  get ids(): string[] {
    return this.got.map(({ id }) => id);
  }

  /** Of what it got. */
  get told(): string[] {
    return this.got.map(({ event }) => event);
  }
}

export class MemoryDeliveries implements Deliveries {
  readonly marks = new Map<string, Set<string>>();
  /** Called before each mark; a test throws or hangs here. */
  beforeMark: () => Promise<void> | void = () => undefined;

  since(deployment: string): Promise<Map<string, Set<string>>> {
    return Promise.resolve(new Map([...this.marks].filter(([id]) => id >= deployment)));
  }

  async mark({ deployment, sequence }: Notification, channel: string): Promise<void> {
    await this.beforeMark();
    this.add(deployment, `${sequence}-${channel}`);
  }

  complete(deployment: string): Promise<void> {
    this.add(deployment, 'complete');
    return Promise.resolve();
  }

  private add(deployment: string, mark: string): void {
    this.marks.set(deployment, (this.marks.get(deployment) ?? new Set()).add(mark));
  }
}

export function postOf(channels: readonly Channel[], deliveries: Deliveries = new MemoryDeliveries()): Post {
  return { channels, deliveries, clock: new LeapingClock() };
}

/** For what never answers. */
export const never = (): Promise<void> => new Promise(() => undefined);
