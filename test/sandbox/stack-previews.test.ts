/** Previews of Bascule's own stacks on the real engine: what they say, and that they write nothing anywhere. */
import { execFile } from 'node:child_process';
import { mkdir, readdir, readFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { promisify } from 'node:util';
import * as aws from '@pulumi/aws';
import * as pulumi from '@pulumi/pulumi';
import { PulumiCommand } from '@pulumi/pulumi/automation';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { processOf } from '../../src/adapters/engine-processes';
import { loadEnvironmentFile } from '../../src/adapters/config-file';
import { InlinePreviewEngine } from '../../src/adapters/preview-engine';
import { PulumiStackPreviews } from '../../src/adapters/stack-previews';
import type { StackPrograms } from '../../src/adapters/stacks';
import type { ResourceChange, StackPreview } from '../../src/domain/preview/preview';
import { fleetProgram } from '../../stacks/fleet';
import { serviceProgram } from '../../stacks/service';
import { BASCULE, Program } from '../support/command-line';
import { changeSettings, ENVIRONMENT } from '../support/e2e-project';
import { FLEET_STACK, green, StackWorld } from '../support/stack-world';
import { must, until } from '../support/until';

const TEMPLATE = 'aws:ec2/launchTemplate:LaunchTemplate';
const GROUP = 'aws:autoscaling/group:Group';
const TARGETS = 'aws:lb/targetGroup:TargetGroup';
const BALANCER = 'aws:lb/loadBalancer:LoadBalancer';

let world: StackWorld;
let folder = '';
beforeAll(async () => {
  world = await StackWorld.start();
  folder = path.join(world.sandbox.folder, 'project');
  process.env['TMPDIR'] = path.join(world.sandbox.folder, 'temporary');
  await mkdir(tmpdir());
  await world.sandbox.register('shop-2.0.0', { service: 'shop', version: '2.0.0' });
});
afterAll(async () => {
  delete process.env['TMPDIR'];
  await world?.dispose();
});

async function filesIn(place: string): Promise<Record<string, string>> {
  const names = (await readdir(place, { withFileTypes: true })).filter((entry) => entry.isFile());
  const contents = names.map(async ({ name }) => [name, await readFile(path.join(place, name), 'utf8')]);
  return Object.fromEntries((await Promise.all(contents)) as [string, string][]);
}

/** Does the work, in which nothing may be written: to AWS, to Pulumi's state, to the project, and nothing left. */
async function silently<T>(work: () => Promise<T>): Promise<T> {
  const files = await filesIn(folder);
  const from = world.proxy.calls.length;
  const result = await work();
  const calls = world.proxy.calls.slice(from);
  expect(calls.map(({ label }) => label)).toContainEqual(expect.stringContaining('s3:GetObject'));
  expect(calls.filter(({ write }) => write).map(({ label }) => label)).toEqual([]);
  expect(await filesIn(folder)).toEqual(files);
  expect(await leftFolders()).toEqual([]);
  return result;
}

async function leftFolders(): Promise<string[]> {
  return (await readdir(tmpdir())).filter((name) => name.startsWith('bascule-preview-'));
}

async function previews(change: Partial<StackPrograms> = {}, name = ENVIRONMENT) {
  const command = await PulumiCommand.get({ skipVersionCheck: true });
  const config = await loadEnvironmentFile(folder, ENVIRONMENT);
  const service: StackPrograms['service'] = (given, environment) => serviceProgram(given, environment);
  const fleet: StackPrograms['fleet'] = (place) => fleetProgram(place);
  const programs = { service, fleet, ...change };
  return new PulumiStackPreviews(
    { projectFolder: folder, command },
    name,
    config,
    new InlinePreviewEngine(programs),
  );
}

/** All that a process has started, and that has started more, by pid. */
async function startedBy(...pids: number[]): Promise<Map<number, string>> {
  const { stdout } = await promisify(execFile)('ps', ['-A', '-o', 'pid=,ppid=,comm=']);
  const rows = stdout.split('\n').map((line) => line.trim().split(/\s+/));
  const children = rows.filter(([, parent]) => pids.includes(Number(parent)) && parent !== undefined);
  const found = new Map(children.map(([pid, , name]) => [Number(pid), name ?? '']));
  return found.size === 0 ? found : new Map([...found, ...(await startedBy(...found.keys()))]);
}

function changeOf({ resources }: StackPreview, type: string, name: string): ResourceChange {
  return must(
    resources.find((one) => one.type === type && one.name === name),
    `${type} ${name} in ${JSON.stringify(resources)}`,
  );
}

const bootOf = (version: string): string => `…\nBASCULE_VERSION="${version}"\n…`;

// One story: each part goes on where the one before left the environment.
describe('previews of stacks', () => {
  it('show all of a service that was never applied, twice the same, and make no stack for it', async () => {
    const [first, second] = await silently(async () => {
      const ours = await previews();
      expect(await ours.outputs()).toBeUndefined();
      await expect(ours.fleet(green('1.0.0'))).rejects.toMatchObject({ code: 'BASCULE_NOT_UP' });
      return Promise.all([ours.service(), (await previews()).service()]);
    });
    expect(first).toMatchObject({ stack: ENVIRONMENT, kind: 'service', applied: 'by-up', unchanged: 0 });
    expect(new Set(first.resources.map(({ operation }) => operation))).toEqual(new Set(['create']));
    expect(changeOf(first, BALANCER, 'load-balancer.eu-west-3').properties).toContainEqual({
      path: 'securityGroups',
      after: ['[computed]'],
    });
    expect(first.resources.map(({ type }) => type).filter((type) => !type.startsWith('aws:'))).toEqual([]);
    expect(second).toEqual(first);
  });

  it('show a new fleet', async () => {
    await (await world.stacks()).upService();
    const fleet = await silently(async () => (await previews()).fleet(green('1.0.0')));
    expect(fleet).toMatchObject({ stack: FLEET_STACK, region: 'eu-west-3', applied: 'by-deploy' });
    expect(fleet.resources).toMatchObject([
      { operation: 'create', type: GROUP },
      { operation: 'create', type: TEMPLATE },
    ]);
  });

  it('show a new version, from old to new, while a deployment is at work on the same fleet', async () => {
    const stacks = await world.stacks();
    await stacks.applyFleet(green('1.0.0'));
    const held = world.hold('CreateLaunchTemplateVersion', 'before');
    const applied = stacks.applyFleet(green('2.0.0'));
    applied.catch(() => undefined);
    await held.reached;
    expect(await world.locks(FLEET_STACK)).toHaveLength(1);
    const ours = await previews();
    const [service, fleet, same] = await silently(() =>
      Promise.all([ours.service(), ours.fleet(green('2.0.0')), ours.fleet(green('1.0.0'))]),
    );
    held.release();
    await applied;
    expect(await ours.outputs()).toEqual(await stacks.outputs());
    expect(service.resources).toEqual([]);
    expect(service.unchanged).toBeGreaterThan(10);
    expect(same).toMatchObject({ resources: [], unchanged: 2 });
    expect(changeOf(fleet, GROUP, 'fleet')).toMatchObject({
      operation: 'update',
      properties: [
        { path: 'launchTemplate.version', before: '1', after: '[computed]' },
        { path: 'tags["version"].value', before: '1.0.0', after: '2.0.0' },
      ],
    });
    const template = changeOf(fleet, TEMPLATE, 'fleet');
    expect(template.operation).toBe('update');
    const id = expect.stringMatching(/^ami-/) as unknown;
    expect(template.properties).toEqual(
      expect.arrayContaining([
        { path: 'description', before: 'shop 1.0.0', after: 'shop 2.0.0' },
        { path: 'imageId', before: id, after: id },
        { path: 'userData', before: bootOf('1.0.0'), after: bootOf('2.0.0') },
      ]),
    );
  });

  it('say in the words of the program why a fleet cannot be made', async () => {
    const ours = await previews();
    await silently(() =>
      expect(ours.fleet(green('9.9.9'))).rejects.toMatchObject({
        code: 'BASCULE_STACK_FAILED',
        details: [
          expect.stringContaining('There is no image of shop 9.9.9'),
          expect.stringContaining('Next:'),
        ],
      }),
    );
  });

  it('show a change of the configuration, and a replacement that the program and the engine would refuse', async () => {
    await changeSettings(folder, (settings) => {
      settings.targets.healthCheck.path = '/up';
      Object.assign(settings, { loadBalancer: { internal: true } });
    });
    const service = await silently(async () => (await previews()).service());
    for (const colour of ['blue', 'green']) {
      expect(changeOf(service, TARGETS, `${colour}.eu-west-3`)).toMatchObject({
        operation: 'update',
        properties: [{ path: 'healthCheck.path', before: '/health', after: '/up' }],
      });
    }
    expect(changeOf(service, BALANCER, 'load-balancer.eu-west-3')).toMatchObject({
      operation: 'replace',
      properties: expect.arrayContaining([{ path: 'internal', before: false, after: true, replaces: true }]),
    });
    expect(service.refused?.join('\n')).toMatch(/loadBalancer\.internal: cannot change from false to true/);
    expect(service.refused?.join('\n')).toMatch(/LoadBalancer load-balancer\.eu-west-3 is protected/);
  });

  it('hide secrets', async () => {
    const ours = await previews(
      {
        async service() {
          void new aws.ec2.SecurityGroup('group', {
            description: pulumi.secret('the word'),
            tags: { word: pulumi.secret('the word'), plain: 'shown' },
          });
          return {};
        },
      },
      'secretive',
    );
    const text = JSON.stringify(await silently(() => ours.service()));
    expect(text).toContain('[secret]');
    expect(text).not.toContain('the word');
  });

  it('leave nothing when they are ended by a signal', async () => {
    const held = world.hold('DescribeVpcs', 'before');
    const program = new Program(
      process.execPath,
      [BASCULE, 'preview', ENVIRONMENT, '--version', '1.0.0', '--project', folder],
      { env: { ...world.env, TMPDIR: tmpdir() } },
    );
    const early = program.ended.then(({ stdout, stderr }) => {
      throw new Error(`it ended before it was stopped:\n${stdout}\n${stderr}`);
    });
    early.catch(() => undefined);
    await Promise.race([held.reached, early]);
    const started = await startedBy(must(program.pid));
    expect([...started.values()]).toContain('pulumi');
    // The engine, and the plugin whose call is held.
    expect(started.size).toBeGreaterThan(1);
    expect(await leftFolders()).not.toEqual([]);
    program.signal('SIGINT');
    const { exitCode } = await program.ended;
    expect(exitCode).toBeNull();
    expect(await leftFolders()).toEqual([]);
    held.release();
    await until(
      () => Promise.all([...started.keys()].map(processOf)),
      (found) => found.every((one) => one === undefined),
    );
    world.unhook();
  });
});
