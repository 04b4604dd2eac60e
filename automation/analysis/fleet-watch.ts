import type { Watching } from '../../src/domain/analysis/standing';
import { assessSoak } from '../../src/domain/health';
import { pending, reason, type StepContext, type Verdict } from '../steps/handler';

/** Looks in a row that must find the fleet sick: one bad look may be the look's fault. */
const FAILURE_LIMIT = 3;

export interface FleetWatch {
  intervalSeconds: number;
  /** How many instances there should be; null for as many as the fleet wants. */
  instances: number | null;
}

interface Seen {
  at: number;
  failures: number;
  problem: { message: string; details: string[] } | undefined;
}

const UNSEEN: Seen = { at: -Infinity, failures: 0, problem: undefined };

/** Whether the fleet that gained traffic is sick; undefined while it is well. */
export async function watchFleet(
  step: Watching,
  watch: FleetWatch,
  context: StepContext,
): Promise<Verdict | undefined> {
  const seen = await lookAgain(step, watch, context);
  const { problem, failures } = seen;
  if (problem === undefined) return undefined;
  if (failures < FAILURE_LIMIT) return pending(problem.message);
  const when = step.kind === 'soak' ? 'while it soaked' : `with ${step.percent} % of the traffic`;
  return {
    kind: 'failed',
    reason: reason(
      'BASCULE_SOAK_FAILED',
      `${step.version} fell sick ${when} in ${step.region}: ${problem.message}.`,
      problem.details,
    ),
  };
}

async function lookAgain(step: Watching, watch: FleetWatch, context: StepContext): Promise<Seen> {
  const last = (context.memory.get('fleet') as Seen | undefined) ?? UNSEEN;
  const now = context.world.clock.now();
  if (now - last.at < watch.intervalSeconds * 1000) return last;
  const reading = await context.region.fleets.read(step.colour);
  const instances = watch.instances ?? reading?.desired ?? 1;
  const problem = assessSoak(reading, { version: step.version, instances });
  const seen = { at: now, failures: problem === undefined ? 0 : last.failures + 1, problem };
  context.memory.set('fleet', seen);
  return seen;
}
