import type { DeploymentState } from '../../src/domain/replay';
import { lettingGo, shiftsGivenBack, tooSmall } from '../../src/domain/too-late';
import type { World } from '../../src/ports';

/** Why undoing would lead traffic to a fleet that is no longer what it was; undefined while it would not. */
export async function whyTooLate(world: World, state: DeploymentState): Promise<string | undefined> {
  const leaving = lettingGo(state);
  if (leaving !== undefined) return leaving;
  for (const step of shiftsGivenBack(state)) {
    const { fleets } = world.region(step.region);
    const [blue, green] = await Promise.all([fleets.read('blue'), fleets.read('green')]);
    const why = tooSmall(step, { blue, green });
    if (why !== undefined) return why;
  }
  return undefined;
}
