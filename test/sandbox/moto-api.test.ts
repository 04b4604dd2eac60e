import { appendFile, writeFile } from 'node:fs/promises';
import path from 'node:path';

import { SetDesiredCapacityCommand, StartInstanceRefreshCommand } from '@aws-sdk/client-auto-scaling';
import { ACMClient, ImportCertificateCommand, RequestCertificateCommand } from '@aws-sdk/client-acm';
import {
  CloudWatchClient,
  GetMetricStatisticsCommand,
  PutMetricDataCommand,
} from '@aws-sdk/client-cloudwatch';
import {
  CopyImageCommand,
  CreateVpcCommand,
  DescribeImagesCommand,
  DescribeInstanceStatusCommand,
  DescribeVpcsCommand,
  EC2Client,
  GetConsoleOutputCommand,
  RegisterImageCommand,
  RunInstancesCommand,
} from '@aws-sdk/client-ec2';
import { AssumeRoleCommand } from '@aws-sdk/client-sts';
import { generate } from 'selfsigned';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';

import type { ApiCall } from '../../automation/sandbox/contract';
import { must, until } from '../support/until';
import { Plane, runningProcess } from './moto-plane';

describe("the control plane's own API", () => {
  let plane: Plane;
  beforeAll(async () => {
    plane = await Plane.start();
  });
  afterAll(async () => plane.dispose());

  async function run(version: string): Promise<string> {
    const { image } = await plane.template(version);
    const launched = await plane
      .ec2()
      .send(new RunInstancesCommand({ ImageId: image, MinCount: 1, MaxCount: 1 }));
    return must(launched.Instances?.[0]?.InstanceId);
  }

  async function calls(since: number): Promise<{ next: number; calls: ApiCall[] }> {
    return (await (await fetch(`${plane.url}/_bascule/calls?since=${since}`)).json()) as {
      next: number;
      calls: ApiCall[];
    };
  }

  it('answers health, and 404 and 400 with what is wrong', async () => {
    const health = (await (await fetch(`${plane.url}/_bascule/health`)).json()) as object;
    expect(health).toMatchObject({ status: 'ok' });
    expect((await fetch(`${plane.url}/_bascule/nothing`)).status).toBe(404);
    await expect(plane.faults([{ kind: 'rain' } as never])).rejects.toThrow(/400 .*capacity-error, latency/);
  });

  it('holds a long poll until something changes, and no longer than asked', async () => {
    const { revision } = await plane.state();
    const started = Date.now();
    expect((await plane.state(`?since=${revision}&wait=0.3`)).revision).toBe(revision);
    expect(Date.now() - started).toBeGreaterThanOrEqual(290);
    const waiting = plane.state(`?since=${revision}&wait=60`);
    await plane.ec2().send(new DescribeVpcsCommand({}));
    await plane.ec2().send(new CreateVpcCommand({ CidrBlock: '10.7.0.0/16' }));
    expect((await waiting).revision).toBeGreaterThan(revision);
    expect(Date.now() - started).toBeLessThan(60_000);
  });

  it('tells status checks and console output from what the daemon observed', async () => {
    const id = await run('status-1');
    const status = async () => {
      const answer = await plane.ec2().send(new DescribeInstanceStatusCommand({ InstanceIds: [id] }));
      return answer.InstanceStatuses?.[0]?.InstanceStatus?.Status;
    };
    expect(await status()).toBe('initializing');
    const logFile = path.join(plane.folder, 'instance.log');
    await writeFile(logFile, 'y'.repeat(70_000));
    await appendFile(logFile, '\nlistening on 9000\n');
    await plane.truth({ instances: { [id]: runningProcess(9000, { process: 'starting', logFile }) } });
    expect(await status()).toBe('initializing');
    await plane.truth({ instances: { [id]: runningProcess(9000, { logFile }) } });
    expect(await status()).toBe('ok');
    await plane.truth({
      instances: { [id]: runningProcess(9000, { process: 'exited', exitCode: 1, logFile }) },
    });
    expect(await status()).toBe('impaired');
    const { Output } = await plane.ec2().send(new GetConsoleOutputCommand({ InstanceId: id }));
    const text = Buffer.from(must(Output), 'base64').toString();
    expect(text).toHaveLength(64 * 1024);
    expect(text.endsWith('\nlistening on 9000\n')).toBe(true);
  });

  it('takes a report as no report when the daemon stops sending them', async () => {
    const id = await run('silent-1');
    await plane.truth({ instances: { [id]: runningProcess(9000) }, validSeconds: 1 });
    const ask = new DescribeInstanceStatusCommand({ InstanceIds: [id] });
    const status = async () => (await plane.ec2().send(ask)).InstanceStatuses?.[0]?.InstanceStatus?.Status;
    expect(await status()).toBe('ok');
    await until(status, (one) => one === 'initializing');
  });

  it('lists the calls served, with who made them, and answers errors as AWS does', async () => {
    const { next } = await calls(0);
    await plane.ec2('us-east-2').send(new DescribeVpcsCommand({}));
    const unknown = new SetDesiredCapacityCommand({ AutoScalingGroupName: 'none', DesiredCapacity: 1 });
    await expect(plane.asg().send(unknown)).rejects.toThrow('AutoScalingGroup name not found - null');
    const served = (await calls(next)).calls;
    expect(served).toMatchObject([
      { service: 'ec2', action: 'DescribeVpcs', region: 'us-east-2', account: '123456789012', status: 200 },
      { service: 'autoscaling', action: 'SetDesiredCapacity', region: 'eu-west-3', status: 400 },
    ]);
    expect((await calls((await calls(0)).next)).calls).toEqual([]);
  });

  it('says of an action that it lacks that it lacks it, and goes on', async () => {
    const refresh = new StartInstanceRefreshCommand({ AutoScalingGroupName: 'any' });
    await expect(plane.asg().send(refresh)).rejects.toThrow(
      'The sandbox does not serve autoscaling:StartInstanceRefresh',
    );
    const health = (await (await fetch(`${plane.url}/_bascule/health`)).json()) as object;
    expect(health).toMatchObject({ status: 'ok' });
  });

  it('delays AWS calls, all at once, and not its own', async () => {
    await plane.faults([{ kind: 'latency', milliseconds: 1_000 }]);
    const started = Date.now();
    const ec2 = plane.ec2();
    await Promise.all(Array.from({ length: 10 }, () => ec2.send(new DescribeVpcsCommand({}))));
    const took = Date.now() - started;
    await plane.faults([]);
    expect(took).toBeGreaterThanOrEqual(1_000);
    // One after the other they would take ten seconds.
    expect(took).toBeLessThan(10_000);
  });

  it('keeps regions and accounts apart, and shows all of them', async () => {
    const images = await plane.template('regions-1', 'us-west-2');
    await plane
      .ec2('us-west-2')
      .send(new RunInstancesCommand({ ImageId: images.image, MinCount: 1, MaxCount: 1 }));
    const role = { RoleArn: 'arn:aws:iam::222222222222:role/deployer', RoleSessionName: 'test' };
    const { Credentials } = await plane.sts().send(new AssumeRoleCommand(role));
    const other = new EC2Client({
      endpoint: plane.url,
      region: 'us-west-2',
      credentials: {
        accessKeyId: must(Credentials?.AccessKeyId),
        secretAccessKey: must(Credentials?.SecretAccessKey),
        sessionToken: Credentials?.SessionToken,
      },
    });
    try {
      const { ImageId } = await other.send(new RegisterImageCommand({ Name: 'shop-regions-1' }));
      await other.send(new RunInstancesCommand({ ImageId, MinCount: 1, MaxCount: 1 }));
    } finally {
      other.destroy();
    }
    await expect(
      plane.ec2('us-west-2').send(new RegisterImageCommand({ Name: 'shop-regions-1' })),
    ).rejects.toMatchObject({ name: 'InvalidAMIName.Duplicate' });
    const shown = (await plane.state()).instances.filter((one) => one.region === 'us-west-2');
    expect(shown.map((one) => one.account).sort()).toEqual(['123456789012', '222222222222']);
    expect(shown.find((one) => one.account === '123456789012')?.imageTags).toMatchObject({
      'bascule:bundle': 's3://releases/shop-regions-1.tar.gz',
    });
  });

  it('copies an image to another region, with its tags when asked to', async () => {
    const { image } = await plane.template('copied-1');
    const copy = new CopyImageCommand({
      Name: 'copied-1',
      SourceImageId: image,
      SourceRegion: 'eu-west-3',
      CopyImageTags: true,
    });
    const { ImageId } = await plane.ec2('eu-central-1').send(copy);
    const { Images } = await plane.ec2('eu-central-1').send(
      new DescribeImagesCommand({
        Owners: ['self'],
        Filters: [{ Name: 'tag:version', Values: ['copied-1'] }],
      }),
    );
    expect(Images).toMatchObject([{ ImageId, Name: 'copied-1', State: 'available' }]);
  });

  it('shows imported certificates with their keys, and requested ones without', async () => {
    const pem = await generate([{ name: 'commonName', value: 'shop.example' }]);
    const acm = new ACMClient({
      endpoint: plane.url,
      region: 'eu-west-3',
      credentials: { accessKeyId: 'AKIAIOSFODNN7EXAMPLE', secretAccessKey: 'test' },
    });
    const { CertificateArn } = await acm.send(
      new ImportCertificateCommand({
        Certificate: Buffer.from(pem.cert),
        PrivateKey: Buffer.from(pem.private),
      }),
    );
    const requested = await acm.send(new RequestCertificateCommand({ DomainName: 'other.example' }));
    acm.destroy();
    await plane.end('SIGKILL');
    await plane.launch();
    const { certificates } = await plane.state();
    // Its key is nobody's to have: the load balancer makes a certificate for it.
    expect(certificates.find((one) => one.arn === requested.CertificateArn)).toEqual({
      arn: requested.CertificateArn,
      domain: 'other.example',
      certificate: null,
      privateKey: null,
      chain: null,
    });
    const shown = certificates.find((one) => one.arn === CertificateArn);
    expect(shown).toMatchObject({ domain: 'shop.example', chain: null });
    expect(shown?.certificate?.trim()).toBe(pem.cert.trim());
    expect(shown?.privateKey?.trim()).toBe(pem.private.trim());
  });

  it('takes metrics without waking whoever waits for changes', async () => {
    const cloudwatch = new CloudWatchClient({
      endpoint: plane.url,
      region: 'eu-west-3',
      credentials: { accessKeyId: 'AKIAIOSFODNN7EXAMPLE', secretAccessKey: 'test' },
    });
    const { revision } = await plane.state();
    const Dimensions = [{ Name: 'LoadBalancer', Value: 'app/shop/1' }];
    const metric = { MetricName: 'RequestCount', Dimensions, Timestamp: new Date(), Value: 42 };
    const Namespace = 'AWS/ApplicationELB';
    await cloudwatch.send(new PutMetricDataCommand({ Namespace, MetricData: [metric] }));
    const { Datapoints } = await cloudwatch.send(
      new GetMetricStatisticsCommand({
        Namespace,
        MetricName: 'RequestCount',
        Dimensions,
        Period: 60,
        Statistics: ['Sum'],
        StartTime: new Date(Date.now() - 300_000),
        EndTime: new Date(Date.now() + 60_000),
      }),
    );
    cloudwatch.destroy();
    expect(Datapoints?.map((one) => one.Sum)).toEqual([42]);
    expect((await plane.state()).revision).toBe(revision);
  });
});
