import { BasculeError } from '../../src/domain/errors';
import { continueDeployment, openDeployment, type Deployed } from './deployments';
import { holding } from './holding';
import type { Session } from './session';

/** Goes on with the deployment that was interrupted. */
export async function resume(session: Session): Promise<Deployed> {
  const { deployment, plan } = await requireOpen(session);
  const title = `${session.environment}: resuming ${deployment} to ${plan.version}`;
  return holding(session, deployment, (lease) => continueDeployment(session, deployment, lease, title));
}

/** Undoes the deployment that was interrupted: weights first, the rest later. */
export async function abort(session: Session): Promise<Deployed> {
  const { deployment, plan } = await requireOpen(session);
  const title = `${session.environment}: aborting ${deployment} to ${plan.version}`;
  return holding(session, deployment, (lease) =>
    continueDeployment(session, deployment, lease, title, async (journal) => {
      const reason = { code: 'BASCULE_ABORTED', message: 'Aborted on request.', details: [] };
      await journal.append({ kind: 'rollbackRequested', reason });
    }),
  );
}

async function requireOpen(session: Session) {
  const open = await openDeployment(session);
  if (open !== undefined) return open;
  throw new BasculeError({
    code: 'BASCULE_NOTHING_OPEN',
    message: `No deployment of ${session.environment} is interrupted.`,
    next: `\`bascule history ${session.environment}\` lists how the last ones ended.`,
  });
}
