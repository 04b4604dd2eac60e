import { COLOURS } from '../../src/domain/colour';
import type { Counts } from '../../src/domain/analysis/measurement';
import { share } from '../../src/domain/analysis/assessment';
import type { DeploymentState } from '../../src/domain/replay';
import type { World } from '../../src/ports';
import { isNoAnswer } from '../driver/interruptions';

/**
 * How many requests failed in the whole deployment, of all that both colours got in all its regions, and how much
 * of the traffic the release had at most, in a sentence. What metrics do not tell is said to be unknown: it is not
 * nothing.
 */
export async function failedInDeployment(world: World, state: DeploymentState): Promise<string> {
  const regions = [...new Set(state.plan.steps.map((step) => step.region))];
  const counts = await Promise.all(
    regions.flatMap((region) => COLOURS.map((colour) => totalOf(world, region, colour, state.openedAt))),
  );
  const known = counts.flatMap((one) => one ?? []);
  const requests = known.reduce((sum, one) => sum + one.requests, 0);
  if (requests === 0) return 'How many requests failed is not known: there are no metrics of them.';
  const failures = known.reduce((sum, one) => sum + one.failures, 0);
  const rate = share(Math.min(failures / requests, 1));
  return `In the whole deployment ${failures} of ${requests} requests failed (${rate}) by the metrics so far; ${state.plan.version} had at most ${mostOf(state)} % of the traffic.`;
}

/** The greatest weight that any shift which began gave the release. */
function mostOf({ plan, steps }: DeploymentState): number {
  const begun = plan.steps.flatMap((step) =>
    step.kind === 'shift' && (steps[step.id]?.startedAt ?? null) !== null ? [step.percent ?? 100] : [],
  );
  return Math.max(0, ...begun);
}

async function totalOf(
  world: World,
  region: string,
  colour: (typeof COLOURS)[number],
  from: number,
): Promise<Counts | null> {
  try {
    return await world.region(region).metrics.totals(colour, from, world.clock.now());
  } catch (thrown) {
    if (isNoAnswer(thrown)) return null;
    throw thrown;
  }
}
