import { BasculeError } from '../../src/domain/errors';
import type { DeploymentState } from '../../src/domain/replay';
import { whyTooLate } from '../driver/too-late';
import type { Session } from './session';

/**
 * Whether undoing would lead traffic to a fleet that is no longer what it was.
 * @throws BasculeError BASCULE_TOO_LATE (exit code 5) naming the way that brings the former release up first.
 */
export async function refuseIfTooLate(session: Session, state: DeploymentState): Promise<void> {
  const { plan, deployment } = state;
  const why = await whyTooLate(session.world, state);
  if (why === undefined) return;
  const { environment } = session;
  const finish = state.closed === null ? `\`bascule resume ${environment}\` finishes it. Then ` : '';
  throw new BasculeError({
    code: 'BASCULE_TOO_LATE',
    message: `Deployment ${deployment} of ${environment} cannot be undone any more: ${why}.`,
    next:
      plan.purpose === 'retire'
        ? `\`bascule resume ${environment}\` finishes it.`
        : `${finish}\`bascule rollback ${environment}\` brings the former release up and moves traffic when it is healthy. Nothing was changed.`,
    blame: 'world',
    exitCode: 5,
  });
}
