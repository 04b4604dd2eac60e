/** Journal and lease in a bucket of the real control plane. */
import { CreateBucketCommand, GetObjectCommand, PutObjectCommand, type S3Client } from '@aws-sdk/client-s3';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { S3EnvironmentLog } from '../../src/adapters/environment-log';
import { S3Journal } from '../../src/adapters/journal';
import { S3Leases } from '../../src/adapters/leases';
import { Objects } from '../../src/adapters/objects';
import { S3Requests } from '../../src/adapters/requests';
import { systemClock } from '../../src/adapters/clock';
import {
  HandClock,
  held,
  holder,
  journalConformance,
  leasesConformance,
  LIFETIME,
  logConformance,
  other,
  record,
  requestsConformance,
} from '../support/store-conformance';
import { Plane } from './moto-plane';

const BUCKET = 'releases';
let plane: Plane;
let s3: S3Client;
let environments = 0;

beforeAll(async () => {
  plane = await Plane.start();
  s3 = plane.s3();
  await s3.send(
    new CreateBucketCommand({
      Bucket: BUCKET,
      CreateBucketConfiguration: { LocationConstraint: 'eu-west-3' },
    }),
  );
});

afterAll(async () => {
  await plane.dispose();
});

function fresh(): string {
  environments += 1;
  return `environment-${environments}`;
}

function leaseKey(environment: string): string {
  return `environments/${environment}/lease.json`;
}

function recordKey(environment: string, deployment: string, sequence: number): string {
  return `environments/${environment}/deployments/${deployment}/${String(sequence).padStart(6, '0')}.json`;
}

async function put(Key: string, Body: string): Promise<void> {
  await s3.send(new PutObjectCommand({ Bucket: BUCKET, Key, Body: Buffer.from(Body) }));
}

/** S3 whose answer to one of the writes is lost after it took effect. */
function losingAnswer(client: S3Client, number = 1): S3Client {
  let writes = 0;
  const send = async (command: { constructor: { name: string } }) => {
    const answer: unknown = await client.send(command as never);
    if (command.constructor.name !== 'PutObjectCommand') return answer;
    writes += 1;
    if (writes !== number) return answer;
    // As the SDK does when a connection breaks: the same request once more.
    return client.send(command as never);
  };
  return { send } as unknown as S3Client;
}

describe('S3Journal', () => {
  journalConformance(async () => {
    const environment = fresh();
    return {
      journal: new S3Journal(new Objects(s3, BUCKET), environment),
      spoil: (deployment, sequence, text) => put(recordKey(environment, deployment, sequence), text),
    };
  });

  it('recognises its own record also in the place of one that was cut off', async () => {
    const environment = fresh();
    await put(recordKey(environment, 'one', 0), '{');
    // The first write is refused; it is the answer to the second that is lost.
    const journal = new S3Journal(new Objects(losingAnswer(s3, 2), BUCKET), environment);
    expect(await journal.append(record('one', 0))).toBe('appended');
    expect(await journal.read('one')).toEqual([record('one', 0)]);
  });

  it('refuses a record that stands in the place of another', async () => {
    const environment = fresh();
    const journal = new S3Journal(new Objects(s3, BUCKET), environment);
    await put(recordKey(environment, 'one', 0), JSON.stringify(record('two', 0)));
    await expect(journal.read('one')).rejects.toMatchObject({ code: 'BASCULE_JOURNAL_UNREADABLE' });
  });

  it('recognises its own record when the first answer was lost', async () => {
    const journal = new S3Journal(new Objects(losingAnswer(s3), BUCKET), fresh());
    expect(await journal.append(record('one', 0))).toBe('appended');
  });

  it('reads more records than one page of a listing holds', async () => {
    const environment = fresh();
    const journal = new S3Journal(new Objects(s3, BUCKET), environment);
    const numbers = Array.from({ length: 1010 }, (_, index) => index);
    for (let from = 0; from < numbers.length; from += 50)
      await Promise.all(
        numbers.slice(from, from + 50).map((number) => journal.append(record('long', number))),
      );
    expect((await journal.read('long')).map((one) => one.sequence)).toEqual(numbers);
  });

  it('names the object that is not a record', async () => {
    const environment = fresh();
    const journal = new S3Journal(new Objects(s3, BUCKET), environment);
    await journal.append(record('one', 0));
    const Key = recordKey(environment, 'one', 1);
    await put(Key, '{"kind":');
    await put(recordKey(environment, 'one', 2), JSON.stringify(record('one', 2)));
    await expect(journal.read('one')).rejects.toMatchObject({
      code: 'BASCULE_JOURNAL_UNREADABLE',
      message: expect.stringContaining(Key),
    });
  });

  it('does not take a bucket that is gone for a journal without records', async () => {
    const objects = new Objects(s3, 'no-such-bucket');
    await expect(new S3Journal(objects, 'production').read('one')).rejects.toThrow();
    await expect(new S3Leases(objects, 'production', systemClock).read()).rejects.toThrow();
  });
});

describe('S3Leases', () => {
  leasesConformance((clock) =>
    Promise.resolve(new S3Leases(new Objects(s3, BUCKET), fresh(), clock, LIFETIME)),
  );

  it('recognises its own lease when the first answer was lost', async () => {
    const leases = new S3Leases(new Objects(losingAnswer(s3), BUCKET), fresh(), new HandClock(), LIFETIME);
    expect(held(await leases.acquire('one', holder)).fence).toBe(1);
  });

  it('is not lost when the answer to a heartbeat was', async () => {
    const clock = new HandClock();
    const leases = new S3Leases(new Objects(losingAnswer(s3, 2), BUCKET), fresh(), clock, LIFETIME);
    const lease = held(await leases.acquire('one', holder));
    clock.pass(1000);
    expect(await lease.renew()).toBe('renewed');
    expect(await lease.renew()).toBe('renewed');
  });

  it.each(['held?', '{}', '{"fence":1,"holder":null}'])(
    'does not take a lease that cannot be read: %s',
    async (text) => {
      const environment = fresh();
      await put(leaseKey(environment), text);
      const leases = new S3Leases(new Objects(s3, BUCKET), environment, systemClock);
      await expect(leases.acquire('one', holder)).rejects.toMatchObject({ code: 'BASCULE_LEASE_UNREADABLE' });
    },
  );

  it('is not lost to a heartbeat of its own whose answer never came', async () => {
    const environment = fresh();
    const clock = new HandClock();
    let silent = false;
    const send = async (command: { constructor: { name: string } }) => {
      const answer: unknown = await s3.send(command as never);
      if (silent && command.constructor.name === 'PutObjectCommand') throw new Error('connection reset');
      return answer;
    };
    const leases = new S3Leases(
      new Objects({ send } as unknown as S3Client, BUCKET),
      environment,
      clock,
      LIFETIME,
    );
    const lease = held(await leases.acquire('one', holder));
    silent = true;
    clock.pass(1000);
    await expect(lease.renew()).rejects.toThrow('connection reset');
    silent = false;
    clock.pass(1000);
    expect(await lease.renew()).toBe('renewed');
    expect(await leases.read()).toMatchObject({ fence: 1, expiresAt: clock.now() + LIFETIME });
  });

  it('reads the lease of an older version, whose holder has no mark', async () => {
    const environment = fresh();
    const clock = new HandClock();
    const leases = new S3Leases(new Objects(s3, BUCKET), environment, clock, LIFETIME);
    const old = {
      holder,
      deployment: 'one',
      fence: 7,
      acquiredAt: 1,
      expiresAt: clock.now() + 1,
      released: false,
    };
    await put(leaseKey(environment), JSON.stringify(old));
    expect(await leases.read()).toEqual(old);
    clock.pass(1);
    expect(held(await leases.acquire('two', other)).fence).toBe(8);
  });
});

describe('S3EnvironmentLog', () => {
  logConformance(async (clock) => new S3EnvironmentLog(new Objects(s3, BUCKET), fresh(), clock));

  const event = { kind: 'thawed', by: holder, name: 'one' } as const;

  it('puts the next event in the place of one that was cut off, and does not read past one in the middle', async () => {
    const environment = fresh();
    const log = new S3EnvironmentLog(new Objects(s3, BUCKET), environment, new HandClock());
    await log.append(event);
    const Key = `environments/${environment}/log/000001.json`;
    await put(Key, '{"kind":"fro');
    expect(await log.read()).toHaveLength(1);
    expect(await log.append(event)).toMatchObject({ sequence: 1 });
    const { Body } = await s3.send(new GetObjectCommand({ Bucket: BUCKET, Key }));
    expect(await Body?.transformToString()).toContain('"thawed"');
    await log.append(event);
    await put(Key, '');
    await expect(log.read()).rejects.toMatchObject({
      code: 'BASCULE_LOG_UNREADABLE',
      message: expect.stringContaining(Key),
    });
  });
});

describe('S3Requests', () => {
  requestsConformance(async () => new S3Requests(new Objects(s3, BUCKET), fresh()));

  const request = { deployment: 'one', kind: 'pause', step: null, by: holder, at: 5 } as const;
  const keyOf = (environment: string, sequence: number) =>
    `environments/${environment}/requests/one/00000${sequence}.json`;

  it('puts the next one in the place of one that was cut off, which nobody asked', async () => {
    const environment = fresh();
    const requests = new S3Requests(new Objects(s3, BUCKET), environment);
    await requests.append(request);
    await put(keyOf(environment, 1), '{"kind":"ab');
    expect(await requests.read('one', 0)).toHaveLength(1);
    expect(await requests.append(request)).toMatchObject({ sequence: 1 });
    expect(await requests.read('one', 0)).toHaveLength(2);
  });

  it('passes over what only a newer version understands', async () => {
    const environment = fresh();
    const requests = new S3Requests(new Objects(s3, BUCKET), environment);
    await put(keyOf(environment, 0), JSON.stringify({ ...request, kind: 'hurry', sequence: 0 }));
    expect(await requests.append(request)).toMatchObject({ sequence: 1 });
    expect(await requests.read('one', 0)).toMatchObject([{ sequence: 1, kind: 'pause' }]);
  });

  it('is asked once where the first answer was lost', async () => {
    const requests = new S3Requests(new Objects(losingAnswer(s3), BUCKET), fresh());
    expect(await requests.append(request)).toMatchObject({ sequence: 0 });
    expect(await requests.read('one', 0)).toHaveLength(1);
  });
});
