import { createHash } from 'node:crypto';
import { createReadStream } from 'node:fs';
import { lstat, mkdir, readdir, readlink, rename, stat } from 'node:fs/promises';
import { join, posix } from 'node:path';
import { create } from 'tar';
import { BasculeError } from '../../src/domain/errors';

export interface Bundle {
  /** The packed file, gzipped tar. */
  file: string;
  /** SHA-256 of the packed file: what a fetched bundle is checked against. */
  sha256: string;
  /** SHA-256 over names, modes and contents: the same for the same folder, whoever packs it and when. */
  contentSha256: string;
  files: number;
  bytes: number;
}

/** Never part of a release: a repository's history and Bascule's own state. */
const LEFT_OUT = new Set(['.git', '.bascule']);

/**
 * Packs an application's folder. It needs a `Procfile` with a `web:` line, or a package.json with a start
 * script: that is how an instance starts it.
 * @throws BasculeError BASCULE_APP_FOLDER (exit code 2).
 */
export async function packFolder(folder: string, into: string, name: string): Promise<Bundle> {
  await requireApp(folder);
  const paths = await listFiles(folder, '');
  const contentSha256 = await hashContent(folder, paths);
  await mkdir(into, { recursive: true });
  const file = join(into, `${name}-${contentSha256.slice(0, 12)}.tar.gz`);
  const unfinished = `${file}.${process.pid}`;
  await create(
    { cwd: folder, file: unfinished, gzip: true, portable: true, mtime: new Date(0), noDirRecurse: true },
    paths,
  );
  await rename(unfinished, file);
  const { size } = await stat(file);
  return { file, sha256: await hashFile(file), contentSha256, files: paths.length, bytes: size };
}

async function requireApp(folder: string): Promise<void> {
  const found = await stat(folder).catch(() => undefined);
  if (found === undefined || !found.isDirectory()) throw badFolder(folder, 'there is no such folder');
  const names = await readdir(folder);
  if (!names.includes('Procfile') && !names.includes('package.json'))
    throw badFolder(folder, 'it has neither a Procfile nor a package.json, so nothing says how it starts');
}

function badFolder(folder: string, why: string): BasculeError {
  return new BasculeError({
    code: 'BASCULE_APP_FOLDER',
    message: `The application in ${folder} cannot be packed: ${why}.`,
    next: 'Name a folder with a Procfile (`web: <command>`) or a package.json with a start script; the command listens on $PORT.',
  });
}

async function listFiles(folder: string, below: string): Promise<string[]> {
  const entries = await readdir(join(folder, below), { withFileTypes: true });
  entries.sort((one, other) => (one.name < other.name ? -1 : 1));
  const paths: string[] = [];
  for (const entry of entries) {
    if (LEFT_OUT.has(entry.name)) continue;
    const path = posix.join(below, entry.name);
    if (entry.isDirectory()) paths.push(...(await listFiles(folder, path)));
    else if (entry.isFile() || entry.isSymbolicLink()) paths.push(path);
  }
  return paths;
}

async function hashContent(folder: string, paths: readonly string[]): Promise<string> {
  const hash = createHash('sha256');
  for (const path of paths) {
    const full = join(folder, path);
    const facts = await lstat(full);
    const executable = (facts.mode & 0o111) !== 0;
    const content = facts.isSymbolicLink() ? `link ${await readlink(full)}` : await hashFile(full);
    hash.update(`${path}\0${executable ? 'x' : '-'}\0${content}\n`);
  }
  return hash.digest('hex');
}

async function hashFile(file: string): Promise<string> {
  const hash = createHash('sha256');
  for await (const chunk of createReadStream(file)) hash.update(chunk as Buffer);
  return hash.digest('hex');
}
