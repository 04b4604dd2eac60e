/** Fleets, images and metrics over the real control plane. */
import { PutMetricDataCommand, CloudWatchClient, type MetricDatum } from '@aws-sdk/client-cloudwatch';
import { DescribeSnapshotsCommand, RegisterImageCommand } from '@aws-sdk/client-ec2';
import { writeFile } from 'node:fs/promises';
import path from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { createClients } from '../../src/adapters/aws';
import { AwsFleets } from '../../src/adapters/fleets';
import { AwsImages } from '../../src/adapters/images';
import { AwsMetrics } from '../../src/adapters/metrics';
import { AwsReleaseImages } from '../../src/adapters/release-images';
import { Groups } from './moto-groups';
import { must, until } from '../support/until';
import { type Plane } from './moto-plane';

const REGION = 'eu-west-3';
let groups: Groups;
let plane: Plane;
let fleets: AwsFleets;

beforeAll(async () => {
  groups = await Groups.open();
  ({ plane } = groups);
  Object.assign(process.env, {
    AWS_ENDPOINT_URL: plane.url,
    AWS_ACCESS_KEY_ID: 'test',
    AWS_SECRET_ACCESS_KEY: 'test',
  });
  fleets = new AwsFleets(createClients(REGION), {
    groups: { blue: 'shop-production-blue', green: 'shop-production-green' },
    targetGroups: groups.balancer,
  });
  const tags = { colour: 'blue', version: '1.0.0' };
  await groups.create('shop-production-blue', 2, {
    MinSize: 1,
    // Long enough for a sick instance to be seen before it is replaced.
    HealthCheckGracePeriod: 600,
    Tags: Object.entries(tags).map(([Key, Value]) => ({ Key, Value, PropagateAtLaunch: true })),
  });
});

afterAll(async () => {
  await groups?.plane.dispose();
});

describe('AwsFleets', () => {
  it('knows nothing of a group that is not there', async () => {
    expect(await fleets.read('green')).toBeUndefined();
  });

  it('does not call an instance healthy before it is', async () => {
    const reading = must(await fleets.read('blue'));
    expect(reading).toMatchObject({
      region: REGION,
      colour: 'blue',
      minimum: 1,
      maximum: 4,
      desired: 2,
      version: '1.0.0',
    });
    expect(reading.instances).toHaveLength(2);
    for (const instance of reading.instances) {
      expect(instance).toMatchObject({ version: '1.0.0', lifecycle: 'Pending' });
      expect(instance.statusCheck).not.toBe('ok');
      expect(instance.target).not.toBe('healthy');
    }
    expect(reading.activities.map((one) => one.status)).toEqual(['PreInService', 'PreInService']);
    expect(reading.activities[0]?.description).toContain('Launching a new EC2 instance');
    expect(Math.abs(Date.now() - must(reading.activities[0]).at)).toBeLessThan(120_000);
  });

  it('tells status checks, target health and the load balancer’s reason of each instance', async () => {
    await plane.observeAll(
      {},
      {
        state: 'unhealthy',
        reason: 'Target.ResponseCodeMismatch',
        description: 'Health checks failed with these codes: [500]',
      },
    );
    await until(
      () => groups.members('shop-production-blue', 'InService'),
      (members) => members.length === 2,
    );
    await plane.observeAll(
      {},
      {
        state: 'unhealthy',
        reason: 'Target.ResponseCodeMismatch',
        description: 'Health checks failed with these codes: [500]',
      },
    );
    const sick = must(await fleets.read('blue')).instances.filter((one) => one.target === 'unhealthy');
    expect(sick.length).toBeGreaterThan(0);
    expect(sick[0]?.targetReason).toBe(
      'Target.ResponseCodeMismatch: Health checks failed with these codes: [500]',
    );
    const well = await until(
      async () => {
        await plane.observeAll();
        return must(await fleets.read('blue')).instances;
      },
      (instances) =>
        instances.length === 2 &&
        instances.every((one) => one.target === 'healthy' && one.lifecycle === 'InService'),
    );
    for (const instance of well) expect(instance).toMatchObject({ statusCheck: 'ok', targetReason: '' });
  });

  it('shows the last lines of a console without what would move a cursor', async () => {
    const [id] = await groups.members('shop-production-blue');
    const logFile = path.join(plane.folder, 'console.log');
    await writeFile(logFile, 'first\n\u001b[31msecond\u001b[0m\r\n\n\u0007third \n');
    await plane.observeAll({ logFile });
    expect(await fleets.consoleTail(must(id), 2)).toEqual(['second', 'third']);
    expect(await fleets.consoleTail('i-0123456789abcdef0', 2)).toEqual([]);
  });
});

describe('AwsImages', () => {
  it('finds the newest image of a release, and none of another', async () => {
    const images = new AwsImages();
    const register = async (Name: string) => {
      const Tags = Object.entries({ service: 'books', version: '3.0.0' }).map(([Key, Value]) => ({
        Key,
        Value,
      }));
      const order = { Name, TagSpecifications: [{ ResourceType: 'image' as const, Tags }] };
      return must((await plane.ec2().send(new RegisterImageCommand(order))).ImageId);
    };
    const first = await register('books-3.0.0');
    expect(await images.find(REGION, 'books', '3.0.0', ['self'])).toMatchObject({
      id: first,
      region: REGION,
      version: '3.0.0',
      state: 'available',
      tags: { service: 'books' },
    });
    expect(await images.find(REGION, 'books', '3.0.1', ['self'])).toBeUndefined();
    expect(await images.find(REGION, 'shop', '3.0.0', ['self'])).toBeUndefined();
  });
});

describe('AwsReleaseImages', () => {
  const images = new AwsReleaseImages('shop');

  async function listed(version: string) {
    return must((await images.list(REGION)).find((image) => image.version === version));
  }

  it('lists the releases of the service, and names the group and the instances that use one', async () => {
    const { id } = await listed('1.0.0');
    expect((await images.list(REGION)).map((image) => image.version)).not.toContain('3.0.0');
    const uses = (await images.uses(REGION, [id])).filter((one) => 'image' in one && one.image === id);
    const kinds = uses.map(({ use }) => use.kind).sort();
    expect(kinds).toEqual(['instance', 'instance', 'launch-template']);
    expect(uses.map(({ use }) => use)).toContainEqual({
      kind: 'launch-template',
      region: REGION,
      group: 'shop-production-blue',
    });
  });

  it('removes an image with its snapshots, and may be told to do it again', async () => {
    await plane.template('7.0.0');
    const image = await listed('7.0.0');
    expect(image.snapshots).toHaveLength(1);
    expect(image.createdAt).toBeGreaterThan(Date.now() - 600_000);
    await images.remove(image);
    await images.remove(image);
    expect((await images.list(REGION)).map(({ id }) => id)).not.toContain(image.id);
    const { Snapshots = [] } = await plane.ec2().send(new DescribeSnapshotsCommand({ OwnerIds: ['self'] }));
    expect(Snapshots.map(({ SnapshotId }) => SnapshotId)).not.toContain(image.snapshots[0]);
  });
});

describe('AwsMetrics', () => {
  const now = Date.now();
  const at = (secondsAgo: number) => now - secondsAgo * 1000;
  const metrics = () =>
    new AwsMetrics(createClients(REGION).cloudWatch, groups.balancer.arn, groups.balancer);

  async function put(targetGroup: string, name: string, points: [secondsAgo: number, value: number][]) {
    const Dimensions = [
      { Name: 'LoadBalancer', Value: must(groups.balancer.arn.split(':loadbalancer/')[1]) },
      { Name: 'TargetGroup', Value: must(targetGroup.split(':').at(-1)) },
    ];
    const MetricData = points.map(([secondsAgo, Value]): MetricDatum => ({
      MetricName: name,
      Dimensions,
      Value,
      Timestamp: new Date(at(secondsAgo)),
      // As the sandbox's load balancer reports them: of whole minutes a window could only begin at one.
      StorageResolution: 1,
    }));
    const client = new CloudWatchClient({
      endpoint: plane.url,
      region: REGION,
      credentials: { accessKeyId: 'test', secretAccessKey: 'test' },
      // moto unpacks a compressed request twice.
      disableRequestCompression: true,
    });
    await client.send(new PutMetricDataCommand({ Namespace: 'AWS/ApplicationELB', MetricData }));
    client.destroy();
  }

  it('has no answer while the load balancer’s metrics have not come', async () => {
    expect(await metrics().requestsTo('blue', at(20), at(0), at(600))).toEqual({ requests: null });
    // Requests alone do not tell whether there were more.
    await put(groups.balancer.blue, 'RequestCount', [[30, 5]]);
    expect(await metrics().requestsTo('blue', at(20), at(0), at(600))).toEqual({ requests: null });
  });

  it('counts what came within the window, and takes silence for none once the metrics cover it', async () => {
    const seconds = Array.from({ length: 100 }, (_, index): [number, number] => [100 - index, 2]);
    await put(groups.balancer.blue, 'HealthyHostCount', seconds);
    await put(groups.balancer.blue, 'RequestCount', [
      [15, 3],
      [12, 4],
    ]);
    expect(await metrics().requestsTo('blue', at(20), at(0), at(600))).toEqual({ requests: 7 });
    expect(await metrics().requestsTo('blue', at(10), at(0), at(600))).toEqual({ requests: 0 });
    expect(await metrics().requestsTo('blue', at(10), at(0), at(5))).toEqual({ requests: null });
    expect(await metrics().requestsTo('green', at(10), at(0), at(600))).toEqual({ requests: null });
  });
});
