import type { DeploymentPolicy } from '../../src/domain/plan';
import type { Holder } from '../../src/domain/records';
import type { Journal, Leases, Reporter, World } from '../../src/ports';

/** One environment as a command works on it. */
export interface Session {
  environment: string;
  service: string;
  regions: readonly string[];
  imageOwners: readonly string[];
  policy: DeploymentPolicy;
  world: World;
  journal: Journal;
  leases: Leases;
  holder: Holder;
  reporter: Reporter;
  /** Aborted by the first Ctrl-C. */
  stop: AbortSignal;
}
