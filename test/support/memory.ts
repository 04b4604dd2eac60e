import {
  EVENT_FORMAT,
  type EnvironmentEvent,
  type EnvironmentEventBody,
} from '../../src/domain/environment-log';
import type { Approval, FoundApproval } from '../../src/domain/approval';
import { BasculeError } from '../../src/domain/errors';
import { shapeOfRecord } from '../../src/domain/record-shape';
import type { JournalRecord, Holder } from '../../src/domain/records';
import type { Request } from '../../src/domain/request';
import type {
  Approvals,
  Clock,
  EnvironmentLog,
  HeldLease,
  Journal,
  LeaseAnswer,
  LeaseState,
  Leases,
  Requests,
} from '../../src/ports';

/** A journal in memory, kept as texts, with the conditional append of the real one. */
export class MemoryJournal implements Journal {
  private readonly deployments = new Map<string, Map<number, string>>();

  append(record: JournalRecord): Promise<'appended' | 'conflict'> {
    const texts = this.textsOf(record.deployment);
    const there = texts.get(record.sequence);
    if (there !== undefined && shapeOfRecord(there).kind !== 'torn') return Promise.resolve('conflict');
    texts.set(record.sequence, JSON.stringify(record));
    return Promise.resolve('appended');
  }

  async read(deployment: string): Promise<JournalRecord[]> {
    return (await this.inspect(deployment)).records;
  }

  async inspect(deployment: string): Promise<{ records: JournalRecord[]; torn: number | null }> {
    const texts = [...(this.deployments.get(deployment) ?? [])].sort(([one], [other]) => one - other);
    const records: JournalRecord[] = [];
    for (const [index, [number, text]] of texts.entries()) {
      const shape = shapeOfRecord(text);
      if (shape.kind === 'torn' && index === texts.length - 1) return { records, torn: number };
      if (shape.kind !== 'whole')
        throw new BasculeError({
          code: 'BASCULE_JOURNAL_UNREADABLE',
          message: `record ${number} of ${deployment} cannot be read: ${shape.kind}`,
          next: 'Nothing.',
          exitCode: 5,
        });
      records.push(shape.value);
    }
    return { records, torn: null };
  }

  async newest(deployment: string): Promise<JournalRecord | undefined> {
    const { records, torn } = await this.inspect(deployment);
    return torn === null ? records.at(-1) : undefined;
  }

  async after(deployment: string, from: number): Promise<JournalRecord[]> {
    return (await this.read(deployment)).slice(from);
  }

  list(): Promise<string[]> {
    return Promise.resolve([...this.deployments.keys()].sort());
  }

  /** Puts any text in the place of a record. */
  spoil(deployment: string, sequence: number, text: string): void {
    this.textsOf(deployment).set(sequence, text);
  }

  private textsOf(deployment: string): Map<number, string> {
    const texts = this.deployments.get(deployment) ?? new Map<number, string>();
    this.deployments.set(deployment, texts);
    return texts;
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
    if (this.state !== undefined && !this.state.released && this.state.expiresAt > this.clock.now())
      return Promise.resolve({ kind: 'refused', by: { ...this.state } });
    return Promise.resolve(this.claim(deployment, holder));
  }

  takeOver(seen: LeaseState, deployment: string, holder: Holder): Promise<LeaseAnswer> {
    if (this.state !== undefined && JSON.stringify(this.state) !== JSON.stringify(seen))
      return Promise.resolve({ kind: 'refused', by: { ...this.state } });
    return Promise.resolve(this.claim(deployment, holder));
  }

  read(): Promise<LeaseState | undefined> {
    return Promise.resolve(this.state === undefined ? undefined : { ...this.state });
  }

  private claim(deployment: string, holder: Holder): LeaseAnswer {
    const now = this.clock.now();
    const fence = (this.state?.fence ?? 0) + 1;
    const expiresAt = now + this.ttlMilliseconds;
    this.state = { holder, deployment, fence, acquiredAt: now, expiresAt, released: false };
    return { kind: 'held', lease: this.handle(fence) };
  }

  private handle(fence: number): HeldLease {
    const mine = (): LeaseState | undefined =>
      this.state?.fence === fence && !this.state.released ? this.state : undefined;
    return {
      fence,
      lifetime: this.ttlMilliseconds,
      renew: (): Promise<'renewed' | 'lost'> => {
        const state = mine();
        if (state === undefined) return Promise.resolve('lost');
        this.state = { ...state, expiresAt: this.clock.now() + this.ttlMilliseconds };
        return Promise.resolve('renewed');
      },
      check: () => Promise.resolve(mine() === undefined ? 'lost' : 'held'),
      release: (): Promise<void> => {
        const state = mine();
        if (state !== undefined) this.state = { ...state, released: true };
        return Promise.resolve();
      },
    };
  }
}

/** An environment's log in memory. */
export class MemoryEnvironmentLog implements EnvironmentLog {
  private readonly events: EnvironmentEvent[] = [];

  constructor(private readonly clock: Clock) {}

  append(body: EnvironmentEventBody): Promise<EnvironmentEvent> {
    const event: EnvironmentEvent = {
      ...structuredClone(body),
      format: EVENT_FORMAT,
      sequence: this.events.length,
      at: this.clock.now(),
    };
    this.events.push(event);
    return Promise.resolve(structuredClone(event));
  }

  read(): Promise<EnvironmentEvent[]> {
    return Promise.resolve(structuredClone(this.events));
  }
}

/** Approvals in memory; what is written is written by whom it names, unless a test says otherwise. */
export class MemoryApprovals implements Approvals {
  private readonly objects = new Map<string, FoundApproval>();
  private writings = 0;

  constructor(private readonly clock: Pick<Clock, 'now'> = { now: () => Infinity }) {}

  read(deployment: string, name: string, known: ReadonlySet<string>): Promise<FoundApproval[]> {
    const folder = `${deployment}/${name}/`;
    const all = [...this.objects].filter(([key]) => key.startsWith(folder)).map(([, found]) => found);
    return Promise.resolve(all.filter(({ object }) => !known.has(object)));
  }

  own(deployment: string, name: string, userId: string): Promise<string | null> {
    return Promise.resolve(this.objects.get(`${deployment}/${name}/${userId}`)?.object ?? null);
  }

  write(deployment: string, name: string, approval: Approval, over: string | null) {
    const there = this.objects.get(`${deployment}/${name}/${approval.userId}`);
    if ((there?.object ?? null) !== over) return Promise.resolve('changed' as const);
    this.put(deployment, name, approval);
    return Promise.resolve('written' as const);
  }

  /** Puts anything anywhere. */
  put(deployment: string, name: string, approval: Approval, change: Partial<FoundApproval> = {}): void {
    this.writings += 1;
    const found: FoundApproval = {
      userId: approval.userId,
      writer: approval.userId,
      object: `writing-${this.writings}`,
      storedAt: this.clock.now(),
      text: JSON.stringify(approval),
      ...change,
    };
    this.objects.set(`${deployment}/${name}/${found.userId}`, found);
  }
}

/** Requests in memory, a list for each deployment. */
export class MemoryRequests implements Requests {
  private readonly deployments = new Map<string, Request[]>();

  append(request: Omit<Request, 'sequence'>): Promise<Request> {
    const list = this.deployments.get(request.deployment) ?? [];
    this.deployments.set(request.deployment, list);
    const whole: Request = { ...structuredClone(request), sequence: list.length };
    list.push(whole);
    return Promise.resolve(structuredClone(whole));
  }

  read(deployment: string, from: number): Promise<Request[]> {
    return Promise.resolve(structuredClone((this.deployments.get(deployment) ?? []).slice(from)));
  }
}
