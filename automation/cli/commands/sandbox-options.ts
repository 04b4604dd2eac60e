import type { Argv } from 'yargs';
import { BasculeError } from '../../../src/domain/errors';

export interface SandboxOptions {
  json: boolean;
  folder: string | undefined;
}

/** What every command on the sandbox takes. */
export function sandboxOptions<T>(argv: Argv<T>): Argv<T & SandboxOptions> {
  return argv
    .option('json', {
      type: 'boolean',
      default: false,
      describe: 'Print one JSON document on standard output',
    })
    .option('folder', {
      type: 'string',
      describe: 'Where the sandbox keeps its state (default: .bascule/sandbox of the project)',
    });
}

export function inFolder(argv: SandboxOptions): { folder?: string } {
  return argv.folder === undefined ? {} : { folder: argv.folder };
}

/** Options that are given wrongly. */
export function wrongUse(message: string): BasculeError {
  return new BasculeError({
    code: 'BASCULE_USAGE',
    message,
    next: '`bascule sandbox --help` shows what it takes.',
  });
}
