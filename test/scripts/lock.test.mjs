import { spawnSync } from 'node:child_process';
import { lstat, lutimes, mkdir, mkdtemp, rm, symlink } from 'node:fs/promises';
import os from 'node:os';
import path from 'node:path';
import { beforeEach, expect, onTestFinished, test, vi } from 'vitest';
import { withLock } from '../../scripts/lib/lock.mjs';

let lock;
beforeEach(async () => {
  const folder = await mkdtemp(path.join(os.tmpdir(), 'bascule-lock-'));
  onTestFinished(() => rm(folder, { recursive: true, force: true }));
  lock = path.join(folder, 'sub', 'lock');
});

async function abandoned(pid) {
  await mkdir(path.dirname(lock), { recursive: true });
  await symlink(String(pid), lock);
}

test('lets one in at a time and tells the others whom they wait for', async () => {
  let inside = 0;
  let most = 0;
  const waitedFor = [];
  const work = async () => {
    inside += 1;
    most = Math.max(most, inside);
    await vi.waitFor(() => expect(waitedFor).toHaveLength(3), { timeout: 20_000 });
    inside -= 1;
  };
  await Promise.all([1, 2, 3, 4].map(() => withLock(lock, work, (pid) => waitedFor.push(pid))));
  expect(most).toBe(1);
  expect(waitedFor).toEqual([process.pid, process.pid, process.pid]);
  await expect(lstat(lock)).rejects.toThrow('ENOENT');
});

test('is given back when the work fails', async () => {
  await expect(withLock(lock, () => Promise.reject(new Error('no')))).rejects.toThrow('no');
  expect(await withLock(lock, async () => 'in')).toBe('in');
});

test('is taken from a process that has ended, by only one of those who wait', async () => {
  const { pid } = spawnSync(process.execPath, ['-e', '']);
  await abandoned(pid);
  let inside = 0;
  const work = async () => {
    inside += 1;
    expect(inside).toBe(1);
    await new Promise((resolve) => setTimeout(resolve, 20));
    inside -= 1;
  };
  await Promise.all([1, 2, 3].map(() => withLock(lock, work)));
  expect(inside).toBe(0);
});

test('is taken from a holder that gave no sign of life for a minute', async () => {
  await abandoned(process.pid);
  const past = new Date(Date.now() - 61_000);
  await lutimes(lock, past, past);
  expect(await withLock(lock, async () => 'in')).toBe('in');
});
