import { spawn } from 'node:child_process';
import { open } from 'node:fs/promises';
import { BasculeError } from '../../../src/domain/errors';
import { lastLines, rotateLog } from './files';
import { MARKER, recordProcess } from './processes';
import { waitFor } from './wait';

/**
 * What the sandbox's own processes may see of the user's environment: no credentials, no NODE_OPTIONS. By the last one
 * a test run finds what it left behind.
 */
const PASSED_ON =
  /^(PATH|HOME|USER|LOGNAME|SHELL|LANG|LC_\w+|TZ|TMPDIR|BASCULE_SANDBOX_\w+|BASCULE_TEST_RUN)$/;

export function plainEnvironment(): Record<string, string> {
  const entries = Object.entries(process.env).filter(([name]) => PASSED_ON.test(name));
  return Object.fromEntries(entries.map(([name, value]) => [name, value ?? '']));
}

export interface Part {
  /** As a person would call it: 'control plane'. */
  name: string;
  command: string;
  args: string[];
  folder: string;
  logFile: string;
  /** Where to record the process. */
  processFile: string;
  /** Answers once the part serves; undefined while it does not. */
  isReady: (pid: number) => Promise<boolean>;
  deadlineMs: number;
}

/** Starts a part of the sandbox that outlives this process; returns its pid once it is ready. */
export async function startPart(part: Part): Promise<number> {
  await rotateLog(part.logFile);
  const log = await open(part.logFile, 'a');
  // Detached makes it the leader of a group of its own: Ctrl-C in this terminal does not reach it.
  const child = spawn(part.command, part.args, {
    cwd: part.folder,
    detached: true,
    stdio: ['ignore', log.fd, log.fd],
    env: {
      ...plainEnvironment(),
      // The SDK's advice on Node versions is for Bascule's makers, not for who reads the log.
      AWS_SDK_JS_NODE_VERSION_SUPPORT_WARNING_DISABLED: 'true',
      [MARKER]: part.folder,
    },
  });
  let ended: string | undefined;
  child.once('error', (problem) => (ended = `could not be started: ${problem.message}`));
  child.once('exit', (code, signal) => (ended = `ended at once with ${signal ?? `exit code ${code}`}`));
  child.unref();
  await log.close();
  const { pid } = child;
  if (pid !== undefined) await recordProcess(part.processFile, pid);
  const ready = await waitFor(
    async () => (ended !== undefined ? 'ended' : pid && (await part.isReady(pid)) ? 'ready' : undefined),
    { timeoutMs: part.deadlineMs },
  );
  if (ready === 'ready' && pid !== undefined) return pid;
  if (pid !== undefined && ended === undefined) child.kill('SIGKILL');
  throw await startFailure(part, ended ?? `was not ready within ${Math.round(part.deadlineMs / 1000)} s`);
}

async function startFailure(part: Part, why: string): Promise<BasculeError> {
  const lines = await lastLines(part.logFile, 15);
  return new BasculeError({
    code: 'BASCULE_SANDBOX_START_FAILED',
    message: `The ${part.name} of the sandbox in ${part.folder} ${why}.`,
    next: `Read ${part.logFile}, mend what it names, and run \`bascule sandbox start\` again.`,
    details: lines.length > 0 ? lines : ['(it printed nothing)'],
    blame: 'world',
    exitCode: 3,
  });
}
