import { assessDrift, driftReason, expectationOf, type Expectation } from '../../src/domain/expectation';
import type { Reason } from '../../src/domain/records';
import type { DeploymentState } from '../../src/domain/replay';
import type { World } from '../../src/ports';
import { isNoAnswer } from './interruptions';

/** How old the last look may be while a step waits: often enough for a person, seldom enough for the API's rates. */
export const LOOK_EVERY_MILLISECONDS = 5000;

/** Both APIs are eventually consistent: what differs has to differ still after this long. */
const CONFIRM_MILLISECONDS = 3000;

/** Looks whether somebody else changed what a deployment works on. It reads; `assessDrift` judges. */
export class Lookout {
  private lookedAt = -Infinity;

  constructor(private readonly world: World) {}

  /**
   * Why the deployment must halt; undefined while everything is as the journal implies, also where AWS gives
   * no answer. Nothing is judged on the way back: weights are compared before they are written there.
   */
  async drift(state: DeploymentState, maximumAge: number): Promise<Reason | undefined> {
    const { clock } = this.world;
    if (state.turnedBack !== null || clock.now() - this.lookedAt < maximumAge) return undefined;
    this.lookedAt = clock.now();
    if ((await this.look(state)) === undefined) return undefined;
    await clock.wait(CONFIRM_MILLISECONDS);
    return this.look(state);
  }

  private async look(state: DeploymentState): Promise<Reason | undefined> {
    const regions = [...new Set(state.plan.steps.map((step) => step.region))];
    const reasons = await Promise.all(
      regions.map(async (region) => {
        const expectation = expectationOf(state, region);
        return expectation === undefined ? undefined : this.lookAt(expectation);
      }),
    );
    return reasons.find((reason) => reason !== undefined);
  }

  private async lookAt(expectation: Expectation): Promise<Reason | undefined> {
    const { region } = expectation;
    const { traffic, fleets } = this.world.region(region);
    try {
      const [routes, limits] = await Promise.all([traffic.routes(), fleets.limits()]);
      const elsewhere = await traffic.elsewhere();
      return driftReason(region, assessDrift(expectation, { region, routes, elsewhere, fleets: limits }));
    } catch (thrown) {
      if (isNoAnswer(thrown)) return undefined;
      throw thrown;
    }
  }
}
