import type { DeploymentState } from '../../src/domain/replay';
import { lettingGo, shiftsGivenBack, tooSmall } from '../../src/domain/too-late';
import type { Shift } from '../../src/domain/step';
import type { Fleets, World } from '../../src/ports';
import { isNoAnswer } from './interruptions';

/** Why undoing would lead traffic to a fleet that is no longer what it was; undefined while it would not. */
export async function whyTooLate(world: World, state: DeploymentState): Promise<string | undefined> {
  const leaving = lettingGo(state);
  if (leaving !== undefined) return leaving;
  for (const step of shiftsGivenBack(state)) {
    const { fleets } = world.region(step.region);
    const why = await readTooSmall(step, fleets).catch((thrown: unknown) => {
      // A region that is cut off does not hinder the way back of the others; its own step looks before it writes.
      if (state.plan.waves !== undefined && isNoAnswer(thrown)) return undefined;
      throw thrown;
    });
    if (why !== undefined) return why;
  }
  return undefined;
}

async function readTooSmall(step: Shift, fleets: Fleets): Promise<string | undefined> {
  const [blue, green] = await Promise.all([fleets.read('blue'), fleets.read('green')]);
  return tooSmall(step, { blue, green });
}
