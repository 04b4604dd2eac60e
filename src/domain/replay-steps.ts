import { BasculeError } from './errors';
import type { DeploymentState, StepState } from './replay';

/** A step that nobody has begun. */
export const untouched: StepState = {
  phase: 'pending',
  startedAt: null,
  endedAt: null,
  facts: {},
  reason: null,
};

/** Changes what is known of one step. */
export function update(state: DeploymentState, step: string, change: Partial<StepState>): void {
  const former = state.steps[step];
  if (former === undefined)
    throw unreadable(state.deployment, `a record names the step ${step}, which is not in the plan`);
  state.steps[step] = { ...former, ...change };
}

/** A journal that does not tell one story from its beginning. */
export function unreadable(deployment: string, why: string): BasculeError {
  return new BasculeError({
    code: 'BASCULE_JOURNAL_UNREADABLE',
    message: `The journal of deployment ${deployment} cannot be read: ${why}.`,
    next: 'Nothing was changed. Look at the journal in the bucket, or use the version of Bascule that wrote it.',
    blame: 'world',
    exitCode: 5,
  });
}
