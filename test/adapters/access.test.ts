import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { accessKey, engineEnvironment, engineVariables, useAccess } from '../../src/adapters/access';
import { keptUntilLate, type Keys } from '../../src/adapters/aws-credentials';
import { accessSchema, type Access } from '../../src/domain/config/access';
import type { z } from 'zod';

const HOUR = 3_600_000;
const ROLE = 'arn:aws:iam::222222222222:role/bascule-deploy';

const access = (input: z.input<typeof accessSchema>): Access => accessSchema.parse(input);

describe('keys with an end', () => {
  let now = 0;
  let given = 0;
  let answer: () => Promise<Keys>;
  const hour = async (): Promise<Keys> => ({
    accessKeyId: `KEY${(given += 1)}`,
    secretAccessKey: 'secret',
    expiration: new Date(now + HOUR),
  });
  beforeEach(() => {
    [now, given, answer] = [0, 0, hour];
  });
  const chain = () =>
    keptUntilLate(
      () => answer(),
      () => now,
    );
  const idOf = async (keys: Promise<Keys>): Promise<string> => (await keys).accessKeyId;

  it('are kept until five minutes before it, and then got anew', async () => {
    const keys = chain();
    expect(await idOf(keys())).toBe('KEY1');
    now = HOUR - 301_000;
    expect(await idOf(keys())).toBe('KEY1');
    now = HOUR - 299_000;
    expect(await idOf(keys())).toBe('KEY2');
  });

  it('are asked for once by all who need them at the same time', async () => {
    const keys = chain();
    expect(await Promise.all([keys(), keys(), keys()].map(idOf))).toEqual(['KEY1', 'KEY1', 'KEY1']);
  });

  it('are used to their end where none can be got, and no longer', async () => {
    const keys = chain();
    await keys();
    answer = () => Promise.reject(new Error('no answer'));
    now = HOUR - 1000;
    expect(await idOf(keys())).toBe('KEY1');
    now = HOUR + 1000;
    await expect(keys()).rejects.toThrow('no answer');
    answer = hour;
    expect(await idOf(keys())).toBe('KEY2');
  });

  it('are got anew for who insists', async () => {
    const keys = chain();
    await keys();
    expect(await idOf(keys({ forceRefresh: true }))).toBe('KEY2');
    expect(await idOf(keys())).toBe('KEY2');
  });
});

describe('the engine’s variables', () => {
  const before = { ...process.env };
  let folder = '';

  beforeEach(async () => {
    folder = await mkdtemp(path.join(tmpdir(), 'bascule-access-'));
    for (const name of Object.keys(process.env)) if (/^AWS_(?!SDK_)/.test(name)) delete process.env[name];
    delete process.env['PULUMI_BACKEND_URL'];
    await writeFile(
      path.join(folder, 'credentials'),
      '[work]\naws_access_key_id = AKIAWORK\naws_secret_access_key = of-work\n',
    );
    Object.assign(process.env, {
      AWS_SHARED_CREDENTIALS_FILE: path.join(folder, 'credentials'),
      AWS_CONFIG_FILE: path.join(folder, 'config'),
      AWS_EC2_METADATA_DISABLED: 'true',
    });
  });
  afterEach(async () => {
    useAccess(undefined);
    for (const name of Object.keys(process.env)) if (!(name in before)) delete process.env[name];
    Object.assign(process.env, before);
    await rm(folder, { recursive: true, force: true });
  });

  it('are those of this process where nothing is said of an access', async () => {
    process.env['AWS_PROFILE'] = 'mine';
    useAccess(undefined);
    expect(await engineEnvironment()).toEqual({ ...process.env });
    useAccess(access({}));
    expect(await engineEnvironment()).toEqual({ ...process.env });
  });

  it('are the keys of a profile, and nothing that would lead elsewhere', async () => {
    Object.assign(process.env, {
      AWS_PROFILE: 'mine',
      AWS_SESSION_TOKEN: 'of another',
      AWS_WEB_IDENTITY_TOKEN_FILE: '/token',
      AWS_ROLE_ARN: ROLE,
    });
    useAccess(access({ credentials: { kind: 'profile', name: 'work' } }), 'eu-west-3');
    const environment = await engineEnvironment();
    expect(environment).toMatchObject({
      AWS_ACCESS_KEY_ID: 'AKIAWORK',
      AWS_SECRET_ACCESS_KEY: 'of-work',
      AWS_REGION: 'eu-west-3',
      PATH: process.env['PATH'],
    });
    for (const name of ['AWS_PROFILE', 'AWS_SESSION_TOKEN', 'AWS_WEB_IDENTITY_TOKEN_FILE', 'AWS_ROLE_ARN'])
      expect(environment).not.toHaveProperty(name);
    // Where they are put on top of the process's own, as Pulumi's SDK does.
    expect(await engineVariables()).toMatchObject({ AWS_PROFILE: '', AWS_ROLE_ARN: '' });
  });

  it('name the environment’s own backend, with its keys or with those that are there', async () => {
    process.env['PULUMI_BACKEND_URL'] = 's3://everybody';
    const backendUrl = 's3://production-state?region=eu-west-3';
    useAccess(access({ backendUrl }));
    expect(await engineVariables()).toEqual({ PULUMI_BACKEND_URL: backendUrl });
    useAccess(access({ backendUrl, credentials: { kind: 'profile', name: 'work' } }));
    expect(await engineVariables()).toMatchObject({
      PULUMI_BACKEND_URL: backendUrl,
      AWS_ACCESS_KEY_ID: 'AKIAWORK',
    });
  });

  it('cannot be had of a profile that is not there', async () => {
    useAccess(access({ credentials: { kind: 'profile', name: 'nobody' } }));
    await expect(engineEnvironment()).rejects.toMatchObject({
      code: 'BASCULE_ACCESS_REFUSED',
      exitCode: 2,
      message: expect.stringContaining('profile nobody') as unknown,
    });
  });

  it.each([
    [{ tokenVariable: 'NO_SUCH_TOKEN' }, 'the variable NO_SUCH_TOKEN is empty or not set'],
    [{ tokenFile: '/no/such/token' }, 'the file /no/such/token cannot be read'],
    [{ githubAudience: 'sts.amazonaws.com' }, 'no job of GitHub Actions'],
  ])('cannot be had without a token: %j', async (source, why) => {
    delete process.env['ACTIONS_ID_TOKEN_REQUEST_URL'];
    useAccess(access({ credentials: { kind: 'web-identity', roleArn: ROLE, ...source } }));
    await expect(engineEnvironment()).rejects.toMatchObject({
      code: 'BASCULE_TOKEN_MISSING',
      message: expect.stringContaining(why) as unknown,
    });
  });
});

describe('one access', () => {
  it('is told from another by what matters for calls', () => {
    expect(accessKey(undefined)).toBe('');
    expect(accessKey(access({ backendUrl: 's3://state' }))).toBe('');
    expect(accessKey(access({ roleArn: ROLE }))).not.toBe('');
    expect(accessKey(access({ roleArn: ROLE }))).toBe(
      accessKey(access({ roleArn: ROLE, backendUrl: 's3://state' })),
    );
    expect(accessKey(access({ roleArn: ROLE }))).not.toBe(
      accessKey(access({ roleArn: ROLE, sessionName: 'other' })),
    );
  });
});
