import type { EnvironmentConfig } from './environment';
import type { ConfigProblem } from './problems';

/**
 * A check that compares fields with each other. It runs whenever the fields it reads are sound in themselves,
 * so that one wrong type somewhere else hides nothing and all problems are reported at once.
 */
export interface Check {
  /** Paths it reads, without indices: `fleet.minimum`. */
  reads: string[];
  find(config: EnvironmentConfig): ConfigProblem[];
}

export function problem(path: (string | number)[], message: string): ConfigProblem {
  return { path, message };
}

/** The length of a CIDR block that was checked before. */
export function cidrLength(cidr: string): number {
  return Number(cidr.split('/')[1]);
}
