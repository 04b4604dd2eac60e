import { BasculeError } from '../src/domain/errors';
import { RECORD_FORMAT, type JournalRecord, type RecordBody } from '../src/domain/records';
import { replay, type DeploymentState } from '../src/domain/replay';
import type { Clock, HeldLease, Journal, LeaseAnswer, LeaseState } from '../src/ports';

/**
 * How long the last proof that the lease is held stands for the next write. Whoever takes a lease from a
 * process that may still run has to wait this long before anything is changed.
 */
export const PROOF_MILLISECONDS = 5_000;

interface Moment {
  wall: number;
  ticks: number;
}

export type Asked = { kind: 'held'; hold: Hold } | { kind: 'refused'; by: LeaseState };

/**
 * A lease as a process has to see it that may have been paused for any time: by a stop signal, a suspended
 * virtual machine, a laptop that was shut.
 */
export class Hold implements HeldLease {
  private renewed: Moment;
  private proven: Moment;
  private readonly losing = new AbortController();
  /** Aborted once the lease is known to be another process's: whoever waits for something need not any longer. */
  readonly displaced: AbortSignal = this.losing.signal;

  constructor(
    private readonly lease: HeldLease,
    private readonly clock: Clock,
    private readonly monotonic: () => number = () => performance.now(),
    asked?: Moment,
  ) {
    this.renewed = this.proven = asked ?? this.moment();
  }

  /** Asks for a lease. It is ours from the question on: the answer may find a process that stood still since. */
  static async ask(clock: Clock, question: () => Promise<LeaseAnswer>): Promise<Asked> {
    const asked = { wall: clock.now(), ticks: performance.now() };
    const answer = await question();
    if (answer.kind === 'refused') return answer;
    return { kind: 'held', hold: new Hold(answer.lease, clock, () => performance.now(), asked) };
  }

  get fence(): number {
    return this.lease.fence;
  }

  get lifetime(): number {
    return this.lease.lifetime;
  }

  async renew(): Promise<'renewed' | 'lost'> {
    const asked = this.moment();
    const answer = await this.lease.renew();
    if (answer === 'renewed') this.renewed = this.proven = asked;
    else this.losing.abort();
    return answer;
  }

  async check(): Promise<'held' | 'lost'> {
    const asked = this.moment();
    const answer = await this.lease.check();
    if (answer === 'held') this.proven = asked;
    else this.losing.abort();
    return answer;
  }

  /**
   * To be awaited before anything is written: asks only when the last proof is old. A lease that expired is
   * renewed first, for until then anybody may take it; where that gets no answer, nothing may be written.
   */
  async prove(): Promise<'held' | 'lost'> {
    if (this.displaced.aborted) return 'lost';
    if (this.since(this.renewed) >= this.lifetime)
      return (await this.renew()) === 'renewed' ? 'held' : 'lost';
    return this.since(this.proven) < PROOF_MILLISECONDS ? 'held' : this.check();
  }

  /** @throws BasculeError BASCULE_DISPLACED (exit code 6) when another process took the lease. */
  async require(deployment: string): Promise<void> {
    if ((await this.prove()) === 'lost') throw displaced(deployment, 'it took the lease of the environment');
  }

  async release(): Promise<void> {
    if (!this.displaced.aborted) await this.lease.release();
  }

  private moment(): Moment {
    return { wall: this.clock.now(), ticks: this.monotonic() };
  }

  /**
   * The monotonic clock stands still while a machine is suspended, and the other one may be set: the longer
   * of the two is the careful one.
   */
  private since(moment: Moment): number {
    const { wall, ticks } = this.moment();
    return Math.max(wall - moment.wall, ticks - moment.ticks);
  }
}

/**
 * A deployment's journal as the driver writes it. Each append carries the fencing number of the lease and ends
 * with a look at it: acting without a record is what recovery cannot mend, and acting on the record of a
 * former holder is what the next one cannot know of.
 */
export class OpenJournal {
  private begun = false;
  private replayed: { records: readonly JournalRecord[]; count: number; state: DeploymentState } | undefined;
  /** Called after each append that counts. */
  heard: () => void = () => undefined;

  private constructor(
    private readonly journal: Journal,
    private readonly clock: Clock,
    private readonly hold: Hold,
    private readonly deployment: string,
    private records: JournalRecord[],
    /** The number of a last record that was found cut off when the journal was opened. */
    readonly torn: number | null = null,
  ) {}

  /** Starts the journal of a new deployment. */
  static create(journal: Journal, clock: Clock, hold: Hold, deployment: string): OpenJournal {
    return new OpenJournal(journal, clock, hold, deployment, []);
  }

  /** Opens the journal of a deployment that another process began. */
  static async open(journal: Journal, clock: Clock, hold: Hold, deployment: string): Promise<OpenJournal> {
    const { records, torn } = await journal.inspect(deployment);
    return new OpenJournal(journal, clock, hold, deployment, records, torn);
  }

  /** What the records say by now; not to be changed by whoever reads it. */
  get state(): DeploymentState {
    const { records } = this;
    const count = records.length;
    // A step that waits asks several times a second, and a long deployment has thousands of records.
    if (this.replayed?.records !== records || this.replayed.count !== count)
      this.replayed = { records, count, state: replay(records) };
    return this.replayed.state;
  }

  /** All that is written by now. */
  get story(): readonly JournalRecord[] {
    return this.records;
  }

  async append(body: RecordBody): Promise<JournalRecord> {
    await this.hold.require(this.deployment);
    for (;;) {
      const record: JournalRecord = {
        ...body,
        format: RECORD_FORMAT,
        deployment: this.deployment,
        sequence: this.records.length,
        at: this.clock.now(),
        fence: this.hold.fence,
      };
      const answer = await this.journal.append(record);
      if (answer === 'appended') {
        this.begun = true;
        this.records.push(record);
      }
      if ((await this.hold.check()) === 'lost')
        throw displaced(this.deployment, 'it took the lease of the environment');
      if (answer === 'appended') {
        this.heard();
        return record;
      }
      await this.catchUp(record.sequence);
    }
  }

  /**
   * The first number is taken although the lease is held: the former holder wrote a last record before it
   * looked at the lease and stopped. It belongs to the story that is gone on with.
   */
  private async catchUp(sequence: number): Promise<void> {
    const records = await this.journal.read(this.deployment);
    const last = records.at(-1);
    if (this.begun || last === undefined || last.sequence < sequence || last.fence >= this.hold.fence)
      throw displaced(this.deployment, `it wrote record ${sequence} of the journal`);
    if (last.kind === 'closed') throw displaced(this.deployment, 'it ended it');
    this.records = records;
  }
}

function displaced(deployment: string, what: string): BasculeError {
  return new BasculeError({
    code: 'BASCULE_DISPLACED',
    message: `Deployment ${deployment} is continued by another process: ${what}.`,
    next: 'This process stopped without another change. `bascule status` shows who holds the environment.',
    blame: 'world',
    exitCode: 6,
  });
}
