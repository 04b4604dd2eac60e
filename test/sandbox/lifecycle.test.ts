import { execFile, spawn } from 'node:child_process';
import { existsSync } from 'node:fs';
import { mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { createServer } from 'node:http';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { promisify } from 'node:util';
import { DescribeInstancesCommand, DescribeVpcsCommand } from '@aws-sdk/client-ec2';
import { HeadBucketCommand } from '@aws-sdk/client-s3';
import { afterEach, beforeAll, describe, expect, it } from 'vitest';
import {
  findSandbox,
  resetSandbox,
  SANDBOX_BUCKET,
  sandboxStatus,
  startSandbox,
  stopSandbox,
} from '../../automation/sandbox';
import { identify, isAlive, markedProcesses } from '../../automation/sandbox/lifecycle/processes';
import { LiveSandbox, sandboxPython } from '../support/live-sandbox';
import { must, until } from '../support/until';

const run = promisify(execFile);
const SANDBOX_MODULE = path.resolve(__dirname, '../../dist/automation/sandbox/index.js');

let python: string;
beforeAll(async () => {
  python = await sandboxPython();
});

/** Calls a function of the sandbox in a process of its own. */
async function inProcess(call: string, folder: string): Promise<Record<string, unknown>> {
  const options = { folder, python, engineFolder: undefined };
  const program = `require(${JSON.stringify(SANDBOX_MODULE)}).${call}({ ...${JSON.stringify(options)}, log: () => {} })
    .then((answer) => console.log(JSON.stringify(answer)))`;
  const { stdout } = await run(process.execPath, ['-e', program]);
  return JSON.parse(stdout) as Record<string, unknown>;
}

describe('start and stop of the sandbox', () => {
  const folders: string[] = [];
  const folder = async () => {
    const made = await mkdtemp(path.join(tmpdir(), 'bascule-lifecycle-'));
    folders.push(made);
    return made;
  };
  const options = (at: string) => ({
    folder: at,
    python,
    engineFolder: undefined,
    log: () => undefined,
  });
  afterEach(async () => {
    for (const made of folders.splice(0)) {
      await stopSandbox({ folder: made });
      await rm(made, { recursive: true, force: true });
    }
  });

  it('starts once when two processes start it at the same instant, and stops without a trace', async () => {
    const at = path.join(await folder(), 'not', 'yet', 'there');
    const answers = await Promise.all([inProcess('startSandbox', at), inProcess('startSandbox', at)]);
    expect(answers[0]['endpoint']).toBe(answers[1]['endpoint']);
    expect(answers.map((answer) => (answer['started'] as string[]).length).sort()).toEqual([0, 2]);
    expect(await markedProcesses(at)).toHaveLength(2);

    const { state, parts } = await sandboxStatus({ folder: at });
    expect(state).toBe('running');
    const again = await startSandbox(options(at));
    expect(again.started).toEqual([]);
    expect((await sandboxStatus({ folder: at })).parts).toEqual(parts);

    const stops = await Promise.all([inProcess('stopSandbox', at), inProcess('stopSandbox', at)]);
    expect(stops.map((stop) => stop['stopped'])).toContainEqual(['daemon', 'control plane']);
    expect(await markedProcesses(at)).toEqual([]);
    expect(await stopSandbox({ folder: at })).toEqual({ stopped: [] });
    expect(await sandboxStatus({ folder: at })).toMatchObject({ state: 'stopped' });
    await rm(at, { recursive: true });
  });

  it('mends what a start left half done that was killed', async () => {
    const at = await folder();
    const program = `require(${JSON.stringify(SANDBOX_MODULE)}).startSandbox({ ...${JSON.stringify({ folder: at, python })}, log: () => {} })`;
    const starting = spawn(process.execPath, ['-e', program], { stdio: 'ignore' });
    await until(
      async () => existsSync(path.join(at, 'control-plane.process.json')),
      (there) => there,
    );
    starting.kill('SIGKILL');
    const { started } = await startSandbox(options(at));
    expect(started).toContain('daemon');
    expect(await markedProcesses(at)).toHaveLength(2);
  });

  it('runs two sandboxes side by side', async () => {
    const [one, two] = [await folder(), await folder()];
    const infos = [await startSandbox(options(one)), await startSandbox(options(two))];
    expect(new Set(infos.map(({ port }) => port)).size).toBe(2);
    await stopSandbox({ folder: one });
    expect(await sandboxStatus({ folder: two })).toMatchObject({ state: 'running' });
  });

  it('keeps the port over stop, start and reset, and reset forgets everything else', async () => {
    const sandbox = await LiveSandbox.start();
    folders.push(sandbox.folder);
    const { port } = sandbox.info;
    const id = await sandbox.run(await sandbox.bake('hello', '1.0.0'));
    const first = await sandbox.reaches(id, 'running');
    await sandbox.stop();
    expect((await sandbox.startAgain()).port).toBe(port);
    // A machine that was switched off comes up again, as another process.
    const second = await sandbox.reaches(id, 'running');
    expect(second.pid).not.toBe(first.pid);

    const fresh = await resetSandbox(options(sandbox.folder));
    expect(fresh.port).toBe(port);
    const { Reservations } = await sandbox.ec2().send(new DescribeInstancesCommand({}));
    expect(Reservations).toEqual([]);
    await sandbox.s3().send(new HeadBucketCommand({ Bucket: SANDBOX_BUCKET }));
    const defaults = { Filters: [{ Name: 'is-default', Values: ['true'] }] };
    expect((await sandbox.ec2().send(new DescribeVpcsCommand(defaults))).Vpcs).toHaveLength(1);
    expect(await sandbox.processes()).toHaveLength(2);
    expect(await readdir(path.join(sandbox.folder, 'instances'))).toEqual([]);
  });

  it('moves to another port, and says so, when its own was taken meanwhile', async () => {
    const at = await folder();
    const { port } = await startSandbox(options(at));
    await stopSandbox({ folder: at });
    const thief = createServer();
    await new Promise<void>((resolve) => thief.listen(port, '127.0.0.1', resolve));
    try {
      const lines: string[] = [];
      const moved = await startSandbox({ ...options(at), log: (line) => lines.push(line) });
      expect(moved.port).not.toBe(port);
      expect(lines.join('\n')).toContain(`port ${port} is taken by another program`);
    } finally {
      thief.close();
    }
  });

  it('never ends a process that merely got the pid of one of its own', async () => {
    const at = await folder();
    await startSandbox(options(at));
    const stranger = spawn('sleep', ['300']);
    try {
      const identity = must(await identify(must(stranger.pid)));
      const aged = { ...identity, started: `${identity.started}0` };
      for (const part of ['daemon', 'control-plane']) {
        const file = path.join(at, `${part}.process.json`);
        process.kill((JSON.parse(await readFile(file, 'utf8')) as { pid: number }).pid, 'SIGKILL');
        await writeFile(file, JSON.stringify(aged));
      }
      await stopSandbox({ folder: at });
      expect(await isAlive(identity)).toBe(true);
      expect(await markedProcesses(at)).toEqual([]);
    } finally {
      stranger.kill('SIGKILL');
    }
  });

  it('shows the last lines of the part that does not come up', async () => {
    const at = await folder();
    const broken = path.join(at, 'python');
    const script = '#!/bin/sh\necho "ModuleNotFoundError: No module named moto" >&2\nexit 2\n';
    await writeFile(broken, script, { mode: 0o755 });
    await writeFile(path.join(at, 'sandbox.json'), '');
    await expect(startSandbox({ ...options(at), python: broken })).rejects.toMatchObject({
      code: 'BASCULE_SANDBOX_START_FAILED',
      message: expect.stringContaining('control plane') as string,
      details: ['ModuleNotFoundError: No module named moto'],
    });
    const absent = startSandbox({ ...options(at), python: path.join(at, 'nowhere') });
    await expect(absent).rejects.toMatchObject({
      message: expect.stringContaining('could not be started') as string,
    });
    const silent = path.join(at, 'silent');
    await writeFile(silent, '#!/bin/sh\nexec sleep 300\n', { mode: 0o755 });
    const late = startSandbox({ ...options(at), python: silent, deadlineSeconds: 1 });
    await expect(late).rejects.toMatchObject({
      message: expect.stringContaining('not ready within 1 s') as string,
    });
    expect(await markedProcesses(at)).toEqual([]);
  });

  it('leaves a folder alone that holds something else', async () => {
    const at = await folder();
    await writeFile(path.join(at, 'thesis.txt'), 'years of work');
    const foreign = { code: 'BASCULE_SANDBOX_FOLDER_FOREIGN' };
    await expect(startSandbox(options(at))).rejects.toMatchObject(foreign);
    await expect(resetSandbox(options(at))).rejects.toMatchObject(foreign);
    expect(await stopSandbox({ folder: at })).toEqual({ stopped: [] });
    expect(await findSandbox({ folder: at })).toBeUndefined();
    expect(await readdir(at)).toEqual(['thesis.txt']);
  });
});
