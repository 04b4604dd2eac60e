import { BasculeError } from '../../src/domain/errors';
import type { Clock } from '../../src/ports';

const NO_ANSWERS = new Set(['BASCULE_AWS_THROTTLED', 'BASCULE_AWS_UNREACHABLE', 'BASCULE_AWS_FAILED']);

/** Without these nothing can be recorded or done: the deployment stays open for `bascule resume`. */
const INTERRUPTIONS = new Set([
  'BASCULE_DISPLACED',
  'BASCULE_AWS_CREDENTIALS',
  'BASCULE_ACCESS_REFUSED',
  'BASCULE_TOKEN_MISSING',
  'BASCULE_JOURNAL_UNREADABLE',
  'BASCULE_STACK_LOCKED',
  'BASCULE_STACK_UNSETTLED',
]);

/**
 * How long AWS may stay silent before a deployment is left open for a person. Each call has retried for some
 * ten seconds before it counts as silent; most regional disturbances of an API are over within minutes, and a
 * runner that waits longer costs more than a resume.
 */
export const PATIENCE_MILLISECONDS = 5 * 60_000;

/** Longest pause between two attempts, short against the patience and long against the account's rate limits. */
const LONGEST_PAUSE_MILLISECONDS = 20_000;

/** Whether AWS gave no answer: neither a yes nor a no, and never the release's fault. */
export function isNoAnswer(thrown: unknown): thrown is BasculeError {
  return thrown instanceof BasculeError && NO_ANSWERS.has(thrown.code);
}

/** Whether an error says that this process cannot go on, and nothing about the step it was in. */
export function interrupts(thrown: unknown): boolean {
  return !(thrown instanceof BasculeError) || INTERRUPTIONS.has(thrown.code) || isNoAnswer(thrown);
}

export interface Patience {
  /** How long; in a deployment of one region it ends with this process. */
  milliseconds: number;
  clock: Clock;
  stop: AbortSignal;
  /** Told before each further attempt. */
  waits(text: string): void;
}

/** Does something that is safe to repeat until AWS answers; a request to stop ends the waiting. */
export async function patiently<T>(patience: Patience, work: () => Promise<T>): Promise<T> {
  const { clock, stop, milliseconds } = patience;
  const until = clock.now() + milliseconds;
  for (let pause = 1000; ; pause = Math.min(pause * 2, LONGEST_PAUSE_MILLISECONDS)) {
    try {
      return await work();
    } catch (thrown) {
      const left = until - clock.now();
      if (!isNoAnswer(thrown) || left <= 0 || stop.aborted) throw thrown;
      patience.waits(`an answer of AWS, for ${Math.ceil(left / 1000)} s more: ${thrown.message}`);
      await clock.wait(Math.min(pause, left), stop);
    }
  }
}
