import { mkdir, mkdtemp, readFile, rm, stat, symlink, writeFile } from 'node:fs/promises';
import os from 'node:os';
import path from 'node:path';
import { expect, onTestFinished, test } from 'vitest';
import { build } from '../../scripts/build.mjs';

async function project(files) {
  const root = await mkdtemp(path.join(os.tmpdir(), 'bascule-build-'));
  onTestFinished(() => rm(root, { recursive: true, force: true }));
  const write = async (file, content) => {
    await mkdir(path.dirname(path.join(root, file)), { recursive: true });
    await writeFile(path.join(root, file), content);
  };
  await write('package-lock.json', '{}');
  await write('scripts/build.mjs', '');
  await symlink(path.resolve('node_modules'), path.join(root, 'node_modules'));
  for (const [file, content] of Object.entries(files)) await write(file, content);
  return { root, write, dist: (file) => path.join(root, 'dist', file) };
}

test('compiles each source to the same place below dist, with its assets, and only when something changed', async () => {
  const { root, write, dist } = await project({
    'src/domain/a.ts': 'export const answer: number = 42;',
    'automation/report/page.html': '<p>',
    'automation/engine/go/go.mod': 'module x',
  });
  expect(await build(root)).toBe('built');
  expect((await import(dist('src/domain/a.js'))).default.answer).toBe(42);
  expect(await readFile(dist('automation/report/page.html'), 'utf8')).toBe('<p>');
  await expect(stat(dist('automation/engine/go/go.mod'))).rejects.toThrow('ENOENT');
  const before = await stat(dist('src/domain/a.js'));
  expect(await build(root)).toBe('unchanged');
  expect((await stat(dist('src/domain/a.js'))).mtimeMs).toBe(before.mtimeMs);
  await write('src/domain/a.ts', 'export const answer: number = 43;');
  expect(await build(root)).toBe('built');
  expect(await readFile(dist('src/domain/a.js'), 'utf8')).toContain('43');
});

test('bundles the plugin into one file', async () => {
  const { root, dist } = await project({
    'automation/sandbox/plugins/main.ts': "import { name } from './name'; console.log(name);",
    'automation/sandbox/plugins/name.ts': "export const name: string = 'bundled';",
  });
  await build(root);
  const bundle = await readFile(dist('plugins/bascule-plugin.js'), 'utf8');
  expect(bundle).toContain('bundled');
  expect(bundle).not.toContain('require("./name")');
});

test('removes what has no source any more', async () => {
  const { root, dist } = await project({ 'src/a.ts': 'export {};', 'src/b.ts': 'export {};' });
  await build(root);
  await rm(path.join(root, 'src/b.ts'));
  await build(root);
  await expect(stat(dist('src/b.js'))).rejects.toThrow('ENOENT');
  expect((await stat(dist('src/a.js'))).isFile()).toBe(true);
});

test('leaves dist as it was when the sources do not compile, and mends it afterwards', async () => {
  const { root, write, dist } = await project({ 'src/a.ts': 'export const a = 1;' });
  await build(root);
  await write('src/a.ts', 'export const a = ;');
  await expect(build(root, { logLevel: 'silent' })).rejects.toThrow('The sources do not compile');
  expect(await readFile(dist('src/a.js'), 'utf8')).toContain('const a = 1');
  await write('src/a.ts', 'export const a = 2;');
  expect(await build(root)).toBe('built');
});

test('runs at once by two build once', async () => {
  const { root } = await project({ 'src/a.ts': 'export const a = 1;' });
  expect((await Promise.all([build(root), build(root)])).sort()).toEqual(['built', 'unchanged']);
});
