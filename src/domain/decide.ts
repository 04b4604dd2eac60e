import type { Outcome } from './outcome';
import type { Reason } from './records';
import type { DeploymentState } from './replay';
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
  if (state.halted !== null) return { kind: 'close', outcome: 'halted', reason: state.halted };
  return state.turnedBack === null ? forward(state) : backward(state, state.turnedBack);
}

function forward(state: DeploymentState): Action {
  for (const step of state.plan.steps) {
    const phase = state.steps[step.id]?.phase ?? 'pending';
    switch (phase) {
      case 'verified':
        continue;
      case 'pending':
        return { kind: 'start', step };
      case 'started':
        return { kind: 'recover', step };
      case 'ran':
        return { kind: 'verify', step };
      case 'failed':
      case 'undoing':
      case 'undone':
        // Only a deployment that turned back has such steps; replay sets turnedBack with the first of them.
        return { kind: 'undo', step };
    }
  }
  return { kind: 'close', outcome: 'succeeded', reason: null };
}

function backward(state: DeploymentState, reason: Reason): Action {
  const touched = state.plan.steps.filter((step) => {
    const phase = state.steps[step.id]?.phase ?? 'pending';
    return leavesTraces(step) && phase !== 'pending' && phase !== 'undone';
  });
  // Weights first, the rest later: requests are safe before anything is taken down.
  const next = touched.filter((step) => step.kind === 'shift').at(-1) ?? touched.at(-1);
  if (next !== undefined) return { kind: 'undo', step: next };
  return { kind: 'close', outcome: hasMoved(state) ? 'rolled-back' : 'failed', reason };
}

/** Whether any weight was written: by the result of a shift, or by what its undoing had to restore. */
export function hasMoved(state: DeploymentState): boolean {
  return state.plan.steps.some((step) => {
    const facts = state.steps[step.id]?.facts ?? {};
    return step.kind === 'shift' && (Number(facts['writes'] ?? 0) > 0 || Number(facts['restored'] ?? 0) > 0);
  });
}
