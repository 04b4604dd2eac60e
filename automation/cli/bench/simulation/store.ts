import { S3Client } from '@aws-sdk/client-s3';
import type { Calls } from './calls';

interface Stored {
  text: string;
  etag: string;
}

interface Input {
  Key?: string;
  Body?: string;
  Prefix?: string;
  Delimiter?: string;
  IfMatch?: string;
  IfNoneMatch?: string;
}

/** A bucket in memory, by the answers that S3 gives. */
export class SimulatedBucket {
  private readonly objects = new Map<string, Stored>();
  private written = 0;

  constructor(
    private readonly calls: Calls,
    private readonly region: string,
  ) {}

  client(): S3Client {
    const send = async (command: { input: Input; constructor: { name: string } }): Promise<unknown> => {
      const action = command.constructor.name.replace(/Command$/, '');
      await this.calls.make(this.region, 's3', action);
      return this.answer(action, command.input);
    };
    return Object.assign(Object.create(S3Client.prototype) as S3Client, { send });
  }

  private answer(action: string, input: Input): unknown {
    switch (action) {
      case 'GetObject':
        return this.get(input.Key ?? '');
      case 'PutObject':
        return this.put(input);
      case 'ListObjectsV2':
        return this.list(input);
      default:
        throw new Error(`the simulated bucket does not know ${action}`);
    }
  }

  private get(key: string): unknown {
    const there = this.objects.get(key);
    if (there === undefined) throw refusal('NoSuchKey', 404);
    return { Body: { transformToString: () => Promise.resolve(there.text) }, ETag: there.etag };
  }

  private put({ Key = '', Body = '', IfMatch, IfNoneMatch }: Input): unknown {
    const there = this.objects.get(Key);
    if (IfNoneMatch !== undefined && there !== undefined) throw refusal('PreconditionFailed', 412);
    if (IfMatch !== undefined && there?.etag !== IfMatch) throw refusal('PreconditionFailed', 412);
    const stored = { text: Body, etag: `"${(this.written += 1)}"` };
    this.objects.set(Key, stored);
    return { ETag: stored.etag };
  }

  private list({ Prefix = '', Delimiter }: Input): unknown {
    const keys = [...this.objects.keys()].filter((key) => key.startsWith(Prefix));
    if (Delimiter === undefined) return { Contents: keys.map((Key) => ({ Key })) };
    const folders = new Set(keys.map((key) => key.slice(0, key.indexOf('/', Prefix.length) + 1)));
    return { CommonPrefixes: [...folders].map((folder) => ({ Prefix: folder })) };
  }
}

function refusal(name: string, httpStatusCode: number): Error {
  return Object.assign(new Error(name), { name, $metadata: { httpStatusCode } });
}
