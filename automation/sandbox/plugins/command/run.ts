import { spawn } from 'node:child_process';
import { Lines } from './engine-log';

/** What runs, where, and with what. */
export interface Run {
  command: string;
  /** Program and arguments before the command; /bin/sh -c unless given. */
  interpreter: readonly string[];
  directory: string;
  /** Added to the environment of the plugin, which is that of the engine. */
  environment: Readonly<Record<string, string>>;
  stdin: string;
  /** Told each line of these streams as it comes. */
  logged: readonly ('stdout' | 'stderr')[];
  log: (line: string) => Promise<void>;
}

export interface Output {
  stdout: string;
  stderr: string;
}

const SHELL = ['/bin/sh', '-c'];
/** A command that is interrupted has this long to end by itself. */
const GRACE_MS = 10_000;

/** Runs a command to its end. Fails with its whole output when it does not exit with 0. */
export async function run(order: Run, signal: AbortSignal): Promise<Output> {
  const [program = '', ...args] = order.interpreter.length > 0 ? order.interpreter : SHELL;
  const child = spawn(program, [...args, order.command], {
    cwd: order.directory,
    env: { ...process.env, ...order.environment },
    stdio: ['pipe', 'pipe', 'pipe'],
  });
  const texts = { stdout: '', stderr: '', both: '' };
  const lines = { stdout: new Lines(order.log), stderr: new Lines(order.log) };
  for (const stream of ['stdout', 'stderr'] as const) {
    child[stream].setEncoding('utf8').on('data', (text: string) => {
      texts[stream] += text;
      texts.both += text;
      if (order.logged.includes(stream)) lines[stream].take(text);
    });
  }
  // A command that does not read its input may have closed it already, which is no fault.
  child.stdin.on('error', () => undefined);
  child.stdin.end(order.stdin);
  const stop = () => {
    child.kill('SIGTERM');
    setTimeout(() => child.kill('SIGKILL'), GRACE_MS).unref();
  };
  signal.addEventListener('abort', stop, { once: true });
  try {
    const how = await ended(child);
    await Promise.all([lines.stdout.end(), lines.stderr.end()]);
    if (how !== undefined)
      throw new Error(`${how}: running ${JSON.stringify(order.command)}:\n${texts.both}`);
  } finally {
    signal.removeEventListener('abort', stop);
  }
  return { stdout: texts.stdout.replace(/\n$/, ''), stderr: texts.stderr.replace(/\n$/, '') };
}

/** Undefined for an exit with 0, otherwise how the process ended, in words. */
function ended(child: ReturnType<typeof spawn>): Promise<string | undefined> {
  return new Promise((resolve, reject) => {
    child.once('error', reject);
    child.once('close', (code, signal) => {
      resolve(code === 0 ? undefined : signal ? `signal: ${signal}` : `exit status ${code}`);
    });
  });
}
