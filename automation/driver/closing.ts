import type { Outcome } from '../../src/domain/outcome';
import type { Reason } from '../../src/domain/records';
import { formerName, whereabouts } from '../../src/domain/regions';
import type { DeploymentState } from '../../src/domain/replay';
import type { World } from '../../src/ports';
import { failedInDeployment } from '../analysis/cost';

/** How a deployment ended, in a sentence. */
export function closingMessage(state: DeploymentState, outcome: Outcome, reason: Reason | null): string {
  const { plan } = state;
  const why = reason === null ? '' : ` ${reason.message}`;
  const former = formerName(plan);
  switch (outcome) {
    case 'succeeded':
      if (plan.purpose === 'retire') return `${plan.environment}: the idle colour is retired.`;
      return `${plan.environment} runs ${plan.version}.`;
    case 'failed':
      return `${plan.environment} still runs ${former}; no traffic was moved.${why}`;
    case 'rolled-back':
      return `${plan.environment} is back on ${former}.${why}`;
    case 'halted':
      if (plan.waves !== undefined) return `Halted for a person; ${whereabouts(state).join('; ')}.${why}`;
      return `Halted for a person; traffic stays where it is.${why}`;
  }
}

/** The same, and what the release cost the users where it was taken back for how it did in traffic. */
export async function closingText(
  world: World,
  state: DeploymentState,
  ...[outcome, reason]: [Outcome, Reason | null]
): Promise<string> {
  const message = closingMessage(state, outcome, reason);
  const judged = outcome === 'rolled-back' && reason?.code.startsWith('BASCULE_ANALYSIS');
  return judged === true ? `${message} ${await failedInDeployment(world, state)}` : message;
}
