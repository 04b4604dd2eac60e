import { assessSoak } from '../../src/domain/health';
import type { Soak } from '../../src/domain/step';
import { done, nothingToUndo, pending, ran, reason, timedOut, type StepHandler } from './handler';

/** Looks in a row that must find the fleet sick: one bad look may be the look's fault. */
const FAILURE_LIMIT = 3;

/** Watches the new colour with all traffic on it; a sick fleet turns the deployment back. */
export const soak: StepHandler<Soak> = {
  timeoutSeconds: () => null,
  pollMilliseconds: (step) => Math.min(step.intervalSeconds, step.seconds) * 1000,
  recovery: 'look',
  run: () => Promise.resolve(ran()),
  async verify(step, context) {
    const reading = await context.region.fleets.read(step.colour);
    const problem = assessSoak(reading, step);
    const failures =
      problem === undefined ? 0 : ((context.memory.get('failures') as number | undefined) ?? 0) + 1;
    context.memory.set('failures', failures);
    if (problem !== undefined && failures >= FAILURE_LIMIT)
      return {
        kind: 'failed',
        reason: reason(
          'BASCULE_SOAK_FAILED',
          `${step.version} fell sick while it soaked in ${step.region}: ${problem.message}.`,
          problem.details,
        ),
      };
    const left = Math.ceil((context.startedAt + step.seconds * 1000 - context.world.clock.now()) / 1000);
    if (left <= 0 && failures === 0) return done(`healthy for ${step.seconds} s`);
    return pending(problem?.message ?? `${left} s more`);
  },
  undo: nothingToUndo,
  explainTimeout: (_step, _context, waitingFor) => timedOut('The soak', waitingFor),
};
