import type { Outcome } from '../../src/domain/outcome';
import type { Holder, Reason } from '../../src/domain/records';
import type { Approvals, EnvironmentLog, Insistence, Reporter, Requests, World } from '../../src/ports';
import type { OpenJournal } from '../journaling';
import type { Lookout } from './lookout';
import type { Inbox } from './requests';

export interface Drive {
  world: World;
  journal: OpenJournal;
  /** What people ask of it while it runs. */
  requests: Requests;
  approvals: Approvals;
  reporter: Reporter;
  /** What is to be known of the environment when this deployment is long forgotten. */
  log: EnvironmentLog;
  /** Who drives. */
  holder: Holder;
  /** Aborted when a person asks to stop; honoured at the next safe point. */
  stop: AbortSignal;
  /** What a second request to stop ends. */
  insistence: Insistence;
  /** Aborted when another process took the deployment over. */
  displaced: AbortSignal;
  /** Whether it is left open where an approval is not given yet. */
  leaveAtApproval: boolean;
}

export interface Ending {
  outcome: Outcome;
  message: string;
  reason: Reason | null;
}

/** One process's work on a deployment, with what it keeps in mind for as long as it lives. */
export interface Run extends Drive {
  lookout: Lookout;
  inbox: Inbox;
  memory: Map<string, Map<string, unknown>>;
}
