import { mkdir } from 'node:fs/promises';
import path from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import lockfile from 'proper-lockfile';
import type { Progress } from './progress';

/**
 * Runs `work` while no other process on this machine does the same for that folder. A holder that was killed
 * is noticed after a minute at most.
 */
export async function exclusively<T>(
  folder: string,
  options: { log: Progress; signal?: AbortSignal },
  work: () => Promise<T>,
): Promise<T> {
  await mkdir(path.dirname(folder), { recursive: true });
  const release = await take(folder, options);
  try {
    return await work();
  } finally {
    await release().catch(() => undefined);
  }
}

async function take(
  folder: string,
  { log, signal }: { log: Progress; signal?: AbortSignal },
): Promise<() => Promise<void>> {
  for (let told = false; ; told = true) {
    signal?.throwIfAborted();
    try {
      return await lockfile.lock(folder, {
        realpath: false,
        stale: 60_000,
        update: 5_000,
        // Lost when the machine slept: the work is put in place by rename, so a second worker does no harm.
        onCompromised: () => undefined,
      });
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== 'ELOCKED') throw error;
      if (!told) log.note(`Waiting for another process that is preparing ${folder}`);
      await pause(300, undefined, { signal });
    }
  }
}
