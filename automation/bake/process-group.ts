import { readdir, readFile } from 'node:fs/promises';
import { platform } from 'node:os';
import { setTimeout as delay } from 'node:timers/promises';

/** Packer terminates its instance and waits for that, which takes AWS up to some minutes. */
const GRACE_MILLISECONDS = 5 * 60_000;

/** What even SIGKILL does not end waits inside the system, and nobody can wait for that. */
const HOPELESS_MILLISECONDS = 30_000;

/**
 * Ends a process group: by SIGINT, upon which Packer removes what it made, and by SIGKILL once the grace is over.
 * Resolves when none of it lives.
 */
export async function endGroup(group: number, grace = GRACE_MILLISECONDS): Promise<void> {
  if (group <= 1) return;
  if (grace > 0) signalGroup(group, 'SIGINT');
  const killAt = Date.now() + grace;
  while (await groupLives(group)) {
    const now = Date.now();
    if (now >= killAt + HOPELESS_MILLISECONDS) return;
    if (now >= killAt) signalGroup(group, 'SIGKILL');
    await delay(50);
  }
}

/** False when there is no such group any more. */
function signalGroup(group: number, signal: NodeJS.Signals | 0): boolean {
  try {
    process.kill(-group, signal);
    return true;
  } catch {
    return false;
  }
}

/** A signal reaches zombies too, which stay for as long as whoever should bury them does not. */
async function groupLives(group: number): Promise<boolean> {
  if (!signalGroup(group, 0)) return false;
  if (platform() !== 'linux') return true;
  const pids = (await readdir('/proc')).filter((name) => /^\d+$/.test(name));
  const members = await Promise.all(pids.map((pid) => livesIn(pid, group)));
  return members.includes(true);
}

/** The fields after the program's name, which may hold spaces and parentheses: state, parent, group (man 5 proc). */
async function livesIn(pid: string, group: number): Promise<boolean> {
  const stat = await readFile(`/proc/${pid}/stat`, 'utf8').catch(() => '');
  const [state, , own] = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
  return Number(own) === group && state !== 'Z' && state !== 'X';
}
