import type { KeepWarm } from '../../src/domain/step';
import { done, nothingToUndo, pending, ran, timedOut, type StepHandler } from './handler';

/** Only time passes; the deadline is absolute, so a resumed deployment does not start to wait anew. */
export const keepWarm: StepHandler<KeepWarm> = {
  timeoutSeconds: () => null,
  pollMilliseconds: (step) => Math.min(5, step.seconds) * 1000,
  recovery: 'look',
  run: () => Promise.resolve(ran()),
  verify(step, context) {
    const left = Math.ceil((context.startedAt + step.seconds * 1000 - context.world.clock.now()) / 1000);
    return Promise.resolve(left <= 0 ? done() : pending(`${left} s more`));
  },
  undo: nothingToUndo,
  explainTimeout: (_step, _context, waitingFor) => timedOut('Keeping the former colour warm', waitingFor),
};
