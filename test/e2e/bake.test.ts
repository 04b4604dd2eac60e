/** Images made by a real Packer with the real playbook, on the sandbox's build machine. */
import { readdir, readFile, writeFile } from 'node:fs/promises';
import path from 'node:path';
import {
  DescribeImagesCommand,
  DescribeInstancesCommand,
  DescribeKeyPairsCommand,
  DescribeSecurityGroupsCommand,
  DescribeSnapshotsCommand,
  DescribeVolumesCommand,
} from '@aws-sdk/client-ec2';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { stringify } from 'yaml';
import { describeBake } from '../support/bake-tools';
import type { Document } from '../support/command-line';
import { apps, LiveEnvironment } from '../support/e2e';
import { ENVIRONMENT, SERVICE } from '../support/e2e-project';
import { must, until } from '../support/until';

interface BakeDocument extends Document {
  images?: Record<string, string>;
  contentSha256?: string;
}

let environment: LiveEnvironment;

beforeAll(async () => {
  environment = await LiveEnvironment.start(undefined, { buildMachine: true });
  // Otherwise a connection to the build machine outlives the test by a minute.
  const ANSIBLE_SSH_ARGS = '-o ControlMaster=auto -o ControlPersist=10s';
  environment.env = { ...environment.env, ANSIBLE_SSH_ARGS };
  await configure({});
});

afterAll(() => environment.dispose());

/** Writes the image's configuration, with a playbook of the test's own where one is given. */
async function configure(packer: Record<string, unknown>): Promise<void> {
  const { info, project } = environment;
  const image = { service: SERVICE, bucket: info.bucket, regions: [info.region], builder: 'packer', packer };
  await writeFile(path.join(project, 'Pulumi.image.yaml'), stringify({ config: { 'bascule:image': image } }));
}

async function playbook(name: string, task: Record<string, unknown>): Promise<void> {
  await writeFile(
    path.join(environment.project, `${name}.yml`),
    stringify([{ hosts: 'all', gather_facts: false, tasks: [task] }]),
  );
  await configure({ playbook: `${name}.yml` });
}

async function groups(): Promise<string[]> {
  const { SecurityGroups = [] } = await environment.ec2().send(new DescribeSecurityGroupsCommand({}));
  return SecurityGroups.map(({ GroupName }) => must(GroupName));
}

/** Everything in EC2 that a bake made and that no image which counts consists of. */
async function leftovers(): Promise<string[]> {
  const ec2 = environment.ec2();
  const Filters = [{ Name: 'tag-key', Values: ['bascule:baking'] }];
  const alive = { Name: 'instance-state-name', Values: ['pending', 'running', 'stopping', 'stopped'] };
  const [instances, volumes, images, snapshots, keys, all] = await Promise.all([
    ec2.send(new DescribeInstancesCommand({ Filters: [...Filters, alive] })),
    ec2.send(new DescribeVolumesCommand({ Filters })),
    ec2.send(new DescribeImagesCommand({ Owners: ['self'], Filters })),
    ec2.send(new DescribeSnapshotsCommand({ OwnerIds: ['self'], Filters })),
    ec2.send(new DescribeKeyPairsCommand({})),
    groups(),
  ]);
  return [
    ...(instances.Reservations ?? []).flatMap((one) => one.Instances ?? []).map((one) => one.InstanceId),
    ...(volumes.Volumes ?? []).map((one) => one.VolumeId),
    ...(images.Images ?? []).map((one) => one.ImageId),
    ...(snapshots.Snapshots ?? []).map((one) => one.SnapshotId),
    ...(keys.KeyPairs ?? []).map((one) => one.KeyName).filter((name) => name?.startsWith('packer')),
    ...all.filter((name) => name.startsWith('packer')),
  ].map((id) => must(id));
}

/** Processes of this test's bakes, by what their command line says. */
async function processes(words: RegExp): Promise<number[]> {
  const pids = (await readdir('/proc')).filter((name) => /^\d+$/.test(name));
  const read = (pid: string, name: string) => readFile(`/proc/${pid}/${name}`, 'utf8').catch(() => '');
  const found = await Promise.all(
    pids.map(async (pid) => {
      const [command, variables] = await Promise.all([read(pid, 'cmdline'), read(pid, 'environ')]);
      const ours = variables.includes(`AWS_ENDPOINT_URL=${environment.info.endpoint}`);
      return ours && words.test(command.split('\0').join(' ')) ? [Number(pid)] : [];
    }),
  );
  return found.flat();
}

function bake(version: string) {
  return environment.run<BakeDocument>('bake', version, '--app', apps.service);
}

describeBake('a release baked by Packer', () => {
  it('is an image with everything on it, which a deployment launches', async () => {
    const [baked] = await Promise.all([bake('1.0.0'), environment.succeeds('up', ENVIRONMENT)]);
    expect(baked.exitCode, `${baked.stderr}${baked.stdout}`).toBe(0);
    // Each of Packer's steps and of the playbook's tasks is shown as it comes.
    for (const step of [
      'start build instance',
      'wait for SSH',
      'Ansible: ',
      'make image',
      'test boot of ami-',
    ])
      expect(baked.stderr).toContain(step);
    expect(baked.stderr).toMatch(/Ansible: .*\(task \d+\)/);
    expect(baked.stderr).toMatch(/ok=\d+ changed=\d+ .*failed=0/);

    const id = must(baked.json.images?.[environment.region]);
    const { Images } = await environment.ec2().send(new DescribeImagesCommand({ ImageIds: [id] }));
    const pairs = (must(Images?.[0]).Tags ?? []).map(({ Key = '', Value }) => [Key, Value] as const);
    const tags: Record<string, string | undefined> = Object.fromEntries(pairs);
    expect(tags).toMatchObject({
      service: SERVICE,
      version: '1.0.0',
      'bascule:content': baked.json.contentSha256,
      'bascule:builder': expect.stringMatching(/^packer \d+\.\d+\.\d+, ansible \d+\.\d+/),
      'bascule:base': expect.stringMatching(/^ami-\w+ \S/),
    });
    expect(Object.keys(tags)).not.toContain('bascule:bundle');
    expect(await leftovers()).toEqual([]);

    const again = await bake('1.0.0');
    expect(again.json).toMatchObject({ exitCode: 0, outcome: 'already-baked', images: baked.json.images });

    const deployed = await environment.deploy('1.0.0');
    expect(deployed.exitCode, deployed.stderr).toBe(0);
    const answer = await fetch(await environment.url());
    expect(answer.status).toBe(200);
    expect(answer.headers.get('x-version')).toBe('1.0.0');
  });

  it('names the task that failed, and leaves nothing', async () => {
    await playbook('broken', {
      name: 'Reach the moon',
      'ansible.builtin.fail': { msg: 'the rocket, it has no fuel' },
    });
    const { exitCode, json, stderr } = await bake('2.0.0');
    expect(exitCode).toBe(3);
    expect(json).toMatchObject({
      error: {
        code: 'BASCULE_BAKE_FAILED',
        message: expect.stringContaining('the Ansible task "Reach the moon" failed'),
        details: expect.arrayContaining(['task: Reach the moon', 'message: the rocket, it has no fuel']),
      },
    });
    expect(stderr).not.toMatch(/^\s+at .*\.js:\d+/m);
    expect(await leftovers()).toEqual([]);
  });
});

describeBake('a bake that is broken off', () => {
  // It waits for what never comes.
  const waiting = {
    name: 'Wait for ever',
    'ansible.builtin.wait_for': { path: '/nowhere/at/all', timeout: 600 },
  };

  it('by SIGTERM removes what it made, and says so', async () => {
    await playbook('waiting', waiting);
    const program = environment.begin('bake', '3.0.0', '--app', apps.service);
    await program.says(/Ansible: Wait for ever/);
    expect(await leftovers()).not.toEqual([]);
    program.signal('SIGTERM');
    const { exitCode, json } = await environment.answerOf(program);
    expect(json).toMatchObject({ exitCode: 3, error: { code: 'BASCULE_STOPPED' } });
    expect(exitCode).toBe(3);
    expect(await leftovers()).toEqual([]);
    expect(await processes(/packer build|ansible-playbook/)).toEqual([]);
  });

  it('by SIGKILL of its script leaves nothing in the end', async () => {
    await playbook('waiting', waiting);
    const program = environment.begin('bake', '3.0.0', '--app', apps.service);
    await program.says(/Ansible: Wait for ever/);
    const [script] = await processes(/automation\/bake\/main\.js/);
    process.kill(must(script), 'SIGKILL');
    const { exitCode, json } = await environment.answerOf(program);
    expect(exitCode).toBe(3);
    expect(json).toMatchObject({ error: { code: 'BASCULE_BAKE_FAILED' } });
    await until(leftovers, (left) => left.length === 0, 60);
    await until(
      () => processes(/packer build|ansible-playbook|bake\/cleaner\.js/),
      (left) => left.length === 0,
      60,
    );
  });
});
