import { spawn, type ChildProcess } from 'node:child_process';
import type { CommandCheck } from '../domain/analysis/check';
import type { CommandMeasurement } from '../domain/analysis/measurement';
import { messageOf } from '../domain/errors';
import type { CheckCommands } from '../ports';

type Ending = CommandMeasurement['ending'];
type Answer = Omit<CommandMeasurement, 'kind' | 'window'>;

/** What is kept of a command's output: enough for the last lines, and a record of the journal stays small. */
const KEPT_CHARACTERS = 1000;
/** Time to end by itself after SIGTERM. */
const GRACE_MILLISECONDS = 1000;
/** For output that is still in the pipe when the command is gone. */
const DRAIN_MILLISECONDS = 500;

/**
 * Check commands as processes of this machine, in the folder and with the environment of Bascule itself, without
 * a shell. Each is the leader of a process group, so that what it started ends with it.
 */
export class LocalCheckCommands implements CheckCommands {
  async run(check: CommandCheck, facts: unknown, signal: AbortSignal): Promise<Answer> {
    const [file = '', ...args] = check.command;
    const child = spawnGroup(file, args);
    if (!(child instanceof Error)) return new Running(child).untilEnded(check, facts, signal);
    return { ending: { kind: 'not-started', reason: child.message }, output: '' };
  }
}

function spawnGroup(file: string, args: readonly string[]): ChildProcess | Error {
  try {
    return spawn(file, args, { detached: true, stdio: ['pipe', 'pipe', 'pipe'] });
  } catch (thrown) {
    // An argument that no system can take, such as one with a null byte, is refused before anything starts.
    return new Error(messageOf(thrown));
  }
}

/** One command under way. */
class Running {
  private output = '';
  /** The end of the process and of its output; neither comes for what could not be started. */
  private readonly closed: Promise<void>;

  constructor(private readonly child: ChildProcess) {
    const keep = (chunk: Buffer): void => {
      this.output = (this.output + chunk.toString('utf8')).slice(-KEPT_CHARACTERS);
    };
    child.stdout?.on('data', keep);
    child.stderr?.on('data', keep);
    // A command that does not read its input is no error.
    child.stdin?.on('error', () => undefined);
    this.closed = new Promise((resolve) => child.once('close', () => resolve()));
  }

  async untilEnded(check: CommandCheck, facts: unknown, signal: AbortSignal): Promise<Answer> {
    const { child } = this;
    let timedOut = false;
    const end = (): void => this.end();
    const timer = setTimeout(() => {
      timedOut = true;
      this.end();
    }, check.timeoutSeconds * 1000);
    signal.addEventListener('abort', end, { once: true });
    if (signal.aborted) end();
    child.stdin?.end(`${JSON.stringify(facts)}\n`);
    const ending = await this.ending();
    clearTimeout(timer);
    signal.removeEventListener('abort', end);
    if (ending.kind !== 'not-started') await this.drain();
    return { ending: timedOut ? { kind: 'timed-out' } : ending, output: this.output };
  }

  private ending(): Promise<Ending> {
    return new Promise((resolve) => {
      this.child.once('error', (error) => resolve({ kind: 'not-started', reason: error.message }));
      this.child.once('exit', (code, signal) =>
        resolve(signal === null ? { kind: 'exited', code: code ?? -1 } : { kind: 'killed', signal }),
      );
    });
  }

  private end(): void {
    this.signalGroup('SIGTERM');
    const hard = setTimeout(() => this.signalGroup('SIGKILL'), GRACE_MILLISECONDS);
    this.child.once('exit', () => clearTimeout(hard));
  }

  /** What it left behind is ended, and a pipe that somebody holds all the same is not waited for. */
  private async drain(): Promise<void> {
    this.signalGroup('SIGKILL');
    const limit = setTimeout(() => {
      this.child.stdout?.destroy();
      this.child.stderr?.destroy();
    }, DRAIN_MILLISECONDS);
    await this.closed;
    clearTimeout(limit);
  }

  private signalGroup(signal: NodeJS.Signals): void {
    const { pid } = this.child;
    if (pid === undefined) return;
    try {
      process.kill(-pid, signal);
    } catch {
      // The group is gone already, which is what was wanted.
    }
  }
}
