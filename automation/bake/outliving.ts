import { spawn } from 'node:child_process';
import path from 'node:path';
import { UPDATE_VARIABLE } from '../../src/adapters/engine-processes';
import type { BakeOrder } from '../../src/domain/bake-order';

/** The process that clears up should this one be killed. */
export interface Cleaner {
  readonly pid: number;
  /** Tells it of a process group that must not live on. */
  group(id: number): void;
  /** Nothing is left to clear up: it ends. */
  done(): void;
}

/** Begins it before anything is made. */
export function beginCleaner(order: BakeOrder): Cleaner {
  const env: NodeJS.ProcessEnv = { ...process.env, BASCULE_BAKE: JSON.stringify(order) };
  // What bears the mark of an update is ended with the update's other orphans, and this has to outlive them.
  delete env[UPDATE_VARIABLE];
  const child = spawn(process.execPath, [path.join(__dirname, 'cleaner.js')], {
    env,
    detached: true,
    stdio: ['pipe', 'ignore', 'ignore'],
  });
  child.unref();
  child.on('error', () => undefined);
  child.stdin.on('error', () => undefined);
  return {
    pid: child.pid ?? 0,
    group: (id) => void child.stdin.write(`group ${id}\n`),
    done: () => void child.stdin.end('done\n'),
  };
}

/** Calls back once the process that started this one is gone: nobody is left to hear how it ends. */
export function whenParentEnds(call: () => void): () => void {
  const parent = process.ppid;
  const timer = setInterval(() => {
    if (process.ppid === parent) return;
    clearInterval(timer);
    call();
  }, 500);
  timer.unref();
  return () => clearInterval(timer);
}
