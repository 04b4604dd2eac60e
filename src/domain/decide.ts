import type { Outcome } from './outcome';
import type { Reason } from './records';
import { regionsMissing, unknownReason, unknownRegions } from './regions';
import type { DeploymentState } from './replay';
import { beganShifted, isOfStage } from './shifts';
import { isWatched, type Step } from './step';
import { heldSteps, stepsToUndo } from './undoing';

/** What the driver does next. */
export type Action =
  /** Record the intent, then run the step. */
  | { kind: 'start'; step: Step }
  /** An earlier process recorded the intent and no result: look at the world before running it again. */
  | { kind: 'recover'; step: Step }
  /** The step ran; look until the world agrees. Those beside it ran too, and are looked at in the same time. */
  | { kind: 'verify'; step: Step; beside: Step[] }
  | { kind: 'undo'; step: Step }
  /** Record why it stops for a person. */
  | { kind: 'halt'; reason: Reason }
  | { kind: 'close'; outcome: Outcome; reason: Reason | null };

/**
 * What to do next, from the journal alone. Pure and total: every state of an open deployment has exactly one
 * safe action.
 */
export function decide(state: DeploymentState): Action {
  const { halted, turnedBack, leaving } = state;
  if (halted !== null) return leave(state, halted);
  if (turnedBack !== null) return backward(state, turnedBack);
  return leaving === null ? forward(state) : backwardAlone(state, leaving);
}

/** A deployment that stops for a person first gives both fleets back what it held; traffic stays where it is. */
function leave(state: DeploymentState, reason: Reason): Action {
  const left = heldSteps(state).filter((step) => state.steps[step.id]?.phase !== 'unrestored');
  const step = answeringFirst(state, left)[0];
  if (step !== undefined) return { kind: 'undo', step };
  return { kind: 'close', outcome: 'halted', reason };
}

/** Steps whose regions answer; once there are none, those that are tried again; never those that were given up. */
function answeringFirst(state: DeploymentState, steps: readonly Step[]): Step[] {
  const answering = steps.filter((step) => state.silent[step.region] === undefined);
  if (answering.length > 0) return answering;
  return steps.filter((step) => state.silent[step.region]?.then === 'later');
}

function forward(state: DeploymentState): Action {
  const open = state.plan.steps.filter((step) => isOpen(state, step));
  const step = answeringFirst(state, open)[0];
  if (step !== undefined) return goOnWith(state, step, open);
  if (regionsMissing(state).length > 0) return { kind: 'halt', reason: unknownReason(state, null) };
  return { kind: 'close', outcome: 'succeeded', reason: null };
}

/** Whether a step is still to be done: who went on to the end passes over weights before the cutover. */
function isOpen(state: DeploymentState, step: Step): boolean {
  const phase = state.steps[step.id]?.phase ?? 'pending';
  if (phase === 'verified') return false;
  return !(state.full && isOfStage(step) && (phase === 'pending' || phase === 'undone'));
}

function goOnWith(state: DeploymentState, step: Step, open: readonly Step[]): Action {
  const phase = state.steps[step.id]?.phase ?? 'pending';
  switch (phase) {
    // What was undone when its region went back by itself is begun anew.
    case 'pending':
    case 'undone':
      return { kind: 'start', step };
    case 'started':
      return { kind: 'recover', step };
    case 'ran':
      return verify(state, step, open);
    case 'verified':
    case 'failed':
    case 'undoing':
    case 'unrestored':
      // Only a deployment that turned back has such steps; replay sets turnedBack with the first of them.
      return { kind: 'undo', step };
  }
}

/** Steps of one group are all begun before any of them is looked at. */
function verify(state: DeploymentState, step: Step, open: readonly Step[]): Action {
  const group = isWatched(step) ? step.group : undefined;
  const beside =
    group === undefined ? [] : open.filter((one) => one !== step && isWatched(one) && one.group === group);
  const next = beside.find((one) => state.steps[one.id]?.phase !== 'ran');
  return next === undefined ? { kind: 'verify', step, beside } : goOnWith(state, next, []);
}

/** Weights first, the rest later: requests are safe before anything is taken down. The latest first. */
function nextToUndo(state: DeploymentState, regions?: readonly string[]): Step | undefined {
  const touched = answeringFirst(state, stepsToUndo(state, regions));
  return touched.filter((step) => step.kind === 'shift').at(-1) ?? touched.at(-1);
}

function backward(state: DeploymentState, reason: Reason): Action {
  const step = nextToUndo(state);
  if (step !== undefined) return { kind: 'undo', step };
  // What has no answer is not undone as far as anybody knows.
  if (unknownRegions(state).length > 0) return { kind: 'halt', reason: unknownReason(state, reason) };
  return { kind: 'close', outcome: hasMoved(state) ? 'rolled-back' : 'failed', reason };
}

/** Only some regions go back, and then a person decides about all of it. */
function backwardAlone(
  state: DeploymentState,
  { reason, regions }: { reason: Reason; regions: string[] },
): Action {
  const step = nextToUndo(state, regions);
  if (step !== undefined) return { kind: 'undo', step };
  if (unknownRegions(state).length > 0) return { kind: 'halt', reason: unknownReason(state, reason) };
  return { kind: 'halt', reason };
}

/** Whether any weight was written: by the result of a shift, or by what its undoing had to restore. */
export function hasMoved(state: DeploymentState): boolean {
  return state.plan.steps.some((step) => {
    const facts = state.steps[step.id]?.facts ?? {};
    return step.kind === 'shift' && (Number(facts['writes'] ?? 0) > 0 || Number(facts['restored'] ?? 0) > 0);
  });
}

/**
 * Whether all the traffic of any region may be on the colour that gains, or a person had moved some: what to do
 * about a request to stop is then for a person to say. Before it, also at a weight on the way, there is the way back.
 */
export function cutoverBegan(state: DeploymentState): boolean {
  return state.plan.steps.some(
    (step) =>
      step.kind === 'shift' &&
      ((step.percent === undefined && state.steps[step.id]?.startedAt !== null) || beganShifted(step)),
  );
}
