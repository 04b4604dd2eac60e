import type { Requester } from '../../src/domain/approval';
import type { ChangeNotes } from '../../src/domain/change-set';
import { BasculeError, unexpected } from '../../src/domain/errors';
import type { JournalRecord, Plan, Promoted } from '../../src/domain/records';
import { regionsMissing, UNREACHABLE } from '../../src/domain/regions';
import { replay, type DeploymentState } from '../../src/domain/replay';
import { eitherAborted } from '../../src/domain/signals';
import { drive, type Drive, type Ending } from '../driver';
import { LeftOpen } from '../steps/left-open';
import { OpenJournal, type Hold } from '../journaling';
import { startTelling } from './notify';
import type { Session } from './session';

export interface Deployed extends Ending {
  deployment: string;
  plan: Plan;
  state: DeploymentState;
  /** The whole journal: telling of it must not depend on another answer of AWS's. */
  records: readonly JournalRecord[];
}

/** What stands beside the plan where a journal begins. */
export interface Opening {
  /** The freezes that were in force and overridden by name. */
  overrode?: string[];
  /** The hash that the plan was given by, or that people approve. */
  planHash?: string;
  /** Who asks for it, where people have to approve. */
  requester?: Requester;
  /** Where the release came from. */
  promoted?: Promoted;
  /** Why it begins outside the windows for deployments. */
  overrodeWindow?: string;
  /** What those who are told of it or have to approve it should know. */
  change?: ChangeNotes;
}

/** Opens a deployment's journal with its plan and runs it to its end. */
export async function runPlan(
  session: Session,
  deployment: string,
  lease: Hold,
  plan: Plan,
  title: string,
  { overrode = [], ...beside }: Opening = {},
): Promise<Deployed> {
  const journal = OpenJournal.create(session.journal, session.world.clock, lease, deployment);
  session.reporter.say({ kind: 'opened', deployment, title, steps: plan.steps });
  const overriding = overrode.length === 0 ? {} : { overrode };
  const told = session.post === null ? {} : { channels: session.post.channels.map(({ name }) => name) };
  await journal.append({ kind: 'opened', plan, holder: session.holder, ...overriding, ...beside, ...told });
  return finish(session, deployment, driveOf(session, journal, lease));
}

/** Goes on with a deployment that another process began; `before` says in which way. */
export async function continueDeployment(
  session: Session,
  deployment: string,
  lease: Hold,
  title: string,
  before: (drive: Drive) => Promise<void>,
): Promise<Deployed> {
  const journal = await openJournal(session, deployment, lease);
  session.reporter.say({ kind: 'opened', deployment, title, steps: journal.state.plan.steps });
  return finish(session, deployment, driveOf(session, journal, lease), before);
}

/** Opens a journal to write on, and says so when its last record was cut off. */
export async function openJournal(session: Session, deployment: string, lease: Hold): Promise<OpenJournal> {
  const journal = await OpenJournal.open(session.journal, session.world.clock, lease, deployment);
  if (journal.torn !== null) {
    const text = `record ${journal.torn} of the journal was cut off while it was written; the next one takes its place`;
    session.reporter.say({ kind: 'note', text });
  }
  return journal;
}

function driveOf(session: Session, journal: OpenJournal, { displaced }: Hold): Drive {
  const { world, requests, approvals, reporter, log, holder, insistence, leaveAtApproval = false } = session;
  const stop = eitherAborted(session.stop, displaced);
  return {
    world,
    journal,
    requests,
    approvals,
    reporter,
    log,
    holder,
    stop,
    insistence,
    displaced,
    leaveAtApproval,
  };
}

async function finish(
  session: Session,
  deployment: string,
  work: Drive,
  before?: (drive: Drive) => Promise<void>,
): Promise<Deployed> {
  const told = startTelling(session, work.journal);
  try {
    await before?.(work);
    const ending = await drive(work);
    const { state, story: records } = work.journal;
    return { ...ending, deployment, plan: state.plan, state, records };
  } catch (thrown) {
    throw interrupted(session.environment, deployment, thrown);
  } finally {
    await told();
  }
}

/** The journal stays open: what was begun is known, and going on is possible. */
function interrupted(environment: string, deployment: string, thrown: unknown): BasculeError {
  const error = thrown instanceof BasculeError ? thrown : unexpected(thrown);
  // These say themselves what is possible: another process goes on, or the way back is closed.
  if (error instanceof LeftOpen) return error;
  if (error.code === 'BASCULE_DISPLACED' || error.code === 'BASCULE_TOO_LATE') return error;
  return new BasculeError({
    code: error.code,
    message: `Deployment ${deployment} of ${environment} was interrupted: ${error.message}`,
    details: error.details,
    next: `${error.next} Then \`bascule resume ${environment}\` goes on, or \`bascule abort ${environment}\` goes back.`,
    blame: error.blame,
    exitCode: 5,
    cause: thrown,
  });
}

async function lastDeployment(session: Session): Promise<DeploymentState | undefined> {
  const last = (await session.journal.list()).at(-1);
  if (last === undefined) return undefined;
  const records = await session.journal.read(last);
  return records.length === 0 ? undefined : replay(records);
}

/** The deployment that was begun last and never ended; undefined when all of them ended. */
export async function openDeployment(session: Session): Promise<DeploymentState | undefined> {
  const last = await lastDeployment(session);
  return last?.closed === null ? last : undefined;
}

/** The deployment that can be gone on with: the last one, if it never ended or halted for a person. */
export async function resumableDeployment(session: Session): Promise<DeploymentState | undefined> {
  const last = await lastDeployment(session);
  return last?.closed === null || last?.closed.outcome === 'halted' ? last : undefined;
}

/** @throws BasculeError BASCULE_INTERRUPTED (exit code 5) naming the two ways on. */
export async function refuseIfInterrupted(session: Session): Promise<void> {
  const last = await lastDeployment(session);
  const why = last === undefined ? undefined : inTheWay(session, last);
  if (why !== undefined) throw why;
}

/** Why the last deployment keeps another from beginning; undefined where it does not. */
export function inTheWay(session: Session, last: DeploymentState): BasculeError | undefined {
  if (last.closed === null) return interruption(session, last);
  // A region that was taken out of the environment is nobody's concern any more.
  const unknown = regionsMissing(last).filter((region) => session.regions.includes(region));
  if (last.closed.outcome !== 'halted' || unknown.length === 0) return undefined;
  return new BasculeError({
    code: UNREACHABLE,
    message: `Deployment ${last.deployment} of ${session.environment} (to ${last.plan.version}) had no answer from ${unknown.join(' and ')}: what it left there is unknown.`,
    next: `\`bascule resume ${session.environment}\` ends it there once the region answers; then begin again. Nothing was changed.`,
    blame: 'world',
    exitCode: 5,
  });
}

/** A deployment that was begun and never ended keeps another from beginning. */
export function interruption(session: Session, open: DeploymentState): BasculeError {
  return new BasculeError({
    code: 'BASCULE_INTERRUPTED',
    message: `Deployment ${open.deployment} of ${session.environment} (to ${open.plan.version}) was interrupted and never ended.`,
    next: `\`bascule resume ${session.environment}\` goes on with it; \`bascule abort ${session.environment}\` undoes it, weights first.`,
    blame: 'world',
    exitCode: 5,
  });
}
