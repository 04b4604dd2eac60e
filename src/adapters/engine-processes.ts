import { execFile } from 'node:child_process';
import { randomUUID } from 'node:crypto';
import { readdir, readFile } from 'node:fs/promises';
import os from 'node:os';
import path from 'node:path';
import { promisify } from 'node:util';

const execute = promisify(execFile);

/** Names the update that an engine and every plugin it starts belong to: plugins inherit its environment. */
export const UPDATE_VARIABLE = 'BASCULE_UPDATE';

/** A mark for one run of the engine by this driver. */
export function updateMark(stack: string): string {
  return `${stack}/${process.pid}/${randomUUID()}`;
}

/** A living process, as far as it matters who runs an update. */
export interface UpdateProcess {
  pid: number;
  parent: number;
  /** The program and its arguments. */
  command: string;
  /** Unix milliseconds, right to about a second. */
  startedAt: number;
  /** The mark of the update it belongs to; undefined for what Bascule did not start or may not look into. */
  update?: string;
  /** PULUMI_HOME: two installations of Pulumi on one machine may have stacks of one name. */
  home?: string;
}

export function belongsTo(stack: string, { update }: UpdateProcess): boolean {
  return update?.split('/')[0] === stack;
}

/** Whether the driver that started an engine still lives: the system gives an orphan another parent. */
export function hasDriver({ update, parent }: UpdateProcess): boolean {
  return update?.split('/')[1] === String(parent);
}

export function isEngine({ command }: UpdateProcess): boolean {
  return /^pulumi(\.exe)?$/.test(path.basename(command.split(' ')[0] ?? ''));
}

/** Those whose engine is gone: plugins that nobody reads any more, and that would still finish their create. */
export function orphansAmong(processes: readonly UpdateProcess[]): UpdateProcess[] {
  const led = new Set(processes.filter(isEngine).map(({ update }) => update));
  return processes.filter((one) => !led.has(one.update));
}

/** The processes of updates of a stack that this installation of Pulumi began on this machine. */
export async function updateProcesses(stack: string): Promise<UpdateProcess[]> {
  const home = process.env['PULUMI_HOME'];
  return (await processes()).filter((one) => belongsTo(stack, one) && one.home === home);
}

/** The processes of one run of the engine. */
export async function processesOf(mark: string): Promise<UpdateProcess[]> {
  return (await processes()).filter(({ update }) => update === mark);
}

/** A living process; undefined when there is none. A zombie has ended. */
export async function processOf(pid: number): Promise<UpdateProcess | undefined> {
  if (os.platform() === 'linux') return fromProc(pid, await bootTime());
  return (await fromPs(['-p', String(pid)]))[0];
}

/** Since when process numbers mean here what they mean now: the start of this machine or container. */
export async function numberedSince(): Promise<number> {
  const first = os.platform() === 'linux' ? await processOf(1) : undefined;
  return first?.startedAt ?? Date.now() - os.uptime() * 1000;
}

async function processes(): Promise<UpdateProcess[]> {
  if (os.platform() !== 'linux') return fromPs(['-A']);
  const boot = await bootTime();
  const pids = (await readdir('/proc')).filter((name) => /^\d+$/.test(name)).map(Number);
  const found = await Promise.all(pids.map((pid) => fromProc(pid, boot)));
  return found.filter((one) => one !== undefined);
}

/** What Linux counts processor time in; fixed for programs on all of its architectures (man 7 time, USER_HZ). */
const TICKS_PER_SECOND = 100;

async function bootTime(): Promise<number> {
  const seconds = /^btime (\d+)$/m.exec(await readFile('/proc/stat', 'utf8'))?.[1];
  return Number(seconds) * 1000;
}

async function fromProc(pid: number, boot: number): Promise<UpdateProcess | undefined> {
  const [stat, command, environment] = await Promise.all(
    ['stat', 'cmdline', 'environ'].map((name) => readFile(`/proc/${pid}/${name}`, 'utf8').catch(() => '')),
  );
  // The second field is the program's name in parentheses and may itself hold spaces and parentheses.
  const fields = (stat ?? '').slice((stat ?? '').lastIndexOf(')') + 2).split(' ');
  const [state, parent] = fields;
  const ticks = Number(fields[19]);
  if (stat === '' || state === 'Z' || state === 'X') return undefined;
  return {
    pid,
    parent: Number(parent),
    command: (command ?? '').split('\0').join(' ').trim(),
    startedAt: boot + (ticks * 1000) / TICKS_PER_SECOND,
    ...marksIn((environment ?? '').split('\0')),
  };
}

/** The environment follows the arguments there, in the same words. */
async function fromPs(which: string[]): Promise<UpdateProcess[]> {
  const columns = ['-o', 'pid=,ppid=,state=,lstart=,command='];
  const { stdout } = await execute('ps', ['-E', '-ww', ...which, ...columns], {
    env: { ...process.env, LC_ALL: 'C' },
    maxBuffer: 64 * 1024 * 1024,
  }).catch(() => ({ stdout: '' }));
  return stdout.split('\n').flatMap((line) => {
    const [, pid, parent, state, started, command] =
      /^\s*(\d+)\s+(\d+)\s+(\S+)\s+(\S+\s+\S+\s+\d+\s+[\d:]+\s+\d{4})\s+(.*)$/.exec(line) ?? [];
    if (pid === undefined || state?.startsWith('Z') || command === undefined) return [];
    const startedAt = Date.parse(started ?? '');
    return [{ pid: Number(pid), parent: Number(parent), command, startedAt, ...marksIn(command.split(' ')) }];
  });
}

function marksIn(environment: readonly string[]): Pick<UpdateProcess, 'update' | 'home'> {
  const value = (name: string) =>
    environment.find((entry) => entry.startsWith(`${name}=`))?.slice(name.length + 1);
  const update = value(UPDATE_VARIABLE);
  const home = value('PULUMI_HOME');
  return { ...(update === undefined ? {} : { update }), ...(home === undefined ? {} : { home }) };
}

/** Signals a process; one that is gone already is no error. */
export function signal(pid: number, name: NodeJS.Signals): void {
  try {
    process.kill(pid, name);
  } catch (thrown) {
    if ((thrown as NodeJS.ErrnoException).code !== 'ESRCH') throw thrown;
  }
}
