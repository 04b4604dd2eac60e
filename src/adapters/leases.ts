import { BasculeError } from '../domain/errors';
import type { Holder } from '../domain/records';
import type { Clock, HeldLease, LeaseAnswer, LeaseState, Leases } from '../ports';
import type { Objects } from './objects';

/** How long a lease lasts without a heartbeat; longer than clocks of two machines differ, with NTP by far. */
const LIFETIME_MILLISECONDS = 60_000;

/** The lease of an environment: one object in its bucket, changed only over the version that was read. */
export class S3Leases implements Leases {
  private readonly key: string;

  constructor(
    private readonly objects: Objects,
    environment: string,
    private readonly clock: Clock,
    private readonly lifetime = LIFETIME_MILLISECONDS,
  ) {
    this.key = `environments/${environment}/lease.json`;
  }

  async read(): Promise<LeaseState | undefined> {
    return (await this.load())?.state;
  }

  async acquire(deployment: string, holder: Holder): Promise<LeaseAnswer> {
    for (;;) {
      const before = await this.load();
      const now = this.clock.now();
      if (before !== undefined && !before.state.released && before.state.expiresAt > now)
        return { kind: 'refused', by: before.state };
      const state: LeaseState = {
        holder,
        deployment,
        fence: (before?.state.fence ?? 0) + 1,
        acquiredAt: now,
        expiresAt: now + this.lifetime,
        released: false,
      };
      const answer = await this.objects.put(
        this.key,
        JSON.stringify(state),
        before === undefined ? { absent: true } : { etag: before.etag },
      );
      if (answer.kind === 'written') return { kind: 'held', lease: this.handle(state, answer.etag) };
      const now2 = await this.load();
      if (now2 !== undefined && JSON.stringify(now2.state) === JSON.stringify(state))
        return { kind: 'held', lease: this.handle(state, now2.etag) };
      // Another process was faster; what it wrote is judged in the next round.
    }
  }

  private async load(): Promise<{ state: LeaseState; etag: string } | undefined> {
    const there = await this.objects.get(this.key);
    return there === undefined ? undefined : { state: this.parse(there.text), etag: there.etag };
  }

  private parse(text: string): LeaseState {
    try {
      return JSON.parse(text) as LeaseState;
    } catch (cause) {
      throw new BasculeError({
        code: 'BASCULE_LEASE_UNREADABLE',
        message: `Who holds the environment cannot be read: ${this.key} is not a lease.`,
        next: 'Nothing was changed. Restore the object from the bucket’s versions; delete it only when surely no deployment runs.',
        blame: 'world',
        exitCode: 5,
        cause,
      });
    }
  }

  private handle(state: LeaseState, etag: string): HeldLease {
    let current = { state, etag };
    // One write at a time: a heartbeat beside a release would find its own ETag outdated.
    let line: Promise<unknown> = Promise.resolve();
    const write = (change: Partial<LeaseState>): Promise<'renewed' | 'lost'> => {
      const result = line.then(async () => {
        if (current.state.released) return 'lost' as const;
        const next = { ...current.state, ...change };
        const answer = await this.objects.put(this.key, JSON.stringify(next), { etag: current.etag });
        if (answer.kind !== 'written') {
          const there = await this.load();
          if (JSON.stringify(there?.state) !== JSON.stringify(next)) return 'lost' as const;
          current = { state: next, etag: there?.etag ?? '' };
          return 'renewed' as const;
        }
        current = { state: next, etag: answer.etag };
        return 'renewed' as const;
      });
      line = result.catch(() => undefined);
      return result;
    };
    return {
      fence: state.fence,
      renew: () => write({ expiresAt: this.clock.now() + this.lifetime }),
      release: async () => {
        await write({ released: true });
      },
    };
  }
}
