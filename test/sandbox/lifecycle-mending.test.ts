import { execFile } from 'node:child_process';
import { existsSync } from 'node:fs';
import path from 'node:path';
import { promisify } from 'node:util';
import { DescribeVpcsCommand } from '@aws-sdk/client-ec2';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { clearFaults, injectFaults, SANDBOX_BUCKET, sandboxEnv, withoutAws } from '../../automation/sandbox';
import { get, LiveSandbox, sandboxPython, type Balancer } from '../support/live-sandbox';
import { must, until } from '../support/until';

const run = promisify(execFile);

describe('a sandbox that loses a part', () => {
  let sandbox: LiveSandbox;
  let instance: string;
  let balancer: Balancer;
  beforeAll(async () => {
    sandbox = await LiveSandbox.start();
    instance = await sandbox.run(await sandbox.bake('hello', '1.0.0'));
    balancer = await sandbox.balance('survivor', [instance]);
    await healthy();
  });
  afterAll(async () => sandbox.dispose());

  const healthy = () =>
    until(
      () => sandbox.instance(instance),
      ({ health }) => health[0]?.state === 'healthy',
    );

  /** Requests one after another until it is told to stop; all must succeed. */
  function load(): () => Promise<number> {
    let stopped = false;
    const statuses: number[] = [];
    const running = (async () => {
      while (!stopped) statuses.push((await get(`${balancer.url}/slow?ms=20`)).status);
    })();
    return async () => {
      stopped = true;
      await running;
      expect(new Set(statuses)).toEqual(new Set([200]));
      return statuses.length;
    };
  }

  it('goes on serving when the control plane is killed, and start brings it back as it was', async () => {
    const before = await sandbox.instance(instance);
    const daemon = await sandbox.part('daemon');
    const finish = load();
    process.kill(await sandbox.part('control plane'), 'SIGKILL');
    await until(
      () => sandbox.status(),
      ({ state }) => state === 'partly',
    );
    // What it serves is known without the control plane, too.
    expect((await sandbox.instance(instance)).pid).toBe(before.pid);
    const { port } = sandbox.info;
    const mended = await sandbox.startAgain();
    expect(mended).toMatchObject({ port, started: ['control plane'] });
    expect(await finish()).toBeGreaterThan(5);
    expect(await sandbox.part('daemon')).toBe(daemon);
    // The new one was told what the old one knew, or it would hold the instance for unhealthy.
    await healthy();
    expect((await sandbox.instance(instance)).pid).toBe(before.pid);
    const again = await sandbox.run(await sandbox.bake('hello', '1.1.0'));
    await sandbox.reaches(again, 'running');
    await sandbox.terminate(again);
  });

  it('starts the daemon anew when that is killed, on the same processes and ports', async () => {
    const before = await sandbox.instance(instance);
    process.kill(await sandbox.part('daemon'), 'SIGKILL');
    await until(
      () => sandbox.status(),
      ({ parts }) => parts[1]?.state === 'stopped',
    );
    expect(await sandbox.processes()).toContain(before.pid);
    expect(await sandbox.startAgain()).toMatchObject({ started: ['daemon'] });
    expect(await healthy()).toMatchObject({ pid: before.pid, address: before.address, process: 'running' });
    expect(await get(balancer.url)).toMatchObject({ status: 200, body: { pid: before.pid } });
  });

  it('notices the end of a process that it took over', async () => {
    const { pid } = await sandbox.instance(instance);
    process.kill(must(pid), 'SIGKILL');
    await sandbox.reaches(instance, 'exited');
    // Whatever happens to the daemon afterwards, a machine that died stays dead.
    process.kill(await sandbox.part('daemon'), 'SIGKILL');
    await sandbox.startAgain();
    await sandbox.reaches(instance, 'exited');
  });

  it('notices the end of a process that ended while no daemon was there', async () => {
    const id = await sandbox.run(await sandbox.bake('hello', '1.2.0'));
    const { pid } = await sandbox.reaches(id, 'running');
    process.kill(await sandbox.part('daemon'), 'SIGKILL');
    process.kill(must(pid), 'SIGKILL');
    await sandbox.startAgain();
    await sandbox.reaches(id, 'exited');
  });

  it('mends all parts at once', async () => {
    process.kill(await sandbox.part('daemon'), 'SIGKILL');
    process.kill(await sandbox.part('control plane'), 'SIGKILL');
    expect(await sandbox.startAgain()).toMatchObject({ started: ['control plane', 'daemon'] });
    expect(await sandbox.status()).toMatchObject({ state: 'running' });
  });

  it('takes faults, and takes them away', async () => {
    await injectFaults({ folder: sandbox.folder }, [{ kind: 'latency', milliseconds: 400 }]);
    const timed = async () => {
      const began = Date.now();
      await sandbox.ec2().send(new DescribeVpcsCommand({}));
      return Date.now() - began;
    };
    expect(await timed()).toBeGreaterThanOrEqual(400);
    await injectFaults({ folder: sandbox.folder }, [{ kind: 'latency', milliseconds: 120_000 }]);
    await clearFaults({ folder: sandbox.folder });
    expect(await timed()).toBeLessThan(120_000);
  });

  it('stops without a trace when the daemon was killed before', async () => {
    const id = await sandbox.run(await sandbox.bake('hello', '1.3.0'));
    await sandbox.reaches(id, 'running');
    process.kill(await sandbox.part('daemon'), 'SIGKILL');
    await until(
      () => sandbox.status(),
      ({ parts }) => parts[1]?.state === 'stopped',
    );
    const { stopped } = await sandbox.stop();
    expect(stopped).toHaveLength(2);
    expect(stopped[0]).toMatch(/^\d instance process(es)? without a daemon$/);
    expect(stopped[1]).toBe('control plane');
    expect(await sandbox.processes()).toEqual([]);
    expect(existsSync(path.join(sandbox.folder, 'instances', id, 'process.json'))).toBe(false);
    await expect(injectFaults({ folder: sandbox.folder }, [])).rejects.toMatchObject({
      code: 'BASCULE_SANDBOX_FAULTS_REFUSED',
    });
  });
});

describe('the environment of the sandbox', () => {
  let sandbox: LiveSandbox;
  beforeAll(async () => {
    sandbox = await LiveSandbox.start();
  });
  afterAll(async () => sandbox.dispose());

  it('leads an SDK that knows nothing of it to the sandbox', async () => {
    const program = `const { EC2Client, DescribeVpcsCommand } = require('@aws-sdk/client-ec2');
      new EC2Client().send(new DescribeVpcsCommand({})).then(({ Vpcs }) => console.log(Vpcs.length));`;
    const env = { ...withoutAws(process.env), ...sandboxEnv(sandbox.info) };
    const { stdout } = await run(process.execPath, ['-e', program], { env });
    expect(stdout.trim()).toBe('1');
  });

  it('leads what is built on botocore, as the AWS CLI is, to the sandbox', async () => {
    const program = `import boto3; print([one['Name'] for one in boto3.client('s3').list_buckets()['Buckets']])`;
    const env = { ...withoutAws(process.env), ...sandboxEnv(sandbox.info) };
    expect((await run(await sandboxPython(), ['-c', program], { env })).stdout).toContain(SANDBOX_BUCKET);
  });
});
