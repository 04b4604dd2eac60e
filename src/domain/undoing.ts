import type { DeploymentState } from './replay';
import { beganShifted } from './shifts';
import { leavesTraces, type Step } from './step';

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

/** What the way back of some regions has to undo, in the order of the plan; of all of them where none are named. */
export function stepsToUndo(state: DeploymentState, regions?: readonly string[]): Step[] {
  const held = heldSteps(state);
  return state.plan.steps.filter(
    (step) => (regions === undefined || regions.includes(step.region)) && toUndo(state, step, held),
  );
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
