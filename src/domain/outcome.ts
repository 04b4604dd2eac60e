/** How a command ended. */
export type Outcome = 'succeeded' | 'failed' | 'rolled-back' | 'halted';

/**
 * The exit codes of every command. 0 succeeded; 2 bad input or configuration; 3 failed, traffic untouched;
 * 4 rolled back; 5 halted, a person is needed; 6 another deployment holds the environment.
 */
export const EXIT = {
  succeeded: 0,
  badInput: 2,
  failed: 3,
  rolledBack: 4,
  halted: 5,
  held: 6,
} as const;

export function exitCodeOf(outcome: Outcome): number {
  switch (outcome) {
    case 'succeeded':
      return EXIT.succeeded;
    case 'failed':
      return EXIT.failed;
    case 'rolled-back':
      return EXIT.rolledBack;
    case 'halted':
      return EXIT.halted;
  }
}
