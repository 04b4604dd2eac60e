import type { FleetReading } from '../../src/domain/fleet';
import type { Facts } from '../../src/domain/records';
import type { Retire } from '../../src/domain/step';
import { refuseIfLive } from './guard';
import { done, limitFacts, nothingToUndo, pending, ran, timedOut, type StepHandler } from './handler';
import { openAtLimit, openNow } from './open-connections';

/** Scales the former colour to nothing; the group, its template and its target group stay for the next release. */
export const retire: StepHandler<Retire> = {
  timeoutSeconds: (step) => step.timeoutSeconds,
  pollMilliseconds: () => 1000,
  recovery: 'repeat',
  async intend(step, context) {
    return { instances: (await context.region.fleets.read(step.colour))?.instances.length ?? 0 };
  },
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
    const staying = reading?.instances.length ?? 0;
    if (reading !== undefined && (reading.desired > 0 || staying > 0))
      return pending(`${staying} instance(s) to drain and leave${await openNow(step, context, staying)}`);
    // Nothing was there that could have had a connection.
    if (context.facts['instances'] === 0) return done('', factsOf(reading));
    const open = await openAtLimit(step, context, reading);
    if (open.kind === 'pending') return pending(open.waitingFor);
    const openAtLimitFact: Facts = open.kind === 'known' ? { openAtLimit: open.open } : {};
    return done(open.note, { ...factsOf(reading), ...openAtLimitFact });
  },
  undo: nothingToUndo,
  explainTimeout: (step, _context, waitingFor) => timedOut(`Retiring ${step.colour}`, waitingFor),
};

function factsOf(reading: FleetReading | undefined): Facts {
  return reading === undefined ? {} : { ...limitFacts(reading), desired: 0 };
}
