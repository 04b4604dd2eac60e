import type { TrafficEnd } from '../../src/domain/step';
import { refuseIfLive } from './guard';
import { done, nothingToUndo, pending, ran, reason, type StepHandler } from './handler';

/** A fleet is let go only after its traffic was seen to end; unanswered metrics are not an end. */
export const trafficEnd: StepHandler<TrafficEnd> = {
  timeoutSeconds: (step) => step.timeoutSeconds,
  pollMilliseconds: (step) => Math.min(5, step.quietSeconds) * 1000,
  recovery: 'look',
  run: () => Promise.resolve(ran()),
  async verify(step, context) {
    const refused = await refuseIfLive(step.colour, context);
    if (refused !== undefined) return { kind: 'halt', reason: refused };
    const to = context.world.clock.now();
    // Late metrics may tell of a time before the weights were moved; only what came after this step began counts.
    const from = to - step.quietSeconds * 1000;
    const seen = await context.region.metrics.requestsTo(step.colour, from, to, context.startedAt);
    if (seen.requests === null) return pending(`metrics that cover ${step.quietSeconds} s from its start`);
    if (seen.requests > 0)
      return pending(`${seen.requests} request(s) in the last ${step.quietSeconds} s to end`);
    return done(`no request for ${step.quietSeconds} s`);
  },
  undo: nothingToUndo,
  explainTimeout: (step, _context, waitingFor) =>
    Promise.resolve(
      reason(
        'BASCULE_TRAFFIC_NOT_ENDED',
        `The traffic of ${step.colour} in ${step.region} was not seen to end within ${step.timeoutSeconds} s; it waited for ${waitingFor}. The fleet stays warm.`,
      ),
    ),
};
