import { stat, writeFile } from 'node:fs/promises';
import path from 'node:path';

import {
  CreateAutoScalingGroupCommand,
  DescribeAutoScalingGroupsCommand,
} from '@aws-sdk/client-auto-scaling';
import { DescribeImagesCommand } from '@aws-sdk/client-ec2';
import { DescribeListenersCommand } from '@aws-sdk/client-elastic-load-balancing-v2';
import {
  CompleteMultipartUploadCommand,
  CreateBucketCommand,
  CreateMultipartUploadCommand,
  DeleteObjectCommand,
  GetObjectCommand,
  ListObjectsV2Command,
  ListObjectVersionsCommand,
  PutBucketVersioningCommand,
  PutObjectCommand,
  type S3Client,
  UploadPartCommand,
} from '@aws-sdk/client-s3';
import { AssumeRoleCommand } from '@aws-sdk/client-sts';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';

import { must } from '../support/until';
import { Plane } from './moto-plane';

const Bucket = 'journals';

describe('what outlives the control plane', () => {
  let plane: Plane;
  beforeEach(async () => {
    plane = await Plane.start();
  });
  afterEach(async () => plane.dispose());

  async function read(s3: S3Client, Key: string): Promise<string> {
    const { Body } = await s3.send(new GetObjectCommand({ Bucket, Key }));
    return await must(Body).transformToString();
  }

  it('every resource, with its identity, after kill -9 right behind the answer', async () => {
    const { image, template } = await plane.template('1.0.0');
    const balancer = await plane.balancer('shop-kept');
    await plane.asg().send(
      new CreateAutoScalingGroupCommand({
        AutoScalingGroupName: 'kept',
        MinSize: 2,
        MaxSize: 4,
        VPCZoneIdentifier: (await plane.subnets()).ids.join(','),
        LaunchTemplate: { LaunchTemplateId: template },
        TargetGroupARNs: [balancer.blue],
      }),
    );
    await plane.observeAll();
    const before = await plane.state();
    const role = { RoleArn: 'arn:aws:iam::222222222222:role/deployer', RoleSessionName: 'test' };
    const { Credentials } = await plane.sts().send(new AssumeRoleCommand(role));
    await plane.end('SIGKILL');
    await plane.launch();

    const after = await plane.state();
    expect(after.revision).toBeGreaterThan(before.revision);
    expect({ ...after, revision: 0 }).toEqual({ ...before, revision: 0 });
    expect(after.loadBalancers[0]?.address).toBe(balancer.address);
    const groups = await plane.asg().send(new DescribeAutoScalingGroupsCommand({}));
    expect(groups.AutoScalingGroups?.[0]?.Instances?.map((one) => one.LifecycleState)).toEqual([
      'InService',
      'InService',
    ]);
    const listeners = { ListenerArns: [balancer.listener] };
    expect((await plane.elb().send(new DescribeListenersCommand(listeners))).Listeners).toHaveLength(1);
    const images = await plane.ec2().send(
      new DescribeImagesCommand({
        Owners: ['self'],
        Filters: [
          { Name: 'tag:service', Values: ['shop'] },
          { Name: 'tag:version', Values: ['1.0.0'] },
        ],
      }),
    );
    expect(images.Images?.map((one) => one.ImageId)).toEqual([image]);
    expect(must(Credentials?.AccessKeyId)).toMatch(/^ASIA/);
    const { instances } = await plane.state();
    expect(new Set(instances.map((one) => one.autoScalingGroup))).toEqual(new Set(['kept']));
  });

  it('every object whose write was answered, with versions, deletions and conditions', async () => {
    const s3 = plane.s3();
    await s3.send(new CreateBucketCommand({ Bucket }));
    const Status = 'Enabled';
    await s3.send(new PutBucketVersioningCommand({ Bucket, VersioningConfiguration: { Status } }));
    const big = 'x'.repeat(300_000);
    await s3.send(new PutObjectCommand({ Bucket, Key: 'bundles/big.tar.gz', Body: big }));
    const Key = 'deployments/1/é 1+2.json';
    await s3.send(new PutObjectCommand({ Bucket, Key, Body: 'one', IfNoneMatch: '*' }));
    await expect(
      s3.send(new PutObjectCommand({ Bucket, Key, Body: 'again', IfNoneMatch: '*' })),
    ).rejects.toMatchObject({ name: 'PreconditionFailed' });
    const second = await s3.send(new PutObjectCommand({ Bucket, Key, Body: 'two' }));
    await s3.send(new PutObjectCommand({ Bucket, Key: 'gone', Body: 'gone' }));
    await s3.send(new DeleteObjectCommand({ Bucket, Key: 'gone' }));
    await plane.end('SIGKILL');
    await plane.launch();

    expect(await read(s3, 'bundles/big.tar.gz')).toBe(big);
    expect(await read(s3, Key)).toBe('two');
    const listed = await s3.send(new ListObjectsV2Command({ Bucket }));
    expect(listed.Contents?.map((one) => one.Key)).toEqual(['bundles/big.tar.gz', Key]);
    const versions = await s3.send(new ListObjectVersionsCommand({ Bucket, Prefix: 'deployments/' }));
    expect(versions.Versions).toHaveLength(2);
    await expect(
      s3.send(new PutObjectCommand({ Bucket, Key, Body: 'stale', IfMatch: '"0"' })),
    ).rejects.toMatchObject({ name: 'PreconditionFailed' });
    await s3.send(new PutObjectCommand({ Bucket, Key, Body: 'three', IfMatch: must(second.ETag) }));

    await plane.end('SIGTERM');
    await plane.launch();
    expect(await read(s3, Key)).toBe('three');
    expect(await read(s3, 'bundles/big.tar.gz')).toBe(big);
  });

  it('no write that was answered, whenever the kill comes', async () => {
    const s3 = plane.s3();
    await s3.send(new CreateBucketCommand({ Bucket }));
    const answered: string[] = [];
    let killed: Promise<unknown> | undefined;
    const writers = Array.from({ length: 8 }, async (_, writer) => {
      for (let i = 0; ; i += 1) {
        const Key = `deployments/${writer}/${i}`;
        await s3.send(new PutObjectCommand({ Bucket, Key, Body: 'x'.repeat(i * 200) }));
        answered.push(Key);
        if (answered.length === 120) killed = plane.end('SIGKILL');
      }
    });
    const ends = await Promise.allSettled(writers);
    expect(ends.every((one) => one.status === 'rejected')).toBe(true);
    await killed;
    await plane.launch();
    const { Contents = [] } = await s3.send(new ListObjectsV2Command({ Bucket }));
    expect(answered.length).toBeGreaterThanOrEqual(120);
    expect(Contents.map((one) => one.Key)).toEqual(expect.arrayContaining(answered));
  });

  it('an upload in parts, begun before a kill and completed after it', async () => {
    const s3 = plane.s3();
    await s3.send(new CreateBucketCommand({ Bucket }));
    const Key = 'bundle';
    const { UploadId } = await s3.send(new CreateMultipartUploadCommand({ Bucket, Key }));
    const Body = Buffer.alloc(6 * 1024 * 1024, 'p');
    const part = await s3.send(new UploadPartCommand({ Bucket, Key, UploadId, PartNumber: 1, Body }));
    await plane.end('SIGKILL');
    await plane.launch();
    const Parts = [{ PartNumber: 1, ETag: part.ETag }];
    const upload = { Bucket, Key, UploadId, MultipartUpload: { Parts } };
    await s3.send(new CompleteMultipartUploadCommand(upload));
    expect(await read(s3, Key)).toHaveLength(Body.length);
  });

  it('ends cleanly on SIGTERM, and refuses to start without state that it cannot read', async () => {
    await plane.template('1.0.0');
    expect(await plane.end('SIGTERM')).toBe(0);
    const file = path.join(plane.folder, 'control-plane', 'fabric.pickle');
    expect((await stat(file)).size).toBeGreaterThan(0);
    await writeFile(file, 'not a pickle');
    await expect(plane.launch()).rejects.toThrow(/exited 3: .*fabric\.pickle cannot be read/s);
  });
});
