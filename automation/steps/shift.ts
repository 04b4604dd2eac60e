import { driftReason } from '../../src/domain/expectation';
import { weightsBefore } from '../../src/domain/shifts';
import type { Shift } from '../../src/domain/step';
import type { Reason } from '../../src/domain/records';
import {
  describeWeights,
  driftOf,
  sameWeights,
  type Route,
  type RouteWeights,
} from '../../src/domain/traffic';
import { countHealthy, refuseIfFormerUnhealthy } from './guard';
import {
  done,
  pending,
  ran,
  reason,
  timedOut,
  type StepContext,
  type StepHandler,
  type UndoResult,
} from './handler';

async function productionRoutes(context: StepContext): Promise<Route[]> {
  return (await context.region.traffic.routes()).filter((route) => route.listener === 'production');
}

/** The halt that shows both what the journal says and what is live; undefined when they agree. */
function driftOfShift(
  routes: readonly Route[],
  step: Shift,
  allowed: readonly RouteWeights[][],
): Reason | undefined {
  return driftReason(step.region, { traffic: driftOf(routes, allowed), fleet: [] });
}

/** What the routes may be at before anything was written. */
const before = (step: Shift, context: StepContext): RouteWeights[] => weightsBefore(context.state(), step);

/** What they may be at once the step began. */
const onTheWay = (step: Shift, context: StepContext): RouteWeights[][] => [before(step, context), step.to];

async function write(
  context: StepContext,
  routes: readonly Route[],
  target: readonly RouteWeights[],
): Promise<number> {
  const wanted = new Map(target.map((route) => [route.id, route.weights]));
  const changes = routes.flatMap((route) => {
    const weights = wanted.get(route.id);
    return weights === undefined || sameWeights(weights, route.weights) ? [] : [{ route, weights }];
  });
  await context.region.traffic.write(changes);
  return changes.length;
}

function notYet(routes: readonly Route[], target: readonly RouteWeights[]): Route[] {
  const wanted = new Map(target.map((route) => [route.id, route.weights]));
  return routes.filter((route) => {
    const weights = wanted.get(route.id);
    return weights !== undefined && !sameWeights(weights, route.weights);
  });
}

/** Moves the production traffic: compare, write, read every rule and default action back. */
export const shift: StepHandler<Shift> = {
  timeoutSeconds: (step) => step.timeoutSeconds,
  pollMilliseconds: () => 250,
  recovery: 'look',
  async run(step, context) {
    const [routes, healthy] = await Promise.all([
      productionRoutes(context),
      countHealthy(step.towards, context),
    ]);
    // Nothing was written yet unless an earlier process was at it: what is there already is somebody else's.
    const drift = driftOfShift(
      routes,
      step,
      context.recovering ? onTheWay(step, context) : [before(step, context)],
    );
    if (drift !== undefined) return { kind: 'halt', reason: drift };
    // Looked at once more, in the same instant as the write: the gate may be minutes old.
    if (healthy === 0)
      return {
        kind: 'failed',
        reason: reason(
          'BASCULE_GAINING_UNHEALTHY',
          `No instance of ${step.towards} in ${step.region} is healthy any more.`,
        ),
      };
    const began = context.world.clock.now();
    const writes = await write(context, routes, step.to);
    return ran({ writes, writeMilliseconds: context.world.clock.now() - began });
  },
  async verify(step, context) {
    const routes = await productionRoutes(context);
    const drift = driftOfShift(routes, step, onTheWay(step, context));
    if (drift !== undefined) return { kind: 'halt', reason: drift };
    const behind = notYet(routes, step.to);
    const first = behind[0];
    if (first === undefined)
      return done(`${routes.length} of ${routes.length} read back`, { readBack: routes.length });
    return pending(
      `${behind.length} route(s) to be read back; ${first.label} is at ${describeWeights(first.weights)}`,
    );
  },
  async undo(step, context) {
    const routes = await productionRoutes(context);
    const drift = driftOfShift(routes, step, [...onTheWay(step, context), step.from]);
    if (drift !== undefined) return { kind: 'halt', reason: drift };
    if (notYet(routes, step.from).length === 0) return { kind: 'undone', note: 'no traffic had moved' };
    const refused = await refuseIfFormerUnhealthy(step.towards, context);
    if (refused !== undefined) return { kind: 'halt', reason: refused };
    const writes = await write(context, routes, step.from);
    return readBackFormer(step, context, writes);
  },
  explainTimeout: (step, _context, waitingFor) => timedOut(`The shift in ${step.region}`, waitingFor),
};

async function readBackFormer(step: Shift, context: StepContext, writes: number): Promise<UndoResult> {
  const deadline = context.world.clock.now() + step.timeoutSeconds * 1000;
  for (;;) {
    const behind = notYet(await productionRoutes(context), step.from);
    const first = behind[0];
    if (first === undefined)
      return { kind: 'undone', note: `weights restored on ${writes} route(s)`, facts: { restored: writes } };
    if (context.world.clock.now() > deadline)
      return {
        kind: 'halt',
        reason: reason('BASCULE_READ_BACK', `The restored weights in ${step.region} cannot be read back.`, [
          `${first.label}: ${describeWeights(first.weights)}`,
        ]),
      };
    await context.world.clock.wait(250);
  }
}
