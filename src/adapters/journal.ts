import { BasculeError } from '../domain/errors';
import { shapeOfRecord, type Shape } from '../domain/record-shape';
import type { JournalRecord } from '../domain/records';
import type { Journal } from '../ports';
import { listNumbered, numberedKey, readNumbered, type Objects } from './objects';

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
    const key = numberedKey(`${this.prefix}${record.deployment}/`, record.sequence);
    const answer = await putWhole(this.objects, key, JSON.stringify(record), shapeOfRecord);
    return answer === 'written' ? 'appended' : 'conflict';
  }

  async read(deployment: string): Promise<JournalRecord[]> {
    return (await this.inspect(deployment)).records;
  }

  async inspect(deployment: string): Promise<{ records: JournalRecord[]; torn: number | null }> {
    const stored = await readNumbered(this.objects, `${this.prefix}${deployment}/`);
    const records: JournalRecord[] = [];
    for (const [index, { key, number, text }] of stored.entries()) {
      const shape = shapeOfRecord(text);
      if (shape.kind === 'torn' && index === stored.length - 1) return { records, torn: number };
      if (shape.kind !== 'whole')
        throw unreadable(deployment, key, shape.kind === 'torn' ? 'it is not a whole record' : shape.why);
      if (shape.value.sequence !== number || shape.value.deployment !== deployment)
        throw unreadable(deployment, key, 'it holds a record of another place');
      records.push(shape.value);
    }
    return { records, torn: null };
  }

  async newest(deployment: string): Promise<JournalRecord | undefined> {
    const last = (await listNumbered(this.objects, `${this.prefix}${deployment}/`)).at(-1);
    const text = last && (await this.objects.get(last.key))?.text;
    const shape = text === undefined ? undefined : shapeOfRecord(text);
    return shape?.kind === 'whole' ? shape.value : undefined;
  }

  async after(deployment: string, from: number): Promise<JournalRecord[]> {
    const records: JournalRecord[] = [];
    for (;;) {
      const key = numberedKey(`${this.prefix}${deployment}/`, from + records.length);
      const stored = await this.objects.get(key);
      const shape = stored === undefined ? undefined : shapeOfRecord(stored.text);
      // One that is cut off was not appended: who follows waits for what takes its place.
      if (shape === undefined || shape.kind === 'torn') return records;
      if (shape.kind === 'foreign') throw unreadable(deployment, key, shape.why);
      records.push(shape.value);
    }
  }

  async list(): Promise<string[]> {
    const folders = await this.objects.list(this.prefix, true);
    return folders.map((folder) => folder.slice(this.prefix.length).replace(/\/$/, ''));
  }
}

/** Writes an entry that is written once; over one that was cut off, which nobody can have acted upon. */
export async function putWhole(
  objects: Objects,
  key: string,
  text: string,
  shapeOf: (text: string) => Shape<unknown>,
): Promise<'written' | 'taken'> {
  const answer = await objects.put(key, text, { absent: true });
  if (answer.kind === 'written') return 'written';
  const there = await objects.get(key);
  // An answer that was lost after the write took effect is sent again by the SDK and then finds itself.
  if (there?.text === text) return 'written';
  if (there === undefined || shapeOf(there.text).kind !== 'torn') return 'taken';
  const over = await objects.put(key, text, { etag: there.etag });
  if (over.kind === 'written') return 'written';
  return (await objects.get(key))?.text === text ? 'written' : 'taken';
}

function unreadable(deployment: string, key: string, why: string): BasculeError {
  return new BasculeError({
    code: 'BASCULE_JOURNAL_UNREADABLE',
    message: `The journal of deployment ${deployment} cannot be read: ${key}: ${why}.`,
    next: 'Nothing was changed. Restore the object from the bucket’s versions, or move the deployment’s folder away.',
    blame: 'world',
    exitCode: 5,
  });
}
