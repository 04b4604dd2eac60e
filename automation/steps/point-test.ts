import { otherColour, type Colour } from '../../src/domain/colour';
import type { PointTest } from '../../src/domain/step';
import { allTo, describeWeights, sameWeights, type Route } from '../../src/domain/traffic';
import { done, pending, ran, timedOut, type StepContext, type StepHandler } from './handler';

async function testRoutes(context: StepContext): Promise<Route[]> {
  return (await context.region.traffic.routes()).filter((route) => route.listener === 'test');
}

/** @returns how many routes had to be written */
async function point(colour: Colour, context: StepContext): Promise<number> {
  const weights = allTo(colour);
  const wrong = (await testRoutes(context)).filter((route) => !sameWeights(route.weights, weights));
  await context.region.traffic.write(wrong.map((route) => ({ route, weights })));
  return wrong.length;
}

/** Points the test listener at a colour; production routes are not part of it. */
export const pointTest: StepHandler<PointTest> = {
  timeoutSeconds: () => 60,
  pollMilliseconds: () => 250,
  recovery: 'look',
  run: async (step, context) => ran({ writes: await point(step.colour, context) }),
  async verify(step, context) {
    const weights = allTo(step.colour);
    const wrong = (await testRoutes(context)).filter((route) => !sameWeights(route.weights, weights));
    const first = wrong[0];
    if (first === undefined) return done();
    return pending(`${first.label} to be read back; it is at ${describeWeights(first.weights)}`);
  },
  // Pointed at the idle colour for a test it stays there; the colour that is live again is not the one to be at.
  async undo(step, context) {
    if (step.settling) await point(otherColour(step.colour), context);
    return { kind: 'undone', note: '' };
  },
  explainTimeout: (_step, _context, waitingFor) => timedOut('Pointing the test listener', waitingFor),
};
