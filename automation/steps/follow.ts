import { capacityAt } from '../../src/domain/capacity';
import { otherColour } from '../../src/domain/colour';
import type { FleetReading } from '../../src/domain/fleet';
import { assessFleet, type HealthExpectation } from '../../src/domain/health';
import type { Follow } from '../../src/domain/step';
import { lookBetween } from '../analysis/analysis';
import { refuseIfLive } from './guard';
import {
  done,
  limitFacts,
  pending,
  ran,
  reason,
  timedOut,
  type RunResult,
  type StepContext,
  type StepHandler,
} from './handler';

async function wanted(step: Follow, context: StepContext): Promise<Follow['capacity']> {
  const live = await context.region.fleets.read(otherColour(step.colour));
  const { percent = 100, atLeast = 0 } = step;
  const now = capacityAt(live, step.capacity, { percent, atLeast });
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

function expectedOf(step: Follow, capacity: Follow['capacity'], context: StepContext): HealthExpectation {
  return {
    version: step.version,
    instances: capacity.desired,
    // Who was healthy at the gate stays so until seen otherwise; who has just come has to prove it.
    consecutive: context.facts['grew'] === true ? (step.consecutive ?? 1) : 1,
    since: context.countsFrom,
  };
}

const streakOf = ({ memory }: StepContext): number => (memory.get('streak') as number | undefined) ?? 0;

/** Just before a shift: what scaled out while the gates were shut must be able to serve from the first second. */
export const follow: StepHandler<Follow> = {
  timeoutSeconds: (step) => step.timeoutSeconds,
  pollMilliseconds: () => 1000,
  recovery: 'repeat',
  async run(step, context) {
    const capacity = await wanted(step, context);
    const idle = await context.region.fleets.read(step.colour);
    const enough = idle !== undefined && idle.desired >= capacity.desired && idle.minimum >= capacity.minimum;
    if (enough && !context.recovering) return ran({ wanted: idle.desired });
    // At no less than the fleet has now: it may serve already, or an update of it was broken off.
    const minimum = Math.max(capacity.minimum, idle?.minimum ?? 0);
    const desired = Math.max(capacity.desired, minimum, enough ? idle.desired : 0);
    const maximum = Math.max(capacity.maximum, desired);
    const refused = await apply(step, { minimum, maximum, desired }, context);
    return refused ?? ran({ wanted: desired, grew: true });
  },
  async verify(step, context) {
    const failed = await lookBetween(step.region, context);
    if (failed !== undefined) return failed;
    const capacity = await wanted(step, context);
    const idle = await context.region.fleets.read(step.colour);
    const verdict = assessFleet(idle, expectedOf(step, capacity, context), streakOf(context));
    if (verdict.kind === 'failed') return { kind: 'failed', reason: reason(verdict.code, verdict.message) };
    context.memory.set('streak', verdict.streak);
    if (verdict.kind === 'pending') return pending(verdict.waitingFor);
    // Where nothing was applied, other limits than before are somebody else's doing, and not to be made ours.
    const applied = idle !== undefined && context.facts['grew'] === true;
    const limits = applied ? { ...limitFacts(idle), desired: idle.desired } : {};
    return done(`${capacity.desired} of ${capacity.desired} healthy`, limits);
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
