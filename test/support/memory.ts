import type { JournalRecord, Holder } from '../../src/domain/records';
import type { Clock, Journal, LeaseAnswer, LeaseState, Leases } from '../../src/ports';

/** A journal in memory, with the conditional append of the real one. */
export class MemoryJournal implements Journal {
  private readonly deployments = new Map<string, JournalRecord[]>();

  append(record: JournalRecord): Promise<'appended' | 'conflict'> {
    const records = this.deployments.get(record.deployment) ?? [];
    if (records.some((one) => one.sequence === record.sequence)) return Promise.resolve('conflict');
    this.deployments.set(record.deployment, [...records, structuredClone(record)]);
    return Promise.resolve('appended');
  }

  read(deployment: string): Promise<JournalRecord[]> {
    const records = [...(this.deployments.get(deployment) ?? [])].sort(
      (one, next) => one.sequence - next.sequence,
    );
    return Promise.resolve(structuredClone(records));
  }

  list(): Promise<string[]> {
    return Promise.resolve([...this.deployments.keys()].sort());
  }
}

/** A lease in memory. */
export class MemoryLeases implements Leases {
  private state: LeaseState | undefined;

  constructor(
    private readonly clock: Clock,
    private readonly ttlMilliseconds = 60_000,
  ) {}

  acquire(deployment: string, holder: Holder): Promise<LeaseAnswer> {
    const now = this.clock.now();
    if (this.state !== undefined && !this.state.released && this.state.expiresAt > now)
      return Promise.resolve({ kind: 'refused', by: this.state });
    const fence = (this.state?.fence ?? 0) + 1;
    const mine: LeaseState = {
      holder,
      deployment,
      fence,
      acquiredAt: now,
      expiresAt: now + this.ttlMilliseconds,
      released: false,
    };
    this.state = mine;
    return Promise.resolve({ kind: 'held', lease: this.handle(fence) });
  }

  read(): Promise<LeaseState | undefined> {
    return Promise.resolve(this.state);
  }

  private handle(fence: number) {
    return {
      fence,
      renew: (): Promise<'renewed' | 'lost'> => {
        if (this.state?.fence !== fence || this.state.released) return Promise.resolve('lost');
        this.state = { ...this.state, expiresAt: this.clock.now() + this.ttlMilliseconds };
        return Promise.resolve('renewed');
      },
      release: (): Promise<void> => {
        if (this.state?.fence === fence) this.state = { ...this.state, released: true };
        return Promise.resolve();
      },
    };
  }
}
