import { type ChildProcess, fork } from 'node:child_process';
import { existsSync } from 'node:fs';
import path from 'node:path';
import { BasculeError } from '../../../src/domain/errors';
import { Ledger } from './ledger';
import { resolveLoadOptions } from './options';
import type { LoadCommand, LoadMessage, LoadOptions, LoadResult } from './types';

/** What a stop may take beyond the time-out of the requests in flight. */
const STOP_MARGIN_MILLISECONDS = 10_000;
const OUTPUT_KEPT = 4_000;

/** A running load. */
export interface Load {
  /** What was counted so far, at most about 250 ms old. */
  snapshot(): LoadResult;
  /** Calls back with each new snapshot; the returned function ends that. */
  onUpdate(callback: (result: LoadResult) => void): () => void;
  /** Waits until a snapshot is as asked for, and gives it. Rejects when the generator's process ends before. */
  until(enough: (result: LoadResult) => boolean): Promise<LoadResult>;
  /**
   * Stops sending, waits for the requests in flight and gives the final result; stopping makes nothing fail.
   * Called again, gives the same promise. Rejects when the generator's process ended by itself.
   */
  stop(): Promise<LoadResult>;
}

/** The compiled program of the generator's process, also when this module itself runs from its source. */
function compiledProgram(): string {
  const beside = path.join(__dirname, 'main.js');
  if (existsSync(beside)) return beside;
  const root = path.resolve(__dirname, '../../..');
  const program = path.join(root, 'dist', path.relative(root, __dirname), 'main.js');
  if (existsSync(program)) return program;
  throw new BasculeError({
    code: 'BASCULE_LOAD_NOT_BUILT',
    message: `The load generator's program ${program} does not exist.`,
    next: 'Build it with `npm run build`.',
    blame: 'bascule',
  });
}

function generatorFailed(why: string, output: string): BasculeError {
  const details = output.trim() === '' ? [] : output.trim().split('\n').slice(-20);
  return new BasculeError({
    code: 'BASCULE_LOAD_FAILED',
    message: `The load generator's process failed: ${why}. What it had counted until then is not a result.`,
    next: 'Start the rehearsal again; if it happens again, the lines above say where it broke.',
    blame: 'world',
    details,
    exitCode: 5,
  });
}

class LoadProcess implements Load {
  private readonly ledger = new Ledger();
  private readonly callbacks = new Set<(result: LoadResult) => void>();
  private readonly started: Promise<void>;
  private readonly final: Promise<LoadResult>;
  private stopped: Promise<LoadResult> | null = null;
  private output = '';

  constructor(
    private readonly child: ChildProcess,
    private readonly timeoutSeconds: number,
  ) {
    child.stderr?.on('data', (chunk: Buffer) => {
      this.output = (this.output + chunk.toString()).slice(-OUTPUT_KEPT);
    });
    this.started = new Promise((resolve, reject) => {
      child.on('message', (message: LoadMessage) => message.type === 'delta' && resolve());
      this.onFailure(reject);
    });
    this.final = new Promise((resolve, reject) => {
      child.on('message', (message: LoadMessage) => this.receive(message, resolve));
      this.onFailure(reject);
    });
    // Both are awaited later, if at all; without a listener a failure before that would end the process.
    this.started.catch(() => undefined);
    this.final.catch(() => undefined);
  }

  private onFailure(reject: (error: BasculeError) => void): void {
    const fail = (why: string): void => reject(generatorFailed(why, this.output));
    this.child.on('message', (message: LoadMessage) => message.type === 'error' && fail(message.message));
    this.child.on('error', (error) => fail(error.message));
    // 'close' comes after the last message was read, so a final result is never overtaken by it.
    this.child.on('close', (code, signal) => fail(signal ? `ended by ${signal}` : `exit code ${code}`));
  }

  private receive(message: LoadMessage, done: (result: LoadResult) => void): void {
    if (message.type !== 'delta' && message.type !== 'final') return;
    this.ledger.apply(message.delta);
    const result = this.snapshot();
    for (const callback of this.callbacks) callback(result);
    if (message.type === 'final') done(result);
  }

  /** Starts the load; resolves when its first counts are here. */
  async start(options: LoadOptions): Promise<void> {
    this.command({ type: 'start', options });
    await this.started;
  }

  private command(command: LoadCommand): void {
    // Where the process is gone, `final` rejects and says why; the failed send says nothing more.
    if (this.child.connected) this.child.send(command, () => undefined);
  }

  snapshot(): LoadResult {
    const result = this.ledger.result();
    if (result === null) throw new Error('A load was asked for its counts before it was ready.');
    return result;
  }

  onUpdate(callback: (result: LoadResult) => void): () => void {
    this.callbacks.add(callback);
    return () => this.callbacks.delete(callback);
  }

  until(enough: (result: LoadResult) => boolean): Promise<LoadResult> {
    return new Promise((resolve, reject) => {
      const check = (result: LoadResult): void => {
        if (!enough(result)) return;
        off();
        resolve(result);
      };
      const off = this.onUpdate(check);
      this.final.catch(reject);
      check(this.snapshot());
    });
  }

  stop(): Promise<LoadResult> {
    this.stopped ??= this.stopOnce();
    return this.stopped;
  }

  private async stopOnce(): Promise<LoadResult> {
    const limit = this.timeoutSeconds * 1000 + STOP_MARGIN_MILLISECONDS;
    const killer = setTimeout(() => this.child.kill('SIGKILL'), limit);
    this.command({ type: 'stop' });
    try {
      return await this.final;
    } finally {
      clearTimeout(killer);
      if (this.child.connected) this.child.disconnect();
    }
  }
}

/**
 * Starts load on a URL in a process of its own, so that neither slows the other. Resolves when the first
 * counts are here; throws a BasculeError for options that cannot be, or when the process does not start.
 * `program` is the compiled main.ts, found by itself unless given.
 */
export async function startLoad(options: LoadOptions, program = compiledProgram()): Promise<Load> {
  const { timeoutSeconds } = resolveLoadOptions(options);
  const child = fork(program, [], { execArgv: [], stdio: ['ignore', 'ignore', 'pipe', 'ipc'] });
  const load = new LoadProcess(child, timeoutSeconds);
  await load.start(options);
  return load;
}
