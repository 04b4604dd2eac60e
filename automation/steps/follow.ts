import { otherColour } from '../../src/domain/colour';
import { healthyInstances, type FleetReading } from '../../src/domain/fleet';
import { capacityFor } from '../../src/domain/plan';
import type { Follow } from '../../src/domain/step';
import { refuseIfLive } from './guard';
import {
  done,
  limitFacts,
  pending,
  ran,
  timedOut,
  type RunResult,
  type StepContext,
  type StepHandler,
} from './handler';

async function wanted(step: Follow, context: StepContext): Promise<Follow['capacity']> {
  const live = await context.region.fleets.read(otherColour(step.colour));
  const now = capacityFor(live, step.capacity);
  // The idle fleet only ever grows towards the shift: a live fleet that just shrank may grow again.
  return now.desired > step.capacity.desired ? now : step.capacity;
}

/** More instances of the release that runs there: nothing that serves is replaced or taken away by it. */
function onlyGrows(idle: FleetReading, step: Follow, capacity: Follow['capacity']): boolean {
  return (
    idle.version === step.version && capacity.minimum >= idle.minimum && capacity.maximum >= idle.desired
  );
}

async function apply(
  step: Follow,
  capacity: Follow['capacity'],
  context: StepContext,
): Promise<RunResult | undefined> {
  const idle = await context.region.fleets.read(step.colour);
  const refused = await refuseIfLive(step.colour, context);
  if (refused !== undefined && (idle === undefined || !onlyGrows(idle, step, capacity)))
    return { kind: 'halt', reason: refused };
  const { region, colour, version } = step;
  await context.world.stacks.applyFleet({ region, colour, version, capacity });
  return undefined;
}

/** Just before the shift: what scaled out while the gates were shut must be able to serve from the first second. */
export const follow: StepHandler<Follow> = {
  timeoutSeconds: (step) => step.timeoutSeconds,
  pollMilliseconds: () => 1000,
  recovery: 'repeat',
  async run(step, context) {
    const capacity = await wanted(step, context);
    const idle = await context.region.fleets.read(step.colour);
    const enough = idle !== undefined && idle.desired >= capacity.desired && idle.minimum >= capacity.minimum;
    if (enough && !context.recovering) return ran({ wanted: idle.desired });
    // An update that was broken off is gone through again at no less than the fleet has now.
    const desired = Math.max(capacity.desired, enough ? idle.desired : 0);
    const minimum = Math.max(capacity.minimum, enough ? idle.minimum : 0);
    const maximum = Math.max(capacity.maximum, desired);
    const refused = await apply(step, { minimum, maximum, desired }, context);
    return refused ?? ran({ wanted: desired });
  },
  async verify(step, context) {
    const capacity = await wanted(step, context);
    const idle = await context.region.fleets.read(step.colour);
    const healthy = idle === undefined ? 0 : healthyInstances(idle, step.version).length;
    if (idle !== undefined && healthy >= capacity.desired)
      return done(`${healthy} of ${capacity.desired} healthy`, {
        ...limitFacts(idle),
        desired: idle.desired,
      });
    return pending(`${healthy} of ${capacity.desired} instance(s) to be healthy`);
  },
  async undo(step, context) {
    const { region, colour, version, former } = step;
    if (former === undefined) return { kind: 'undone', note: '' };
    const refused = await refuseIfLive(colour, context);
    if (refused !== undefined) return { kind: 'halt', reason: refused };
    await context.world.stacks.applyFleet({ region, colour, version, capacity: former });
    return { kind: 'undone', note: `${colour} has its former limits` };
  },
  explainTimeout: (step, _context, waitingFor) =>
    timedOut(`Bringing ${step.colour} to the live capacity`, waitingFor),
};
