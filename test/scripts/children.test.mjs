import { spawn } from 'node:child_process';
import { mkdtemp, readFile, rm } from 'node:fs/promises';
import os from 'node:os';
import path from 'node:path';
import { expect, onTestFinished, test } from 'vitest';
import { endMarked, runQuietly } from '../../scripts/lib/children.mjs';

const CHILDREN = path.resolve('scripts/lib/children.mjs');

const isAlive = (pid) => {
  try {
    process.kill(pid, 0);
    return true;
  } catch {
    return false;
  }
};

async function temporary() {
  const folder = await mkdtemp(path.join(os.tmpdir(), 'bascule-children-'));
  onTestFinished(() => rm(folder, { recursive: true, force: true }));
  return folder;
}

test('a command that leaves a process in its group has it ended with it', async () => {
  const { code, output } = await runQuietly(['sh', '-c', 'sleep 600 >/dev/null 2>&1 & echo $!']);
  expect(code).toBe(0);
  await expect.poll(() => isAlive(Number(output))).toBe(false);
});

test('a command that cannot be started is a failure, not an exception', async () => {
  expect(await runQuietly(['/nowhere/command'])).toMatchObject({ code: 127 });
});

test('processes in sessions of their own are found by their mark, named and ended', async () => {
  const value = `${process.pid}-${Date.now()}`;
  const child = spawn('sleep', ['601'], { detached: true, env: { ...process.env, MARK_OF_TEST: value } });
  onTestFinished(() => child.kill('SIGKILL'));
  const ended = new Promise((resolve) => child.once('exit', (code, signal) => resolve(signal)));
  const found = await endMarked('MARK_OF_TEST', value);
  expect(found).toHaveLength(1);
  expect(found[0]).toContain('sleep 601');
  expect(await ended).toBe('SIGTERM');
  expect(await endMarked('MARK_OF_TEST', value)).toEqual([]);
});

test.each(['SIGINT', 'SIGTERM'])('%s ends what was started, also what ignores it', async (signal) => {
  const pids = path.join(await temporary(), 'pids');
  const program = `
    const { forwardSignals, run } = await import(${JSON.stringify(CHILDREN)});
    forwardSignals({ insist: true, graceMs: 300 });
    await run(['sh', '-c', 'trap "" INT TERM; sleep 602 & echo $$ $! > ${pids}; wait; wait']);`;
  const parent = spawn(process.execPath, ['--input-type=module', '-e', program], { stdio: 'inherit' });
  onTestFinished(() => parent.kill('SIGKILL'));
  const ended = new Promise((resolve) => parent.once('exit', resolve));
  const read = async () => (await readFile(pids, 'utf8').catch(() => '')).trim().split(' ').map(Number);
  await expect.poll(async () => (await read()).length, { timeout: 10_000 }).toBe(2);
  const started = await read();
  expect(started.map(isAlive)).toEqual([true, true]);
  parent.kill(signal);
  await ended;
  await expect.poll(() => started.map(isAlive), { timeout: 5_000 }).toEqual([false, false]);
});
