import type { Soak } from '../../src/domain/step';
import { look, POLL_MILLISECONDS } from '../analysis/analysis';
import { watchFleet } from '../analysis/fleet-watch';
import { done, nothingToUndo, ran, timedOut, type StepHandler } from './handler';

/** Watches the new colour with all traffic on it; a sick fleet or a failed check turns the deployment back. */
export const soak: StepHandler<Soak> = {
  timeoutSeconds: () => null,
  pollMilliseconds: (step) => {
    const whole = Math.min(step.intervalSeconds, step.seconds) * 1000;
    return (step.checks ?? []).length === 0 ? whole : Math.min(whole, POLL_MILLISECONDS);
  },
  recovery: 'repeat',
  run: () => Promise.resolve(ran()),
  async verify(step, context) {
    const verdict = await look(step, context);
    if (verdict.kind !== 'pending' && verdict.kind !== 'done') return verdict;
    const sick = await watchFleet(step, step, context);
    if (sick !== undefined) return sick;
    if (verdict.kind === 'pending') return verdict;
    return done(verdict.note === '' ? `healthy for ${step.seconds} s` : `healthy; ${verdict.note}`);
  },
  undo: nothingToUndo,
  explainTimeout: (_step, _context, waitingFor) => timedOut('The soak', waitingFor),
};
