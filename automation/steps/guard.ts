import { otherColour, type Colour } from '../../src/domain/colour';
import { healthyInstances } from '../../src/domain/fleet';
import type { Reason } from '../../src/domain/records';
import { describeWeights, receivesTraffic } from '../../src/domain/traffic';
import { reason, type StepContext } from './handler';

/**
 * Why a fleet must not be touched: a production route gives it weight. The last thing read before each
 * change of a fleet, because weights may have been moved by hand since the plan was made.
 */
export async function refuseIfLive(colour: Colour, context: StepContext): Promise<Reason | undefined> {
  const routes = await context.region.traffic.routes();
  if (!receivesTraffic(routes, colour)) return undefined;
  const live = routes.filter((route) => route.listener === 'production' && route.weights[colour] > 0);
  return reason(
    'BASCULE_FLEET_IS_LIVE',
    `The ${colour} fleet in ${context.region.region} receives production traffic, so it is not changed.`,
    live.map((route) => `${route.label}: ${describeWeights(route.weights)}`),
  );
}

/** How many instances of a colour could serve requests at this instant. */
export async function countHealthy(colour: Colour, context: StepContext): Promise<number> {
  const reading = await context.region.fleets.read(colour);
  return reading === undefined ? 0 : healthyInstances(reading).length;
}

/**
 * Why traffic must not go back to the former colour. With nobody healthy there nothing moves: an unhealthy
 * target group answers worse than whatever serves now.
 */
export async function refuseIfFormerUnhealthy(
  towards: Colour,
  context: StepContext,
): Promise<Reason | undefined> {
  const former = otherColour(towards);
  if ((await countHealthy(former, context)) > 0) return undefined;
  const gained = await countHealthy(towards, context);
  return reason(
    'BASCULE_NO_WAY_BACK',
    `Traffic stays where it is: the former colour ${former} in ${context.region.region} has no healthy instance` +
      (gained === 0 ? `, and neither has ${towards}.` : `; ${towards} has ${gained}.`),
  );
}
