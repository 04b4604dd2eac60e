import type { JournalRecord } from '../../src/domain/records';
import type { Journal } from '../../src/ports';

/** A journal whose process dies at a given append: before the record is written, or right after it. */
export class DeadlyJournal implements Journal {
  private count = 0;

  constructor(
    private readonly journal: Journal,
    private readonly at: number,
    private readonly moment: 'before' | 'after',
  ) {}

  async append(record: JournalRecord): Promise<'appended' | 'conflict'> {
    this.count += 1;
    if (this.count > this.at || (this.count === this.at && this.moment === 'before'))
      throw new Error('killed');
    const answer = await this.journal.append(record);
    if (this.count === this.at) throw new Error('killed');
    return answer;
  }

  read(deployment: string): Promise<JournalRecord[]> {
    return this.journal.read(deployment);
  }

  inspect(deployment: string): ReturnType<Journal['inspect']> {
    return this.journal.inspect(deployment);
  }

  newest(deployment: string): Promise<JournalRecord | undefined> {
    return this.journal.newest(deployment);
  }

  after(deployment: string, from: number): Promise<JournalRecord[]> {
    return this.journal.after(deployment, from);
  }

  list(): Promise<string[]> {
    return this.journal.list();
  }
}
