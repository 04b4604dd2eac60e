/** What the bake script tells on its standard error, a line each, for whoever follows it through the engine. Pure. */
import { BasculeError, type Blame } from './errors';

/** An error as it crosses from one process to another. */
export interface ToldError {
  code: string;
  message: string;
  next: string;
  details: string[];
  exitCode: number;
  blame: Blame;
}

export type BakeEvent =
  /** The script runs, and a process that clears up after it should it be killed. */
  | { kind: 'begun'; pid: number; cleaner: number }
  /** A step begins; the one before it is done. */
  | { kind: 'step'; title: string }
  /** The step under way is done, or failed; why is told later. */
  | { kind: 'done'; note: string; failed?: boolean }
  | { kind: 'note'; text: string }
  | { kind: 'failed'; error: ToldError };

const MARK = 'bascule:bake ';

/** The provider hands lines of at most 64 KiB on (Go's bufio.Scanner), and nothing after a longer one. */
const LONGEST_TEXT = 2000;
const MOST_DETAILS = 16;

/** The line that tells an event. */
export function bakeLine(event: BakeEvent): string {
  return `${MARK}${JSON.stringify(shortened(event))}`;
}

/** What a line of the script's tells; undefined for any other. */
export function bakeEventIn(line: string): BakeEvent | undefined {
  const at = line.indexOf(MARK);
  if (at < 0) return undefined;
  try {
    return JSON.parse(line.slice(at + MARK.length)) as BakeEvent;
  } catch {
    return undefined;
  }
}

function shortened(event: BakeEvent): BakeEvent {
  if (event.kind !== 'failed') return event;
  const { error } = event;
  const details = error.details.slice(0, MOST_DETAILS).map((line) => line.slice(0, LONGEST_TEXT));
  return { kind: 'failed', error: { ...error, message: error.message.slice(0, LONGEST_TEXT), details } };
}

export function toldError(error: BasculeError): ToldError {
  const { code, message, next, details, exitCode, blame } = error;
  return { code, message, next, details, exitCode, blame };
}

/** The build, the test or the copies failed; traffic was never touched. */
export function bakeFailed(what: string, why: string, details: string[], cause?: unknown): BasculeError {
  return new BasculeError({
    code: 'BASCULE_BAKE_FAILED',
    message: `${what} was not baked: ${why}.`,
    details,
    next: 'Mend what is named above and bake again. What the bake had made in AWS is removed.',
    blame: 'world',
    exitCode: 3,
    ...(cause === undefined ? {} : { cause }),
  });
}

/** Somebody ended it; where something had been made, it is removed when this is told. */
export function bakeStopped(what: string): BasculeError {
  return new BasculeError({
    code: 'BASCULE_STOPPED',
    message: `The bake of ${what} was stopped; nothing that it made is left in AWS.`,
    next: 'Bake again whenever you like.',
    exitCode: 3,
  });
}
