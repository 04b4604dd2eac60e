import type { Release } from '../../src/domain/step';
import { pinIn, remains, restore, words } from './hold-restore';
import { done, nothingToUndo, pending, ran, timedOut, type StepHandler } from './handler';

/** Puts back what the hold of the region changed: exactly the processes that ran before, and the minimum. */
export const release: StepHandler<Release> = {
  timeoutSeconds: () => 60,
  pollMilliseconds: () => 500,
  recovery: 'repeat',
  async run(step, context) {
    await restore(step, pinIn(context.factsOf(step.hold)), context);
    return ran();
  },
  async verify(step, context) {
    const left = await remains(step, pinIn(context.factsOf(step.hold)), context);
    return left.length === 0 ? done('as they were found') : pending(words(left));
  },
  // What is not released yet is put back by undoing the hold itself.
  undo: nothingToUndo,
  explainTimeout: (_step, _context, waitingFor) => timedOut('Giving the fleets back', waitingFor),
};
