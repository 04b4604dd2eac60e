import { BasculeError } from '../../src/domain/errors';
import type { Standing } from '../../src/domain/lease';
import type { DeploymentState } from '../../src/domain/replay';
import type { LeaseState } from '../../src/ports';
import { openDeployment } from './deployments';
import { standingNow } from './following';
import type { Session } from './session';

/** A deployment that has begun and not ended, and whether anybody works on it. */
export interface Open {
  state: DeploymentState;
  /** The lease, where it is this deployment's. */
  lease: LeaseState | undefined;
  standing: Standing;
}

/** The deployment that is open, if there is one. */
export async function openAndHeld(session: Session): Promise<Open | undefined> {
  const before = await session.leases.read();
  const state = await openDeployment(session);
  if (state === undefined) return undefined;
  // Held before the journal was read and released since is a deployment that ended meanwhile; not held before
  // and held now is one that was just begun.
  const first = openOf(session, state, before);
  return first.standing.kind === 'held' ? first : openOf(session, state, await session.leases.read());
}

function openOf(session: Session, state: DeploymentState, there: LeaseState | undefined): Open {
  const lease = there?.deployment === state.deployment ? there : undefined;
  return { state, lease, standing: standingNow(session, lease) };
}

/**
 * The deployment that a process works on right now.
 * @throws BasculeError BASCULE_NOTHING_RUNNING (exit code 2) when none is open, BASCULE_INTERRUPTED (exit
 *   code 5) when nobody works on the one that is.
 */
export async function requireRunning(session: Session): Promise<Open> {
  const open = await openAndHeld(session);
  if (open === undefined) throw nothingRuns(session.environment);
  if (open.standing.kind !== 'held') throw nobodyWorks(session.environment, open.state, open.standing);
  return open;
}

export function nothingRuns(environment: string): BasculeError {
  return new BasculeError({
    code: 'BASCULE_NOTHING_RUNNING',
    message: `No deployment of ${environment} is under way.`,
    next: `\`bascule history ${environment}\` lists how the last ones ended; \`bascule status ${environment}\` shows what is live.`,
  });
}

/** A deployment that is open while its driver is gone: nobody would take up what is asked of it. */
export function nobodyWorks(environment: string, state: DeploymentState, standing: Standing): BasculeError {
  const proof = standing.kind === 'abandoned' ? `: ${standing.proof}` : '';
  return new BasculeError({
    code: 'BASCULE_INTERRUPTED',
    message: `Deployment ${state.deployment} of ${environment} (to ${state.plan.version}) was interrupted and nobody works on it${proof}.`,
    next: `\`bascule resume ${environment}\` goes on with it; \`bascule abort ${environment}\` undoes it, weights first.`,
    blame: 'world',
    exitCode: 5,
  });
}
