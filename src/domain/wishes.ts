import type { RequestKind } from './request';
import type { DeploymentState } from './replay';
import { describeStep, type Step } from './step';

/** The step that was begun and is not over, or the one that is next; undefined when only the closing is left. */
export function stepUnderWay({ plan, steps }: DeploymentState): Step | undefined {
  const phaseOf = (step: Step): string => steps[step.id]?.phase ?? 'pending';
  const begun = plan.steps.find((step) => ['started', 'ran', 'undoing'].includes(phaseOf(step)));
  return begun ?? plan.steps.find((step) => phaseOf(step) === 'pending');
}

/** Where a deployment is, in words. */
export function whereItIs(state: DeploymentState): string {
  const step = stepUnderWay(state);
  return step === undefined ? 'its closing' : `${describeStep(step)} [${step.region}]`;
}

/** The step under way that does nothing but wait, which a person may end. */
export function waitingStep(state: DeploymentState): Step | undefined {
  const step = stepUnderWay(state);
  const begun = step !== undefined && (state.steps[step.id]?.phase ?? 'pending') !== 'pending';
  return begun && (step.kind === 'analyse' || step.kind === 'soak') ? step : undefined;
}

/** Whether any weight before the cutover is still to come, or under way. */
export function hasStagesAhead({ plan, steps }: DeploymentState): boolean {
  return plan.steps.some(
    (step) => step.kind === 'analyse' && !['verified', 'undone'].includes(steps[step.id]?.phase ?? 'pending'),
  );
}

/** Whether all of it, or regions of it by themselves, go back. */
function isGoingBack({ turnedBack, leaving }: DeploymentState): boolean {
  return turnedBack !== null || leaving !== null;
}

/** What may be asked of a deployment that somebody works on. Pure. */
export function possibleWishes(state: DeploymentState): RequestKind[] {
  if (state.closed !== null || state.halted !== null || isGoingBack(state)) return [];
  const waits = waitingStep(state) !== undefined || state.paused !== null;
  return [
    ...(waits ? (['advance'] as const) : []),
    ...(hasStagesAhead(state) ? (['advance-full'] as const) : []),
    ...(state.paused === null ? (['pause'] as const) : []),
    'abort',
  ];
}
