/** Images that are made on the sandbox's build machine, instances of them, and the test of an image's first boot. */
import { existsSync } from 'node:fs';
import { readdir, writeFile } from 'node:fs/promises';
import path from 'node:path';
import {
  CopyImageCommand,
  CreateImageCommand,
  CreateKeyPairCommand,
  DeregisterImageCommand,
  DescribeInstancesCommand,
  DescribeKeyPairsCommand,
  DescribeVolumesCommand,
  EC2Client,
  GetConsoleOutputCommand,
  RunInstancesCommand,
} from '@aws-sdk/client-ec2';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { systemClock } from '../../src/adapters/clock';
import { testBoot } from '../../src/adapters/test-boot';
import type { BakeOrder } from '../../src/domain/bake-order';
import { parseImage } from '../../src/domain/config';
import { sandboxEnv } from '../../automation/sandbox';
import { describeBuildMachine } from '../support/bake-tools';
import { BuildMachine } from '../support/build-machine';
import { get, LiveSandbox } from '../support/live-sandbox';
import { must, until } from '../support/until';

const HOME = 'eu-west-3';
const OTHER = 'eu-central-1';

let sandbox: LiveSandbox;
let machine: BuildMachine;
beforeAll(async () => {
  sandbox = await LiveSandbox.start({ buildMachine: true });
  machine = new BuildMachine(sandbox);
  Object.assign(process.env, {
    AWS_ENDPOINT_URL: sandbox.info.endpoint,
    AWS_ACCESS_KEY_ID: 'sandbox',
    AWS_SECRET_ACCESS_KEY: 'sandbox',
  });
}, 120_000);
afterAll(async () => sandbox?.dispose());

const ec2 = (region = HOME) => new EC2Client(sandbox.options(region));
const disks = () => readdir(path.join(sandbox.folder, 'images')).catch(() => []);

async function consoleOf(id: string, region = HOME): Promise<string> {
  const { Output } = await ec2(region).send(new GetConsoleOutputCommand({ InstanceId: id, Latest: true }));
  return Buffer.from(must(Output), 'base64').toString('utf8');
}

describeBuildMachine('an image made on the build machine', () => {
  it('serves in every region it is copied to, also after the sandbox was stopped', async () => {
    const image = await machine.bake('hello', 'hello-1.0.0');
    const copy = new CopyImageCommand({ Name: 'copy', SourceImageId: image, SourceRegion: HOME });
    const copied = must((await ec2(OTHER).send(copy)).ImageId);
    expect((await disks()).sort()).toEqual([image, copied].sort());

    // The copy is a whole of its own.
    await ec2().send(new DeregisterImageCommand({ ImageId: image }));
    expect(await disks()).toEqual([copied]);
    const userData = '#!/bin/sh\n#bascule:environment {"GREETING":"bonjour","FROM":"user data"}\n';
    const { Instances } = await ec2(OTHER).send(
      new RunInstancesCommand({
        ImageId: copied,
        MinCount: 1,
        MaxCount: 1,
        UserData: Buffer.from(userData).toString('base64'),
      }),
    );
    const id = must(Instances?.[0]?.InstanceId);
    expect(await answerOf(id)).toMatchObject({
      instance: id,
      environment: { GREETING: 'bonjour', FROM: 'user data', BASCULE_REGION: OTHER },
    });
    expect(await consoleOf(id, OTHER)).toContain('hello  listens on');

    await sandbox.stop();
    expect(await sandbox.processes()).toEqual([]);
    await sandbox.startAgain();
    expect(await answerOf(id)).toMatchObject({ instance: id });

    async function answerOf(instance: string): Promise<Record<string, unknown>> {
      const { address } = await sandbox.reaches(instance, 'running');
      const answer = await until<{ status: number; body: Record<string, unknown> }>(
        () => get(`http://${address}/env`).catch(() => ({ status: 0, body: {} })),
        ({ status }) => status === 200,
      );
      return answer.body;
    }
  });

  it('says on the console what its disk lacks', async () => {
    const instance = await machine.launch();
    await machine.ssh(`echo nothing > ${machine.variable('root')}/file`);
    const made = await ec2().send(new CreateImageCommand({ InstanceId: instance, Name: 'empty' }));
    await machine.end(instance);
    const id = await sandbox.run(must(made.ImageId), { service: 'shop' });
    await sandbox.reaches(id, 'exited');
    expect(await consoleOf(id)).toContain('has no /etc/systemd/system/shop.service');
  });
});

describeBuildMachine('the build machine', () => {
  it('is one at a time, empty at the start, and lets in whoever launched it', async () => {
    const one = await machine.launch();
    const root = machine.variable('root');
    expect(
      await machine.ssh(`ls -A ${root}; touch ${root}/file; mkdir -m 555 ${root}/folder; echo $HOME`),
    ).toBe(`${path.join(sandbox.info.folder, 'build-machine', 'home')}\n`);
    await expect(machine.launch()).rejects.toThrow(
      `The sandbox has one build machine, and ${one} is it already`,
    );
    await machine.end(one);
    const { KeyMaterial } = await ec2().send(new CreateKeyPairCommand({ KeyName: 'packer_1' }));
    const keyFile = path.join(sandbox.folder, 'packer.pem');
    await writeFile(keyFile, must(KeyMaterial), { mode: 0o600 });
    await expect(machine.ssh('true', keyFile)).rejects.toThrow('Permission denied');
    const two = await machine.launch('packer_1');
    expect(await machine.ssh(`ls -A ${root}`, keyFile)).toBe('');
    await machine.end(two);
  });

  it('has its key pair in every region', async () => {
    for (const region of [HOME, 'us-west-2']) {
      const { KeyPairs } = await ec2(region).send(new DescribeKeyPairsCommand({}));
      expect(KeyPairs?.map(({ KeyName }) => KeyName)).toContain(machine.variable('ssh_keypair_name'));
    }
  });

  it('comes back when it was killed, where it was', async () => {
    const before = await sandbox.part('build machine');
    process.kill(before, 'SIGKILL');
    await until(
      () => sandbox.status(),
      ({ state }) => state === 'partly',
    );
    const { started, buildMachine } = await sandbox.startAgain();
    expect(started).toEqual(['build machine']);
    expect(await sandbox.part('build machine')).not.toBe(before);
    expect(await machine.ssh('echo here')).toBe('here\n');
    expect(buildMachine?.port).toBe(Number(machine.variable('ssh_port')));
  });
});

describeBuildMachine('the test of an image at its first boot', () => {
  const order = (service: string, timeoutSeconds: number): BakeOrder => {
    const parsed = parseImage({ service, bucket: 'releases', regions: [HOME], tags: { team: 'web' } });
    if (!parsed.ok) throw new Error(JSON.stringify(parsed.problems));
    const { testBoot: wanted } = parsed.config;
    const sums = { sha256: 'a'.repeat(64), contentSha256: 'b'.repeat(64) };
    return {
      ...parsed.config,
      ...sums,
      version: '1.0.0',
      bundleFile: 'none',
      testBoot: { ...wanted, timeoutSeconds },
    };
  };
  const test = (service: string, image: string, seconds: number, signal = new AbortController().signal) =>
    testBoot(order(service, seconds), HOME, image, systemClock, signal);

  /** What is there of instances of an image, and of their volumes. */
  async function left(image: string): Promise<unknown[]> {
    const Filters = [{ Name: 'image-id', Values: [image] }];
    const { Reservations = [] } = await ec2().send(new DescribeInstancesCommand({ Filters }));
    const baking = [{ Name: 'tag-key', Values: ['bascule:baking'] }];
    const { Volumes = [] } = await ec2().send(new DescribeVolumesCommand({ Filters: baking }));
    const instances = Reservations.flatMap(({ Instances = [] }) => Instances);
    expect(instances).toMatchObject([
      { MetadataOptions: { HttpTokens: 'required' }, State: { Name: 'terminated' } },
    ]);
    return Volumes;
  }

  it('passes one that answers', async () => {
    const image = await machine.bake('hello', 'hello-tested');
    expect(await test('hello', image, 60)).toEqual({ kind: 'passed', took: expect.any(Number) as number });
    expect(await left(image)).toEqual([]);
  });

  it('fails one whose application ends, with what it printed', async () => {
    const image = await machine.bake('crash', 'crash-tested');
    const outcome = await test('crash', image, 600);
    expect(outcome).toMatchObject({
      kind: 'failed',
      why: expect.stringContaining('the application ended before http://127.0.0.1:') as string,
      lines: expect.arrayContaining([
        'crash: the database password is missing, so the service cannot start',
      ]) as string[],
    });
    expect(await left(image)).toEqual([]);
  });

  it('fails one that has nothing to start, at once', async () => {
    const image = await sandbox.register('bare', {});
    expect(await test('bare', image, 3600)).toMatchObject({
      kind: 'failed',
      why: expect.stringMatching(/^image ami-\w+ has no tag bascule:bundle and was not made on/) as string,
    });
  });

  it('fails one that answers with 500, and ends the instance also when it is aborted', async () => {
    const image = await machine.bake('sick', 'sick-tested');
    expect(await test('sick', image, 2)).toMatchObject({
      kind: 'failed',
      why: expect.stringMatching(/\/health answers with 500 after 2 s$/) as string,
      lines: expect.arrayContaining(['sick: health check answered with 500']) as string[],
    });
    expect(await left(image)).toEqual([]);

    const other = await machine.bake('sick', 'sick-aborted');
    const leaving = new AbortController();
    const testing = test('sick', other, 600, leaving.signal);
    await until(
      async () => (await sandbox.status()).instances.some(({ process }) => process === 'running'),
      (running) => running,
    );
    leaving.abort(new Error('Ctrl-C'));
    await expect(testing).rejects.toThrow('Ctrl-C');
    expect(await left(other)).toEqual([]);
    expect(existsSync(path.join(sandbox.folder, 'images', other))).toBe(true);
  });
});

describeBuildMachine('a build machine that is not wanted any more', () => {
  it('ends, is asked for no more, and leaves the images', async () => {
    const images = await disks();
    expect(images).not.toEqual([]);
    expect((await sandbox.startAgain({ buildMachine: false })).buildMachine).toBeNull();
    await sandbox.startAgain();
    expect((await sandbox.status()).parts.map(({ name }) => name)).toEqual(['control plane', 'daemon']);
    expect(Object.keys(sandboxEnv(sandbox.info)).filter((name) => name.startsWith('PKR_VAR_'))).toEqual([]);
    expect(await disks()).toEqual(images);
  });
});
