import { BasculeError } from '../../src/domain/errors';
import type { Plan } from '../../src/domain/records';
import { replay, type DeploymentState } from '../../src/domain/replay';
import { drive, type Ending } from '../driver';
import { OpenJournal } from '../journaling';
import type { HeldLease } from '../../src/ports';
import type { Session } from './session';

export interface Deployed extends Ending {
  deployment: string;
  plan: Plan;
  state: DeploymentState;
}

/** Opens a deployment's journal with its plan and runs it to its end. */
export async function runPlan(
  session: Session,
  deployment: string,
  lease: HeldLease,
  plan: Plan,
  title: string,
): Promise<Deployed> {
  const journal = OpenJournal.create(session.journal, session.world.clock, lease.fence, deployment);
  session.reporter.say({ kind: 'opened', deployment, title, steps: plan.steps });
  await journal.append({ kind: 'opened', plan, holder: session.holder });
  return finish(session, deployment, journal);
}

/** Goes on with a deployment that another process began. */
export async function continueDeployment(
  session: Session,
  deployment: string,
  lease: HeldLease,
  title: string,
  before?: (journal: OpenJournal) => Promise<void>,
): Promise<Deployed> {
  const journal = await OpenJournal.open(session.journal, session.world.clock, lease.fence, deployment);
  session.reporter.say({ kind: 'opened', deployment, title, steps: journal.state.plan.steps });
  await journal.append({ kind: 'resumed', holder: session.holder });
  await before?.(journal);
  return finish(session, deployment, journal);
}

async function finish(session: Session, deployment: string, journal: OpenJournal): Promise<Deployed> {
  const { world, reporter, stop } = session;
  const ending = await drive({ world, journal, reporter, stop }).catch((thrown: unknown) => {
    throw interrupted(session.environment, deployment, thrown);
  });
  return { ...ending, deployment, plan: journal.state.plan, state: journal.state };
}

/** The journal stays open: what was begun is known, and going on is possible. */
function interrupted(environment: string, deployment: string, thrown: unknown): unknown {
  if (!(thrown instanceof BasculeError)) return thrown;
  if (thrown.code === 'BASCULE_DISPLACED') return thrown;
  return new BasculeError({
    code: thrown.code,
    message: `Deployment ${deployment} of ${environment} was interrupted: ${thrown.message}`,
    details: thrown.details,
    next: `${thrown.next} Then \`bascule resume ${environment}\` goes on, or \`bascule abort ${environment}\` goes back.`,
    blame: thrown.blame,
    exitCode: 5,
    cause: thrown,
  });
}

/** The state of a deployment by its journal. */
export async function readDeployment(session: Session, deployment: string): Promise<DeploymentState> {
  return replay(await session.journal.read(deployment));
}

/** The deployment that was begun last and never ended; undefined when all of them ended. */
export async function openDeployment(session: Session): Promise<DeploymentState | undefined> {
  const last = (await session.journal.list()).at(-1);
  if (last === undefined) return undefined;
  const records = await session.journal.read(last);
  if (records.length === 0) return undefined;
  const state = replay(records);
  return state.closed === null ? state : undefined;
}

/** @throws BasculeError BASCULE_INTERRUPTED (exit code 5) naming the two ways on. */
export async function refuseIfInterrupted(session: Session): Promise<void> {
  const open = await openDeployment(session);
  if (open === undefined) return;
  throw new BasculeError({
    code: 'BASCULE_INTERRUPTED',
    message: `Deployment ${open.deployment} of ${session.environment} (to ${open.plan.version}) was interrupted and never ended.`,
    next: `\`bascule resume ${session.environment}\` goes on with it; \`bascule abort ${session.environment}\` undoes it, weights first.`,
    blame: 'world',
    exitCode: 5,
  });
}
