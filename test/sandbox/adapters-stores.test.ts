/** Journal and lease in a bucket of the real control plane. */
import { CreateBucketCommand, PutObjectCommand, type S3Client } from '@aws-sdk/client-s3';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { S3Journal } from '../../src/adapters/journal';
import { S3Leases } from '../../src/adapters/leases';
import { Objects } from '../../src/adapters/objects';
import { systemClock } from '../../src/adapters/clock';
import {
  HandClock,
  held,
  holder,
  journalConformance,
  leasesConformance,
  LIFETIME,
  record,
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
  journalConformance(() => Promise.resolve(new S3Journal(new Objects(s3, BUCKET), fresh())));

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
    const Key = `environments/${environment}/deployments/one/000001.json`;
    await s3.send(new PutObjectCommand({ Bucket: BUCKET, Key, Body: '{"kind":' }));
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

  it('says so when the lease cannot be read, rather than taking it', async () => {
    const environment = fresh();
    await s3.send(
      new PutObjectCommand({ Bucket: BUCKET, Key: `environments/${environment}/lease.json`, Body: 'held?' }),
    );
    const leases = new S3Leases(new Objects(s3, BUCKET), environment, systemClock);
    await expect(leases.acquire('one', holder)).rejects.toMatchObject({ code: 'BASCULE_LEASE_UNREADABLE' });
  });
});
