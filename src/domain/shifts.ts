import type { DeploymentState } from './replay';
import type { Shift, Step } from './step';
import type { RouteWeights } from './traffic';

/** The shifts of a region that come before one of them, in the order of the plan. */
export function shiftsBefore(steps: readonly Step[], step: Shift): Shift[] {
  const before = steps.slice(
    0,
    steps.findIndex(({ id }) => id === step.id),
  );
  return before.filter((one): one is Shift => one.kind === 'shift' && one.region === step.region);
}

/**
 * What the production routes of a region are at before a shift writes: what the last one made of them, and where
 * there was none, what was found or what a person left and accepted.
 */
export function weightsBefore({ plan, steps }: DeploymentState, step: Shift): RouteWeights[] {
  const last = shiftsBefore(plan.steps, step).findLast((one) => steps[one.id]?.phase === 'verified');
  return last?.to ?? step.accepted ?? step.from;
}

/** Whether a person had moved traffic before the shift began, and accepted it: the way back takes it back. */
export function beganShifted(step: Step): boolean {
  return step.kind === 'shift' && (step.accepted ?? []).some(({ weights }) => weights[step.towards] > 0);
}

/** Whether a step leads to a weight before the cutover; who goes on to the end passes over these. */
export function isOfStage(step: Step): boolean {
  return (
    step.kind === 'analyse' ||
    ((step.kind === 'follow' || step.kind === 'shift') && step.percent !== undefined)
  );
}

/** Whether a step only watches traffic that has moved: it begins also while a person has said `pause`. */
export function watchesTraffic(step: Step): boolean {
  if (step.kind === 'test') return step.when === 'live';
  return step.kind === 'analyse' || step.kind === 'prove' || step.kind === 'soak';
}
