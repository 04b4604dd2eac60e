import type { Analyse } from '../../src/domain/step';
import { look, POLL_MILLISECONDS } from '../analysis/analysis';
import { watchFleet } from '../analysis/fleet-watch';
import { nothingToUndo, ran, timedOut, type StepHandler } from './handler';

/** Seconds between two looks at the fleet, as often as the load balancer's own health checks by default. */
const FLEET_INTERVAL_SECONDS = 5;

/** Looks how the new colour does beside the old one, for a while or until a person goes on. */
export const analyse: StepHandler<Analyse> = {
  timeoutSeconds: () => null,
  pollMilliseconds: () => POLL_MILLISECONDS,
  recovery: 'repeat',
  run: () => Promise.resolve(ran()),
  async verify(step, context) {
    const verdict = await look(step, context);
    if (verdict.kind !== 'pending' && verdict.kind !== 'done') return verdict;
    const sick = await watchFleet(
      step,
      { intervalSeconds: FLEET_INTERVAL_SECONDS, instances: null },
      context,
    );
    return sick ?? verdict;
  },
  undo: nothingToUndo,
  explainTimeout: (_step, _context, waitingFor) => timedOut('The analysis', waitingFor),
};
