import { messageOf } from '../../src/domain/errors';
import type { Notification } from '../../src/domain/notifications';
import type { Channel, Clock, Deliveries } from '../../src/ports';

/** How long a channel may take for one notification before it is tried again. */
const SEND_MILLISECONDS = 30_000;
/** The first wait after a failure; it doubles up to the longest. */
const FIRST_WAIT_MILLISECONDS = 1_000;
const LONGEST_WAIT_MILLISECONDS = 60_000;

/** Where notifications go, and what was delivered of them. */
export interface Post {
  channels: readonly Channel[];
  deliveries: Deliveries;
  /** The courier's own: it waits beside the deployment, never in its time. */
  clock: Clock;
}

export interface Parcel {
  notification: Notification;
  channel: Channel;
}

/** What became of a parcel that was not delivered. */
export interface Failed extends Parcel {
  reason: string;
}

/**
 * Delivers notifications in the background, in order for each channel: one that fails is tried again, after a longer
 * and longer wait, and what comes after it waits. None of it ever throws.
 */
export class Courier {
  private readonly leaving = new AbortController();
  /** The end of each channel's line. */
  private readonly lines = new Map<string, Promise<void>>();
  private readonly waiting = new Set<Parcel>();
  private readonly reasons = new Map<Parcel, string>();

  constructor(
    private readonly post: Post,
    /** Told of the first failure of each channel. */
    private readonly told: (failed: Failed) => void,
    /** Failures of one parcel until it is given up; the courier's end ends it in any case. */
    private readonly attempts = Infinity,
  ) {}

  /** Takes parcels to be delivered once those before them on the same channel are. */
  take(parcels: readonly Parcel[]): void {
    for (const parcel of parcels) {
      this.waiting.add(parcel);
      const before = this.lines.get(parcel.channel.name) ?? Promise.resolve();
      this.lines.set(
        parcel.channel.name,
        before.then(() => this.deliver(parcel)),
      );
    }
  }

  /** Waits until all that was taken is delivered or given up; whether all of it is delivered. */
  async done(): Promise<boolean> {
    await Promise.all(this.lines.values());
    return this.waiting.size === 0;
  }

  /** Ends what is under way; what was not delivered is returned. */
  leave(): Failed[] {
    this.leaving.abort();
    return [...this.waiting].map((parcel) => ({
      ...parcel,
      reason: this.reasons.get(parcel) ?? 'there was no answer yet',
    }));
  }

  private async deliver(parcel: Parcel): Promise<void> {
    const { notification, channel } = parcel;
    const sent = await this.repeatedly(parcel, (signal) => channel.send(notification, signal));
    // Sent and not marked is sent again by whoever comes next: late or twice, but never not at all.
    const marked =
      sent && (await this.repeatedly(parcel, () => this.post.deliveries.mark(notification, channel.name)));
    if (marked) this.waiting.delete(parcel);
  }

  /** Whether it went well in the end. */
  private async repeatedly(parcel: Parcel, work: (signal: AbortSignal) => Promise<void>): Promise<boolean> {
    const { clock } = this.post;
    const { signal } = this.leaving;
    let wait = FIRST_WAIT_MILLISECONDS;
    for (let failures = 1; !signal.aborted; failures += 1) {
      const reason = await this.attempt(work);
      if (reason === null) return true;
      this.fails(parcel, reason);
      if (failures >= this.attempts) return false;
      await clock.wait(wait, signal);
      wait = Math.min(2 * wait, LONGEST_WAIT_MILLISECONDS);
    }
    return false;
  }

  /** Why it did not go well; null where it did. Whoever heeds no signal is not waited for. */
  private async attempt(work: (signal: AbortSignal) => Promise<void>): Promise<string | null> {
    const over = new AbortController();
    const end = (): void => over.abort();
    this.leaving.signal.addEventListener('abort', end, { once: true });
    const late = this.post.clock
      .wait(SEND_MILLISECONDS, over.signal)
      .then(() => `there was no answer within ${SEND_MILLISECONDS / 1000} s`);
    const done = (async () => work(over.signal))().then(() => null, messageOf);
    const reason = await Promise.race([done, late]);
    end();
    this.leaving.signal.removeEventListener('abort', end);
    return this.leaving.signal.aborted && reason !== null ? 'there was no answer yet' : reason;
  }

  private fails(parcel: Parcel, reason: string): void {
    if (this.leaving.signal.aborted) return;
    const first = ![...this.reasons.keys()].some((one) => one.channel === parcel.channel);
    this.reasons.set(parcel, reason);
    if (first) this.told({ ...parcel, reason });
  }
}
