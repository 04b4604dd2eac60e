import { spawn } from 'node:child_process';
import { open, readFile, rm } from 'node:fs/promises';
import path from 'node:path';
import type { PulumiCommand } from '@pulumi/pulumi/automation';
import * as errors from '@pulumi/pulumi/automation/errors';
import { engineEnvironment } from './access';
import { UPDATE_VARIABLE, updateMark } from './engine-processes';
import { CommandResult, pulumiCommand, type EngineCommand, type Runnable } from './pulumi-command';
import { temporaryFolder } from './temporary-folders';

const { createCommandError } = errors as unknown as { createCommandError: (result: CommandResult) => Error };

/**
 * What the Automation API asks after each update and nothing here reads: two readings of all outputs and the
 * history, each a start of the engine of half a second.
 */
const UNREAD: Readonly<Record<string, string>> = { output: '{}', history: '[]' };

/** The engine was ended by a signal: it could neither finish its update nor release the stack's lock. */
export class EngineEnded extends Error {
  constructor(readonly signal: NodeJS.Signals) {
    super(`the Pulumi engine was ended by ${signal}`);
    this.name = 'EngineEnded';
  }
}

/** Where the engine runs, and for which stack. */
export interface EnginePlace {
  command: EngineCommand;
  projectFolder: string;
  stack: string;
  /** What this process may do while it waits for an engine that was started. */
  meanwhile?: (() => void) | undefined;
}

/**
 * The engine's command line as updates need it. It runs in a process group of its own, because a Ctrl-C is for
 * the driver, which stops at a safe point, and not for an update that is under way. It writes to files, because
 * an engine whose reader was killed would die of its next line and leave the stack locked. Where the Automation
 * API selects the stack, `exists` is asked instead, which looks for its state without a start of the engine.
 */
export async function steadyCommand(
  place: EnginePlace,
  exists: () => Promise<boolean>,
): Promise<PulumiCommand> {
  const steady: Runnable = {
    async run(args, cwd, env) {
      const unread = args[0] === 'stack' ? UNREAD[args[1] ?? ''] : undefined;
      if (unread !== undefined) return new CommandResult(unread, '', 0);
      if (args[0] === 'stack' && args[1] === 'select') return selected(place.stack, await exists());
      const result = await runApart(place, args, cwd, env);
      if (result.code !== 0) throw createCommandError(result);
      return result;
    },
  };
  return Object.assign(await pulumiCommand(place.command), steady);
}

/** In the engine's words, by which the Automation API knows that it has to make the stack. */
function selected(stack: string, exists: boolean): CommandResult {
  if (exists) return new CommandResult('', '', 0);
  throw createCommandError(new CommandResult('', `error: no stack named '${stack}' found`, 255));
}

/** Runs one command of the engine on a stack, as updates run. Gives its standard output. */
export async function runEngine(place: EnginePlace, args: readonly string[]): Promise<string> {
  const result = await runApart(place, [...args, '--stack', place.stack], place.projectFolder, {});
  if (result.code !== 0) throw createCommandError(result);
  return result.stdout;
}

async function runApart(
  place: EnginePlace,
  args: readonly string[],
  cwd: string,
  env: Record<string, string>,
): Promise<CommandResult> {
  const folder = await temporaryFolder('engine');
  try {
    const names = ['stdout', 'stderr'].map((name) => path.join(folder, name)) as [string, string];
    const marked = { ...(await engineEnvironment()), ...env, [UPDATE_VARIABLE]: updateMark(place.stack) };
    const asked = [...args, '--non-interactive'];
    const code = await runInto(names, place.command.command, asked, {
      cwd,
      env: marked,
      meanwhile: place.meanwhile,
    });
    const [stdout, stderr] = await Promise.all(names.map((name) => readFile(name, 'utf8')));
    return new CommandResult(stdout ?? '', stderr ?? '', code);
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}

async function runInto(
  files: [string, string],
  file: string,
  args: string[],
  { meanwhile, ...options }: { cwd: string; env: NodeJS.ProcessEnv; meanwhile: (() => void) | undefined },
): Promise<number> {
  const [out, err] = await Promise.all([open(files[0], 'w'), open(files[1], 'w')]);
  try {
    const child = spawn(file, args, { ...options, detached: true, stdio: ['ignore', out.fd, err.fd] });
    if (meanwhile !== undefined) setImmediate(meanwhile);
    return await new Promise((resolve, reject) => {
      child.once('error', reject);
      child.once('close', (code, signal) => {
        if (code !== null) resolve(code);
        else reject(new EngineEnded(signal ?? 'SIGKILL'));
      });
    });
  } finally {
    await Promise.all([out.close(), err.close()]);
  }
}
