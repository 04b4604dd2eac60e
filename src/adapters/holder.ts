import { execFileSync } from 'node:child_process';
import { readFileSync, readlinkSync } from 'node:fs';
import os from 'node:os';
import type { Sight } from '../domain/lease';
import type { Holder, ProcessMark } from '../domain/records';

/** Links to the running job that CI systems put into the environment. */
function jobLink(env: NodeJS.ProcessEnv): string | null {
  if (env['CI_JOB_URL'] !== undefined) return env['CI_JOB_URL'];
  const { GITHUB_SERVER_URL: server, GITHUB_REPOSITORY: repository, GITHUB_RUN_ID: run } = env;
  if (server !== undefined && repository !== undefined && run !== undefined)
    return `${server}/${repository}/actions/runs/${run}`;
  return env['BUILD_URL'] ?? null;
}

function userName(env: NodeJS.ProcessEnv): string {
  try {
    return os.userInfo().username;
  } catch {
    // Containers run under numbers that no user of the machine has.
    return env['USER'] ?? `user ${process.getuid?.() ?? 'unknown'}`;
  }
}

/** Who this process is, for the lease and the journal. */
export function currentHolder(env: NodeJS.ProcessEnv = process.env): Holder {
  const mark = markOf(process.pid);
  return {
    host: os.hostname(),
    pid: process.pid,
    user: env['GITLAB_USER_LOGIN'] ?? env['GITHUB_ACTOR'] ?? userName(env),
    job: jobLink(env),
    ...(mark === undefined ? {} : { process: mark }),
  };
}

/**
 * What can be seen from here of a holder's process. Two containers may have one name for their host, and a
 * number is given again: without the mark that tells these apart, only a number that no process has says
 * something.
 */
export function sightOf(holder: Holder): Sight {
  if (holder.host !== os.hostname()) return 'unknown';
  if (holder.process !== undefined && holder.process.space !== space()) return 'unknown';
  if (!runs(holder.pid)) return 'gone';
  const there = markOf(holder.pid);
  if (holder.process === undefined || there === undefined) return 'unknown';
  return there.startedAt === holder.process.startedAt ? 'running' : 'gone';
}

function runs(pid: number): boolean {
  try {
    process.kill(pid, 0);
  } catch (thrown) {
    // A process of another user may not be sent a signal, yet it is there.
    if ((thrown as NodeJS.ErrnoException).code === 'ESRCH') return false;
  }
  // One that ended is listed until its parent asked how, which some containers' first process never does.
  return !/^[ZX]/.test(linuxStat(pid)?.[0] ?? '');
}

/** The mark of a process of this machine; undefined when the machine does not say. */
function markOf(pid: number): ProcessMark | undefined {
  const startedAt = process.platform === 'linux' ? linuxStat(pid)?.[19] : startByCommand(pid);
  return startedAt === undefined ? undefined : { space: space(), startedAt };
}

/**
 * The fields of /proc/<pid>/stat after the command, which may hold spaces: the state is the first, and the
 * start, in ticks since the boot, the twentieth (proc_pid_stat(5), fields 3 and 22).
 */
function linuxStat(pid: number): string[] | undefined {
  return text(() => readFileSync(`/proc/${pid}/stat`, 'utf8'))
    ?.replace(/^.*\)\s/s, '')
    .split(' ');
}

function startByCommand(pid: number): string | undefined {
  const started = text(() =>
    execFileSync('ps', ['-o', 'lstart=', '-p', String(pid)], {
      encoding: 'utf8',
      env: { ...process.env, LC_ALL: 'C' },
      stdio: ['ignore', 'pipe', 'ignore'],
    }),
  )?.trim();
  return started === '' ? undefined : started;
}

/** Process numbers mean the same within one boot of a machine and one container. */
function space(): string {
  const boot = text(() => readFileSync('/proc/sys/kernel/random/boot_id', 'utf8'))?.trim();
  const container = text(() => readlinkSync('/proc/self/ns/pid'));
  return `${boot ?? os.hostname()} ${container ?? 'one'}`;
}

function text(read: () => string): string | undefined {
  try {
    return read();
  } catch {
    return undefined;
  }
}
