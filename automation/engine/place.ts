import { createHash, randomUUID } from 'node:crypto';
import { mkdir, rename, rm, symlink, writeFile } from 'node:fs/promises';
import path from 'node:path';

/** Writes a file so that a reader sees the former content or the new one, never a part. */
export async function writeWhole(file: string, content: string): Promise<void> {
  await mkdir(path.dirname(file), { recursive: true });
  const fresh = `${file}.${randomUUID()}`;
  await writeFile(fresh, content);
  await rename(fresh, file);
}

/** A folder with links to these files, the same one for the same files. */
export async function linkFolder(cache: string, files: readonly string[]): Promise<string> {
  const key = createHash('sha256').update(files.join('\0')).digest('hex').slice(0, 12);
  const folder = path.join(cache, 'engine', `linked-${key}`);
  await mkdir(folder, { recursive: true });
  for (const file of files) {
    const fresh = path.join(folder, `.${randomUUID()}`);
    await symlink(file, fresh);
    await rename(fresh, path.join(folder, path.basename(file)));
  }
  return folder;
}

/** An empty folder beside `target`, on the same file system, gone when `work` ends. */
export async function besides<T>(target: string, work: (folder: string) => Promise<T>): Promise<T> {
  const folder = `${target}.new-${randomUUID().slice(0, 8)}`;
  await mkdir(folder, { recursive: true });
  try {
    return await work(folder);
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}

/** Puts files in place one by one; each is whole or absent at any instant. */
export async function moveInto(folder: string, files: readonly string[]): Promise<void> {
  await mkdir(folder, { recursive: true });
  for (const file of files) await rename(file, path.join(folder, path.basename(file)));
}
