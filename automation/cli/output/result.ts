import { BasculeError, messageOf } from '../../../src/domain/errors';

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

function unexpected(thrown: unknown): BasculeError {
  if (process.env['BASCULE_DEBUG'] !== undefined && thrown instanceof Error)
    process.stderr.write(`${thrown.stack ?? thrown.message}\n`);
  return new BasculeError({
    code: 'BASCULE_UNEXPECTED',
    message: `Bascule met something it does not know: ${messageOf(thrown)}`,
    next: 'This is a defect. Run the command again with BASCULE_DEBUG=1 to see where, and report it. `bascule status` shows where the environment stands.',
    blame: 'bascule',
    exitCode: 5,
  });
}
