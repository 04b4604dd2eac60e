import type { Reason } from '../../src/domain/records';
import type { ClearIdle } from '../../src/domain/step';
import { refuseIfLive } from './guard';
import { done, limitFacts, pending, ran, timedOut, type StepContext, type StepHandler } from './handler';

const EMPTY = { minimum: 0, maximum: 0, desired: 0 };

/** Scales the idle fleet to nothing on the new version, so that no instance of another release stays. */
export const clearIdle: StepHandler<ClearIdle> = {
  timeoutSeconds: () => 600,
  pollMilliseconds: () => 500,
  recovery: 'repeat',
  async run(step, context) {
    const refused = await empty(step, context);
    return refused === undefined ? ran() : { kind: 'halt', reason: refused };
  },
  async verify(step, context) {
    const reading = await context.region.fleets.read(step.colour);
    if (reading === undefined) return done('there is no such fleet');
    // Instances that are terminating take no requests and do not come back: the new release need not wait.
    const staying = reading.instances.filter((instance) => !instance.lifecycle.startsWith('Terminat'));
    if (reading.desired === 0 && staying.length === 0) return done('', limitFacts(reading));
    return pending(`${staying.length} instance(s) of another release to leave`);
  },
  async undo(step, context) {
    // The instances that it ended do not come back: what is left to do is to end it well.
    const refused = await empty(step, context);
    if (refused !== undefined) return { kind: 'halt', reason: refused };
    return { kind: 'undone', note: `${step.colour} is empty` };
  },
  explainTimeout: (step, _context, waitingFor) => timedOut(`Clearing the ${step.colour} fleet`, waitingFor),
};

/** Leaves the fleet without an instance; a reason where that would take down what serves. */
async function empty(step: ClearIdle, context: StepContext): Promise<Reason | undefined> {
  const refused = await refuseIfLive(step.colour, context);
  if (refused !== undefined) return refused;
  const { region, colour, version } = step;
  await context.world.stacks.applyFleet({ region, colour, version, capacity: EMPTY });
  return undefined;
}
