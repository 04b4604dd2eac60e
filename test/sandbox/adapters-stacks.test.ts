/** Stacks on the real engine, with a backend in a folder and programs that need no provider. */
import { execFile } from 'node:child_process';
import { mkdtemp, mkdir, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { hostname, tmpdir } from 'node:os';
import path from 'node:path';
import { promisify } from 'node:util';
import * as pulumi from '@pulumi/pulumi';
import { PulumiCommand } from '@pulumi/pulumi/automation';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { ensureEngine } from '../../automation/engine';
import { InlinePreviewEngine } from '../../src/adapters/preview-engine';
import { PulumiStackPreviews } from '../../src/adapters/stack-previews';
import { PulumiStacks, type StackPrograms } from '../../src/adapters/stacks';
import type { EnvironmentConfig } from '../../src/domain/config';
import type { FleetTarget } from '../../src/ports';

const SERVICE_FILE = `# Written by people; it stays as it is.\nconfig:\n  bascule:environment: { service: shop }\n`;
const PROJECT_FILE = 'name: bascule\nruntime: nodejs\nmain: index.js\n';

/** A component, which the engine keeps like any resource and which needs no plugin. */
class Part extends pulumi.ComponentResource {
  constructor(name: string, protect = false) {
    super('test:index:Part', name, {}, { protect });
    this.registerOutputs({});
  }
}

let folder = '';
let failure: Error | undefined;
const programs: StackPrograms = {
  async service(config, environment) {
    // As the real ones are: whoever removes them through Bascule was asked before.
    void new Part('load-balancer', true);
    return {
      environment,
      service: config.service,
      regions: { 'eu-west-3': { testUrl: 'http://127.0.0.1:8081' } },
    };
  },
  async fleet({ environment, region, colour }) {
    if (failure !== undefined) throw failure;
    const reference = new pulumi.StackReference(`organization/bascule/${environment}`);
    const regions = (await reference.getOutputDetails('regions')).value as Record<string, unknown>;
    void new Part(`${Object.keys(regions)[0]}-${colour}`);
    return { region, decided: new pulumi.Config('bascule').requireObject('fleet') };
  },
};

const capacity = { minimum: 2, maximum: 4, desired: 3 };
const green = (version: string): FleetTarget => ({ region: 'eu-west-3', colour: 'green', version, capacity });
const at = (file: string) => path.join(folder, 'project', file);

async function stacks(): Promise<PulumiStacks> {
  const place = {
    projectFolder: at('.'),
    command: await PulumiCommand.get({ skipVersionCheck: true }),
    patience: { othersSeconds: 0 },
  };
  const config = { service: 'shop' } as EnvironmentConfig;
  return new PulumiStacks(place, 'production', config, programs);
}

beforeAll(async () => {
  folder = await mkdtemp(path.join(tmpdir(), 'bascule-stacks-'));
  await Promise.all(['project', 'backend', 'home'].map((name) => mkdir(path.join(folder, name))));
  await writeFile(at('Pulumi.yaml'), PROJECT_FILE);
  // The engine wants the file of the project's program also where the program runs in this process.
  await writeFile(at('index.js'), '');
  await writeFile(at('Pulumi.production.yaml'), SERVICE_FILE);
  Object.assign(process.env, {
    PATH: `${(await ensureEngine()).folder}${path.delimiter}${process.env['PATH']}`,
    PULUMI_HOME: path.join(folder, 'home'),
    PULUMI_BACKEND_URL: `file://${path.join(folder, 'backend')}`,
    PULUMI_CONFIG_PASSPHRASE: 'test',
    PULUMI_SKIP_UPDATE_CHECK: 'true',
  });
});

afterAll(async () => {
  await rm(folder, { recursive: true, force: true });
});

describe('PulumiStacks', () => {
  it('has no outputs before the first update', async () => {
    expect(await (await stacks()).outputs()).toBeUndefined();
  });

  it('applies the service, tells its outputs, and leaves what people wrote as it was', async () => {
    const ours = await stacks();
    expect(await ours.upService()).toMatchObject({ created: 2, deleted: 0 });
    const outputs = {
      environment: 'production',
      service: 'shop',
      regions: { 'eu-west-3': { testUrl: 'http://127.0.0.1:8081' } },
    };
    expect(await ours.outputs()).toEqual(outputs);
    expect(await (await stacks()).outputs()).toEqual(outputs);
    expect(await readFile(at('Pulumi.yaml'), 'utf8')).toBe(PROJECT_FILE);
    expect(await readFile(at('Pulumi.production.yaml'), 'utf8')).toContain(SERVICE_FILE.split('\n')[0]);
    expect(await ours.upService()).toEqual({ created: 0, updated: 0, replaced: 0, deleted: 0, unchanged: 2 });
  });

  it('applies fleets side by side, with what it decided in the settings that plain pulumi reads', async () => {
    const ours = await stacks();
    await Promise.all([ours.applyFleet(green('2.0')), ours.applyFleet({ ...green('1.10'), colour: 'blue' })]);
    const { stdout } = await promisify(execFile)(
      'pulumi',
      ['config', 'get', 'bascule:fleet', '--json', '--stack', 'production.eu-west-3.green'],
      { cwd: at('.') },
    );
    expect((JSON.parse(stdout) as { objectValue: unknown }).objectValue).toEqual({
      version: '2.0',
      ...capacity,
    });
  });

  it('previews on a copy of what the engine exports, and keeps nothing of it', async () => {
    const names = async () =>
      Promise.all(
        ['project', 'backend'].map((name) => readdir(path.join(folder, name), { recursive: true })),
      );
    const files = await names();
    const file = at('Pulumi.production.eu-west-3.green.yaml');
    const before = await readFile(file, 'utf8');
    const place = { projectFolder: at('.'), command: await PulumiCommand.get({ skipVersionCheck: true }) };
    const config = { service: 'shop' } as EnvironmentConfig;
    const shown = new PulumiStackPreviews(place, 'production', config, new InlinePreviewEngine(programs));
    expect(await shown.outputs()).toEqual(await (await stacks()).outputs());
    const fleets: FleetTarget[] = [green('3.0'), { ...green('3.0'), colour: 'blue' }];
    for (const preview of await Promise.all([shown.service(), ...fleets.map((one) => shown.fleet(one))]))
      expect(preview).toMatchObject({ resources: [], unchanged: 0 });
    expect(await names()).toEqual(files);
    expect(await readFile(file, 'utf8')).toBe(before);
  });

  it('says in the words of the program why an update failed', async () => {
    failure = new pulumi.RunError('there is no image of shop 9.9 in eu-west-3');
    try {
      await expect((await stacks()).applyFleet(green('9.9'))).rejects.toMatchObject({
        code: 'BASCULE_STACK_FAILED',
        message: expect.stringContaining('production.eu-west-3.green'),
        details: [expect.stringContaining('there is no image of shop 9.9 in eu-west-3')],
      });
    } finally {
      failure = undefined;
    }
  });

  it.each([
    ['PULUMI_BACKEND_URL', undefined, 'BASCULE_STACK_BACKEND'],
    ['PULUMI_CONFIG_PASSPHRASE', undefined, 'BASCULE_STACK_SECRETS'],
    ['PULUMI_CONFIG_PASSPHRASE', 'another', 'BASCULE_STACK_SECRETS'],
  ])('says what only people can set: %s is %s', async (name, value, code) => {
    const before = process.env[name];
    delete process.env[name];
    Object.assign(process.env, value === undefined ? {} : { [name]: value });
    try {
      await expect((await stacks()).applyFleet(green('2.0'))).rejects.toMatchObject({ code, exitCode: 2 });
    } finally {
      process.env[name] = before;
    }
  });

  it('names the holder of a locked stack, a process that lives', async () => {
    const locks = path.join(
      folder,
      'backend',
      '.pulumi',
      'locks',
      'organization',
      'bascule',
      'production.eu-west-3.green',
    );
    await mkdir(locks, { recursive: true });
    const lock = path.join(locks, '0e4ab9b0-0000-4000-8000-000000000000.json');
    await writeFile(
      lock,
      JSON.stringify({
        pid: process.pid,
        username: 'ada',
        hostname: hostname(),
        timestamp: new Date().toISOString(),
      }),
    );
    try {
      await expect((await stacks()).applyFleet(green('2.0'))).rejects.toMatchObject({
        code: 'BASCULE_STACK_LOCKED',
        details: expect.arrayContaining([expect.stringContaining(`ada@${hostname()} (pid ${process.pid})`)]),
      });
    } finally {
      await rm(lock);
    }
  });

  it('removes a fleet with its settings, the service without them, and neither twice', async () => {
    const ours = await stacks();
    expect(await ours.destroyFleet('eu-west-3', 'green')).toMatchObject({ deleted: 2 });
    expect(await ours.destroyFleet('eu-west-3', 'green')).toMatchObject({ deleted: 0 });
    await expect(readFile(at('Pulumi.production.eu-west-3.green.yaml'))).rejects.toThrow('ENOENT');
    expect(await ours.destroyService()).toMatchObject({ deleted: 2 });
    expect(await ours.outputs()).toBeUndefined();
    expect(await readFile(at('Pulumi.production.yaml'), 'utf8')).toContain('bascule:environment');
  });
});
