import { BasculeError, messageOf } from '../../../src/domain/errors';
import type { Fault } from '../contract';
import { requireSandbox } from './info';

/** Injects faults into the sandbox until they are cleared; replaces those injected before. */
export async function injectFaults(options: { folder?: string }, faults: Fault[]): Promise<void> {
  const { endpoint } = await requireSandbox(options);
  try {
    const answer = await fetch(`${endpoint}/_bascule/faults`, {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify(faults),
      signal: AbortSignal.timeout(10_000),
    });
    const body = await answer.text();
    if (!answer.ok) throw new Error(`it answered ${answer.status}: ${body.slice(0, 200)}`);
  } catch (problem) {
    throw new BasculeError({
      code: 'BASCULE_SANDBOX_FAULTS_REFUSED',
      message: `The sandbox's control plane at ${endpoint} did not take the faults: ${messageOf(problem)}`,
      next: 'Check with `bascule sandbox status` that it runs, then try again.',
      cause: problem,
    });
  }
}

/** Takes all injected faults away. */
export async function clearFaults(options: { folder?: string }): Promise<void> {
  await injectFaults(options, []);
}
