import { execFile } from 'node:child_process';
import { readdir, readFile } from 'node:fs/promises';
import * as os from 'node:os';
import { promisify } from 'node:util';
import { z } from 'zod';
import { readJson, writeJson } from './files';
import { waitFor } from './wait';

const run = promisify(execFile);
const onLinux = os.platform() === 'linux';

/**
 * The environment variable that every process of a sandbox carries, with the sandbox's folder as its value.
 * `sandbox env` never prints it: only processes that the sandbox itself started have it, and their children.
 */
export const MARKER = 'BASCULE_SANDBOX_PART_OF';

/** A process told apart from any later one that gets the same pid. */
export interface ProcessIdentity {
  pid: number;
  /** When it started, in the system's own words; only compared. */
  started: string;
  /** The boot of the machine that it belongs to; only compared. */
  boot: string;
}

export const processIdentitySchema = z.object({
  pid: z.int().positive(),
  started: z.string(),
  boot: z.string(),
});

interface ProcessLine {
  state: string;
  group: number;
  started: string;
}

/** The identity of a process that lives now; undefined when there is none (a zombie counts as none). */
export async function identify(pid: number): Promise<ProcessIdentity | undefined> {
  const line = await describe(pid);
  return line && { pid, started: line.started, boot: await bootId() };
}

/** Whether exactly the recorded process is still alive. */
export async function isAlive(identity: ProcessIdentity): Promise<boolean> {
  const line = await describe(identity.pid);
  return line?.started === identity.started && identity.boot === (await bootId());
}

let boot: Promise<string> | undefined;

/** Tells one boot of the machine from the next, when pids start over. */
export function bootId(): Promise<string> {
  boot ??= onLinux
    ? readFile('/proc/sys/kernel/random/boot_id', 'utf8').then((text) => text.trim())
    : run('sysctl', ['-n', 'kern.boottime']).then(({ stdout }) => stdout.trim());
  return boot;
}

async function describe(pid: number): Promise<ProcessLine | undefined> {
  const line = onLinux ? await describeFromProc(pid) : await describeFromPs(pid);
  return line === undefined || /^[ZX]/.test(line.state) ? undefined : line;
}

async function describeFromProc(pid: number): Promise<ProcessLine | undefined> {
  const text = await readFile(`/proc/${pid}/stat`, 'utf8').catch(() => '');
  // The second field is the program's name in parentheses and may itself hold spaces and parentheses.
  const fields = text.slice(text.lastIndexOf(')') + 2).split(' ');
  const [state, , group] = fields;
  const started = fields[19];
  if (state === undefined || group === undefined || started === undefined) return undefined;
  return { state, group: Number(group), started };
}

async function describeFromPs(pid: number): Promise<ProcessLine | undefined> {
  const { stdout } = await run('ps', ['-o', 'state=,pgid=,lstart=', '-p', String(pid)], {
    env: { ...process.env, LC_ALL: 'C' },
  }).catch(() => ({ stdout: '' }));
  const [state, group, ...started] = stdout.trim().split(/\s+/);
  if (state === undefined || group === undefined || started.length === 0) return undefined;
  return { state, group: Number(group), started: started.join(' ') };
}

/** Records a process that was just started; false when it is already gone. */
export async function recordProcess(file: string, pid: number): Promise<boolean> {
  const identity = await identify(pid);
  if (identity) await writeJson(file, identity);
  return identity !== undefined;
}

/** The recorded process, if that very one still lives. */
export async function recordedProcess(file: string): Promise<ProcessIdentity | undefined> {
  const identity = await readJson(file, processIdentitySchema);
  return identity && (await isAlive(identity)) ? identity : undefined;
}

/** Signals a whole process group; false when nothing of it is left. */
export function signalGroup(group: number, signal: NodeJS.Signals): boolean {
  return kill(-group, signal);
}

function kill(target: number, signal: NodeJS.Signals | 0): boolean {
  try {
    process.kill(target, signal);
    return true;
  } catch {
    // ESRCH: it is gone. EPERM: it is another user's, so certainly not ours any more.
    return false;
  }
}

/** Whether anything in a process group still runs. Zombies do not count: nobody may be there to reap them. */
export async function groupIsAlive(group: number): Promise<boolean> {
  if (!kill(-group, 0)) return false;
  if (!onLinux) {
    const { stdout } = await run('ps', ['-A', '-o', 'pgid=,state=']).catch(() => ({ stdout: '' }));
    return stdout.split('\n').some((line) => {
      const [pgid, state] = line.trim().split(/\s+/);
      return Number(pgid) === group && state !== undefined && !state.startsWith('Z');
    });
  }
  const lines = await Promise.all((await pids()).map(describe));
  return lines.some((line) => line?.group === group);
}

/** SIGTERM to the group, SIGKILL after the grace period; returns when nothing of it runs any more. */
export async function stopGroup(group: number, graceMs: number): Promise<void> {
  const isGone = async () => ((await groupIsAlive(group)) ? undefined : true);
  if (!signalGroup(group, 'SIGTERM')) return;
  if (await waitFor(isGone, { timeoutMs: graceMs })) return;
  signalGroup(group, 'SIGKILL');
  await waitFor(isGone, { timeoutMs: 10_000 });
}

/**
 * Every living process that carries the sandbox's marker. This finds what no record names: a process started
 * in the instant before a kill -9, or one that left its process group.
 */
export async function markedProcesses(folder: string): Promise<number[]> {
  const entry = `${MARKER}=${folder}`;
  if (onLinux) {
    const found = await Promise.all(
      (await pids()).map(async (pid) => {
        const environment = await readFile(`/proc/${pid}/environ`, 'utf8').catch(() => '');
        return environment.split('\0').includes(entry) && (await describe(pid)) ? pid : undefined;
      }),
    );
    return found.filter((pid) => pid !== undefined);
  }
  const { stdout } = await run('ps', ['-A', '-E', '-ww', '-o', 'pid=,command='], {
    maxBuffer: 64 * 1024 * 1024,
  }).catch(() => ({ stdout: '' }));
  return stdout
    .split('\n')
    .filter((line) => `${line} `.includes(` ${entry} `))
    .map((line) => Number.parseInt(line, 10));
}

/** Kills what still carries the marker, this process apart; returns how many processes that took. */
export async function killMarked(folder: string): Promise<number> {
  const killed = new Set<number>();
  await waitFor(
    async () => {
      const left = (await markedProcesses(folder)).filter((pid) => pid !== process.pid);
      for (const pid of left) if (kill(pid, 'SIGKILL')) killed.add(pid);
      return left.length === 0 ? true : undefined;
    },
    { timeoutMs: 5_000, intervalMs: 50 },
  );
  return killed.size;
}

/** Kills every process that a living one started, and those that they started, but not itself. */
export async function killDescendants(of: number): Promise<void> {
  const { stdout } = await run('ps', ['-A', '-o', 'pid=,ppid=']).catch(() => ({ stdout: '' }));
  const pairs = stdout.split('\n').map((line) => line.trim().split(/\s+/).map(Number));
  const found = [of];
  // Grows while it is walked: children are added behind their parents.
  for (const parent of found)
    for (const [pid, ppid] of pairs) if (ppid === parent && pid !== undefined) found.push(pid);
  for (const pid of found.slice(1)) kill(pid, 'SIGKILL');
}

async function pids(): Promise<number[]> {
  return (await readdir('/proc')).filter((name) => /^\d+$/.test(name)).map(Number);
}

/** The command line of a living process. */
export async function commandLine(pid: number): Promise<string | undefined> {
  const { stdout } = await run('ps', ['-ww', '-o', 'command=', '-p', String(pid)]).catch(() => ({
    stdout: '',
  }));
  return stdout.trim() || undefined;
}
