/** Programs run as a person or a CI job runs them: as processes of their own, judged by what they print. */
import { spawn, type ChildProcess } from 'node:child_process';
import path from 'node:path';

const ROOT = path.resolve(__dirname, '../..');
export const BASCULE = path.join(ROOT, 'bin', 'bascule.js');

export interface Ended {
  exitCode: number | null;
  stdout: string;
  stderr: string;
}

/** A program that runs, or has run. */
export class Program {
  stdout = '';
  stderr = '';
  readonly ended: Promise<Ended>;
  private readonly child: ChildProcess;

  constructor(command: string, args: string[], options: { env: NodeJS.ProcessEnv; cwd?: string }) {
    this.child = spawn(command, args, {
      env: options.env,
      stdio: ['ignore', 'pipe', 'pipe'],
      ...(options.cwd === undefined ? {} : { cwd: options.cwd }),
    });
    this.child.stdout?.on('data', (part: Buffer) => (this.stdout += part.toString()));
    this.child.stderr?.on('data', (part: Buffer) => (this.stderr += part.toString()));
    this.ended = new Promise((resolve, reject) => {
      this.child.once('error', reject);
      this.child.once('close', (exitCode) => resolve({ exitCode, stdout: this.stdout, stderr: this.stderr }));
    });
    this.ended.catch(() => undefined);
  }

  get pid(): number | undefined {
    return this.child.pid;
  }

  signal(signal: NodeJS.Signals): void {
    this.child.kill(signal);
  }

  /** Waits until the program's progress says something; fails with all of it when the program ends before. */
  async says(pattern: RegExp): Promise<void> {
    await new Promise<void>((resolve, reject) => {
      const look = (): void => {
        if (pattern.test(this.stderr)) resolve();
      };
      this.child.stderr?.on('data', look);
      this.child.once('close', () => {
        look();
        reject(new Error(`ended without saying ${String(pattern)}:\n${this.stderr}\n${this.stdout}`));
      });
      look();
    });
  }
}

/** What `--json` printed, as far as the tests look at it. */
export interface Document {
  exitCode: number;
  outcome?: string;
  message?: string;
  deployment?: string;
  from?: string | null;
  to?: string;
  error?: { code: string; message: string; details: string[]; next: string };
  reason?: { code: string; message: string; details: string[] } | null;
  steps?: { step: string; phase: string; startedAt: number | null; endedAt: number | null }[];
}

export interface Answer<T = Document> extends Ended {
  json: T;
}

/** The one JSON document on standard output; anything else there is a failure. */
export function documentOf<T>(ended: Ended): T {
  try {
    return JSON.parse(ended.stdout) as T;
  } catch {
    throw new Error(`not one JSON document: ${ended.stdout || '(nothing)'}\nprogress:\n${ended.stderr}`);
  }
}
