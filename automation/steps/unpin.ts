import type { Unpin } from '../../src/domain/step';
import { done, limitFacts, nothingToUndo, pending, ran, timedOut, type StepHandler } from './handler';

/** Lowers the pinned minimum to the configured one; the desired capacity stays, so nothing is scaled in here. */
export const unpin: StepHandler<Unpin> = {
  timeoutSeconds: () => 300,
  pollMilliseconds: () => 500,
  recovery: 'repeat',
  async run(step, context) {
    const reading = await context.region.fleets.read(step.colour);
    if (reading === undefined || (isUnpinned(reading, step) && !context.recovering))
      return ran({ changed: false });
    const { region, colour, version } = step;
    const capacity = { ...step.capacity, maximum: Math.max(step.capacity.maximum, reading.desired) };
    await context.world.stacks.applyFleet({ region, colour, version, capacity });
    return ran({ changed: true });
  },
  async verify(step, context) {
    const reading = await context.region.fleets.read(step.colour);
    if (reading !== undefined && isUnpinned(reading, step))
      return done(`minimum ${reading.minimum}`, limitFacts(reading));
    return pending(`the minimum to be ${step.capacity.minimum}`);
  },
  undo: nothingToUndo,
  explainTimeout: (_step, _context, waitingFor) => timedOut('Releasing the pinned minimum', waitingFor),
};

function isUnpinned(reading: { minimum: number }, step: Unpin): boolean {
  return reading.minimum === step.capacity.minimum;
}
