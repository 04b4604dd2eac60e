import type { PointTest } from '../../src/domain/step';
import { allTo, describeWeights, sameWeights, type Route } from '../../src/domain/traffic';
import { done, nothingToUndo, pending, ran, timedOut, type StepContext, type StepHandler } from './handler';

async function testRoutes(context: StepContext): Promise<Route[]> {
  return (await context.region.traffic.routes()).filter((route) => route.listener === 'test');
}

/** Points the test listener at a colour; production routes are not part of it. */
export const pointTest: StepHandler<PointTest> = {
  timeoutSeconds: () => 60,
  pollMilliseconds: () => 250,
  async run(step, context) {
    const weights = allTo(step.colour);
    const routes = await testRoutes(context);
    const wrong = routes.filter((route) => !sameWeights(route.weights, weights));
    await context.region.traffic.write(wrong.map((route) => ({ route, weights })));
    return ran({ writes: wrong.length });
  },
  async verify(step, context) {
    const weights = allTo(step.colour);
    const wrong = (await testRoutes(context)).filter((route) => !sameWeights(route.weights, weights));
    const first = wrong[0];
    if (first === undefined) return done();
    return pending(`${first.label} to be read back; it is at ${describeWeights(first.weights)}`);
  },
  // No request of a user goes through the test listener; the next deployment points it anew.
  undo: nothingToUndo,
  explainTimeout: (_step, _context, waitingFor) => timedOut('Pointing the test listener', waitingFor),
};
