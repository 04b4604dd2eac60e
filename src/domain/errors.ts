/** Who has to act on an error. */
export type Blame = 'user' | 'world' | 'bascule';

export interface ErrorFacts {
  /** Stable code, for example BASCULE_CONFIG_INVALID; never reworded once released. */
  code: string;
  /** What happened, to what, and why, in one or a few plain sentences. */
  message: string;
  /** What to do next. */
  next: string;
  blame?: Blame;
  /** Further lines to show below the message: paths, instances, log lines. */
  details?: string[];
  /** The process exit code; 2 (bad input) unless given. See docs/operations.md. */
  exitCode?: number;
  cause?: unknown;
}

/**
 * An error meant for a person: it says what happened, to what, why, and what to do next. The command line
 * prints it without a stack trace; anything else that is thrown is a defect of Bascule.
 */
export class BasculeError extends Error {
  readonly code: string;
  readonly next: string;
  readonly blame: Blame;
  readonly details: string[];
  readonly exitCode: number;

  constructor(facts: ErrorFacts) {
    super(facts.message, facts.cause === undefined ? undefined : { cause: facts.cause });
    this.name = 'BasculeError';
    this.code = facts.code;
    this.next = facts.next;
    this.blame = facts.blame ?? 'user';
    this.details = facts.details ?? [];
    this.exitCode = facts.exitCode ?? 2;
  }
}

/** The text of anything that was thrown. */
export function messageOf(thrown: unknown): string {
  return thrown instanceof Error ? thrown.message : String(thrown);
}

/** What was thrown and is no `BasculeError`: a defect, told like any other error. */
export function unexpected(thrown: unknown): BasculeError {
  return new BasculeError({
    code: 'BASCULE_UNEXPECTED',
    message: `Bascule met something it does not know: ${messageOf(thrown)}`,
    next: 'This is a defect. Run the command again with BASCULE_DEBUG=1 to see where, and report it. `bascule status` shows where the environment stands.',
    blame: 'bascule',
    exitCode: 5,
    cause: thrown,
  });
}
