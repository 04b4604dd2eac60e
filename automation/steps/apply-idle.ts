import type { ApplyIdle } from '../../src/domain/step';
import { refuseIfLive } from './guard';
import { done, limitFacts, pending, ran, timedOut, type StepHandler } from './handler';

/** Applies the idle fleet's own stack: what is live is not part of it and cannot be touched by it. */
export const applyIdle: StepHandler<ApplyIdle> = {
  timeoutSeconds: () => 300,
  pollMilliseconds: () => 500,
  recovery: 'repeat',
  async run(step, context) {
    const refused = await refuseIfLive(step.colour, context);
    if (refused !== undefined) return { kind: 'halt', reason: refused };
    const { region, colour, version, capacity } = step;
    const changes = await context.world.stacks.applyFleet({ region, colour, version, capacity });
    return ran({ created: changes.created, updated: changes.updated, replaced: changes.replaced });
  },
  async verify(step, context) {
    const reading = await context.region.fleets.read(step.colour);
    if (reading === undefined) return pending('the Auto Scaling group to exist');
    if (reading.version !== step.version) return pending(`the group to be at ${step.version}`);
    if (reading.desired < step.capacity.minimum) return pending(`desired capacity ${step.capacity.minimum}`);
    const facts = { ...limitFacts(reading), desired: reading.desired };
    return done(`${reading.autoScalingGroup}, ${reading.desired} instance(s) wanted`, facts);
  },
  async undo(step, context) {
    // The weights came back before this is undone; a fleet that still has some is left for a person.
    const refused = await refuseIfLive(step.colour, context);
    if (refused !== undefined) return { kind: 'halt', reason: refused };
    const { region, colour, version } = step;
    // A stack that never got as far as its group has nothing to scale down; what stopped it would stop that too.
    if ((await context.region.fleets.limits())[colour] === undefined) {
      await context.world.stacks.destroyFleet(region, colour);
      return { kind: 'undone', note: `${colour} was never there` };
    }
    const capacity = { minimum: 0, maximum: 0, desired: 0 };
    await context.world.stacks.applyFleet({ region, colour, version, capacity });
    return { kind: 'undone', note: `${colour} scaled down` };
  },
  explainTimeout: (step, _context, waitingFor) => timedOut(`Applying the ${step.colour} fleet`, waitingFor),
};
