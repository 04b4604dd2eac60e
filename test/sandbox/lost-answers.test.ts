/** Every write that the driver makes itself, through a proxy that loses its answer after it took effect. */
import { createHash } from 'node:crypto';
import { readFile, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { CreateBucketCommand } from '@aws-sdk/client-s3';
import { DescribeImagesCommand, DescribeVpcsCommand } from '@aws-sdk/client-ec2';
import { GetObjectCommand, PutObjectCommand } from '@aws-sdk/client-s3';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { createClients, retryCounts, resetCallCounts } from '../../src/adapters/aws';
import { systemClock } from '../../src/adapters/clock';
import { AwsFleets } from '../../src/adapters/fleets';
import { S3Journal } from '../../src/adapters/journal';
import { S3Leases } from '../../src/adapters/leases';
import { Objects } from '../../src/adapters/objects';
import { uploadBundle } from '../../src/adapters/bundles';
import { distribute, tagBaked } from '../../src/adapters/image-copies';
import { makeImage } from '../../src/adapters/release';
import { AwsTraffic } from '../../src/adapters/traffic';
import type { Baking } from '../../src/domain/bake-order';
import { parseImage } from '../../src/domain/config';
import { allTo } from '../../src/domain/traffic';
import { PASS, startAwsProxy, type AwsCall, type AwsProxy, type Fault } from '../support/aws-proxy';
import { held, holder, record } from '../support/store-conformance';
import { Groups } from './moto-groups';
import { must } from '../support/until';

const REGION = 'eu-west-3';
const BUCKET = 'lost-answers';
let groups: Groups;
let proxy: AwsProxy;
const former = { ...process.env };

/** How the answer to each write is lost, the first time that it is made. */
const losses: [string, Fault][] = [
  ['the connection breaks', { kind: 'reset-after' }],
  ['a gateway answers 503', { kind: 'answer', status: 503, code: 'ServiceUnavailable' }],
];

beforeAll(async () => {
  groups = await Groups.open();
  proxy = await startAwsProxy(groups.plane.url);
  Object.assign(process.env, {
    AWS_ENDPOINT_URL: proxy.url,
    AWS_ACCESS_KEY_ID: 'test',
    AWS_SECRET_ACCESS_KEY: 'test',
  });
  const CreateBucketConfiguration = { LocationConstraint: REGION } as const;
  await groups.plane.s3().send(new CreateBucketCommand({ Bucket: BUCKET, CreateBucketConfiguration }));
  await groups.create('shop-blue', 1);
});

afterAll(async () => {
  process.env = former;
  await proxy?.close();
  await groups?.plane.dispose();
});

beforeEach(() => {
  resetCallCounts();
  proxy.calls.length = 0;
  proxy.onAfter = () => PASS;
});

/** Loses the answer to the first attempt of each write. */
function losing(fault: Fault): void {
  const seen = new Set<string>();
  const first = (call: AwsCall): boolean => {
    const key = `${call.action} ${call.label} ${call.service === 's3' ? call.body : ''}`;
    return call.write && !seen.has(key) && seen.add(key).size > 0;
  };
  proxy.onAfter = (call) => (first(call) ? fault : PASS);
}

const writes = () =>
  proxy.calls.filter(({ write }) => write).map(({ service, action }) => `${service}:${action}`);
const clients = () => createClients(REGION);
const objects = () => new Objects(clients().s3, BUCKET);

describe.each(losses)('after %s', (name, fault) => {
  it('a record is appended once, and known as our own', async () => {
    const journal = new S3Journal(objects(), name);
    losing(fault);
    await expect(journal.append(record('one', 0))).resolves.toBe('appended');
    expect(writes()).toEqual(['s3:PutObject', 's3:PutObject']);
    expect(retryCounts()).toEqual({ 's3:PutObject': 1 });
    // Another one's record in its place is no lost answer.
    await expect(journal.append({ ...record('one', 0), at: 77 })).resolves.toBe('conflict');
    await expect(journal.read('one')).resolves.toHaveLength(1);
  });

  it('a lease is taken, renewed and released as ours', async () => {
    const leases = new S3Leases(objects(), name, systemClock);
    losing(fault);
    const lease = held(await leases.acquire('one', holder));
    await expect(lease.renew()).resolves.toBe('renewed');
    await expect(lease.check()).resolves.toBe('held');
    await lease.release();
    await expect(leases.read()).resolves.toMatchObject({ fence: 1, released: true });
    expect(writes()).toEqual(Array.from({ length: 6 }, () => 's3:PutObject'));
  });

  it('weights are as they were asked for, on every route', async () => {
    const { listener, blue, green } = groups.balancer;
    const place = {
      productionListenerArn: listener,
      testListenerArn: listener,
      targetGroups: { blue, green },
    };
    const traffic = new AwsTraffic(clients().elb, place);
    const production = async () =>
      (await traffic.routes()).filter((route) => route.listener === 'production');
    const weights = allTo(fault.kind === 'answer' ? 'blue' : 'green');
    const changes = (await production()).map((route) => ({ route, weights }));
    losing(fault);
    await traffic.write(changes);
    expect((await production()).map((route) => route.weights)).toEqual(changes.map(() => weights));
    expect(writes()).toEqual(['elbv2:ModifyListener', 'elbv2:ModifyListener']);
  });

  it('a fleet is held and let go', async () => {
    const { blue, green } = groups.balancer;
    const fleets = new AwsFleets(clients(), {
      groups: { blue: 'shop-blue', green: 'shop-green' },
      targetGroups: { blue, green },
    });
    losing(fault);
    await fleets.suspend('blue', ['AZRebalance', 'ScheduledActions']);
    await fleets.setMinimum('blue', 1);
    const suspended = async () => (await fleets.limits()).blue?.suspended.toSorted();
    expect(await suspended()).toEqual(['AZRebalance', 'ScheduledActions']);
    await fleets.resume('blue', ['AZRebalance', 'ScheduledActions']);
    expect(await suspended()).toEqual([]);
    expect((await fleets.limits()).blue?.minimum).toBe(1);
    await fleets.setMinimum('blue', 0);
    expect(new Set(writes()).size).toBe(3);
  });

  it('a release has one image, with its bundle whole', async () => {
    const bundleFile = path.join(groups.plane.folder, 'bundle.tar.gz');
    await writeFile(bundleFile, Buffer.alloc(3_000_000, 5));
    const version = fault.kind === 'answer' ? '1.0.0' : '2.0.0';
    const order = await orderOf(version, bundleFile);
    losing(fault);
    const bundle = await uploadBundle(order);
    const images = await distribute(order, await makeImage(order, REGION), systemClock);
    await tagBaked(order, images);
    const id = images[REGION];
    const Filters = [{ Name: 'tag:version', Values: [version] }];
    const owned = await groups.plane.ec2().send(new DescribeImagesCommand({ Owners: ['self'] }));
    const copies = (owned.Images ?? []).filter(({ Name = '' }) => Name.startsWith(`books-${version}`));
    expect(copies.map(({ ImageId }) => ImageId)).toEqual([id]);
    const tagged = await groups.plane.ec2().send(new DescribeImagesCommand({ Owners: ['self'], Filters }));
    expect(tagged.Images?.some(({ ImageId }) => ImageId === id)).toBe(true);
    const Key = bundle.replace(`s3://${BUCKET}/`, '');
    const stored = await groups.plane.s3().send(new GetObjectCommand({ Bucket: BUCKET, Key }));
    expect((await stored.Body?.transformToByteArray())?.length).toBe(3_000_000);
  });
});

async function orderOf(version: string, bundleFile: string): Promise<Baking> {
  const { Images = [] } = await groups.plane.ec2().send(new DescribeImagesCommand({ Owners: ['self'] }));
  const { Name = '', ImageId = '' } = must(Images[0]);
  const parsed = parseImage({ service: 'books', bucket: BUCKET, regions: [REGION], encrypted: false });
  if (!parsed.ok) throw new Error(JSON.stringify(parsed.problems));
  const sha256 = createHash('sha256')
    .update(await readFile(bundleFile))
    .digest('hex');
  const sums = { sha256, contentSha256: 'b'.repeat(64) };
  const shareWith = ['222222222222'];
  return { ...parsed.config, ...sums, shareWith, version, bundleFile, base: { id: ImageId, name: Name } };
}

describe('the proxy', () => {
  it('changes neither what is asked nor what is answered', async () => {
    const asked = new DescribeVpcsCommand({});
    const [through, direct] = await Promise.all([clients().ec2.send(asked), groups.plane.ec2().send(asked)]);
    expect(through.Vpcs).toEqual(direct.Vpcs);
    const text = 'ä / + % bytes';
    await clients().s3.send(new PutObjectCommand({ Bucket: BUCKET, Key: 'a/b c+d', Body: text }));
    const stored = await groups.plane.s3().send(new GetObjectCommand({ Bucket: BUCKET, Key: 'a/b c+d' }));
    await expect(stored.Body?.transformToString()).resolves.toBe(text);
    expect(proxy.calls.map(({ label }) => label)).toEqual(['ec2:DescribeVpcs', 's3:PutObject a/b c+d']);
  });
});
