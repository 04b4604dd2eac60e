import { otherColour } from '../../src/domain/colour';
import { healthyInstances } from '../../src/domain/fleet';
import { capacityFor } from '../../src/domain/plan';
import type { Follow } from '../../src/domain/step';
import { refuseIfLive } from './guard';
import { done, nothingToUndo, pending, ran, timedOut, type StepContext, type StepHandler } from './handler';

async function wanted(step: Follow, context: StepContext): Promise<Follow['capacity']> {
  const live = await context.region.fleets.read(otherColour(step.colour));
  const now = capacityFor(live, step.capacity);
  // The idle fleet only ever grows towards the shift: a live fleet that just shrank may grow again.
  return now.desired > step.capacity.desired ? now : step.capacity;
}

/** Just before the shift: what scaled out while the gates were shut must be able to serve from the first second. */
export const follow: StepHandler<Follow> = {
  timeoutSeconds: (step) => step.timeoutSeconds,
  pollMilliseconds: () => 1000,
  async run(step, context) {
    const capacity = await wanted(step, context);
    const idle = await context.region.fleets.read(step.colour);
    if (idle !== undefined && idle.desired >= capacity.desired && idle.minimum >= capacity.minimum)
      return ran({ desired: idle.desired });
    const refused = await refuseIfLive(step.colour, context);
    if (refused !== undefined) return { kind: 'halt', reason: refused };
    const { region, colour, version } = step;
    await context.world.stacks.applyFleet({ region, colour, version, capacity });
    return ran({ desired: capacity.desired });
  },
  async verify(step, context) {
    const capacity = await wanted(step, context);
    const idle = await context.region.fleets.read(step.colour);
    const healthy = idle === undefined ? 0 : healthyInstances(idle, step.version).length;
    if (healthy >= capacity.desired) return done(`${healthy} of ${capacity.desired} healthy`);
    return pending(`${healthy} of ${capacity.desired} instance(s) to be healthy`);
  },
  undo: nothingToUndo,
  explainTimeout: (step, _context, waitingFor) =>
    timedOut(`Bringing ${step.colour} to the live capacity`, waitingFor),
};
