import { BasculeError } from '../src/domain/errors';
import { RECORD_FORMAT, type JournalRecord, type RecordBody } from '../src/domain/records';
import { replay, type DeploymentState } from '../src/domain/replay';
import type { Clock, Journal } from '../src/ports';

/**
 * A deployment's journal as the driver writes it. Each append carries the fencing number of the lease; one
 * that does not land stops the deployment, because acting without a record is what recovery cannot mend.
 */
export class OpenJournal {
  private constructor(
    private readonly journal: Journal,
    private readonly clock: Clock,
    private readonly fence: number,
    private readonly deployment: string,
    private readonly records: JournalRecord[],
  ) {}

  /** Starts the journal of a new deployment. */
  static create(journal: Journal, clock: Clock, fence: number, deployment: string): OpenJournal {
    return new OpenJournal(journal, clock, fence, deployment, []);
  }

  /** Opens the journal of a deployment that another process began. */
  static async open(journal: Journal, clock: Clock, fence: number, deployment: string): Promise<OpenJournal> {
    return new OpenJournal(journal, clock, fence, deployment, await journal.read(deployment));
  }

  get state(): DeploymentState {
    return replay(this.records);
  }

  async append(body: RecordBody): Promise<JournalRecord> {
    const record: JournalRecord = {
      ...body,
      format: RECORD_FORMAT,
      deployment: this.deployment,
      sequence: this.records.length,
      at: this.clock.now(),
      fence: this.fence,
    };
    if ((await this.journal.append(record)) === 'conflict') throw displaced(this.deployment, record.sequence);
    this.records.push(record);
    return record;
  }
}

function displaced(deployment: string, sequence: number): BasculeError {
  return new BasculeError({
    code: 'BASCULE_DISPLACED',
    message: `Deployment ${deployment} is continued by another process: it wrote record ${sequence} of the journal.`,
    next: 'This process stopped without another change. `bascule status` shows who holds the environment.',
    blame: 'world',
    exitCode: 6,
  });
}
