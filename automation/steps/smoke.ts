import { assessSmoke } from '../../src/domain/probe';
import type { Smoke } from '../../src/domain/step';
import { done, nothingToUndo, pending, ran, reason, type StepHandler } from './handler';

/** Attempts at one request before its answer counts: the test listener follows its new target within seconds. */
const ATTEMPTS = 3;

/** Sends the configured requests through the test listener; each must be answered as configured. */
export const smoke: StepHandler<Smoke> = {
  timeoutSeconds: (step) => 60 + step.requests.reduce((sum, one) => sum + one.timeoutSeconds * ATTEMPTS, 0),
  pollMilliseconds: () => 1000,
  recovery: 'look',
  run: () => Promise.resolve(ran()),
  async verify(step, context) {
    for (const request of step.requests) {
      const key = `${request.method} ${request.path}`;
      if (context.memory.get(key) === 'passed') continue;
      const answer = await context.world.prober.request(context.region.testUrl, request);
      const problem = assessSmoke(request, answer);
      if (problem === undefined) {
        context.memory.set(key, 'passed');
        continue;
      }
      const failures = ((context.memory.get(`${key} failures`) as number | undefined) ?? 0) + 1;
      context.memory.set(`${key} failures`, failures);
      if (failures < ATTEMPTS) return pending(`${key}: ${problem}`);
      return {
        kind: 'failed',
        reason: reason(
          'BASCULE_SMOKE_FAILED',
          `The smoke test of ${step.version} failed: ${key}: ${problem}.`,
          [`sent ${ATTEMPTS} times to ${context.region.testUrl}${request.path}`],
        ),
      };
    }
    return done(`${step.requests.length} of ${step.requests.length} requests answered as configured`);
  },
  undo: nothingToUndo,
  explainTimeout: (step, _context, waitingFor) =>
    Promise.resolve(
      reason(
        'BASCULE_SMOKE_FAILED',
        `The smoke test of ${step.version} did not end in time; last: ${waitingFor}.`,
      ),
    ),
};
