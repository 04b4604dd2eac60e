/** Several accounts and regions in one control plane: who is who, what a bucket's policy refuses, what a cut hides. */
import {
  DescribeImagesCommand,
  DescribeInstancesCommand,
  DescribeVpcsCommand,
  EC2Client,
  ModifyImageAttributeCommand,
  RunInstancesCommand,
} from '@aws-sdk/client-ec2';
import {
  DeleteObjectCommand,
  DeleteObjectsCommand,
  GetObjectCommand,
  ListBucketsCommand,
  PutBucketPolicyCommand,
  PutObjectCommand,
  S3Client,
} from '@aws-sdk/client-s3';
import {
  AssumeRoleCommand,
  AssumeRoleWithWebIdentityCommand,
  GetCallerIdentityCommand,
  STSClient,
  type Credentials,
} from '@aws-sdk/client-sts';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { must } from '../support/until';
import { Plane } from './moto-plane';

const [INT, STAGING, PRODUCTION] = ['123456789012', '222222222222', '333333333333'] as const;
const REGION = 'eu-west-3';
const OTHER = 'eu-central-1';

let plane: Plane;
const clients: { destroy(): void }[] = [];

beforeAll(async () => {
  plane = await Plane.start();
  await plane.found([INT, STAGING, PRODUCTION]);
});
afterAll(async () => {
  clients.forEach((client) => client.destroy());
  await plane.dispose();
});

function kept<T extends { destroy(): void }>(client: T): T {
  clients.push(client);
  return client;
}

async function assume(account: string, role: string, session = 'test'): Promise<Credentials> {
  const RoleArn = `arn:aws:iam::${account}:role/${role}`;
  const answer = await plane.sts().send(new AssumeRoleCommand({ RoleArn, RoleSessionName: session }));
  return must(answer.Credentials);
}

function optionsOf(credentials: Credentials, region: string) {
  return {
    endpoint: plane.url,
    region,
    maxAttempts: 1,
    credentials: {
      accessKeyId: must(credentials.AccessKeyId),
      secretAccessKey: must(credentials.SecretAccessKey),
      sessionToken: must(credentials.SessionToken),
    },
  };
}

const ec2Of = (credentials: Credentials, region = REGION) =>
  kept(new EC2Client(optionsOf(credentials, region)));
const s3Of = (credentials: Credentials) =>
  kept(new S3Client({ ...optionsOf(credentials, REGION), forcePathStyle: true }));

async function identityOf(credentials: Credentials) {
  const sts = kept(new STSClient(optionsOf(credentials, REGION)));
  const { Account, Arn, UserId } = await sts.send(new GetCallerIdentityCommand({}));
  return { Account, Arn, UserId };
}

describe('an account', () => {
  it('is the one whose role was assumed, with keys or with a token', async () => {
    const byKeys = await assume(STAGING, 'bascule-deploy', 'ci');
    const byToken = await plane.sts().send(
      new AssumeRoleWithWebIdentityCommand({
        RoleArn: `arn:aws:iam::${PRODUCTION}:role/bascule-deploy`,
        RoleSessionName: 'ci',
        WebIdentityToken: 'a.b.c',
      }),
    );
    const known = await Promise.all([byKeys, must(byToken.Credentials)].map(identityOf));
    expect(known).toEqual(
      [STAGING, PRODUCTION].map((account) => ({
        Account: account,
        Arn: `arn:aws:sts::${account}:assumed-role/bascule-deploy/ci`,
        UserId: expect.stringMatching(/^AROA\w+:ci$/) as string,
      })),
    );
    expect(byToken.AssumedRoleUser?.AssumedRoleId).toBe(known[1]?.UserId);
    const own = await plane.sts().send(new GetCallerIdentityCommand({}));
    expect(own).toMatchObject({ Account: INT, Arn: `arn:aws:iam::${INT}:user/sandbox` });
  });

  it('gives no role that it does not have', async () => {
    await expect(assume(STAGING, 'bascule-deplyo')).rejects.toMatchObject({
      name: 'AccessDenied',
      message: expect.stringContaining('role/bascule-deplyo') as string,
    });
  });

  it('has a bucket, and a default VPC of its own in every region', async () => {
    const [staging, production] = await Promise.all([
      assume(STAGING, 'bascule-deploy'),
      assume(PRODUCTION, 'bascule-deploy'),
    ]);
    const vpcs = await Promise.all(
      [staging, production].flatMap((credentials) =>
        [REGION, OTHER].map(async (region) => {
          const filter = { Filters: [{ Name: 'is-default', Values: ['true'] }] };
          const { Vpcs } = await ec2Of(credentials, region).send(new DescribeVpcsCommand(filter));
          return must(Vpcs?.[0]?.VpcId);
        }),
      ),
    );
    expect(new Set(vpcs).size).toBe(4);
    const { Buckets } = await s3Of(staging).send(new ListBucketsCommand({}));
    expect(Buckets?.map(({ Name }) => Name)).toEqual([`bascule-sandbox-${STAGING}`]);
  });

  it('may launch an image that another one shares with it, and has nothing else of that', async () => {
    const { image } = await plane.template('shared-1');
    const staging = ec2Of(await assume(STAGING, 'bascule-deploy'));
    const found = () => staging.send(new DescribeImagesCommand({ ImageIds: [image] }));
    await expect(found()).rejects.toMatchObject({ name: 'InvalidAMIID.NotFound' });
    const LaunchPermission = { Add: [{ UserId: STAGING }] };
    await plane.ec2().send(new ModifyImageAttributeCommand({ ImageId: image, LaunchPermission }));
    expect((await found()).Images?.[0]).toMatchObject({ OwnerId: INT, Tags: [] });
    await staging.send(new RunInstancesCommand({ ImageId: image, MinCount: 1, MaxCount: 1 }));
    const shown = (await plane.state()).instances.find(({ imageId }) => imageId === image);
    // What is on an image comes along, whoever launches it.
    expect(shown).toMatchObject({ account: STAGING, imageTags: { version: 'shared-1' } });
    const { Reservations } = await plane.ec2().send(new DescribeInstancesCommand({}));
    expect(Reservations).toEqual([]);
  });
});

describe('the policy of a bucket', () => {
  const Bucket = `bascule-sandbox-${PRODUCTION}`;
  const approvers = `arn:aws:iam::${PRODUCTION}:role/bascule-approve`;
  const approvals = `arn:aws:s3:::${Bucket}/environments/*/approvals/*`;

  async function allowOnly(Statement: object[]): Promise<void> {
    const Policy = JSON.stringify({ Version: '2012-10-17', Statement });
    await s3Of(await assume(PRODUCTION, 'bascule-deploy')).send(
      new PutBucketPolicyCommand({ Bucket, Policy }),
    );
  }

  function writing(credentials: Credentials, name: string): Promise<unknown> {
    const Key = `environments/production/approvals/20261121-1/${name}`;
    return s3Of(credentials).send(new PutObjectCommand({ Bucket, Key, Body: '{}' }));
  }

  const denied = { name: 'AccessDenied', $metadata: { httpStatusCode: 403 } };

  beforeAll(() =>
    allowOnly([
      {
        Effect: 'Deny',
        Principal: '*',
        Action: ['s3:PutObject', 's3:DeleteObject*'],
        Resource: approvals,
        Condition: { ArnNotLike: { 'aws:PrincipalArn': [approvers] } },
      },
      {
        Effect: 'Deny',
        Principal: '*',
        Action: 's3:PutObject',
        NotResource: [
          `arn:aws:s3:::${Bucket}/environments/*/approvals/*/\${aws:userid}.json`,
          `arn:aws:s3:::${Bucket}/journal/*`,
        ],
      },
    ]),
  );

  it('lets each approver write under the own name, and nobody else at all', async () => {
    const [anna, ben, deployer, elsewhere] = await Promise.all([
      assume(PRODUCTION, 'bascule-approve', 'anna'),
      assume(PRODUCTION, 'bascule-approve', 'ben'),
      assume(PRODUCTION, 'bascule-deploy'),
      assume(STAGING, 'bascule-approve', 'anna'),
    ]);
    const { UserId } = await identityOf(anna);
    await writing(anna, `go/${UserId}.json`);
    await expect(writing(ben, `go/${UserId}.json`)).rejects.toMatchObject(denied);
    await expect(writing(anna, 'go/anna.json')).rejects.toMatchObject(denied);
    for (const other of [deployer, elsewhere]) {
      const own = (await identityOf(other)).UserId;
      await expect(writing(other, `go/${own}.json`)).rejects.toMatchObject(denied);
    }
    const Key = `environments/production/approvals/20261121-1/go/${UserId}.json`;
    const deleting = new DeleteObjectCommand({ Bucket, Key });
    await expect(s3Of(deployer).send(deleting)).rejects.toMatchObject(denied);
    const several = await s3Of(deployer).send(
      new DeleteObjectsCommand({ Bucket, Delete: { Objects: [{ Key }, { Key: 'journal/1' }] } }),
    );
    expect(several.Errors).toMatchObject([{ Key, Code: 'AccessDenied' }]);
    // What no statement speaks of is allowed, as before.
    await s3Of(deployer).send(new PutObjectCommand({ Bucket, Key: 'journal/1', Body: '{}' }));
    const read = await s3Of(deployer).send(new GetObjectCommand({ Bucket, Key }));
    expect(await read.Body?.transformToString()).toBe('{}');
    await s3Of(anna).send(deleting);
  });

  it('is refused where nobody could say what it means', async () => {
    const Condition = { NumericEquals: { 'aws:MultiFactorAuthAge': '1' } };
    const statement = { Effect: 'Deny', Principal: '*', Action: 's3:*', Resource: approvals, Condition };
    await expect(allowOnly([statement])).rejects.toMatchObject({ name: 'MalformedPolicy' });
  });
});

describe('a region that is cut off', () => {
  afterEach(() => plane.cut([]));

  const asking = (region: string) => plane.ec2(region).send(new DescribeVpcsCommand({}));
  const gone = { code: 'ECONNRESET' };

  it('gives no answer until it is healed, and the others do; after a crash all is as before', async () => {
    const staging = await assume(STAGING, 'bascule-deploy', 'ci');
    const known = await identityOf(staging);
    await plane.cut([{ region: OTHER, traffic: false }]);
    await expect(asking(OTHER)).rejects.toMatchObject(gone);
    await asking(REGION);
    await plane.end('SIGKILL');
    await plane.launch();
    expect(await identityOf(staging)).toEqual(known);
    expect(await identityOf(await assume(STAGING, 'bascule-deploy', 'ci'))).toEqual(known);
    await expect(asking(OTHER)).rejects.toMatchObject(gone);
    expect((await plane.state()).cuts).toEqual([{ region: OTHER, traffic: false }]);
    await plane.cut([]);
    await asking(OTHER);
  });

  it('takes its own buckets along, whatever a call was signed for, and no others', async () => {
    const Bucket = `bascule-sandbox-${STAGING}`;
    const credentials = await assume(STAGING, 'bascule-deploy');
    const writing = (region: string) => {
      const s3 = kept(new S3Client({ ...optionsOf(credentials, region), forcePathStyle: true }));
      return s3.send(new PutObjectCommand({ Bucket, Key: 'one', Body: '1' }));
    };
    await plane.cut([{ region: OTHER, traffic: false }]);
    await Promise.all([REGION, OTHER].map(writing));
    await plane.cut([{ region: REGION, traffic: false }]);
    for (const region of [REGION, OTHER]) await expect(writing(region)).rejects.toMatchObject(gone);
  });
});
