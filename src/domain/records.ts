import type { Outcome } from './outcome';
import type { Drift } from './traffic';
import type { Step } from './step';

/** The version of the record format; a reader refuses records of a newer one. */
export const RECORD_FORMAT = 1;

export interface Plan {
  /** Why the deployment is made: a new release, the way back, or letting a colour go. */
  purpose: 'deploy' | 'rollback' | 'retire';
  environment: string;
  service: string;
  /** The release that is live when the plan succeeded. */
  version: string;
  /** The release that was live when the plan was made; null when there was none. */
  formerVersion: string | null;
  steps: Step[];
}

export interface Holder {
  host: string;
  pid: number;
  user: string;
  /** Link to the CI job, where there is one. */
  job: string | null;
}

/** Why a step or a deployment did not go on. */
export interface Reason {
  /** Stable code, for example BASCULE_GATE_TIMEOUT. */
  code: string;
  message: string;
  details: string[];
  drifts?: Drift[];
}

type Body =
  | { kind: 'opened'; plan: Plan; holder: Holder }
  /** Another process took the deployment over. */
  | { kind: 'resumed'; holder: Holder }
  | { kind: 'started'; step: string }
  | { kind: 'ran'; step: string; facts: Facts }
  | { kind: 'verified'; step: string; facts: Facts }
  | { kind: 'failed'; step: string; reason: Reason }
  /** A person or a signal asked for the way back. */
  | { kind: 'rollbackRequested'; reason: Reason }
  | { kind: 'undoStarted'; step: string }
  | { kind: 'undone'; step: string; facts: Facts }
  | { kind: 'halted'; step: string | null; reason: Reason }
  | { kind: 'closed'; outcome: Outcome; message: string };

/** What a step found out that a later reader may need; plain JSON. */
export type Facts = Record<string, string | number | boolean | null>;

export type RecordBody = Body;
export type RecordKind = Body['kind'];

/** One entry of a journal. */
export type JournalRecord = Body & {
  format: number;
  deployment: string;
  /** Position in the journal, from 0. */
  sequence: number;
  /** Unix milliseconds. */
  at: number;
  /** The fencing number of the lease under which it was written. */
  fence: number;
};
