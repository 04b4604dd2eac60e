import { createHash } from 'node:crypto';
import { createReadStream } from 'node:fs';
import { lstat, readdir, readlink } from 'node:fs/promises';
import { join, posix } from 'node:path';

/** Never part of a release or of what makes an image: a repository's history and Bascule's own state. */
const LEFT_OUT = new Set(['.git', '.bascule']);

/** All files and links below a folder, as paths from it, sorted. */
export async function listFiles(folder: string, below: string): Promise<string[]> {
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

/** SHA-256 over names, modes and contents: the same for the same files, whoever has them and since when. */
export async function hashContent(folder: string, paths: readonly string[]): Promise<string> {
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

export async function hashFile(file: string): Promise<string> {
  const hash = createHash('sha256');
  for await (const chunk of createReadStream(file)) hash.update(chunk as Buffer);
  return hash.digest('hex');
}
