import { spawn } from 'node:child_process';
import { readFile, readdir } from 'node:fs/promises';
import { setTimeout as pause } from 'node:timers/promises';

const GRACE_MS = 10_000;
/** npm passes a signal on that the terminal has already given to everybody: the second is no second wish. */
const SAME_SIGNAL_MS = 500;
const groups = new Set();
const stop = new AbortController();

/** Aborted, with the signal's name as its reason, when this run was asked to stop. */
export const stopping = stop.signal;

/**
 * Runs a command in a process group of its own, with this process's output, to its end.
 * @returns {Promise<{code: number | null, signal: string | null}>}
 */
export function run(command, options = {}) {
  return start(command, { stdio: ['ignore', 'inherit', 'inherit'], ...options }).ended;
}

/** As `run`, but keeps the output: `output` is all of it, `tail` its last lines. */
export async function runQuietly(command, options = {}) {
  const { child, ended } = start(command, { stdio: ['ignore', 'pipe', 'pipe'], ...options });
  let output = '';
  for (const stream of [child.stdout, child.stderr]) {
    stream?.setEncoding('utf8').on('data', (text) => (output += text));
  }
  const result = await ended;
  return { ...result, output, tail: output.trimEnd().split('\n').slice(-15).join('\n') };
}

function start([file, ...args], options) {
  const child = spawn(file, args, { ...options, detached: true });
  const ended = new Promise((resolve) => {
    child.once('error', (error) => resolve({ code: 127, signal: null, error }));
    child.once('close', (code, signal) => resolve({ code, signal }));
  });
  if (child.pid !== undefined) groups.add(child.pid);
  return { child, ended: ended.then((result) => sweep(child.pid).then(() => result)) };
}

/** What a command leaves behind in its group when it ends has nobody to end it any more. */
async function sweep(group) {
  if (group === undefined) return;
  signalGroup(group, 'SIGTERM');
  await gone(group, 2_000);
  signalGroup(group, 'SIGKILL');
  groups.delete(group);
}

function signalGroup(group, signal) {
  try {
    process.kill(-group, signal);
  } catch (error) {
    // macOS answers EPERM where only a process is left that has ended and was not yet waited for.
    if (error.code !== 'ESRCH' && error.code !== 'EPERM') throw error;
  }
}

async function gone(group, withinMs) {
  const deadline = Date.now() + withinMs;
  while (Date.now() < deadline) {
    try {
      process.kill(-group, 0);
    } catch {
      return;
    }
    await pause(20);
  }
}

/**
 * Passes SIGINT, SIGTERM and SIGHUP on to everything that was started. With `insist` the groups are killed
 * when they have not ended after the grace period; without it the command decides itself how long it takes
 * to stop safely.
 */
export function forwardSignals({ insist, graceMs = GRACE_MS }) {
  let last = 0;
  for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP']) {
    process.on(signal, () => {
      if (Date.now() - last < SAME_SIGNAL_MS) return;
      last = Date.now();
      stop.abort(signal);
      for (const group of groups) signalGroup(group, signal);
      if (insist) setTimeout(() => groups.forEach((group) => signalGroup(group, 'SIGKILL')), graceMs).unref();
    });
  }
}

/**
 * Ends the processes that carry `NAME=value` in their environment: those which the tests started in
 * sessions of their own, where no process group reaches them.
 * @returns the command lines of those that were still there
 */
export async function endMarked(name, value) {
  const found = await marked(`${name}=${value}`);
  for (const { pid } of found) signalOne(pid, 'SIGTERM');
  const deadline = Date.now() + 5_000;
  while (Date.now() < deadline && (await marked(`${name}=${value}`)).length > 0) await pause(100);
  for (const { pid } of await marked(`${name}=${value}`)) signalOne(pid, 'SIGKILL');
  return found.map((entry) => `${entry.pid} ${entry.command}`);
}

function signalOne(pid, signal) {
  try {
    process.kill(pid, signal);
  } catch (error) {
    if (error.code !== 'ESRCH') throw error;
  }
}

function marked(mark) {
  return process.platform === 'linux' ? markedInProc(mark) : markedByPs(mark);
}

async function markedInProc(mark) {
  const pids = (await readdir('/proc')).filter((name) => /^\d+$/.test(name) && Number(name) !== process.pid);
  const found = await Promise.all(
    pids.map(async (pid) => {
      const environment = await readFile(`/proc/${pid}/environ`, 'utf8').catch(() => '');
      if (!environment.split('\0').includes(mark)) return [];
      const command = await readFile(`/proc/${pid}/cmdline`, 'utf8').catch(() => '');
      return [{ pid: Number(pid), command: command.replaceAll('\0', ' ').trim() }];
    }),
  );
  return found.flat();
}

async function markedByPs(mark) {
  const { output } = await runQuietly(['ps', '-E', '-ww', '-A', '-o', 'pid=,command=']);
  return output
    .split('\n')
    .filter((line) => line.split(' ').includes(mark))
    .map((line) => ({ pid: Number.parseInt(line, 10), command: line.trim().slice(0, 120) }))
    .filter((entry) => entry.pid !== process.pid);
}
