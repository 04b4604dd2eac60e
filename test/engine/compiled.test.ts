import { execFile } from 'node:child_process';
import { mkdtemp, readdir, readFile, rm, stat, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { promisify } from 'node:util';
import { afterEach, beforeEach, expect, test } from 'vitest';

const COMMAND = path.resolve('bin/bascule.js');

let cache = '';

beforeEach(async () => {
  cache = await mkdtemp(path.join(tmpdir(), 'bascule-compiled-'));
});

afterEach(() => rm(cache, { recursive: true, force: true }));

async function help(home = cache): Promise<string> {
  const env = { ...process.env, XDG_CACHE_HOME: home };
  const { stdout } = await promisify(execFile)(process.execPath, [COMMAND, 'freeze', '--help'], { env });
  return stdout;
}

/** What is kept, by file: when it was written. */
async function kept(): Promise<Map<string, number>> {
  const folder = path.join(cache, 'bascule', 'compiled');
  const entries = await readdir(folder, { recursive: true, withFileTypes: true }).catch(() => []);
  const files = entries
    .filter((entry) => entry.isFile())
    .map(({ parentPath, name }) => path.join(parentPath, name));
  const dated = files.map(async (file) => [file, (await stat(file)).mtimeMs] as const);
  return new Map(await Promise.all(dated));
}

test('a command keeps what it compiled, and the next one compiles nothing', async () => {
  const first = await help();
  const written = await kept();
  expect(written.size).toBeGreaterThan(20);
  expect(await help()).toBe(first);
  expect(await kept()).toEqual(written);
});

test('what was damaged is not used, and is written anew', async () => {
  const first = await help();
  const [file] = [...(await kept()).keys()];
  if (file === undefined) throw new Error('nothing was kept');
  const whole = (await readFile(file)).length;
  await writeFile(file, 'damaged');
  expect(await help()).toBe(first);
  expect((await readFile(file)).length).toBe(whole);
});

test('where nothing can be kept, everything is compiled as ever', async () => {
  const first = await help();
  const file = path.join(cache, 'no-folder');
  await writeFile(file, '');
  expect(await help(file)).toBe(first);
});
