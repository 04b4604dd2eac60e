import { lstat, lutimes, mkdir, readlink, rm, rmdir, stat, symlink } from 'node:fs/promises';
import path from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';

const HEARTBEAT_MS = 5_000;
/** A holder that has not been seen for this long is gone, or its machine slept and it will notice. */
const STALE_MS = 60_000;

/**
 * Runs `work` while holding the lock, so that of several set-ups at once one does the work and the others find
 * it done. `onWait` is called once, with the holder's process id, when somebody else holds it.
 */
export async function withLock(lock, work, onWait = () => {}) {
  await mkdir(path.dirname(lock), { recursive: true });
  let told = false;
  while (!(await take(lock))) {
    if (await isStale(lock)) {
      await breakLock(lock);
      continue;
    }
    const holder = await holderOf(lock);
    if (holder !== undefined && !told) {
      onWait(holder);
      told = true;
    }
    await pause(200);
  }
  const beat = setInterval(() => void lutimes(lock, new Date(), new Date()).catch(() => {}), HEARTBEAT_MS);
  beat.unref();
  try {
    return await work();
  } finally {
    clearInterval(beat);
    await rm(lock, { recursive: true, force: true });
  }
}

/**
 * A link whose target is its holder's process id: exactly one of several processes can make it, and it tells who
 * holds it from its first instant.
 */
async function take(lock) {
  try {
    await symlink(String(process.pid), lock);
    return true;
  } catch (error) {
    if (error.code === 'EEXIST') return false;
    throw error;
  }
}

/** Undefined when the lock has been given back in the meantime. */
async function holderOf(lock) {
  const text = await readlink(lock).catch(() => '');
  return Number.parseInt(text, 10) || undefined;
}

async function isStale(lock) {
  const age = await lstat(lock).then(
    (found) => Date.now() - found.mtimeMs,
    () => 0,
  );
  if (age > STALE_MS) return true;
  const pid = await holderOf(lock);
  return pid !== undefined && !isAlive(pid);
}

function isAlive(pid) {
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    return error.code === 'EPERM';
  }
}

/**
 * Removes a stale lock. Two waiters may both have seen it as stale: the second lock, held for an instant,
 * keeps the slower one from removing what the faster one has taken anew in the meantime.
 */
async function breakLock(lock) {
  const guard = `${lock}.breaking`;
  try {
    await mkdir(guard);
  } catch {
    const age = await stat(guard).then(
      (found) => Date.now() - found.mtimeMs,
      () => 0,
    );
    if (age > STALE_MS) await rmdir(guard).catch(() => {});
    return pause(50);
  }
  try {
    if (await isStale(lock)) await rm(lock, { recursive: true, force: true });
  } finally {
    await rmdir(guard).catch(() => {});
  }
}
