import {
  GetObjectCommand,
  GetObjectTaggingCommand,
  ListObjectsV2Command,
  PutObjectCommand,
  type S3Client,
  type _Object,
} from '@aws-sdk/client-s3';
import { awsErrorName, awsErrorStatus } from './aws-errors';

export interface StoredObject {
  text: string;
  etag: string;
  /** By the store's clock; Unix milliseconds. */
  modifiedAt: number;
}

/** An object without its contents. */
export interface StoredEntry {
  key: string;
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
      const text = (await answer.Body?.transformToString()) ?? '';
      return { text, etag: answer.ETag ?? '', modifiedAt: answer.LastModified?.getTime() ?? 0 };
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
  async put(
    key: string,
    text: string,
    condition: { absent: true } | { etag: string },
    tags?: Record<string, string>,
  ): Promise<WriteAnswer> {
    const guard = 'absent' in condition ? { IfNoneMatch: '*' } : { IfMatch: condition.etag };
    try {
      const answer = await this.s3.send(
        new PutObjectCommand({
          Bucket: this.bucket,
          Key: key,
          Body: text,
          ContentType: 'application/json',
          ...guard,
          ...(tags && { Tagging: new URLSearchParams(tags).toString() }),
        }),
      );
      return { kind: 'written', etag: answer.ETag ?? '' };
    } catch (thrown) {
      const absent = awsErrorName(thrown) === 'NoSuchKey' && 'etag' in condition;
      if (awsErrorStatus(thrown) === 412 || absent) return { kind: 'precondition-failed' };
      throw thrown;
    }
  }

  async tags(key: string): Promise<Record<string, string>> {
    const { TagSet = [] } = await this.s3.send(
      new GetObjectTaggingCommand({ Bucket: this.bucket, Key: key }),
    );
    return Object.fromEntries(TagSet.map(({ Key = '', Value = '' }) => [Key, Value]));
  }

  /** Writes whatever is there by then: for what may be made again and then counts alone. */
  async replace(key: string, text: string, contentType: string): Promise<void> {
    const object = { Bucket: this.bucket, Key: key, Body: text, ContentType: contentType };
    await this.s3.send(new PutObjectCommand(object));
  }

  /**
   * All keys below a prefix, sorted; with `folders` only the common prefixes up to the next slash. `after` leaves out
   * those up to a key, whether that is there or not.
   */
  async list(prefix: string, folders = false, after?: string): Promise<string[]> {
    const pages = await this.pages(prefix, folders, after);
    const found = pages.flatMap(({ contents, prefixes }) =>
      folders ? prefixes : contents.map(({ Key }) => Key),
    );
    return found.flatMap((key) => key ?? []).sort();
  }

  /** All objects below a prefix. */
  async entries(prefix: string): Promise<StoredEntry[]> {
    const pages = await this.pages(prefix, false);
    return pages.flatMap(({ contents }) =>
      contents.map(({ Key = '', ETag = '' }) => ({ key: Key, etag: ETag })),
    );
  }

  private async pages(prefix: string, folders: boolean, after?: string) {
    const pages: { contents: _Object[]; prefixes: (string | undefined)[] }[] = [];
    let token: string | undefined;
    do {
      const page = await this.s3.send(
        new ListObjectsV2Command({
          Bucket: this.bucket,
          Prefix: prefix,
          ...(folders ? { Delimiter: '/' } : {}),
          ...(after === undefined ? {} : { StartAfter: after }),
          ...(token === undefined ? {} : { ContinuationToken: token }),
        }),
      );
      pages.push({
        contents: page.Contents ?? [],
        prefixes: (page.CommonPrefixes ?? []).map((one) => one.Prefix),
      });
      token = page.NextContinuationToken;
    } while (token !== undefined);
    return pages;
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

/** The objects of a series that stand in a folder, by number; what has no number in its name is left alone. */
export async function listNumbered(
  objects: Objects,
  folder: string,
): Promise<Omit<NumberedObject, 'text'>[]> {
  const numbered = (await objects.list(folder)).flatMap((key) => {
    const digits = /^(\d{6,})\.json$/.exec(key.slice(folder.length))?.[1];
    return digits === undefined ? [] : [{ key, number: Number(digits) }];
  });
  return numbered.sort((one, other) => one.number - other.number);
}

/** As listNumbered, with their contents. */
export async function readNumbered(objects: Objects, folder: string): Promise<NumberedObject[]> {
  const numbered = await listNumbered(objects, folder);
  const found: NumberedObject[] = [];
  for (let from = 0; from < numbered.length; from += READERS)
    found.push(
      ...(await Promise.all(
        numbered.slice(from, from + READERS).map(async (one) => {
          return { ...one, text: (await objects.get(one.key))?.text ?? '' };
        }),
      )),
    );
  return found;
}
