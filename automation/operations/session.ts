import type { PromotionConfig, WindowsConfig } from '../../src/domain/config';
import type { DeploymentPolicy } from '../../src/domain/plan';
import type { Holder } from '../../src/domain/records';
import type { PlannedTest } from '../../src/domain/suite/gate';
import type {
  Approvals,
  EnvironmentLog,
  Identity,
  Insistence,
  Journal,
  Leases,
  Preflight,
  Reporter,
  Requests,
  Sight,
  World,
} from '../../src/ports';
import type { Post } from './courier';
import type { PlanPlace } from './preview-plan';

/** One environment as a command works on it. */
export interface Session {
  environment: string;
  service: string;
  /** The project's folder; what a command keeps on this machine lies in its `.bascule`. */
  folder: string;
  regions: readonly string[];
  imageOwners: readonly string[];
  policy: DeploymentPolicy;
  /**
   * The tests that are gates of a deployment, their suites read; absent where there are none.
   * @throws BasculeError BASCULE_SUITE_INVALID (exit code 2).
   */
  tests?(): Promise<PlannedTest[]>;
  /** What a release must have gone through before; null where any may be deployed. */
  promotion: PromotionConfig | null;
  /** When deployments may begin; null for always. */
  windows: WindowsConfig | null;
  world: World;
  journal: Journal;
  leases: Leases;
  requests: Requests;
  approvals: Approvals;
  /** Whose credentials this process works with. */
  identity: Identity;
  /** Whether a deployment is left open where an approval is not given yet. */
  leaveAtApproval?: boolean;
  /** What a plan is compared and approved by; absent where the engine shows nothing. */
  planPlace?(): Promise<PlanPlace>;
  /** null where the configuration does without. */
  preflight: Preflight | null;
  log: EnvironmentLog;
  /** Who tells people of its deployments; null where nobody is to be told. */
  post: Post | null;
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
