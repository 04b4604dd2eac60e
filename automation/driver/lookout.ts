import { assessDrift, driftReason, expectationOf, type Expectation } from '../../src/domain/expectation';
import type { Reason } from '../../src/domain/records';
import type { DeploymentState } from '../../src/domain/replay';
import type { World } from '../../src/ports';
import { isNoAnswer } from './interruptions';

/** How old the last look may be while a step waits: often enough for a person, seldom enough for the API's rates. */
export const LOOK_EVERY_MILLISECONDS = 5000;

/** Both APIs are eventually consistent: what differs has to differ still after this long. */
const CONFIRM_MILLISECONDS = 3000;

/**
 * How often a look takes in a region beside those at hand, one after another: more often would cost as much again for
 * each region that an environment has, at each of the steps of which it has more as well.
 */
const LOOK_ELSEWHERE_EVERY_MILLISECONDS = 15_000;

/** Looks whether somebody else changed what a deployment works on. It reads; `assessDrift` judges. */
export class Lookout {
  private readonly lookedAt = new Map<string, number>();
  private lookedElsewhereAt = -Infinity;

  constructor(private readonly world: World) {}

  /**
   * Why the deployment must halt; undefined while everything is as the journal implies, also where AWS gives
   * no answer. Nothing is judged on the way back: weights are compared before they are written there.
   * @param atHand The regions that are worked on, of which no older look may be relied on.
   */
  async drift(
    state: DeploymentState,
    maximumAge: number,
    atHand: readonly string[],
  ): Promise<Reason | undefined> {
    const { clock } = this.world;
    const now = clock.now();
    const isDue = (region: string): boolean => now - this.lastLook(region) >= maximumAge;
    if (state.turnedBack !== null || !atHand.some(isDue)) return undefined;
    const regions = [...atHand, ...this.elsewhere(state, atHand)];
    for (const region of regions) this.lookedAt.set(region, now);
    if ((await this.look(state, regions)) === undefined) return undefined;
    await clock.wait(CONFIRM_MILLISECONDS);
    return this.look(state, regions);
  }

  private lastLook(region: string): number {
    return this.lookedAt.get(region) ?? -Infinity;
  }

  /** The region that was not looked at for the longest time, where it is time for another one than those at hand. */
  private elsewhere(state: DeploymentState, atHand: readonly string[]): string[] {
    const now = this.world.clock.now();
    if (now - this.lookedElsewhereAt < LOOK_ELSEWHERE_EVERY_MILLISECONDS) return [];
    this.lookedElsewhereAt = now;
    const others = [...new Set(state.plan.steps.map((step) => step.region))]
      .filter((region) => !atHand.includes(region))
      .sort((one, other) => Math.sign(this.lastLook(one) - this.lastLook(other)));
    return others.slice(0, 1);
  }

  private async look(state: DeploymentState, regions: readonly string[]): Promise<Reason | undefined> {
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
