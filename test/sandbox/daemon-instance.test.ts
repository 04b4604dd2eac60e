import { mkdir, mkdtemp, readdir, readFile, rm, utimes, writeFile } from 'node:fs/promises';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { InstanceState, InstanceTruth } from '../../automation/sandbox/contract';
import { PortPool } from '../../automation/sandbox/daemon/free-port';
import { Instance, type InstanceWorld } from '../../automation/sandbox/daemon/instance';
import { capOutput } from '../../automation/sandbox/daemon/output-log';
import { forgetOldInstances } from '../../automation/sandbox/daemon/supervisor';
import { killMarked, markedProcesses } from '../../automation/sandbox/lifecycle/processes';
import { until } from '../support/until';

const HELLO = path.resolve(__dirname, '../support/apps/hello');

function facts(id = 'i-1'): InstanceState {
  return {
    id,
    account: '123456789012',
    region: 'eu-west-3',
    state: 'running',
    imageId: 'ami-1',
    imageTags: { service: 'shop', version: '1.0.0', 'bascule:bundle': 's3://bucket/key.tar.gz' },
    tags: {},
    userData: null,
    launchedAt: 0,
    autoScalingGroup: null,
    disk: null,
    buildMachine: false,
  };
}

describe('an instance of the sandbox', () => {
  let sandbox: string;
  let release: string;
  const log: string[] = [];
  beforeEach(async () => {
    sandbox = await mkdtemp(path.join(tmpdir(), 'bascule-instance-'));
    release = path.join(sandbox, 'release');
    await mkdir(release);
  });
  afterEach(async () => {
    await killMarked(sandbox);
    await rm(sandbox, { recursive: true, force: true });
  });

  function instance(over: Partial<InstanceWorld> = {}): Instance {
    return new Instance(facts(), {
      sandbox,
      instances: path.join(sandbox, 'instances'),
      store: { folderOf: async () => release },
      ports: new PortPool(),
      endpoint: async () => 'http://127.0.0.1:9',
      graceMs: 2_000,
      onChange: () => undefined,
      log: (line) => log.push(line),
      ...over,
    });
  }
  const reaches = (one: Instance, process: InstanceTruth['process']) =>
    until(
      async () => one.truth(),
      (truth) => truth.process === process,
    );
  const web = (line: string) => writeFile(path.join(release, 'Procfile'), `web: ${line}\n`);
  const answers = (one: Instance) =>
    until(
      async () => {
        const address = one.address();
        return (
          address &&
          fetch(`http://127.0.0.1:${address.port}/health`).then(
            ({ status }) => status,
            () => 0,
          )
        );
      },
      (status) => status === 200,
    );

  it('tries another port when its own is taken before it listens', async () => {
    const thief = createServer();
    await new Promise<void>((resolve) => thief.listen(0, '127.0.0.1', resolve));
    const stolen = (thief.address() as AddressInfo).port;
    const pool = new PortPool();
    const given: number[] = [];
    const take = async () => {
      given.push(given.length === 0 ? stolen : await pool.take());
      return given.at(-1) ?? 0;
    };
    const one = instance({
      store: { folderOf: async () => HELLO },
      ports: { take, keep: () => undefined, giveBack: (port) => pool.giveBack(port) },
    });
    try {
      one.begin();
      await until(
        async () => one.address()?.port,
        (port) => port !== undefined && port !== stolen,
      );
      await answers(one);
      expect(given).toHaveLength(2);
    } finally {
      await one.stop();
      thief.close();
    }
  });

  it('does not try again when another port than its own is taken', async () => {
    await web('echo "Error: listen EADDRINUSE: address already in use :::80"; exit 3');
    const one = instance();
    one.begin();
    expect(await reaches(one, 'exited')).toMatchObject({ exitCode: 3, signal: null, pid: null });
    expect((await readFile(one.outputFile, 'utf8')).match(/EADDRINUSE/g)).toHaveLength(1);
    await one.stop();
  });

  it('kills what does not heed SIGTERM, with all that it started', async () => {
    await web(`trap '' TERM; (trap '' TERM; sleep 300) & sleep 300; sleep 300`);
    const one = instance({ graceMs: 300 });
    one.begin();
    await reaches(one, 'running');
    await until(
      () => markedProcesses(sandbox),
      (pids) => pids.length >= 3,
    );
    const began = Date.now();
    await one.stop();
    expect(Date.now() - began).toBeGreaterThanOrEqual(300);
    expect(await markedProcesses(sandbox)).toEqual([]);
    expect(one.truth().process).toBe('exited');
  });

  it('gives a process the time that it needs to finish', async () => {
    await web(`trap 'sleep 0.5; echo finished; exit 0' TERM; echo ready; while :; do sleep 0.05; done`);
    const one = instance();
    one.begin();
    await until(
      async () => readFile(one.outputFile, 'utf8').catch(() => ''),
      (text) => text.includes('ready'),
    );
    await one.stop();
    expect(await readFile(one.outputFile, 'utf8')).toContain('finished');
  });

  it('ends what a process leaves behind when it ends', async () => {
    await web('sleep 300 & exit 4');
    const one = instance();
    one.begin();
    await reaches(one, 'exited');
    await until(
      () => markedProcesses(sandbox),
      (pids) => pids.length === 0,
    );
    await one.stop();
  });

  it('starts nothing when it is stopped before its release has arrived', async () => {
    await web('sleep 300');
    let arrive: (folder: string) => void = () => undefined;
    const one = instance({ store: { folderOf: () => new Promise((resolve) => (arrive = resolve)) } });
    one.begin();
    await until(
      async () => readFile(one.outputFile, 'utf8').catch(() => ''),
      (text) => text.includes('boots'),
    );
    const stopped = one.stop();
    arrive(release);
    await stopped;
    expect(await markedProcesses(sandbox)).toEqual([]);
  });

  it('waits for a control plane that is away', async () => {
    let tries = 0;
    const folderOf = async () => {
      tries += 1;
      if (tries < 3) throw new Error('connect ECONNREFUSED');
      return HELLO;
    };
    const one = instance({ store: { folderOf } });
    one.begin();
    await answers(one);
    expect(tries).toBe(3);
    await one.stop();
  });

  it('says what is wrong with a release that cannot be started', async () => {
    const one = instance();
    one.begin();
    await reaches(one, 'exited');
    expect(await readFile(one.outputFile, 'utf8')).toContain('neither a Procfile');
    await one.stop();
  });

  it('keeps the end of an output that grew too large, while it is written to', async () => {
    await web('i=0; while :; do i=$((i+1)); echo "line $i of the output"; sleep 0.001; done');
    const one = instance();
    one.begin();
    const size = async () => (await readFile(one.outputFile, 'utf8').catch(() => '')).length;
    await until(size, (bytes) => bytes > 4_000);
    await capOutput(one.outputFile, 2_000, 500);
    const cut = await readFile(one.outputFile, 'utf8');
    expect(cut.length).toBeLessThan(2_000);
    expect(cut).toMatch(/^\[bascule\] … earlier output was cut off\n/);
    await until(size, (bytes) => bytes > cut.length + 200);
    expect((await readFile(one.outputFile)).includes(0)).toBe(false);
    await one.stop();
  });

  it('forgets the oldest of the instances that are gone, and none that has a process', async () => {
    const instances = path.join(sandbox, 'instances');
    for (const [age, id] of ['i-d', 'i-c', 'i-b', 'i-a'].entries()) {
      await mkdir(path.join(instances, id), { recursive: true });
      await writeFile(path.join(instances, id, 'output.log'), '');
      await utimes(path.join(instances, id), 1_000_000 - age, 1_000_000 - age);
    }
    await writeFile(path.join(instances, 'i-a', 'process.json'), '{}');
    await utimes(path.join(instances, 'i-a'), 1, 1);
    await forgetOldInstances(instances, 1);
    expect((await readdir(instances)).sort()).toEqual(['i-a', 'i-d']);
  });
});
