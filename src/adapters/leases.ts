import { isDeepStrictEqual } from 'node:util';
import { BasculeError } from '../domain/errors';
import { LEASE_MILLISECONDS, shapeOfLease } from '../domain/lease';
import type { Holder } from '../domain/records';
import type { Clock, HeldLease, LeaseAnswer, LeaseState, Leases } from '../ports';
import type { Objects } from './objects';

interface Stored {
  state: LeaseState;
  etag: string;
}

/** The lease of an environment: one object in its bucket, changed only over the version that was read. */
export class S3Leases implements Leases {
  private readonly key: string;

  constructor(
    private readonly objects: Objects,
    environment: string,
    private readonly clock: Clock,
    private readonly lifetime = LEASE_MILLISECONDS,
  ) {
    this.key = `environments/${environment}/lease.json`;
  }

  async read(): Promise<LeaseState | undefined> {
    return (await this.load())?.state;
  }

  async acquire(deployment: string, holder: Holder): Promise<LeaseAnswer> {
    for (;;) {
      const before = await this.load();
      if (before !== undefined && !before.state.released && before.state.expiresAt > this.clock.now())
        return { kind: 'refused', by: before.state };
      const lease = await this.claim(before, deployment, holder);
      if (lease !== undefined) return { kind: 'held', lease };
      // Another process was faster; what it wrote is judged in the next round.
    }
  }

  async takeOver(seen: LeaseState, deployment: string, holder: Holder): Promise<LeaseAnswer> {
    for (;;) {
      const before = await this.load();
      if (before !== undefined && !same(before.state, seen)) return { kind: 'refused', by: before.state };
      const lease = await this.claim(before, deployment, holder);
      if (lease !== undefined) return { kind: 'held', lease };
    }
  }

  /** Writes a lease over what was read; undefined when that is there no longer. */
  private async claim(
    before: Stored | undefined,
    deployment: string,
    holder: Holder,
  ): Promise<HeldLease | undefined> {
    const now = this.clock.now();
    const state: LeaseState = {
      holder,
      deployment,
      fence: (before?.state.fence ?? 0) + 1,
      acquiredAt: now,
      expiresAt: now + this.lifetime,
      released: false,
    };
    const condition = before === undefined ? ({ absent: true } as const) : { etag: before.etag };
    const answer = await this.objects.put(this.key, JSON.stringify(state), condition);
    if (answer.kind === 'written') return this.handle(state, answer.etag);
    // An answer that was lost after the write took effect is sent again by the SDK and then finds itself.
    const there = await this.load();
    return there !== undefined && same(there.state, state) ? this.handle(state, there.etag) : undefined;
  }

  private async load(): Promise<Stored | undefined> {
    const there = await this.objects.get(this.key);
    if (there === undefined) return undefined;
    const state = shapeOfLease(there.text);
    if (state !== undefined) return { state, etag: there.etag };
    throw new BasculeError({
      code: 'BASCULE_LEASE_UNREADABLE',
      message: `Who holds the environment cannot be read: ${this.key} is not a lease.`,
      next: 'Nothing was changed. Restore the object from the bucket’s versions; delete it only when surely no deployment runs.',
      blame: 'world',
      exitCode: 5,
    });
  }

  /** Changes a lease that is held; undefined when it is not any more. */
  private async change(from: Stored, change: Partial<LeaseState>): Promise<Stored | undefined> {
    for (let current: Stored | undefined = from; current !== undefined;) {
      if (current.state.released) return undefined;
      const next = { ...current.state, ...change };
      const answer = await this.objects.put(this.key, JSON.stringify(next), { etag: current.etag });
      if (answer.kind === 'written') return { state: next, etag: answer.etag };
      const there = await this.load();
      if (there === undefined || !sameHold(there.state, from.state)) return undefined;
      if (same(there.state, next)) return there;
      // An earlier change of this holder whose answer never came: nobody else writes under its fence.
      current = there;
    }
    return undefined;
  }

  private handle(state: LeaseState, etag: string): HeldLease {
    let current: Stored = { state, etag };
    // One write at a time: a heartbeat beside a release would find its own ETag outdated.
    let line: Promise<unknown> = Promise.resolve();
    const write = (change: () => Partial<LeaseState>): Promise<'renewed' | 'lost'> => {
      const result = line.then(async () => {
        const changed = await this.change(current, change());
        if (changed === undefined) return 'lost' as const;
        current = changed;
        return 'renewed' as const;
      });
      line = result.catch(() => undefined);
      return result;
    };
    return {
      fence: state.fence,
      lifetime: this.lifetime,
      renew: () => write(() => ({ expiresAt: this.clock.now() + this.lifetime })),
      check: async () => {
        const there = await this.load();
        return there !== undefined && !there.state.released && sameHold(there.state, state) ? 'held' : 'lost';
      },
      release: async () => {
        await write(() => ({ released: true }));
      },
    };
  }
}

function same(one: LeaseState, other: LeaseState): boolean {
  return sameHold(one, other) && one.expiresAt === other.expiresAt && one.released === other.released;
}

/** Whether it is one holding of the lease, renewed or not. */
function sameHold(one: LeaseState, other: LeaseState): boolean {
  return (
    one.fence === other.fence &&
    one.acquiredAt === other.acquiredAt &&
    one.deployment === other.deployment &&
    isDeepStrictEqual(one.holder, other.holder)
  );
}
