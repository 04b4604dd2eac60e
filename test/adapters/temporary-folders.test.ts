import { spawnSync } from 'node:child_process';
import { mkdir, mkdtemp, readdir, rm, utimes, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterEach, beforeEach, expect, it, vi } from 'vitest';
import { removeLeftFolders, temporaryFolder } from '../../src/adapters/temporary-folders';

let place: string;

beforeEach(async () => {
  place = await mkdtemp(path.join(tmpdir(), 'bascule-tidy-'));
  vi.stubEnv('TMPDIR', place);
});

afterEach(async () => {
  vi.unstubAllEnvs();
  await rm(place, { recursive: true, force: true });
});

/** The number of a process that was there and is gone. */
function deadProcess(): number {
  return spawnSync(process.execPath, ['-e', '']).pid;
}

it('removes the folders of processes that are gone, and no others', async () => {
  const own = path.basename(await temporaryFolder('engine'));
  const [, mark = ''] = /^bascule-engine-([0-9a-f]{8})-/.exec(own) ?? [];
  const dead = deadProcess();
  const left = [`bascule-engine-${mark}-${dead}-abcdef`, `bascule-state-${mark}-${dead}-ABC123`];
  const kept = [
    own,
    `bascule-engine-${mark}-${process.ppid}-abcdef`,
    // Of another machine that shares the folder, and of something else altogether.
    `bascule-engine-00000000-${dead}-abcdef`,
    `bascule-e2e-${mark}-${dead}-abcdef`,
    'bascule-engine-abcdef',
  ];
  for (const name of [...left, ...kept.slice(1)]) {
    await mkdir(path.join(place, name));
    await writeFile(path.join(place, name, 'stdout'), 'x');
  }
  await removeLeftFolders();
  expect((await readdir(place)).sort()).toEqual([...kept].sort());
});

it('knows a folder of its own number from before it began', async () => {
  const own = await temporaryFolder('state');
  const former = own.replace(/\w{6}$/, 'former');
  await mkdir(former);
  await utimes(former, 1, 1);
  await removeLeftFolders();
  expect(await readdir(place)).toEqual([path.basename(own)]);
});
