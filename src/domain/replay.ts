import { NO_COURSE, observe, takenUpAgain, type Course } from './analysis/course';
import { BasculeError } from './errors';
import { MIGRATION_HALTS } from './migration';
import type { Outcome } from './outcome';
import type { Request } from './request';
import { beganShifted, shiftsBefore } from './shifts';
import type { Step } from './step';
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

export interface DeploymentState {
  deployment: string;
  plan: Plan;
  /** The hash that the plan was given by, where it was. */
  planHash?: string;
  openedAt: number;
  /** When a process took the deployment over last; null when the first one still has it. */
  resumedAt: number | null;
  steps: Record<string, StepState>;
  /** Why the deployment turned back; null while it goes forward. */
  turnedBack: Reason | null;
  /** Why it stopped for a person; null otherwise. */
  halted: Reason | null;
  /** Who asked to hold, and when; null while nobody did, or since somebody said `advance`. */
  paused: Request | null;
  /** Ids of steps whose waiting a person ended. */
  advanced: string[];
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

const untouched: StepState = { phase: 'pending', startedAt: null, endedAt: null, facts: {}, reason: null };

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
    openedAt: first.at,
    resumedAt: null,
    steps: Object.fromEntries(first.plan.steps.map((step) => [step.id, { ...untouched }])),
    turnedBack: null,
    halted: null,
    paused: null,
    advanced: [],
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
      return update(state, record.step, {
        phase: 'ran',
        facts: { ...state.steps[record.step]?.facts, ...record.facts },
      });
    case 'verified':
      return update(state, record.step, {
        phase: 'verified',
        endedAt: record.at,
        facts: { ...state.steps[record.step]?.facts, ...record.facts },
      });
    case 'failed':
      state.turnedBack ??= record.reason;
      return update(state, record.step, { phase: 'failed', endedAt: record.at, reason: record.reason });
    case 'assessed':
      return observeAll(record, state);
    case 'asked':
      return take(record.request, state);
    case 'rollbackRequested':
      state.turnedBack ??= record.reason;
      return;
    case 'undoStarted':
      return update(state, record.step, { phase: 'undoing' });
    case 'undone':
      undoneBefore(state, record.step);
      return update(state, record.step, {
        phase: 'undone',
        // A step that was verified keeps its own time; the undoing is not part of what it took.
        endedAt: state.steps[record.step]?.endedAt ?? record.at,
        facts: { ...state.steps[record.step]?.facts, ...record.facts },
      });
    case 'unrestored':
      state.halted = withMore(state.halted, record.reason);
      return update(state, record.step, { phase: 'unrestored', reason: record.reason });
    case 'halted':
      state.halted = record.reason;
      return;
    case 'closed':
      state.closed = { outcome: record.outcome, message: record.message, at: record.at };
      return;
    default:
      // Passing over what is not understood would make a guess of everything after it.
      throw unreadable(state.deployment, `record ${state.next} is of the unknown kind ${kindOf(record)}`);
  }
}

/** A person decided to go on, so what had stopped the deployment is judged afresh from the world. */
function goOn(at: number, state: DeploymentState): void {
  beginMigrationAnew(state);
  state.halted = null;
  state.closed = null;
  state.resumedAt = at;
  takeUpAgain(state);
  if (state.turnedBack === null) lookAgain(state);
}

/**
 * A migration that halted is begun anew once a person decided to go on. Where its result is not known, that
 * person must have been told so: the deployment closed with it.
 */
function beginMigrationAnew(state: DeploymentState): void {
  const { halted, closed, plan } = state;
  const code = halted?.code;
  const seen =
    code === MIGRATION_HALTS.failed ||
    code === MIGRATION_HALTS.ended ||
    (code === MIGRATION_HALTS.unknown && closed !== null);
  if (!seen) return;
  for (const { id, kind } of plan.steps)
    if (kind === 'migrate' && state.steps[id]?.phase === 'started') state.steps[id] = { ...untouched };
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

function takeUpAgain(state: DeploymentState): void {
  for (const step of Object.values(state.steps))
    for (const [check, course] of Object.entries(step.courses ?? {}))
      step.courses = { ...step.courses, [check]: takenUpAgain(course) };
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
      if (request.step !== null) state.advanced.push(request.step);
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

/**
 * What was seen before an interruption may be hours old: what only looked, or followed the live fleet, does
 * so again while the shift is still to come. What was put back when the deployment halted is held anew.
 */
function lookAgain(state: DeploymentState): void {
  for (const step of state.plan.steps) {
    const phase = state.steps[step.id]?.phase;
    const ahead = nextShift(state, step)?.phase === 'pending';
    if (step.kind === 'health-gate' && phase === 'verified' && ahead) state.steps[step.id] = { ...untouched };
    if (step.kind === 'follow' && phase === 'verified' && ahead) update(state, step.id, { phase: 'started' });
    if (step.kind === 'hold' && phase === 'undone') state.steps[step.id] = { ...untouched };
    if (step.kind === 'hold' && (phase === 'undoing' || phase === 'unrestored'))
      update(state, step.id, { phase: 'started' });
    // What is held anew has to be put back anew.
    if (step.kind === 'release' && phase === 'ran') update(state, step.id, { phase: 'started' });
  }
}

/** The shift of the region that a step makes ready for. */
function nextShift({ plan, steps }: DeploymentState, step: Step): StepState | undefined {
  const after = plan.steps.slice(plan.steps.indexOf(step));
  const shift = after.find((one) => one.kind === 'shift' && one.region === step.region);
  return shift === undefined ? undefined : steps[shift.id];
}

function replan(record: Extract<JournalRecord, { kind: 'replanned' }>, state: DeploymentState): void {
  const former = state.steps;
  const { plan, adopted, direction } = record;
  state.plan = plan;
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

function update(state: DeploymentState, step: string, change: Partial<StepState>): void {
  const former = state.steps[step];
  if (former === undefined)
    throw unreadable(state.deployment, `a record names the step ${step}, which is not in the plan`);
  state.steps[step] = { ...former, ...change };
}

function unreadable(deployment: string, why: string): BasculeError {
  return new BasculeError({
    code: 'BASCULE_JOURNAL_UNREADABLE',
    message: `The journal of deployment ${deployment} cannot be read: ${why}.`,
    next: 'Nothing was changed. Look at the journal in the bucket, or use the version of Bascule that wrote it.',
    blame: 'world',
    exitCode: 5,
  });
}
