import { spawn } from 'node:child_process';
import type { ChildProcess } from 'node:child_process';
import { accessSync, constants, statSync } from 'node:fs';
import path from 'node:path';

export interface CommandOptions {
  env?: NodeJS.ProcessEnv;
  cwd?: string;
  /** Milliseconds after which the command is ended; without it, it may take as long as it likes. */
  timeoutMs?: number;
  /** Ends the command, with all that it started. */
  signal?: AbortSignal;
  /** Called with each line of output as it comes. */
  onLine?: (line: string) => void;
}

export interface CommandResult {
  ok: boolean;
  stdout: string;
  stderr: string;
  /** In words, why it did not succeed: its last lines, or that it could not be started. Empty when it did. */
  why: string;
}

/** Runs a command to its end. A failure is a result, not an exception: callers report it in their own words. */
export function runCommand(
  file: string,
  args: readonly string[],
  options: CommandOptions = {},
): Promise<CommandResult> {
  return new Promise((resolve) => {
    const child = spawn(file, args, {
      env: options.env ?? process.env,
      cwd: options.cwd,
      stdio: ['ignore', 'pipe', 'pipe'],
      // A group of its own, so that ending it ends the compilers and downloads it started too. Who gives no
      // signal leaves it to the terminal, which reaches only processes of the group it knows.
      detached: options.signal !== undefined,
    });
    const output = { stdout: '', stderr: '' };
    for (const name of ['stdout', 'stderr'] as const) {
      child[name].setEncoding('utf8').on('data', (text: string) => {
        output[name] += text;
        if (options.onLine) text.split('\n').filter(Boolean).forEach(options.onLine);
      });
    }
    let cut = '';
    const release = endWith(child, options, (reason) => (cut = reason));
    const finish = (ok: boolean, why: string): void => {
      release();
      resolve({ ok, ...output, why });
    };
    child.once('error', (error) => finish(false, `${file} could not be started: ${error.message}`));
    child.once('close', (code, signal) => {
      const ended = cut || lastLines(output.stderr || output.stdout) || `ended with ${code ?? signal}`;
      finish(code === 0 && !cut, code === 0 && !cut ? '' : ended);
    });
  });
}

function endWith(
  child: ChildProcess,
  options: CommandOptions,
  because: (reason: string) => void,
): () => void {
  const kill = (): void => killAll(child, options.signal !== undefined);
  const abort = (): void => {
    because('stopped on request');
    kill();
  };
  const timer =
    options.timeoutMs === undefined
      ? undefined
      : setTimeout(() => {
          because(`no end after ${options.timeoutMs} ms`);
          kill();
        }, options.timeoutMs);
  options.signal?.addEventListener('abort', abort, { once: true });
  process.once('exit', kill);
  if (options.signal?.aborted) abort();
  return () => {
    clearTimeout(timer);
    options.signal?.removeEventListener('abort', abort);
    process.removeListener('exit', kill);
  };
}

/** SIGKILL: none of the commands run here keeps anything half-done that the next run would trust. */
function killAll(child: ChildProcess, group: boolean): void {
  if (child.pid === undefined) return;
  try {
    process.kill(group ? -child.pid : child.pid, 'SIGKILL');
  } catch {
    // It has ended in the meantime.
  }
}

/** The last lines of an output, as one: enough to say why, and short enough to stand in a list. */
export function lastLines(text: string, count = 3): string {
  return text.trim().split('\n').slice(-count).join(' | ').slice(-500);
}

/** All executables of that name on the PATH, in its order. */
export function onPath(name: string, env: NodeJS.ProcessEnv): string[] {
  const folders = (env['PATH'] ?? '').split(path.delimiter).filter((folder) => path.isAbsolute(folder));
  return [...new Set(folders)].map((folder) => path.join(folder, name)).filter(isExecutable);
}

export function isExecutable(file: string): boolean {
  try {
    accessSync(file, constants.X_OK);
    return statSync(file).isFile();
  } catch {
    return false;
  }
}
