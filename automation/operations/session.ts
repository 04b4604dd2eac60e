import type { DeploymentPolicy } from '../../src/domain/plan';
import type { Holder } from '../../src/domain/records';
import type {
  EnvironmentLog,
  Insistence,
  Journal,
  Leases,
  Preflight,
  Reporter,
  Requests,
  Sight,
  World,
} from '../../src/ports';

/** One environment as a command works on it. */
export interface Session {
  environment: string;
  service: string;
  /** The project's folder; what a command keeps on this machine lies in its `.bascule`. */
  folder: string;
  regions: readonly string[];
  imageOwners: readonly string[];
  policy: DeploymentPolicy;
  world: World;
  journal: Journal;
  leases: Leases;
  requests: Requests;
  /** null where the configuration does without. */
  preflight: Preflight | null;
  log: EnvironmentLog;
  holder: Holder;
  /** What can be seen from here of a holder's process. */
  sightOf(holder: Holder): Sight;
  /** What this process asks before each write to AWS from now on. */
  guardWrites(guard: (() => Promise<void>) | undefined): void;
  reporter: Reporter;
  /** Aborted by the first Ctrl-C. */
  stop: AbortSignal;
  /** What the second one ends. */
  insistence: Insistence;
}
