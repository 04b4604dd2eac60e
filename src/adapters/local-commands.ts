import { spawn, type ChildProcess } from 'node:child_process';
import { messageOf } from '../domain/errors';
import type { CommandEnding, LocalCommand, LocalCommands } from '../ports';

interface Order extends LocalCommand {
  /** Written to its standard input. */
  input: string;
  /** Characters of its output that are kept, from the end. */
  keeps: number;
  /** Time to end by itself after SIGTERM. */
  graceMilliseconds: number;
}

interface Answer {
  ending: CommandEnding;
  output: string;
}

/** For output that is still in the pipe when the command is gone. */
const DRAIN_MILLISECONDS = 500;
/** A migration may have to take back what it began. */
const GRACE_SECONDS = 10;
/** Enough for the last lines. */
const KEPT_CHARACTERS = 4000;

/**
 * Commands of the user's that change something. Where this process is killed while one runs, that one is ended as
 * well: whoever goes on in its place may run it again, and never beside it.
 */
export class LocalMigrations implements LocalCommands {
  async run(order: LocalCommand, signal: AbortSignal): Promise<Answer> {
    const whole = {
      ...order,
      input: '',
      keeps: KEPT_CHARACTERS,
      graceMilliseconds: GRACE_SECONDS * 1000,
    };
    return runGroup(whole, signal, watchOver);
  }
}

/**
 * Runs a command as a process of this machine, in the folder and with the environment of Bascule itself, without a
 * shell. It is the leader of a process group, so that what it started ends with it, and a Ctrl-C is not its own.
 */
export async function runGroup(
  order: Order,
  signal: AbortSignal,
  watch?: (group: number) => () => void,
): Promise<Answer> {
  const child = spawnGroup(order);
  if (child instanceof Error) return { ending: { kind: 'not-started', reason: child.message }, output: '' };
  const leave = child.pid === undefined ? undefined : watch?.(child.pid);
  return new Running(child, order).untilEnded(signal).finally(() => leave?.());
}

/** Ends a group once this process is gone, however it went: its end of the watcher's pipe closes then. */
function watchOver(group: number): () => void {
  // With `-s`, for only so dash takes what POSIX has of `kill`: an end of options before the group's number.
  const script = `read -r _; kill -s TERM -- "-$1"; sleep ${GRACE_SECONDS}; kill -s KILL -- "-$1"`;
  const watcher = spawn('/bin/sh', ['-c', script, 'bascule', String(group)], {
    detached: true,
    stdio: ['pipe', 'ignore', 'ignore'],
  });
  // Without a watcher the command runs all the same.
  watcher.on('error', () => undefined);
  watcher.stdin.on('error', () => undefined);
  return () => void watcher.kill('SIGKILL');
}

function spawnGroup({ command, environment }: Order): ChildProcess | Error {
  const [file = '', ...args] = command;
  try {
    return spawn(file, args, {
      detached: true,
      stdio: ['pipe', 'pipe', 'pipe'],
      env: { ...process.env, ...environment },
    });
  } catch (thrown) {
    // An argument that no system can take, such as one with a null byte, is refused before anything starts.
    return new Error(messageOf(thrown));
  }
}

/** What runs at the moment: it ends with this process, where that ends by itself. */
const underWay = new Set<Running>();
let listens = false;

function endWithThisProcess(running: Running): void {
  underWay.add(running);
  if (listens) return;
  listens = true;
  process.once('exit', () => underWay.forEach((one) => one.signalGroup('SIGKILL')));
}

/** One command under way. */
class Running {
  private output = '';
  /** The end of the process and of its output; neither comes for what could not be started. */
  private readonly closed: Promise<void>;

  constructor(
    private readonly child: ChildProcess,
    private readonly order: Order,
  ) {
    const keep = (chunk: Buffer): void => {
      this.output = (this.output + chunk.toString('utf8')).slice(-order.keeps);
    };
    child.stdout?.on('data', keep);
    child.stderr?.on('data', keep);
    // A command that does not read its input is no error.
    child.stdin?.on('error', () => undefined);
    this.closed = new Promise((resolve) => child.once('close', () => resolve()));
    endWithThisProcess(this);
  }

  async untilEnded(signal: AbortSignal): Promise<Answer> {
    const { child, order } = this;
    let timedOut = false;
    const end = (): void => this.end();
    const timer = setTimeout(() => {
      timedOut = true;
      this.end();
    }, order.timeoutSeconds * 1000);
    signal.addEventListener('abort', end, { once: true });
    if (signal.aborted) end();
    child.stdin?.end(order.input);
    const ending = await this.ending();
    clearTimeout(timer);
    signal.removeEventListener('abort', end);
    if (ending.kind !== 'not-started') await this.drain();
    underWay.delete(this);
    return { ending: timedOut ? { kind: 'timed-out' } : ending, output: this.output };
  }

  private ending(): Promise<CommandEnding> {
    return new Promise((resolve) => {
      this.child.once('error', (error) => resolve({ kind: 'not-started', reason: error.message }));
      this.child.once('exit', (code, signal) =>
        resolve(signal === null ? { kind: 'exited', code: code ?? -1 } : { kind: 'killed', signal }),
      );
    });
  }

  private end(): void {
    this.signalGroup('SIGTERM');
    const hard = setTimeout(() => this.signalGroup('SIGKILL'), this.order.graceMilliseconds);
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

  signalGroup(signal: NodeJS.Signals): void {
    const { pid } = this.child;
    if (pid === undefined) return;
    try {
      process.kill(-pid, signal);
    } catch {
      // The group is gone already, which is what was wanted.
    }
  }
}
