/** Another account's role, by the SDK and by the engine; tokens; renewal; and the account that is refused. */
import { once } from 'node:events';
import { mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { createServer, type Server } from 'node:http';
import { tmpdir } from 'node:os';
import path from 'node:path';
import * as aws from '@pulumi/aws';
import { PulumiCommand } from '@pulumi/pulumi/automation';
import { GetRoleCommand, type IAMClient } from '@aws-sdk/client-iam';
import { CreateBucketCommand, ListObjectsV2Command, S3Client } from '@aws-sdk/client-s3';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { parse, stringify } from 'yaml';
import type { z } from 'zod';
import { openBakery } from '../../automation/cli/compose-bakery';
import { environmentAccess } from '../../automation/cli/environment-access';
import { ensureEngine } from '../../automation/engine';
import { withoutAws } from '../../automation/sandbox';
import { placePlugins } from '../../automation/sandbox/lifecycle/plugins';
import { chainStart, engineEnvironment, useAccess } from '../../src/adapters/access';
import { constructClients, createClients, createIamClient } from '../../src/adapters/aws';
import { Credentials } from '../../src/adapters/aws-credentials';
import { CALL_LIMITS } from '../../src/adapters/aws-retries';
import { InlineStack } from '../../src/adapters/stacks';
import { StsIdentity } from '../../src/adapters/sts-identity';
import { accessSchema, type Access } from '../../src/domain/config/access';
import { startAwsProxy, type AwsProxy } from '../support/aws-proxy';
import { BASCULE, Program, type Ended } from '../support/command-line';
import { changeSettings, ENVIRONMENT, writeProject } from '../support/e2e-project';
import { freePort } from '../support/ports';
import { Plane } from './moto-plane';

const REGION = 'eu-west-3';
const HOME = '123456789012';
const OTHER = '222222222222';
const THIRD = '333333333333';
const BUCKET = 'state-of-the-other';

const roleIn = (account: string): string => `arn:aws:iam::${account}:role/bascule-deploy`;
const access = (input: z.input<typeof accessSchema>): Access => accessSchema.parse(input);

const before = { ...process.env };
let folder = '';
let plane: Plane;
let proxy: AwsProxy;
let server: Server;
const at = (name: string) => path.join(folder, name);

beforeAll(async () => {
  folder = await mkdtemp(path.join(tmpdir(), 'bascule-access-'));
  await Promise.all(['home', 'project'].map((name) => mkdir(at(name))));
  await placePlugins(at('home'), (line) => {
    throw new Error(line);
  });
  plane = await Plane.start();
  proxy = await startAwsProxy(plane.url);
  await writeFile(at('credentials'), '[work]\naws_access_key_id = AKIAWORK\naws_secret_access_key = x\n');
  const engine = await ensureEngine();
  for (const name of Object.keys(process.env)) if (!(name in withoutAws(before))) delete process.env[name];
  Object.assign(process.env, {
    PATH: `${engine.folder}${path.delimiter}${before['PATH'] ?? ''}`,
    AWS_ENDPOINT_URL: proxy.url,
    AWS_ACCESS_KEY_ID: 'sandbox',
    AWS_SECRET_ACCESS_KEY: 'sandbox',
    AWS_REGION: REGION,
    AWS_EC2_METADATA_DISABLED: 'true',
    AWS_RESPONSE_CHECKSUM_VALIDATION: 'when_required',
    AWS_SHARED_CREDENTIALS_FILE: at('credentials'),
    AWS_CONFIG_FILE: at('config'),
    PULUMI_HOME: at('home'),
    PULUMI_BACKEND_URL: 's3://nobodys',
    PULUMI_CONFIG_PASSPHRASE: 'test',
    PULUMI_SKIP_UPDATE_CHECK: 'true',
  });
  server = await tokenServer();
  await writeProject({ folder: at('project'), bucket: BUCKET, region: REGION });
});

afterEach(() => useAccess(undefined));

afterAll(async () => {
  server?.close();
  await proxy?.close();
  await plane?.dispose();
  for (const name of Object.keys(process.env)) if (!(name in before)) delete process.env[name];
  Object.assign(process.env, before);
  await rm(folder, { recursive: true, force: true });
});

/** Whose credentials calls are made with. */
async function callerIdentity(region: string, other?: Access) {
  const { sts } = other === undefined ? createClients(region) : createClients(region, other);
  return new StsIdentity(sts).current();
}

/** Gives a token to who shows what a job of GitHub Actions is given for it. */
async function tokenServer(): Promise<Server> {
  const port = await freePort();
  const made = createServer((request, response) => {
    const audience = new URL(request.url ?? '', 'http://here').searchParams.get('audience');
    const welcome = request.headers.authorization === 'Bearer of the job' && audience === 'sts.amazonaws.com';
    response.statusCode = welcome ? 200 : 403;
    response.end(welcome ? JSON.stringify({ value: 'token of GitHub' }) : '{}');
  });
  made.listen(port, '127.0.0.1');
  await once(made, 'listening');
  Object.assign(process.env, {
    ACTIONS_ID_TOKEN_REQUEST_URL: `http://127.0.0.1:${port}/?api-version=1`,
    ACTIONS_ID_TOKEN_REQUEST_TOKEN: 'of the job',
  });
  return made;
}

/** In the other account. */
async function makeBucket(): Promise<void> {
  const credentials = chainStart(access({ roleArn: roleIn(OTHER) }), REGION)(false);
  const s3 = new S3Client({ region: 'us-east-1', endpoint: plane.url, forcePathStyle: true, credentials });
  await s3.send(new CreateBucketCommand({ Bucket: BUCKET }));
  s3.destroy();
}

/** The bodies of the calls to STS since the proxy had seen so many. */
function asked(from: number, action: string): URLSearchParams[] {
  const bodies = proxy.calls.slice(from).map((call) => new URLSearchParams(call.body));
  return bodies.filter((body) => body.get('Action') === action);
}

async function hasRole(iam: IAMClient, name: string): Promise<boolean> {
  return iam.send(new GetRoleCommand({ RoleName: name })).then(
    () => true,
    () => false,
  );
}

async function bascule(...args: string[]): Promise<Ended> {
  const all = [BASCULE, ...args, '--project', at('project')];
  return new Program(process.execPath, all, { env: process.env }).ended;
}

describe('the role of another account', () => {
  it('is assumed once for all clients, with tags and external id, beside what this process has', async () => {
    const from = proxy.calls.length;
    const sessionTags = { team: 'shop', pipeline: '42' };
    useAccess(
      access({ roleArn: roleIn(OTHER), externalId: 'of-shop', sessionName: 'ci', sessionTags }),
      REGION,
    );
    expect(await callerIdentity(REGION)).toMatchObject({
      account: OTHER,
      arn: `arn:aws:sts::${OTHER}:assumed-role/bascule-deploy/ci`,
    });
    // Another environment's, while this one's is in use.
    expect(await callerIdentity(REGION, access({ roleArn: roleIn(THIRD) }))).toMatchObject({
      account: THIRD,
    });
    const [first, ...others] = asked(from, 'AssumeRole');
    expect(others.map((one) => one.get('RoleArn'))).toEqual([roleIn(THIRD)]);
    expect(Object.fromEntries(first ?? [])).toMatchObject({
      RoleArn: roleIn(OTHER),
      ExternalId: 'of-shop',
      DurationSeconds: '3600',
      'Tags.member.2.Key': 'pipeline',
      'Tags.member.2.Value': '42',
    });
    useAccess(undefined);
    expect(await callerIdentity(REGION)).toMatchObject({ account: HOME });
  });

  it('is what the engine, its backend and its plugins work with', async () => {
    await makeBucket();
    const backendUrl = `s3://${BUCKET}?region=us-east-1&endpoint=${proxy.url}&use_path_style=true`;
    const other = access({ roleArn: roleIn(OTHER), backendUrl });
    useAccess(other, REGION);
    const command = await PulumiCommand.get({ skipVersionCheck: true });
    const stack = new InlineStack({ projectFolder: at('project'), command }, ENVIRONMENT, async () => {
      const trust = { Version: '2012-10-17', Statement: [] };
      const role = new aws.iam.Role('made', { name: 'made', assumeRolePolicy: JSON.stringify(trust) });
      return { arn: role.arn };
    });
    expect(await stack.up()).toMatchObject({ created: 2 });
    expect(await stack.outputs()).toEqual({ arn: `arn:aws:iam::${OTHER}:role/made` });
    expect(await hasRole(await createIamClient(REGION), 'made')).toBe(true);
    const kept = await createClients('us-east-1', other).s3.send(
      new ListObjectsV2Command({ Bucket: BUCKET }),
    );
    expect(kept.Contents?.map((one) => one.Key)).toContain(`.pulumi/stacks/bascule/${ENVIRONMENT}.json`);
    useAccess(undefined);
    expect(await hasRole(await createIamClient(REGION), 'made')).toBe(false);
  });

  it('is assumed again before its time is over', async () => {
    let now = Date.now();
    const from = proxy.calls.length;
    const start = chainStart(access({ roleArn: roleIn(OTHER), durationSeconds: 900 }), REGION, () => now);
    const { sts } = constructClients(REGION, true, CALL_LIMITS, new Credentials(start));
    const identity = new StsIdentity(sts);
    await identity.current();
    now += 590_000;
    await identity.current();
    expect(asked(from, 'AssumeRole')).toHaveLength(1);
    now += 20_000;
    expect(await identity.current()).toMatchObject({ account: OTHER });
    // STS has a clock of its own, by which the new ones are as near to their end.
    expect(asked(from, 'AssumeRole').length).toBeGreaterThan(1);
  });

  it('is told by name where it cannot be assumed', async () => {
    proxy.onBefore = (call) =>
      call.action === 'AssumeRole' ? { kind: 'answer', status: 403, code: 'AccessDenied' } : { kind: 'pass' };
    useAccess(access({ roleArn: `${roleIn(OTHER)}-closed` }), REGION);
    const refused = {
      code: 'BASCULE_ACCESS_REFUSED',
      exitCode: 2,
      message: expect.stringContaining(`${roleIn(OTHER)}-closed cannot be assumed`) as unknown,
    };
    await expect(callerIdentity(REGION)).rejects.toMatchObject(refused);
    await expect(engineEnvironment()).rejects.toMatchObject(refused);
    proxy.onBefore = () => ({ kind: 'pass' });
  });
});

describe('first credentials', () => {
  it('come from a profile', async () => {
    const from = proxy.calls.length;
    const credentials = { kind: 'profile' as const, name: 'work' };
    useAccess(access({ credentials, roleArn: roleIn(OTHER) }), REGION);
    expect(await callerIdentity(REGION)).toMatchObject({ account: OTHER });
    expect(asked(from, 'AssumeRole')).toHaveLength(1);
  });

  it('come from a token, in a variable, in a file or of GitHub Actions, without any key', async () => {
    delete process.env['AWS_ACCESS_KEY_ID'];
    delete process.env['AWS_SECRET_ACCESS_KEY'];
    process.env['ID_TOKEN'] = 'token of the job';
    await writeFile(at('token'), 'token of a file\n');
    const sources = [
      { tokenVariable: 'ID_TOKEN' },
      { tokenFile: at('token') },
      { githubAudience: 'sts.amazonaws.com' },
    ];
    const from = proxy.calls.length;
    try {
      for (const source of sources) {
        const credentials = { kind: 'web-identity' as const, roleArn: roleIn(OTHER), ...source };
        useAccess(access({ credentials, sessionName: 'job-7' }), REGION);
        const arn = `arn:aws:sts::${OTHER}:assumed-role/bascule-deploy/job-7`;
        expect(await callerIdentity(REGION)).toMatchObject({ arn });
        expect(await engineEnvironment()).toMatchObject({ AWS_SESSION_TOKEN: expect.any(String) as unknown });
      }
      // And from there on to another account.
      const credentials = {
        kind: 'web-identity' as const,
        roleArn: roleIn(OTHER),
        tokenVariable: 'ID_TOKEN',
      };
      expect(await callerIdentity(REGION, access({ credentials, roleArn: roleIn(THIRD) }))).toMatchObject({
        account: THIRD,
      });
    } finally {
      Object.assign(process.env, { AWS_ACCESS_KEY_ID: 'sandbox', AWS_SECRET_ACCESS_KEY: 'sandbox' });
    }
    const tokens = asked(from, 'AssumeRoleWithWebIdentity').map((one) => one.get('WebIdentityToken'));
    expect(tokens).toEqual(['token of the job', 'token of a file', 'token of GitHub', 'token of the job']);
  });
});

describe('bakes', () => {
  it('are done with the access of their own file', async () => {
    const file = at('project/Pulumi.image.yaml');
    const image = parse(await readFile(file, 'utf8')) as { config: { 'bascule:image': object } };
    Object.assign(image.config['bascule:image'], { access: { roleArn: roleIn(THIRD) } });
    await writeFile(file, stringify(image));
    await openBakery({ json: true, project: at('project') }, new AbortController().signal);
    expect(await callerIdentity(REGION)).toMatchObject({ account: THIRD });
  });
});

describe('the account of an environment', () => {
  it('is asked for before anything else, and another one is refused', async () => {
    await changeSettings(at('project'), (settings) => Object.assign(settings, { account: OTHER }));
    const [from, file] = [
      proxy.calls.length,
      await readFile(at(`project/Pulumi.${ENVIRONMENT}.yaml`), 'utf8'),
    ];
    const wrong = { status: 'missing', needed: true, next: expect.stringContaining(HOME) as unknown };
    expect(await environmentAccess(ENVIRONMENT, at('project'))).toMatchObject(wrong);
    const up = await bascule('up', ENVIRONMENT, '--json');
    expect(up.exitCode, up.stderr).toBe(2);
    const { error } = JSON.parse(up.stdout) as { error: unknown };
    expect(error).toMatchObject({
      code: 'BASCULE_WRONG_ACCOUNT',
      message: expect.stringContaining(
        `account ${OTHER}, and the credentials are of account ${HOME}`,
      ) as unknown,
    });
    expect([...new Set(proxy.calls.slice(from).map(({ label }) => label))]).toEqual([
      'sts:GetCallerIdentity',
    ]);
    expect(await readFile(at(`project/Pulumi.${ENVIRONMENT}.yaml`), 'utf8')).toBe(file);
  });

  it('is entered by its role, and doctor says how', async () => {
    await changeSettings(at('project'), (settings) =>
      Object.assign(settings, { account: OTHER, access: { roleArn: roleIn(OTHER) } }),
    );
    expect(await environmentAccess(ENVIRONMENT, at('project'))).toMatchObject({
      status: 'ok',
      version: OTHER,
      source: `what the AWS SDK finds, then ${roleIn(OTHER)}`,
      path: `arn:aws:sts::${OTHER}:assumed-role/bascule-deploy/bascule`,
    });
  });
});
