import type { Retire } from '../../src/domain/step';
import { refuseIfLive } from './guard';
import { done, limitFacts, nothingToUndo, pending, ran, timedOut, type StepHandler } from './handler';

/** Scales the former colour to nothing; the group, its template and its target group stay for the next release. */
export const retire: StepHandler<Retire> = {
  timeoutSeconds: (step) => step.timeoutSeconds,
  pollMilliseconds: () => 1000,
  recovery: 'repeat',
  async run(step, context) {
    const refused = await refuseIfLive(step.colour, context);
    if (refused !== undefined) return { kind: 'halt', reason: refused };
    const { region, colour, version } = step;
    await context.world.stacks.applyFleet({
      region,
      colour,
      version,
      capacity: { minimum: 0, maximum: 0, desired: 0 },
    });
    return ran();
  },
  async verify(step, context) {
    const reading = await context.region.fleets.read(step.colour);
    if (reading === undefined) return done();
    if (reading.desired === 0 && reading.instances.length === 0)
      return done('', { ...limitFacts(reading), desired: 0 });
    return pending(`${reading.instances.length} instance(s) to drain and leave`);
  },
  undo: nothingToUndo,
  explainTimeout: (step, _context, waitingFor) => timedOut(`Retiring ${step.colour}`, waitingFor),
};
