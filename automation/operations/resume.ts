import { BasculeError } from '../../src/domain/errors';
import { driftReason } from '../../src/domain/expectation';
import type { DeploymentState } from '../../src/domain/replay';
import type { Drive } from '../driver';
import type { Hold } from '../journaling';
import { acceptWhatIsThere, driftsOf, tellWhatIsFound } from './accept';
import { continueDeployment, resumableDeployment, type Deployed } from './deployments';
import { logOverrides, requirePassage } from './freeze';
import { holding } from './holding';
import { requireUnsettled, takeAsMigrated } from './migrated';
import { readAnswering } from './answering';
import type { Session } from './session';
import { refuseIfTooLate } from './too-late';
import { planWhatCameBack } from './unplanned';

export interface AbortRequest {
  /** Take what was changed by hand as it is, and go on from there. */
  accept?: boolean;
}

export interface ResumeRequest extends AbortRequest {
  /** Take a migration without a good result as done: a person saw to the database by hand. */
  migrated?: boolean;
  /** Leave it open again where an approval is not given yet. */
  leaveAtApproval?: boolean;
  /** Freezes to go past, each by its name. */
  overrideFreeze?: readonly string[];
}

/** Goes on with the deployment that was interrupted or halted, in the direction it was going. */
export async function resume(asked: Session, request: ResumeRequest = {}): Promise<Deployed> {
  const session = { ...asked, leaveAtApproval: request.leaveAtApproval === true };
  const seen = await requireResumable(session);
  const overrode = await requireUnfrozen(session, seen, request.overrideFreeze ?? []);
  const work = async (lease: Hold): Promise<Deployed> => {
    // Its holder may have ended it while that one was waited for.
    const state = await requireResumable(session);
    const { deployment, plan } = state;
    const migration = request.migrated === true ? requireUnsettled(session.environment, state) : undefined;
    const title = `${session.environment}: resuming ${deployment} to ${plan.version}`;
    await logOverrides(session, overrode, deployment);
    return continueDeployment(session, deployment, lease, title, async (drive) => {
      await tellWhatIsFound(session, drive, 'on');
      await drive.journal.append({ kind: 'resumed', holder: session.holder });
      if (migration !== undefined) await takeAsMigrated(drive, migration);
      if (request.accept === true) await acceptWhatIsThere(session, drive);
      await planWhatCameBack(session, drive);
    });
  };
  return holding(session, seen.deployment, work, 'succeed-it');
}

/** Undoes the deployment that was interrupted or halted: weights first, the rest later. */
export async function abort(session: Session, request: AbortRequest = {}): Promise<Deployed> {
  const seen = await requireResumable(session);
  const work = async (lease: Hold): Promise<Deployed> => {
    const state = await requireResumable(session);
    await refuseIfTooLate(session, state);
    const { deployment, plan } = state;
    const title = `${session.environment}: aborting ${deployment} to ${plan.version}`;
    return continueDeployment(session, deployment, lease, title, async (drive) => {
      await tellWhatIsFound(session, drive, 'back');
      await drive.journal.append({ kind: 'resumed', holder: session.holder });
      const reason = { code: 'BASCULE_ABORTED', message: 'Aborted on request.', details: [] };
      await drive.journal.append({ kind: 'rollbackRequested', reason });
      if (request.accept === true) await acceptWhatIsThere(session, drive);
      else await haltIfMovedByHand(session, drive);
    });
  };
  return holding(session, seen.deployment, work, 'succeed-it');
}

/** Weights that are neither the former nor the new ones are a person's: they are not overwritten unasked. */
async function haltIfMovedByHand(session: Session, { journal }: Drive): Promise<void> {
  // A rule that forwards to neither colour, such as a page for maintenance, is in no weight's way.
  const regions = (await readAnswering(session)).readings.map(({ region, routes, fleets }) => ({
    region,
    routes,
    fleets,
  }));
  for (const { region, traffic } of driftsOf(journal.state, regions)) {
    const reason = driftReason(region, { traffic, fleet: [] });
    if (reason === undefined) continue;
    await journal.append({ kind: 'halted', step: null, reason });
    return;
  }
}

/** A freeze keeps a new release from going forward; the way back, and letting a colour go, always pass. */
async function requireUnfrozen(
  session: Session,
  open: DeploymentState,
  names: readonly string[],
): Promise<string[]> {
  const forward = open.plan.purpose === 'deploy' && open.turnedBack === null;
  if (!forward) return [];
  // What was overridden when it began stays overridden, as long as that freeze is in force.
  const opened = (await session.journal.read(open.deployment))[0];
  const before = opened?.kind === 'opened' ? (opened.overrode ?? []) : [];
  return requirePassage(session, 'resume', names, { names: before, at: open.openedAt });
}

async function requireResumable(session: Session): Promise<DeploymentState> {
  const open = await resumableDeployment(session);
  if (open !== undefined) return open;
  throw new BasculeError({
    code: 'BASCULE_NOTHING_OPEN',
    message: `No deployment of ${session.environment} is interrupted or halted.`,
    next: `\`bascule history ${session.environment}\` lists how the last ones ended.`,
  });
}
