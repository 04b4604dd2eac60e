import { spawn } from 'node:child_process';
import { createInterface } from 'node:readline';
import { BasculeError } from '../../src/domain/errors';
import type { HistoryEntry } from '../operations/history';

/** What a command's own process used. */
export interface Measured {
  peakMemoryMib: number;
  awsCalls: Record<string, number>;
}

export interface CommandRun {
  exitCode: number;
  json: Partial<HistoryEntry> & {
    error?: { message: string; details: string[] };
    regions?: unknown;
    message?: string | null;
    measured?: Measured;
  };
  startedAt: number;
  endedAt: number;
}

/** Runs Bascule's own command line, just as a person or a CI job would. */
export class CommandLine {
  constructor(
    private readonly bin: string,
    private readonly project: string,
    private readonly env: NodeJS.ProcessEnv,
    private readonly echo: (line: string) => void,
    private readonly signal: AbortSignal,
  ) {}

  /** @throws BasculeError BASCULE_REHEARSAL_COMMAND when the command printed no JSON document. */
  async run(args: string[]): Promise<CommandRun> {
    const startedAt = Date.now();
    this.echo(`$ bascule ${args.join(' ')}`);
    const child = spawn(process.execPath, [this.bin, ...args, '--json', '--project', this.project], {
      env: { ...this.env, CI: 'true' },
      stdio: ['ignore', 'pipe', 'pipe'],
    });
    const forward = (): void => void child.kill('SIGTERM');
    this.signal.addEventListener('abort', forward);
    const lines = createInterface({ input: child.stderr });
    lines.on('line', (line) => this.echo(`  ${line}`));
    let output = '';
    child.stdout.on('data', (chunk: Buffer) => (output += chunk.toString()));
    const exitCode = await new Promise<number>((resolve, reject) => {
      child.once('error', reject);
      child.once('close', (code) => resolve(code ?? 1));
    });
    this.signal.removeEventListener('abort', forward);
    return { exitCode, json: parse(output, args), startedAt, endedAt: Date.now() };
  }
}

function parse(output: string, args: readonly string[]): CommandRun['json'] {
  try {
    return JSON.parse(output) as CommandRun['json'];
  } catch {
    throw new BasculeError({
      code: 'BASCULE_REHEARSAL_COMMAND',
      message: `\`bascule ${args.join(' ')}\` ended without its JSON document: ${output.slice(-300) || '(nothing printed)'}`,
      next: 'The lines above say what it did. Run the rehearsal again; report it if it happens again.',
      blame: 'bascule',
      exitCode: 5,
    });
  }
}
