import { NO_COURSE, observe, type Course } from './analysis/course';
import type { Requester, Told } from './approval';
import type { Outcome } from './outcome';
import { goingBackAlone, UNREACHABLE } from './regions';
import { goOn } from './replay-resumed';
import { unreadable, untouched, update } from './replay-steps';
import type { Request } from './request';
import { beganShifted, shiftsBefore } from './shifts';
import { isWatched, type Step } from './step';
import { RECORD_FORMAT, type Facts, type JournalRecord, type Plan, type Reason } from './records';

export type StepPhase =
  | 'pending'
  | 'started'
  | 'ran'
  | 'verified'
  | 'failed'
  | 'undoing'
  | 'undone'
  /** It was to be undone and could not be; a person was told what to type. */
  | 'unrestored';

export interface StepState {
  phase: StepPhase;
  startedAt: number | null;
  endedAt: number | null;
  facts: Facts;
  reason: Reason | null;
  /** What each check of the step came to so far, by the check's name. */
  courses?: Record<string, Course>;
}

/** A region that gave no answer: it is tried again after the others, until that is given up too. */
export interface Silence {
  step: string;
  reason: Reason;
  then: 'later' | 'given-up';
}

export interface DeploymentState {
  deployment: string;
  plan: Plan;
  /** The hash that the plan was given by, where it was, or that people approve. */
  planHash?: string;
  /** Who asked for it, where people have to approve. */
  requester?: Requester;
  openedAt: number;
  /** When a process took the deployment over last; null when the first one still has it. */
  resumedAt: number | null;
  steps: Record<string, StepState>;
  /** Why the deployment turned back; null while it goes forward. */
  turnedBack: Reason | null;
  /** Regions that go back by themselves while others stay, and why; null while there are none. */
  leaving: { reason: Reason; regions: string[] } | null;
  /** Regions that gave no answer since the deployment was last taken up, under their names. */
  silent: Record<string, Silence>;
  /** Why it stopped for a person; null otherwise. */
  halted: Reason | null;
  /** Who asked to hold, and when; null while nobody did, or since somebody said `advance`. */
  paused: Request | null;
  /** Ids of steps whose waiting a person ended. */
  advanced: string[];
  /** What was taken up of each approval, by the id of its step. */
  approvals: Record<string, Told[]>;
  /** Whether a person asked to go to the end without the steps between. */
  full: boolean;
  /** The number of the next request that is not taken up yet. */
  nextRequest: number;
  closed: { outcome: Outcome; message: string; at: number } | null;
  /** The sequence number that the next record gets. */
  next: number;
  /** The highest fencing number seen. */
  fence: number;
}

/**
 * The state that a journal describes. Pure: the same records always give the same state.
 * @throws BasculeError BASCULE_JOURNAL_UNREADABLE when the records are not one journal from its beginning.
 */
export function replay(records: readonly JournalRecord[]): DeploymentState {
  const first = records[0];
  if (first?.kind !== 'opened')
    throw unreadable(first?.deployment ?? 'unknown', 'its first record is missing');
  const state: DeploymentState = {
    deployment: first.deployment,
    plan: first.plan,
    ...(first.planHash !== undefined && { planHash: first.planHash }),
    ...(first.requester !== undefined && { requester: first.requester }),
    openedAt: first.at,
    resumedAt: null,
    steps: Object.fromEntries(first.plan.steps.map((step) => [step.id, { ...untouched }])),
    turnedBack: null,
    leaving: null,
    silent: {},
    halted: null,
    paused: null,
    advanced: [],
    approvals: {},
    full: false,
    nextRequest: 0,
    closed: null,
    next: 0,
    fence: 0,
  };
  for (const record of records) {
    checkRecord(record, state);
    applyRecord(record, state);
    state.next = record.sequence + 1;
    state.fence = Math.max(state.fence, record.fence);
  }
  return state;
}

function checkRecord(record: JournalRecord, state: DeploymentState): void {
  if (record.format > RECORD_FORMAT)
    throw unreadable(
      state.deployment,
      `record ${record.sequence} is of format ${record.format}; this Bascule reads up to ${RECORD_FORMAT}`,
    );
  if (record.sequence !== state.next)
    throw unreadable(state.deployment, `record ${state.next} is missing before record ${record.sequence}`);
  if (record.fence < state.fence)
    throw unreadable(
      state.deployment,
      `record ${record.sequence} was written by a former holder of the environment`,
    );
}

function applyRecord(record: JournalRecord, state: DeploymentState): void {
  switch (record.kind) {
    case 'opened':
    case 'unlocked':
      return;
    case 'resumed':
      return goOn(record.at, state);
    case 'replanned':
      return replan(record, state);
    case 'started':
      return update(state, record.step, {
        phase: 'started',
        startedAt: record.at,
        endedAt: null,
        facts: record.facts ?? {},
      });
    case 'ran':
      return gain(state, record, { phase: 'ran' });
    case 'verified':
      return gain(state, record, { phase: 'verified', endedAt: record.at });
    case 'failed':
      return fail(record, state);
    case 'assessed':
      return observeAll(record, state);
    case 'asked':
      return take(record.request, state);
    case 'approved':
      return hear(record, state);
    case 'rollbackRequested':
      state.turnedBack ??= record.reason;
      return;
    case 'undoStarted':
      return update(state, record.step, { phase: 'undoing' });
    case 'undone':
      undoneBefore(state, record.step);
      // A step that was verified keeps its own time; the undoing is not part of what it took.
      return gain(state, record, {
        phase: 'undone',
        endedAt: state.steps[record.step]?.endedAt ?? record.at,
      });
    case 'unrestored':
      state.halted = withMore(state.halted, record.reason);
      return update(state, record.step, { phase: 'unrestored', reason: record.reason });
    case 'unreachable':
      return miss(state, record.step, record);
    case 'halted':
      state.halted = record.reason;
      if (record.step !== null && record.reason.code === UNREACHABLE)
        missLater(state, record.step, record.reason);
      return;
    case 'closed':
      state.closed = { outcome: record.outcome, message: record.message, at: record.at };
      return;
    default:
      // Passing over what is not understood would make a guess of everything after it.
      throw unreadable(state.deployment, `record ${state.next} is of the unknown kind ${kindOf(record)}`);
  }
}

/** What a step found out is added to what is known of it. */
function gain(
  state: DeploymentState,
  { step, facts }: { step: string; facts: Facts },
  change: Partial<StepState>,
): void {
  update(state, step, { ...change, facts: { ...state.steps[step]?.facts, ...facts } });
}

/** A failure turns the deployment back, or by policy only the regions that are not done. */
function fail(
  { step, reason, at }: Extract<JournalRecord, { kind: 'failed' }>,
  state: DeploymentState,
): void {
  update(state, step, { phase: 'failed', endedAt: at, reason });
  if (reason.code === UNREACHABLE) missLater(state, step, reason);
  const regions = state.turnedBack === null ? goingBackAlone(state, step) : undefined;
  if (regions === undefined) state.turnedBack ??= reason;
  else state.leaving ??= { reason, regions };
}

/** A region that failed for want of an answer is not the first to be undone. */
function missLater(state: DeploymentState, step: string, reason: Reason): void {
  miss(state, step, { reason, then: 'later' });
}

function miss(state: DeploymentState, id: string, { reason, then }: Omit<Silence, 'step'>): void {
  const step = state.plan.steps.find((one) => one.id === id);
  if (step === undefined)
    throw unreadable(state.deployment, `a record names the step ${id}, which is not in the plan`);
  state.silent[step.region] = { step: id, reason, then };
}

function kindOf(record: never): string {
  return String((record as { kind: unknown }).kind);
}

function observeAll(record: Extract<JournalRecord, { kind: 'assessed' }>, state: DeploymentState): void {
  const courses = { ...state.steps[record.step]?.courses };
  for (const { check, assessment } of record.assessments)
    courses[check] = observe(courses[check] ?? NO_COURSE, assessment, record.at);
  update(state, record.step, { courses });
}

function hear(record: Extract<JournalRecord, { kind: 'approved' }>, state: DeploymentState): void {
  const { step, decision, by, comment, planHash, saidAt, object, ignored } = record;
  const told = { decision, by, comment, planHash, saidAt, object, ...(ignored && { ignored }) };
  state.approvals[step] = [...(state.approvals[step] ?? []), told];
}

/** An `abort` only counts as taken up here: the way back begins with a record of its own. */
function take(request: Request, state: DeploymentState): void {
  state.nextRequest = request.sequence + 1;
  switch (request.kind) {
    case 'pause':
      state.paused = request;
      return;
    case 'advance':
      state.paused = null;
      if (request.step !== null) state.advanced.push(...watchedWith(state, request.step));
      return;
    case 'advance-full':
      state.paused = null;
      state.full = true;
      // What is under way at a weight before the cutover is waited for no longer either.
      state.advanced.push(...underWay(state, 'analyse'));
      return;
    case 'abort':
      return;
  }
}

/** Who goes on from one step goes on from all that are watched beside it. */
function watchedWith({ plan }: DeploymentState, id: string): string[] {
  const group = plan.steps.find((step) => step.id === id && isWatched(step));
  const name = group !== undefined && isWatched(group) ? group.group : undefined;
  if (name === undefined) return [id];
  return plan.steps.filter((step) => isWatched(step) && step.group === name).map((step) => step.id);
}

function underWay(state: DeploymentState, kind: Step['kind']): string[] {
  return state.plan.steps
    .filter((step) => step.kind === kind && ['started', 'ran'].includes(state.steps[step.id]?.phase ?? ''))
    .map((step) => step.id);
}

/** The way back of a shift leads to the former weights, past all the shifts of its region before it. */
function undoneBefore(state: DeploymentState, id: string): void {
  const step = state.plan.steps.find((one) => one.id === id);
  if (step?.kind !== 'shift') return;
  for (const one of shiftsBefore(state.plan.steps, step))
    if (state.steps[one.id]?.phase !== 'pending' || beganShifted(one))
      update(state, one.id, { phase: 'undone' });
}

function withMore(reason: Reason | null, more: Reason): Reason {
  if (reason === null) return more;
  return { ...reason, details: [...reason.details, more.message, ...more.details] };
}

function replan(record: Extract<JournalRecord, { kind: 'replanned' }>, state: DeploymentState): void {
  const former = state.steps;
  const { plan, adopted, direction } = record;
  state.plan = plan;
  state.leaving = null;
  if (record.planHash !== undefined) state.planHash = record.planHash;
  // What a person went past is to be looked at anew, from what is there now.
  state.advanced = [];
  state.steps = Object.fromEntries(
    plan.steps.map((step) => {
      const is = former[step.id] ?? untouched;
      // No plan takes back what a migration did to the database.
      if (step.kind === 'migrate') return [step.id, is];
      if (direction === 'back')
        // The weights that were accepted are not the former ones, whoever gave them: they are to be taken back.
        return [step.id, step.kind === 'shift' ? { ...is, phase: 'undoing' } : is];
      // Of an adopted step only what it did counts; what it made of a fleet was changed by hand since.
      return [step.id, adopted.includes(step.id) ? { ...is, phase: 'verified', facts: {} } : untouched];
    }),
  );
}
