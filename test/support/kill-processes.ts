/** The processes of one command line, told apart from all others by a mark that they inherit. */
import {
  commandLine,
  identify,
  isAlive,
  markedProcesses,
  MARKER,
} from '../../automation/sandbox/lifecycle/processes';
import type { Victim } from './kill-points';
import { until } from './until';

export interface MarkedProcess {
  pid: number;
  role: 'driver' | 'engine' | 'plugin';
  command: string;
}

/** What to set so that everything a command starts can be found; the sandbox's own mark, with a value of our own. */
export const markEnv = (mark: string): NodeJS.ProcessEnv => ({ [MARKER]: mark });

export async function processesOf(mark: string): Promise<MarkedProcess[]> {
  const found = await Promise.all(
    (await markedProcesses(mark)).map(async (pid) => {
      const command = await commandLine(pid);
      return command === undefined ? [] : [{ pid, command, role: roleOf(command) }];
    }),
  );
  return found.flat();
}

function roleOf(command: string): MarkedProcess['role'] {
  if (/bascule\.js /.test(command)) return 'driver';
  return /^(\S*\/)?pulumi /.test(command) ? 'engine' : 'plugin';
}

const MORTAL: Record<Victim, readonly MarkedProcess['role'][]> = {
  driver: ['driver'],
  'driver+engine': ['driver', 'engine'],
  machine: ['driver', 'engine', 'plugin'],
};

/** SIGKILL to all of them at once; returns when none of them lives. */
export async function killAll(mark: string, victim: Victim): Promise<void> {
  const doomed = (await processesOf(mark)).filter(({ role }) => MORTAL[victim].includes(role));
  const identities = await Promise.all(doomed.map(({ pid }) => identify(pid)));
  for (const { pid } of doomed) kill(pid);
  const lives = async () =>
    (await Promise.all(identities.flatMap((one) => (one === undefined ? [] : [isAlive(one)])))).some(Boolean);
  await until(lives, (alive) => !alive);
}

function kill(pid: number): void {
  try {
    process.kill(pid, 'SIGKILL');
  } catch {
    // It ended by itself in the meantime.
  }
}
