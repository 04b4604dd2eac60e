import type { Assessment } from './analysis/assessment';
import type { Requester, Told } from './approval';
import type { ChangeNotes } from './change-set';
import type { Outcome } from './outcome';
import type { Durations } from './preview/durations';
import type { Request } from './request';
import type { SchemaRange } from './schema-range';
import type { FoundFleets, Step } from './step';
import type { Drift, RouteWeights } from './traffic';
import type { Waves } from './waves';

/**
 * The version of the record format; a reader refuses records of a newer one. 4: plans may have migrations, which
 * who knows nothing of them must not pass over. 5: approvals, tests, waves and regions that gave no answer.
 */
export const RECORD_FORMAT = 5;

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
  /** The versions of the database's schema that the release works with; absent where it declares none. */
  schema?: SchemaRange;
  /** Whether a fleet that serves nobody may scale by itself; its desired capacity then tells nothing. */
  scalesIdle?: boolean;
  /** How its regions go together; absent with one region, and in records before format 5. */
  waves?: Waves;
  /** Regions that gave no answer when a rollback was planned: it has no steps in them yet. */
  unplanned?: string[];
  /** What was found in each region when the plan was made; absent in records of format 1. */
  found?: FoundRegion[];
}

/** One region as a plan found it: what differs from this later, and was not the plan's doing, is drift. */
export interface FoundRegion {
  region: string;
  /** The weights of all production routes. */
  routes: RouteWeights[];
  /** Production rules that forward to neither colour; absent in older records. */
  elsewhere?: string[];
  fleets: FoundFleets;
}

/** Compared as it is, never interpreted. */
export interface ProcessMark {
  /** Where process numbers mean the same: one boot of one machine, one container. */
  space: string;
  startedAt: string;
}

export interface Holder {
  host: string;
  pid: number;
  user: string;
  /** Link to the CI job, where there is one. */
  job: string | null;
  /** What tells the process from a later one with its number; missing in what older versions wrote. */
  process?: ProcessMark;
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
  /**
   * `overrode` names the freezes that were in force and overridden by name; `planHash` is the one that the plan
   * was given by, where it was, or that people approve; `requester` asked for it, where people have to approve;
   * `channels` are those that are told of this deployment.
   */
  | {
      kind: 'opened';
      plan: Plan;
      holder: Holder;
      overrode?: string[];
      planHash?: string;
      promoted?: Promoted;
      /** Why it began outside the windows for deployments. */
      overrodeWindow?: string;
      requester?: Requester;
      change?: ChangeNotes;
      channels?: string[];
    }
  /** The lease was taken from its former holder; what that one appends next finds its number taken. */
  | { kind: 'unlocked'; holder: Holder; former: Holder; why: string }
  /** Another process took the deployment over. */
  | { kind: 'resumed'; holder: Holder }
  /**
   * A person accepted what was changed by hand; from here on this plan holds. `adopted` are the ids of steps
   * that are as good as done. On the way back the states of the former plan's steps are kept.
   */
  | {
      kind: 'replanned';
      plan: Plan;
      accepted: Drift[];
      adopted: string[];
      direction: 'forward' | 'back';
      /** Of the new plan, where people have to approve it. */
      planHash?: string;
    }
  /** With what was decided at the last moment, so that it is known before anything is touched. */
  | { kind: 'started'; step: string; facts?: Facts }
  | { kind: 'ran'; step: string; facts: Facts }
  | { kind: 'verified'; step: string; facts: Facts }
  | { kind: 'failed'; step: string; reason: Reason }
  /** A person or a signal asked for the way back. */
  | { kind: 'rollbackRequested'; reason: Reason }
  /** What checks found at one look, in the order of the plan's checks that looked. */
  | { kind: 'assessed'; step: string; assessments: Assessed[] }
  /** A person's request was taken up; it holds from here on, unless it could not be granted. */
  | { kind: 'asked'; request: Request; refused?: Reason }
  /** What somebody said of an approval, taken up once for each object of the store; it counts unless it is ignored. */
  | ({ kind: 'approved'; step: string } & Told)
  | { kind: 'undoStarted'; step: string }
  | { kind: 'undone'; step: string; facts: Facts }
  /** What the step changed could not be put back; the reason says what a person has to type. */
  | { kind: 'unrestored'; step: string; reason: Reason }
  /**
   * A region gave no answer on the way back: the others go first, and it is tried again after them. `given-up`:
   * then it gave none either, and nothing is known of what the step names.
   */
  | { kind: 'unreachable'; step: string; reason: Reason; then: 'later' | 'given-up' }
  | { kind: 'halted'; step: string | null; reason: Reason }
  | {
      kind: 'closed';
      outcome: Outcome;
      message: string;
      /** Of a release that succeeded, so that a preview need not read the whole journal for it. */
      durations?: Durations;
    };

/** One check's assessment, under the check's name. */
export interface Assessed {
  check: string;
  assessment: Assessment;
}

/** Where a release came from. */
export interface Promoted {
  /** The environment before. */
  from: string;
  /** The deployment there that it is promoted by; null where it was not fit to be. */
  deployment: string | null;
  /** Why it was taken all the same. */
  forced?: string;
}

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
