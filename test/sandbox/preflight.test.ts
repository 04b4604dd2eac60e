/** What AWS would let a new fleet have, over the real control plane; and that its launches fail for the same reasons. */
import { PutMetricAlarmCommand, SetAlarmStateCommand } from '@aws-sdk/client-cloudwatch';
import { DescribeInstancesCommand, DescribeSecurityGroupsCommand } from '@aws-sdk/client-ec2';
import { CreateInstanceProfileCommand } from '@aws-sdk/client-iam';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { AwsPreflight } from '../../src/adapters/preflight';
import { guardWrites } from '../../src/adapters/write-guard';
import { BasculeError } from '../../src/domain/errors';
import type { PreflightReading } from '../../src/domain/preflight';
import { Groups } from './moto-groups';
import { must, until } from '../support/until';
import { type Plane } from './moto-plane';

const REGION = 'eu-west-3';
let groups: Groups;
let plane: Plane;
let imageId: string;
let preflight: AwsPreflight;
let subnetIds: string[];

beforeAll(async () => {
  groups = await Groups.open();
  ({ plane } = groups);
  Object.assign(process.env, {
    AWS_ENDPOINT_URL: plane.url,
    AWS_ACCESS_KEY_ID: 'test',
    AWS_SECRET_ACCESS_KEY: 'test',
  });
  subnetIds = (await plane.subnets()).ids;
  imageId = (await plane.template('2.0.0')).image;
  const { SecurityGroups } = await plane.ec2().send(new DescribeSecurityGroupsCommand({}));
  await plane.iam().send(new CreateInstanceProfileCommand({ InstanceProfileName: 'shop' }));
  await groups.create('shop-production-blue', 2);
  const place = {
    instanceSubnetIds: subnetIds,
    instanceSecurityGroupId: must(SecurityGroups?.[0]?.GroupId),
    instanceProfileName: 'shop',
  };
  preflight = new AwsPreflight(
    { service: 'shop', tags: {}, fleet: { instanceTypes: ['t3.small', 'm5.large'] } as never },
    { environment: 'production', service: 'shop', regions: { [REGION]: place as never } },
  );
});

afterEach(async () => {
  guardWrites(undefined);
  await plane.faults([]);
});

afterAll(() => groups?.plane.dispose());

function read(alarms: string[] = []): Promise<PreflightReading> {
  return preflight.read({ region: REGION, colour: 'green', version: '2.0.0', imageId, alarms });
}

async function instances(): Promise<number> {
  const { Reservations = [] } = await plane.ec2().send(new DescribeInstancesCommand({}));
  return Reservations.flatMap((one) => one.Instances ?? []).length;
}

describe('AwsPreflight', () => {
  it('reads quota, vCPUs in use, free addresses, limits of targets, and launches nothing', async () => {
    await plane.observeAll();
    const before = await instances();
    const reading = await read();
    const room = { limit: 1280, running: 4, quota: expect.stringContaining('L-1216C47A') };
    expect(reading.vcpus).toEqual([
      { instanceType: 't3.small', room: { kind: 'known', value: { ...room, each: 2 } } },
      { instanceType: 'm5.large', room: { kind: 'known', value: { ...room, each: 2 } } },
    ]);
    const subnets = must(reading.subnets.kind === 'known' ? reading.subnets.value : null);
    expect(subnets.map(({ id }) => id).sort()).toEqual([...subnetIds].sort());
    expect(subnets.every(({ free }) => free > 1000)).toBe(true);
    expect(reading.targets).toEqual({ kind: 'known', value: { perGroup: 1000, perLoadBalancer: 1000 } });
    expect(reading.launch).toEqual({ kind: 'known', value: { kind: 'allowed' } });
    expect(reading.alarms).toEqual({ kind: 'known', value: [] });
    expect(await instances()).toBe(before);
  });

  it('says in EC2’s words that a launch is denied', async () => {
    const message =
      'You are not authorized to perform this operation. User: arn:aws:iam::123456789012:user/ci is not ' +
      'authorized to perform: ec2:RunInstances. Encoded authorization failure message: 6FdT0pKx';
    await plane.faults([{ kind: 'denied', action: 'ec2:RunInstances', message }]);
    const { launch } = await read();
    expect(launch).toEqual({
      kind: 'known',
      value: { kind: 'denied', said: message.split(' Encoded')[0] },
    });
  });

  it('takes what it may not ask for as not known, with the reason', async () => {
    await plane.faults([
      { kind: 'denied', action: 'servicequotas:GetServiceQuota' },
      { kind: 'denied', action: 'ec2:DescribeSubnets' },
      { kind: 'denied', action: 'elbv2:DescribeAccountLimits' },
    ]);
    const reading = await read();
    for (const part of [must(reading.vcpus[0]).room, reading.subnets, reading.targets])
      expect(part).toEqual({ kind: 'unknown', why: expect.stringMatching(/not authorized|do not allow/) });
    expect(reading.launch?.kind).toBe('known');
  });

  it('names the state of each alarm, also of one that does not exist', async () => {
    const alarm = { Namespace: 'Shop', MetricName: 'Orders', Statistic: 'Sum' as const, Period: 60 };
    const limits = { EvaluationPeriods: 1, Threshold: 1, ComparisonOperator: 'LessThanThreshold' as const };
    const cloudWatch = plane.cloudWatch();
    await cloudWatch.send(new PutMetricAlarmCommand({ AlarmName: 'orders', ...alarm, ...limits }));
    await cloudWatch.send(
      new SetAlarmStateCommand({ AlarmName: 'orders', StateValue: 'ALARM', StateReason: 'a test' }),
    );
    expect((await read(['orders', 'nothing'])).alarms).toEqual({
      kind: 'known',
      value: [
        { name: 'orders', state: 'ALARM' },
        { name: 'nothing', state: null },
      ],
    });
  });

  it('ends when this process may no longer write, instead of calling that unknown', async () => {
    guardWrites(() =>
      Promise.reject(new BasculeError({ code: 'BASCULE_DISPLACED', message: 'gone', next: 'nothing' })),
    );
    await expect(read()).rejects.toMatchObject({ code: 'BASCULE_DISPLACED' });
  });
});

describe('a fleet without room', () => {
  async function activityOf(name: string): Promise<string> {
    await groups.create(name, 1);
    const activities = await until(
      () => groups.activities(name),
      (all) => all.some((one) => one.StatusCode === 'Failed'),
    );
    return must(activities[0]?.StatusMessage);
  }

  it('fails to launch for the quota that the preflight read', async () => {
    await plane.faults([{ kind: 'quota', code: 'L-1216C47A', value: 5 }]);
    const { room } = must((await read()).vcpus[0]);
    expect(room).toMatchObject({ kind: 'known', value: { limit: 5, running: 4, each: 2 } });
    expect(await activityOf('over-quota')).toMatch(/current vCPU limit of 5 .*Launching EC2 instance failed/);
  });

  it('fails to launch for the addresses that the preflight counted', async () => {
    await plane.faults([{ kind: 'addresses-taken', count: 5000 }]);
    const { subnets } = await read();
    expect(subnets).toMatchObject({ kind: 'known', value: [{ free: 0 }, { free: 0 }] });
    expect(await activityOf('no-address')).toMatch(/not enough free addresses in subnet 'subnet-/);
  });
});
