/** What becomes of a deployment over several regions when one of them gives no answer. */
import type { BasculeError } from '../../src/domain/errors';
import { goesPastSilence, isOfOneRegion, UNREACHABLE } from '../../src/domain/regions';
import type { DeploymentState } from '../../src/domain/replay';
import { describeStep, type Step } from '../../src/domain/step';
import { PATIENCE_MILLISECONDS } from './interruptions';
import { fail } from './results';
import type { Run } from './run';

/** Whether a step moves on towards the release, or takes something back. */
export type Way = 'on' | 'back';

/**
 * How long an answer for a step is waited for. On the way back, and in a deployment that goes past a silent region,
 * the others do not wait for it: it gets its time after them.
 */
export function patienceFor({ plan, silent }: DeploymentState, step: Step, way: Way): number {
  if (plan.waves === undefined || !isOfOneRegion(plan, step)) return PATIENCE_MILLISECONDS;
  const waitsLater = (way === 'back' || goesPastSilence(plan)) && silent[step.region] === undefined;
  return waitsLater ? 0 : plan.waves.patienceSeconds * 1000;
}

/**
 * A step had no answer in its time. With one region nothing is left to do; with several a forward step has failed
 * in its region, and what takes something back is left for later, then given up.
 */
export async function unanswered(run: Run, step: Step, error: BasculeError, way: Way): Promise<void> {
  const { plan, silent } = run.journal.state;
  if (!isOfOneRegion(plan, step) || (way === 'on' && run.stop.aborted)) throw error;
  const reason = {
    code: UNREACHABLE,
    message: `${step.region} gives no answer: ${error.message}`,
    details: [`the step was: ${describeStep(step)}`, ...error.details],
  };
  if (way === 'on' && !goesPastSilence(plan)) return fail(run, step, reason);
  const then = silent[step.region] === undefined ? 'later' : 'given-up';
  await run.journal.append({ kind: 'unreachable', step: step.id, reason, then });
  const text =
    then === 'later'
      ? `${reason.message}; the other regions go first`
      : `${reason.message}; it is unknown from here on`;
  run.reporter.say({ kind: 'note', text });
}
