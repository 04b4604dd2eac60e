import { assessLive } from '../../src/domain/probe';
import type { Prove } from '../../src/domain/step';
import { done, nothingToUndo, pending, ran, reason, type StepHandler } from './handler';

/** Requests sent in one look, each over a connection of its own. */
const BATCH = 10;

/** A write takes effect in the data plane later than in the control plane: only traffic proves a shift. */
export const prove: StepHandler<Prove> = {
  timeoutSeconds: (step) => step.timeoutSeconds,
  pollMilliseconds: () => 200,
  recovery: 'look',
  run: () => Promise.resolve(ran()),
  async verify(step, context) {
    const request = { path: step.path, method: 'GET', headers: {}, timeoutSeconds: 10 };
    const batch = Math.min(BATCH, step.requests);
    const answers = await Promise.all(
      Array.from({ length: batch }, () =>
        context.world.prober.request(context.region.productionUrl, request),
      ),
    );
    const problems = answers.flatMap((answer) => assessLive(answer, step.header, step.version) ?? []);
    const before = (context.memory.get('streak') as number | undefined) ?? 0;
    const streak = problems.length === 0 ? before + batch : 0;
    context.memory.set('streak', streak);
    if (streak >= step.requests)
      return done(
        step.header === null
          ? `${streak} requests in a row answered below 500 (no header names the version)`
          : `${streak} requests in a row answered by ${step.version}`,
        { requests: streak },
      );
    return pending(problems[0] ?? `${streak} of ${step.requests} requests in a row`);
  },
  undo: nothingToUndo,
  explainTimeout: (step, context, waitingFor) =>
    Promise.resolve(
      reason(
        'BASCULE_NOT_PROVEN',
        `Live traffic in ${step.region} did not show ${step.version} within ${step.timeoutSeconds} s: ${waitingFor}.`,
        [`asked ${context.region.productionUrl}${step.path}`],
      ),
    ),
};
