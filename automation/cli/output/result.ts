import { BasculeError, unexpected } from '../../../src/domain/errors';

/** What a command ends with: an exit code, one JSON document, and the same for people. */
export interface CommandResult {
  exitCode: number;
  json: Record<string, unknown>;
  text: string;
}

/** Prints a command's result on standard output and sets the exit code. */
export function printResult(result: CommandResult, json: boolean): void {
  if (json)
    process.stdout.write(`${JSON.stringify({ exitCode: result.exitCode, ...result.json }, null, 2)}\n`);
  else if (result.text !== '') process.stdout.write(`${result.text}\n`);
  process.exitCode = result.exitCode;
}

/** Prints what went wrong: one clear message for a person, the same as JSON on standard output for machines. */
export function printError(thrown: unknown, json: boolean): void {
  const error = thrown instanceof BasculeError ? thrown : unexpected(thrown);
  if (process.env['BASCULE_DEBUG'] !== undefined) process.stderr.write(`${traceOf(thrown)}\n`);
  if (json) {
    const { code, message, details, next, exitCode } = error;
    process.stdout.write(
      `${JSON.stringify({ exitCode, error: { code, message, details, next } }, null, 2)}\n`,
    );
  } else {
    process.stderr.write(
      [
        `error ${error.code}: ${error.message}`,
        ...error.details.map((line) => `  ${line}`),
        `next: ${error.next}`,
        '',
      ].join('\n'),
    );
  }
  process.exitCode = error.exitCode;
}

/** Where it was thrown first, for whoever mends it. */
export function traceOf(thrown: unknown): string {
  if (!(thrown instanceof Error)) return String(thrown);
  return thrown.cause === undefined ? (thrown.stack ?? thrown.message) : traceOf(thrown.cause);
}
