/** A release goes through three environments in three accounts, with two people's consent and mail to all. */
import { DescribeImagesCommand, EC2Client, type Image } from '@aws-sdk/client-ec2';
import { PutObjectCommand } from '@aws-sdk/client-s3';
import { GetCallerIdentityCommand, STSClient } from '@aws-sdk/client-sts';
import { afterAll, beforeAll, describe, expect, test, vi } from 'vitest';
import type { Approval } from '../../src/domain/approval';
import type { JournalRecord } from '../../src/domain/records';
import { actAs, applyBucketPolicy, runAs, type Acting } from '../support/approvals';
import { writeChain } from '../support/chain-project';
import type { Program } from '../support/command-line';
import { apps, LiveEnvironment } from '../support/e2e';
import { MailServer } from '../support/mail';
import { must, until } from '../support/until';

// Whole deployments, several in a test, beside whatever else the machine does.
vi.setConfig({ testTimeout: 900_000 });

const [INT, STAGING, PRODUCTION] = ['123456789012', '222222222222', '333333333333'] as const;

let live: LiveEnvironment;
let mail: MailServer;

beforeAll(async () => {
  mail = await MailServer.start();
  live = await LiveEnvironment.start((settings) => void (settings.fleet.minimum = 1), {
    accounts: [STAGING, PRODUCTION],
  });
  const approve = must(live.info.accounts[2]).roles.approve;
  const key = { [live.region]: 'alias/shop' };
  await writeChain(live, {
    staging: { promotion: { from: 'int', kmsKeys: key } },
    production: {
      approvals: [
        { name: 'release', before: 'shift', count: 2, approvers: [approve], expiresAfterSeconds: 3600 },
      ],
      notifications: [
        {
          kind: 'smtp',
          name: 'team',
          host: mail.host,
          port: mail.port,
          tls: 'none',
          from: 'bascule@example.com',
          to: ['team@example.com'],
        },
      ],
    },
  });
  // What AWS encrypts with its own key cannot leave its account.
  await live.changeImages({ kmsKeys: key });
  await Promise.all([live.bake('1.0.0', apps.service), live.succeeds('up', 'int')]);
  await Promise.all([
    live.succeeds('deploy', 'int', '--version', '1.0.0'),
    ...['staging', 'production'].map((name) => live.succeeds('up', name)),
  ]);
}, 600_000);

afterAll(async () => {
  await live?.dispose();
  await mail?.stop();
});

function clientOptions({ env }: Acting) {
  const credentials = {
    accessKeyId: must(env['AWS_ACCESS_KEY_ID']),
    secretAccessKey: must(env['AWS_SECRET_ACCESS_KEY']),
    sessionToken: must(env['AWS_SESSION_TOKEN']),
  };
  return { endpoint: live.info.endpoint, region: live.region, credentials };
}

async function userIdOf(acting: Acting): Promise<string> {
  return must((await new STSClient(clientOptions(acting)).send(new GetCallerIdentityCommand({}))).UserId);
}

/** The image of the release in an account. */
async function imageIn(account: string): Promise<Image> {
  const acting = await actAs(live.info, `arn:aws:iam::${account}:role/bascule-deploy`, 'test');
  const ec2 = new EC2Client(clientOptions(acting));
  const Filters = [{ Name: 'tag:version', Values: ['1.0.0'] }];
  const { Images = [] } = await ec2.send(new DescribeImagesCommand({ Owners: ['self'], Filters }));
  expect(Images).toHaveLength(1);
  return must(Images[0]);
}

const tagsOf = ({ Tags = [] }: Image): Record<string, string> =>
  Object.fromEntries(Tags.map(({ Key = '', Value = '' }) => [Key, Value]));

interface Ways {
  releases: {
    version: string;
    environments: {
      environment: string;
      outcome: string | null;
      live: boolean;
      promotion: { allowed: boolean; why: string } | null;
    }[];
  }[];
  unread: unknown[];
}

describe('a release', () => {
  test('goes to no environment before it went through the one before', async () => {
    const skipping = await live.run('promote', '1.0.0', '--to', 'production');
    expect(skipping).toMatchObject({ exitCode: 2, json: { error: { code: 'BASCULE_NOT_PROMOTED' } } });
    expect(skipping.json.error?.message).toContain('1.0.0 was never deployed to staging');
    const past = await live.run('deploy', 'staging', '--version', '1.0.0');
    expect(past).toMatchObject({ exitCode: 2, json: { error: { code: 'BASCULE_NOT_PROMOTED' } } });
  });

  test('is promoted as the same image, with its tags and its bundle, into another account', async () => {
    const promoted = await live.run('promote', '1.0.0', '--to', 'staging');
    expect(promoted.exitCode, promoted.stderr + promoted.stdout).toBe(0);
    expect(promoted.json).toMatchObject({ outcome: 'succeeded', images: [{ how: 'copied' }] });
    const [first, copy] = await Promise.all([imageIn(INT), imageIn(STAGING)]);
    const bundle = must(tagsOf(first)['bascule:bundle']);
    expect(tagsOf(copy)).toEqual({
      ...tagsOf(first),
      'bascule:bundle': bundle.replace(live.info.bucket, `${live.info.bucket}-${STAGING}`),
      'bascule:origin': `${INT} ${live.region} ${must(first.ImageId)}`,
    });
    expect((await live.run('status', 'staging', '--expect', '1.0.0')).exitCode).toBe(0);
    const { json } = await live.succeeds<Ways>('releases');
    expect(json.unread).toEqual([]);
    expect(json.releases).toMatchObject([
      {
        version: '1.0.0',
        environments: [
          { environment: 'int', outcome: 'succeeded', live: true, promotion: null },
          { environment: 'staging', outcome: 'succeeded', live: true, promotion: { allowed: true } },
          { environment: 'production', outcome: null, live: false, promotion: { allowed: true } },
        ],
      },
    ]);
  });
});

describe('production', () => {
  let running: Program;
  let deployment: string;
  let planHash: string;
  let people: Record<'anna' | 'ben' | 'requester' | 'unprivileged', Acting>;

  beforeAll(async () => {
    const { roles, bucket } = must(live.info.accounts[2]);
    await applyBucketPolicy(live, 'production', bucket);
    const as = (role: string, name: string) => actAs(live.info, role, name);
    people = {
      anna: await as(roles.approve, 'anna'),
      ben: await as(roles.approve, 'ben'),
      // The session of the environment's access, by whatever role that person acts.
      requester: await as(roles.approve, 'bascule'),
      unprivileged: await as(roles.deploy, 'mallory'),
    };
    running = live.begin('promote', '1.0.0', '--to', 'production', '--message', 'Prices are rounded');
    const asked = await mail.mail('approval', 120);
    deployment = must(/\d{8}-\d{6}-[0-9a-f]{4}/.exec(asked.text)?.[0]);
    planHash = must(/plan-[0-9a-f-]+/.exec(asked.text)?.[0]);
    expect(asked.to).toEqual(['team@example.com']);
    for (const part of ['Prices are rounded', '1.0.0', 'bascule approve']) expect(asked.text).toContain(part);
  });

  const approving = (who: keyof typeof people, ...more: string[]) =>
    runAs(live, must(people[who]), 'approve', 'production', '--comment', `${who} looked`, ...more);

  /** Writes past the command line, as whoever has the credentials can. */
  async function write(who: keyof typeof people, change: Partial<Approval>): Promise<void> {
    const acting = must(people[who]);
    const sts = new STSClient(clientOptions(acting));
    const { Account: account, Arn: arn, UserId: userId } = await sts.send(new GetCallerIdentityCommand({}));
    const approval = {
      ...{ format: 1, decision: 'approve', comment: 'past the command line', planHash, account, arn, userId },
      at: Date.now(),
      ...change,
    };
    await acting.s3().send(
      new PutObjectCommand({
        Bucket: must(live.info.accounts[2]).bucket,
        Key: `environments/production/approvals/${deployment}/release/${must(approval.userId)}.json`,
        Body: JSON.stringify(approval),
        Tagging: new URLSearchParams({ approver: must(approval.userId) }).toString(),
      }),
    );
  }

  /** What the deployment made of approvals, by the code for which they do not count. */
  async function taken(): Promise<(string | undefined)[]> {
    const records = await journal(deployment);
    return records.flatMap((record) => (record.kind === 'approved' ? [record.ignored?.code] : []));
  }

  test('hears neither of another plan, nor an approval that has expired, and keeps both in its journal', async () => {
    const other = planHash.replace(/^plan-./, (text) => (text === 'plan-0' ? 'plan-1' : 'plan-0'));
    expect(await approving('anna', '--plan', other)).toMatchObject({
      exitCode: 2,
      json: { error: { code: 'BASCULE_APPROVAL_OTHER_PLAN' } },
    });
    await write('anna', { planHash: other });
    await write('ben', { at: Date.now() - 3601_000 });
    const codes = await until(taken, (all) => all.length === 2);
    expect(codes.sort()).toEqual(['BASCULE_APPROVAL_EXPIRED', 'BASCULE_APPROVAL_OTHER_PLAN']);
  });

  test('is not approved by who asked for it, nor by a role that is none of the approvers', async () => {
    expect(await approving('requester')).toMatchObject({
      exitCode: 2,
      json: { error: { code: 'BASCULE_OWN_REQUEST' } },
    });
    expect(await approving('unprivileged')).toMatchObject({
      exitCode: 2,
      json: { error: { code: 'BASCULE_NOT_APPROVER' } },
    });
    // The store itself refuses what the command line would.
    await expect(write('unprivileged', {})).rejects.toMatchObject({ name: 'AccessDenied' });
    const userId = await userIdOf(people.anna);
    await expect(write('ben', { userId })).rejects.toMatchObject({ name: 'AccessDenied' });
  });

  test('moves traffic once two people have approved this plan, and tells of it by mail', async () => {
    expect((await approving('anna')).exitCode).toBe(0);
    const pending = await live.run('pending', 'production');
    expect(pending.stdout).toContain('anna');
    const last = await runAs(
      live,
      people.ben,
      'approve',
      deployment,
      '--comment',
      'ben looked',
      '--plan',
      planHash,
    );
    expect(last.exitCode, last.stdout).toBe(0);
    const ended = await live.answerOf(running);
    expect(ended.exitCode, ended.stderr + ended.stdout).toBe(0);
    expect(ended.json).toMatchObject({ outcome: 'succeeded', deployment });
    const records = await journal(deployment);
    expect(records[0]).toMatchObject({ kind: 'opened', planHash, promoted: { from: 'staging' } });
    const counted = records.flatMap((one) =>
      one.kind === 'approved' && one.ignored === undefined ? [one] : [],
    );
    expect(
      counted.map(({ by, comment, planHash: hash }) => [by.arn.split('/').pop(), comment, hash]),
    ).toEqual([
      ['anna', 'anna looked', planHash],
      ['ben', 'ben looked', planHash],
    ]);
    const shift = records.findIndex((one) => one.kind === 'started' && one.step.startsWith('shift'));
    expect(records.findLastIndex((one) => one.kind === 'approved')).toBeLessThan(shift);
    expect((await mail.mail('succeeded')).text).toContain(deployment);
    expect((await live.run('status', 'production', '--expect', '1.0.0')).exitCode).toBe(0);
    const [first, last3] = await Promise.all([imageIn(INT), imageIn(PRODUCTION)]);
    expect(tagsOf(last3)['bascule:content']).toBe(tagsOf(first)['bascule:content']);
  });
});

async function journal(deployment: string): Promise<JournalRecord[]> {
  return live.journal(deployment, 'production', must(live.info.accounts[2]).bucket);
}
