import type { Told } from '../../src/domain/approval';
import type { Assessed, Facts, Holder, Plan, Reason } from '../../src/domain/records';
import type { DeploymentState } from '../../src/domain/replay';
import type { FleetLimits } from '../../src/domain/fleet';
import type { Step } from '../../src/domain/step';
import type { Approvals, EnvironmentLog, Insistence, RegionWorld, World } from '../../src/ports';

export type RunResult =
  | { kind: 'ran'; facts: Facts }
  | { kind: 'failed'; reason: Reason }
  /** Going on or back would both be a guess: a person decides. */
  | { kind: 'halt'; reason: Reason };

export type Verdict =
  | { kind: 'done'; note: string; facts: Facts }
  | { kind: 'pending'; waitingFor: string }
  | { kind: 'failed'; reason: Reason }
  | { kind: 'halt'; reason: Reason };

export type UndoResult = { kind: 'undone'; note: string; facts?: Facts } | { kind: 'halt'; reason: Reason };

/** What a handler may use. `memory` lives for one step in one process; losing it only makes a gate look longer. */
export interface StepContext {
  world: World;
  region: RegionWorld;
  plan: Plan;
  /** When the intent was recorded, Unix milliseconds: waits count from here, also after a resume. */
  startedAt: number;
  /** Where the step's time-out counts from: the intent, or the resume, for a gate gets a fair look after one. */
  countsFrom: number;
  /** When the deployment was opened, Unix milliseconds. */
  openedAt: number;
  /** What is recorded of this step so far. */
  facts: Facts;
  /** What is recorded of another step of the plan. */
  factsOf(step: string): Facts;
  /** Whether an earlier process or attempt began this step: only then may the world be part of the way already. */
  recovering: boolean;
  /** The deployment as its journal has it by now; a step that waits sees what was recorded meanwhile. */
  state(): DeploymentState;
  /** Appends what checks found to the journal, and tells it; of another step's checks as that step's. */
  record(assessments: Assessed[], of?: Step): Promise<void>;
  /** What approvers said; and what was made of it, which the journal then has. */
  approvals: Approvals;
  hear(step: Step, told: Told): Promise<void>;
  /** Aborted once the driver waits for the step no longer, for whatever reason: what a look began ends with it. */
  left: AbortSignal;
  /** What a second request to stop ends in place of the process. */
  insistence: Insistence;
  /** Aborted when another process took the deployment over. */
  displaced: AbortSignal;
  /** The environment's log, and who writes in it. */
  log: EnvironmentLog;
  holder: Holder;
  memory: Map<string, unknown>;
}

/**
 * One kind of step. `run` and `undo` may be repeated at any time; `verify` only reads the world, and a
 * missing or unreadable answer is never done.
 */
export interface StepHandler<S extends Step> {
  /** Seconds after the start at which a pending step has failed; null when the step itself is a wait. */
  timeoutSeconds(step: S): number | null;
  pollMilliseconds(step: S): number;
  /**
   * What to do about an intent without a result: `look` whether the world is as it should be and adopt it, or
   * `repeat` at once, where a look cannot tell whether all was done, as with a stack that Pulumi applies.
   */
  recovery: 'look' | 'repeat';
  /** What is decided at the last moment; recorded with the intent, before `run` touches anything. */
  intend?(step: S, context: StepContext): Promise<Facts>;
  run(step: S, context: StepContext): Promise<RunResult>;
  verify(step: S, context: StepContext): Promise<Verdict>;
  undo(step: S, context: StepContext): Promise<UndoResult>;
  /** Why the step did not end in time, with what a person needs to see. */
  explainTimeout(step: S, context: StepContext, waitingFor: string): Promise<Reason>;
}

export const ran = (facts: Facts = {}): RunResult => ({ kind: 'ran', facts });
export const done = (note = '', facts: Facts = {}): Verdict => ({ kind: 'done', note, facts });
export const pending = (waitingFor: string): Verdict => ({ kind: 'pending', waitingFor });

export function reason(code: string, message: string, details: string[] = []): Reason {
  return { code, message, details };
}

/** The reason of a step that simply took too long. */
export function timedOut(what: string, waitingFor: string): Promise<Reason> {
  return Promise.resolve(
    reason('BASCULE_STEP_TIMEOUT', `${what} did not end in time; it waited for ${waitingFor}.`),
  );
}

export const nothingToUndo = (): Promise<UndoResult> => Promise.resolve({ kind: 'undone', note: '' });

/** What a step made of a fleet: from here on, anything else is drift. */
export function limitFacts(reading: FleetLimits): Facts {
  return { minimum: reading.minimum, maximum: reading.maximum };
}
