import type { Outcome } from './outcome';
import type { Reason } from './records';
import type { DeploymentState } from './replay';
import { beganShifted, isOfStage } from './shifts';
import { leavesTraces, type Step } from './step';

/** What the driver does next. */
export type Action =
  /** Record the intent, then run the step. */
  | { kind: 'start'; step: Step }
  /** An earlier process recorded the intent and no result: look at the world before running it again. */
  | { kind: 'recover'; step: Step }
  /** The step ran; look until the world agrees. */
  | { kind: 'verify'; step: Step }
  | { kind: 'undo'; step: Step }
  | { kind: 'close'; outcome: Outcome; reason: Reason | null };

/**
 * What to do next, from the journal alone. Pure and total: every state of an open deployment has exactly one
 * safe action.
 */
export function decide(state: DeploymentState): Action {
  if (state.halted !== null) return leave(state, state.halted);
  return state.turnedBack === null ? forward(state) : backward(state, state.turnedBack);
}

/** A deployment that stops for a person first gives both fleets back what it held; traffic stays where it is. */
function leave(state: DeploymentState, reason: Reason): Action {
  const step = heldSteps(state).find((one) => state.steps[one.id]?.phase !== 'unrestored');
  if (step !== undefined) return { kind: 'undo', step };
  return { kind: 'close', outcome: 'halted', reason };
}

/** The holds that changed something which is not put back yet. */
export function heldSteps(state: DeploymentState): Step[] {
  const released = state.plan.steps.flatMap((step) =>
    step.kind === 'release' && state.steps[step.id]?.phase === 'verified' ? [step.hold] : [],
  );
  return state.plan.steps.filter((step) => {
    const phase = state.steps[step.id]?.phase ?? 'pending';
    return step.kind === 'hold' && !['pending', 'undone'].includes(phase) && !released.includes(step.id);
  });
}

function forward(state: DeploymentState): Action {
  for (const step of state.plan.steps) {
    const phase = state.steps[step.id]?.phase ?? 'pending';
    switch (phase) {
      case 'verified':
        continue;
      case 'pending':
        if (state.full && isOfStage(step)) continue;
        return { kind: 'start', step };
      case 'started':
        return { kind: 'recover', step };
      case 'ran':
        return { kind: 'verify', step };
      case 'failed':
      case 'undoing':
      case 'undone':
      case 'unrestored':
        // Only a deployment that turned back has such steps; replay sets turnedBack with the first of them.
        return { kind: 'undo', step };
    }
  }
  return { kind: 'close', outcome: 'succeeded', reason: null };
}

function backward(state: DeploymentState, reason: Reason): Action {
  const held = heldSteps(state);
  const touched = state.plan.steps.filter((step) => toUndo(state, step, held));
  // Weights first, the rest later: requests are safe before anything is taken down.
  const next = touched.filter((step) => step.kind === 'shift').at(-1) ?? touched.at(-1);
  if (next !== undefined) return { kind: 'undo', step: next };
  return { kind: 'close', outcome: hasMoved(state) ? 'rolled-back' : 'failed', reason };
}

/** Whether the way back has to undo a step: it may have left something that stands yet. */
function toUndo(state: DeploymentState, step: Step, held: readonly Step[]): boolean {
  switch (step.kind) {
    case 'hold':
      return held.includes(step);
    case 'clear-idle':
      return halfCleared(state, step);
    default: {
      const phase = state.steps[step.id]?.phase ?? 'pending';
      return leavesTraces(step) && (phase !== 'pending' || beganShifted(step)) && phase !== 'undone';
    }
  }
}

/**
 * Whether a fleet may be half cleared, and nothing else takes it down: left so, its stack would be locked and the
 * fleet neither what it was nor empty.
 */
function halfCleared(state: DeploymentState, step: Step): boolean {
  const phaseOf = (one: Step | undefined) => (one && state.steps[one.id]?.phase) ?? 'pending';
  const applied = state.plan.steps.find(
    ({ kind, region }) => kind === 'apply-idle' && region === step.region,
  );
  return phaseOf(applied) === 'pending' && !['pending', 'verified', 'undone'].includes(phaseOf(step));
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
