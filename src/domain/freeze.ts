import type { Freeze } from './environment-log';
import { BasculeError } from './errors';
import { describeHolder } from './lease';

/** What a freeze is called when nobody named it. */
export const DEFAULT_FREEZE = 'freeze';

export interface FreezeRequest {
  name: string;
  reason: string;
  /** Unix milliseconds. */
  until: number;
}

const NAME = /^[A-Za-z0-9][A-Za-z0-9._-]{0,62}$/;
const NAME_ALLOWED = '1 to 63 letters, digits, dots, hyphens and underscores, a letter or digit first';
const REASON_LENGTH = 500;
const MOMENT =
  /^(\d{4})-(\d{2})-(\d{2})T([01]\d|2[0-3]):[0-5]\d(:[0-5]\d(\.\d{1,9})?)?(Z|[+-]([01]\d|2[0-3]):?[0-5]\d)$/;
const DURATION = /^(?:(\d{1,6})w)?(?:(\d{1,6})d)?(?:(\d{1,6})h)?(?:(\d{1,6})m)?$/;
const UNTIL_ALLOWED =
  'a time with its zone (2026-12-27T08:00:00Z, 2026-12-27T09:00+01:00) or a duration of weeks, days, hours and minutes (4h, 2d, 1d12h)';
const MINUTE = 60_000;
const UNITS = [7 * 24 * 60 * MINUTE, 24 * 60 * MINUTE, 60 * MINUTE, MINUTE];

/**
 * What a person asked for, checked.
 * @throws BasculeError BASCULE_USAGE (exit code 2) naming each option that is wrong and what it may be.
 */
export function freezeRequest(
  given: { name?: unknown; reason: unknown; until: unknown },
  now: number,
): FreezeRequest {
  const problems: string[] = [];
  const read = <T>(work: () => T): T | undefined => {
    try {
      return work();
    } catch (thrown) {
      if (!(thrown instanceof BasculeError)) throw thrown;
      problems.push(thrown.message);
      return undefined;
    }
  };
  const name = read(() => freezeName('name', given.name ?? DEFAULT_FREEZE));
  const reason = read(() => freeText('reason', given.reason));
  const until = read(() => momentOf(given.until, now));
  if (name !== undefined && reason !== undefined && until !== undefined) return { name, reason, until };
  throw bad(problems.join(' '));
}

/** @throws BasculeError BASCULE_USAGE (exit code 2). */
export function freezeName(option: string, value: unknown): string {
  if (typeof value === 'string' && NAME.test(value)) return value;
  throw bad(`--${option} is ${shown(value)}; it must be ${NAME_ALLOWED}.`);
}

/**
 * A line of text that a person gave.
 * @throws BasculeError BASCULE_USAGE (exit code 2).
 */
export function freeText(option: string, value: unknown): string {
  const text = typeof value === 'string' ? value.trim() : '';
  // Control characters would reach the terminals of everybody who reads it.
  if (text !== '' && text.length <= REASON_LENGTH && !/\p{Cc}/u.test(text)) return text;
  throw bad(`--${option} is ${shown(value)}; it must be one line of 1 to ${REASON_LENGTH} characters.`);
}

function momentOf(value: unknown, now: number): number {
  const at = typeof value === 'string' ? (durationOf(value, now) ?? dateOf(value)) : undefined;
  if (at === undefined) throw bad(`--until is ${shown(value)}; it must be ${UNTIL_ALLOWED}.`);
  if (at <= now)
    throw bad(
      `--until is ${shown(value)}, which is not in the future: it is ${new Date(now).toISOString()} now.`,
    );
  return at;
}

function durationOf(text: string, now: number): number | undefined {
  const parts = text === '' ? null : DURATION.exec(text);
  if (parts === null) return undefined;
  const milliseconds = UNITS.reduce((sum, unit, index) => sum + unit * Number(parts[index + 1] ?? 0), 0);
  return isMoment(now + milliseconds) ? now + milliseconds : undefined;
}

function dateOf(text: string): number | undefined {
  const parts = MOMENT.exec(text);
  if (parts === null) return undefined;
  // A day that the month does not have would silently be one of the next.
  const day = new Date(Date.UTC(Number(parts[1]), Number(parts[2]) - 1, Number(parts[3])));
  if (day.getUTCMonth() !== Number(parts[2]) - 1 || day.getUTCDate() !== Number(parts[3])) return undefined;
  const at = Date.parse(text);
  return isMoment(at) ? at : undefined;
}

/** Years of four digits: what is printed can be typed again. */
function isMoment(at: number): boolean {
  return at < Date.UTC(10_000, 0, 1);
}

function shown(value: unknown): string {
  if (value === undefined) return 'missing';
  return Array.isArray(value) ? `given ${value.length} times` : JSON.stringify(value);
}

function bad(message: string): BasculeError {
  return new BasculeError({
    code: 'BASCULE_USAGE',
    message,
    next: 'Nothing was changed. Give the command again; `--help` shows an example.',
  });
}

/** What freezes and the names given to override them come to. */
export type Passage =
  | { kind: 'open'; overridden: Freeze[] }
  | { kind: 'frozen'; by: Freeze[] }
  | { kind: 'unknown'; names: string[] };

/** Whether a deployment may go forward: every freeze in force must be overridden, each by its own name. Pure. */
export function passageOf(inForce: readonly Freeze[], names: readonly string[]): Passage {
  const known = new Set(inForce.map((freeze) => freeze.name));
  const unknown = names.filter((name) => !known.has(name));
  if (unknown.length > 0) return { kind: 'unknown', names: unknown };
  const left = inForce.filter((freeze) => !names.includes(freeze.name));
  return left.length > 0 ? { kind: 'frozen', by: left } : { kind: 'open', overridden: [...inForce] };
}

/** One freeze in a line. */
export function describeFreeze(freeze: Freeze): string {
  return `${freeze.name}: until ${new Date(freeze.until).toISOString()}, by ${describeHolder(freeze.by)}: ${freeze.reason}`;
}
