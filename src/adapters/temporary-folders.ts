import { createHash } from 'node:crypto';
import { mkdtemp, readdir, readlink, rm, stat } from 'node:fs/promises';
import { hostname, tmpdir } from 'node:os';
import path from 'node:path';

let tidied: Promise<void> | undefined;

/** A folder of this process's own, which it removes itself; should it be killed, a later process does. */
export async function temporaryFolder(kind: 'engine' | 'state'): Promise<string> {
  await (tidied ??= removeLeftFolders());
  return mkdtemp(path.join(tmpdir(), `bascule-${kind}-${await numbering()}-${process.pid}-`));
}

/** Removes the folders of processes that are gone. What such a process started may still write to its open files. */
export async function removeLeftFolders(): Promise<void> {
  const names = await readdir(tmpdir()).catch(() => []);
  const here = await numbering();
  await Promise.all(
    names.map(async (name) => {
      const [, mark, pid] = /^bascule-(?:engine|state)-([0-9a-f]{8})-(\d+)-\w{6}$/.exec(name) ?? [];
      const folder = path.join(tmpdir(), name);
      if (mark !== here || (await isUsed(folder, Number(pid)))) return;
      // One that belongs to somebody else is not this process's to remove, and in nobody's way.
      await rm(folder, { recursive: true, force: true }).catch(() => undefined);
    }),
  );
}

/**
 * What process numbers are of: another machine or container may share the temporary folder, and there the same
 * number is another process.
 */
async function numbering(): Promise<string> {
  const namespace = await readlink('/proc/self/ns/pid').catch(() => '');
  return createHash('sha256').update(`${hostname()} ${namespace}`).digest('hex').slice(0, 8);
}

async function isUsed(folder: string, pid: number): Promise<boolean> {
  if (pid !== process.pid) return isAlive(pid);
  // In a container each process may have the number of the one before.
  const began = Date.now() - process.uptime() * 1000;
  return stat(folder).then(
    ({ mtimeMs }) => mtimeMs >= began - 1000,
    () => false,
  );
}

function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch (thrown) {
    // Another user's process may not be signalled, and lives.
    return (thrown as NodeJS.ErrnoException).code !== 'ESRCH';
  }
}
