import { GetObjectCommand, ListObjectsV2Command, PutObjectCommand, type S3Client } from '@aws-sdk/client-s3';
import { awsErrorName, awsErrorStatus } from './aws-errors';

export interface StoredObject {
  text: string;
  etag: string;
}

export type WriteAnswer = { kind: 'written'; etag: string } | { kind: 'precondition-failed' };

/** Small texts in a bucket, written under conditions. */
export class Objects {
  constructor(
    private readonly s3: S3Client,
    private readonly bucket: string,
  ) {}

  async get(key: string): Promise<StoredObject | undefined> {
    try {
      const answer = await this.s3.send(new GetObjectCommand({ Bucket: this.bucket, Key: key }));
      return { text: (await answer.Body?.transformToString()) ?? '', etag: answer.ETag ?? '' };
    } catch (thrown) {
      // Not every 404: a bucket that is not there has no answer about what it holds.
      if (awsErrorName(thrown) === 'NoSuchKey') return undefined;
      throw thrown;
    }
  }

  /**
   * Writes if there is no such object, or only over the version with this ETag. Where S3 judges no condition because
   * of another write at the same time (409), the client itself asks again.
   */
  async put(key: string, text: string, condition: { absent: true } | { etag: string }): Promise<WriteAnswer> {
    const guard = 'absent' in condition ? { IfNoneMatch: '*' } : { IfMatch: condition.etag };
    try {
      const answer = await this.s3.send(
        new PutObjectCommand({
          Bucket: this.bucket,
          Key: key,
          Body: text,
          ContentType: 'application/json',
          ...guard,
        }),
      );
      return { kind: 'written', etag: answer.ETag ?? '' };
    } catch (thrown) {
      const absent = awsErrorName(thrown) === 'NoSuchKey' && 'etag' in condition;
      if (awsErrorStatus(thrown) === 412 || absent) return { kind: 'precondition-failed' };
      throw thrown;
    }
  }

  /** All keys below a prefix, sorted; with `folders` only the common prefixes up to the next slash. */
  async list(prefix: string, folders = false): Promise<string[]> {
    const keys: string[] = [];
    let token: string | undefined;
    do {
      const page = await this.s3.send(
        new ListObjectsV2Command({
          Bucket: this.bucket,
          Prefix: prefix,
          ...(folders ? { Delimiter: '/' } : {}),
          ...(token === undefined ? {} : { ContinuationToken: token }),
        }),
      );
      const found = folders
        ? (page.CommonPrefixes ?? []).map((one) => one.Prefix)
        : (page.Contents ?? []).map((one) => one.Key);
      keys.push(...found.flatMap((key) => key ?? []));
      token = page.NextContinuationToken;
    } while (token !== undefined);
    return keys.sort();
  }
}

/** One object of a numbered series. */
export interface NumberedObject {
  key: string;
  number: number;
  text: string;
}

/** Reads at a time of one series. */
const READERS = 16;

export function numberedKey(folder: string, number: number): string {
  return `${folder}${String(number).padStart(6, '0')}.json`;
}

/** All objects of a series that stand in a folder, by number; what has no number in its name is left alone. */
export async function readNumbered(objects: Objects, folder: string): Promise<NumberedObject[]> {
  const numbered = (await objects.list(folder)).flatMap((key) => {
    const digits = /^(\d{6,})\.json$/.exec(key.slice(folder.length))?.[1];
    return digits === undefined ? [] : [{ key, number: Number(digits) }];
  });
  const found: NumberedObject[] = [];
  for (let from = 0; from < numbered.length; from += READERS)
    found.push(
      ...(await Promise.all(
        numbered.slice(from, from + READERS).map(async (one) => {
          return { ...one, text: (await objects.get(one.key))?.text ?? '' };
        }),
      )),
    );
  return found.sort((one, other) => one.number - other.number);
}
