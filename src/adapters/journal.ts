import { BasculeError } from '../domain/errors';
import type { JournalRecord } from '../domain/records';
import type { Journal } from '../ports';
import type { Objects } from './objects';

const READERS = 16;

/** Journals in a bucket, one object for each record; its number in the key is written once and never again. */
export class S3Journal implements Journal {
  private readonly prefix: string;

  constructor(
    private readonly objects: Objects,
    environment: string,
  ) {
    this.prefix = `environments/${environment}/deployments/`;
  }

  async append(record: JournalRecord): Promise<'appended' | 'conflict'> {
    const key = this.keyOf(record.deployment, record.sequence);
    const text = JSON.stringify(record);
    const answer = await this.objects.put(key, text, { absent: true });
    if (answer.kind === 'written') return 'appended';
    // An answer that was lost after the write took effect is sent again by the SDK and then finds itself.
    const there = await this.objects.get(key);
    return there?.text === text ? 'appended' : 'conflict';
  }

  async read(deployment: string): Promise<JournalRecord[]> {
    const keys = await this.objects.list(`${this.prefix}${deployment}/`);
    const records: JournalRecord[] = [];
    for (let from = 0; from < keys.length; from += READERS)
      records.push(
        ...(await Promise.all(keys.slice(from, from + READERS).map((key) => this.readOne(deployment, key)))),
      );
    return records.sort((one, other) => one.sequence - other.sequence);
  }

  async list(): Promise<string[]> {
    const folders = await this.objects.list(this.prefix, true);
    return folders.map((folder) => folder.slice(this.prefix.length).replace(/\/$/, ''));
  }

  private keyOf(deployment: string, sequence: number): string {
    return `${this.prefix}${deployment}/${String(sequence).padStart(6, '0')}.json`;
  }

  private async readOne(deployment: string, key: string): Promise<JournalRecord> {
    const there = await this.objects.get(key);
    try {
      return JSON.parse(there?.text ?? '') as JournalRecord;
    } catch (cause) {
      throw new BasculeError({
        code: 'BASCULE_JOURNAL_UNREADABLE',
        message: `The journal of deployment ${deployment} cannot be read: ${key} is not a record.`,
        next: 'Nothing was changed. Restore the object from the bucket’s versions, or move the deployment’s folder away.',
        blame: 'world',
        exitCode: 5,
        cause,
      });
    }
  }
}
