import { tally } from '../../src/domain/approval';
import { databaseOf, type Database } from '../../src/domain/database';
import { freezesInForce, type Freeze } from '../../src/domain/environment-log';
import { standingOf } from '../../src/domain/lease';
import type { Holder } from '../../src/domain/records';
import type { DeploymentState } from '../../src/domain/replay';
import { describeStep } from '../../src/domain/step';
import { approvalsAhead } from './approve';
import { openDeployment } from './deployments';
import { regionStatuses, type RegionStatus } from './region-status';
import type { Session } from './session';

export interface ApprovalStatus {
  name: string;
  /** Whether it is what the deployment waits for right now. */
  waiting: boolean;
  needed: number;
  /** ARNs of those who gave it. */
  by: string[];
}

export interface FreezeStatus {
  name: string;
  reason: string;
  until: string;
  by: { user: string; host: string };
  since: string;
}

export interface DatabaseStatus {
  /** The versions of its schema that it serves; null where no release declared a range. */
  schema: { from: number; to: number } | null;
  /** The contract that was run last; no rollback leads past it to a release that needs what it took away. */
  contract: { deployment: string; version: string; at: string } | null;
}

export interface EnvironmentStatus {
  environment: string;
  service: string;
  /** The deployment that has begun and not ended, with what it does now. */
  open: {
    deployment: string;
    version: string;
    purpose: string;
    step: string;
    /** The hash that its plan was given by; null where it was not. */
    planHash: string | null;
    running: boolean;
    /** The number of a last record that was cut off; what follows takes its place. */
    torn: number | null;
    /** The approvals that it still needs, in their order. */
    approvals: ApprovalStatus[];
  } | null;
  /** `gone` says what proves that the holder is no more, although its lease has not expired. */
  holder: {
    user: string;
    host: string;
    pid: number;
    /** Link to its CI job, where there is one. */
    job: string | null;
    since: string;
    gone: string | null;
  } | null;
  /** The freezes in force, the one that ends first first. */
  freezes: FreezeStatus[];
  /** What migrations made of the database; null while there was none. */
  database: DatabaseStatus | null;
  regions: RegionStatus[];
}

/** What an environment looks like right now; every fact is read from the world, none from memory. */
export async function status(session: Session): Promise<EnvironmentStatus> {
  const [{ open, regions }, lease, events] = await Promise.all([
    openAndRegions(session),
    session.leases.read(),
    session.log.read(),
  ]);
  const now = session.world.clock.now();
  const held = lease !== undefined && !lease.released && lease.expiresAt > now;
  const standing = held ? standingOf(lease, now, session.sightOf(lease.holder)) : null;
  const gone = standing?.kind === 'abandoned' ? standing.proof : null;
  const step = open?.plan.steps.find(
    (one) => !['verified', 'undone'].includes(open.steps[one.id]?.phase ?? ''),
  );
  return {
    environment: session.environment,
    service: session.service,
    open:
      open === undefined
        ? null
        : {
            deployment: open.deployment,
            version: open.plan.version,
            purpose: open.plan.purpose,
            step: step === undefined ? 'closing' : describeStep(step),
            planHash: open.planHash ?? null,
            running: held && gone === null && lease.deployment === open.deployment,
            torn: (await session.journal.inspect(open.deployment)).torn,
            approvals: approvalStatus(open, now),
          },
    holder: held ? { ...pick(lease.holder), since: new Date(lease.acquiredAt).toISOString(), gone } : null,
    freezes: freezesInForce(events, now).map(freezeStatus),
    database: databaseStatus(databaseOf(events)),
    regions,
  };
}

async function openAndRegions(session: Session) {
  const open = await openDeployment(session);
  return { open, regions: await regionStatuses(session, open) };
}

function approvalStatus(state: DeploymentState, now: number): ApprovalStatus[] {
  const { planHash = '', approvals, steps } = state;
  if (state.turnedBack !== null) return [];
  return approvalsAhead(state).map((step) => ({
    name: step.name,
    waiting: (steps[step.id]?.phase ?? 'pending') !== 'pending',
    needed: step.count,
    by: tally(step, approvals[step.id] ?? [], { planHash, now }).valid.map(({ by }) => by.arn),
  }));
}

function databaseStatus({ range, contracts }: Database): DatabaseStatus | null {
  const last = contracts.at(-1);
  if (range === null && last === undefined) return null;
  const contract =
    last === undefined
      ? null
      : { deployment: last.deployment, version: last.version, at: new Date(last.at).toISOString() };
  return { schema: range, contract };
}

export function freezeStatus({ name, reason, until, by, at }: Freeze): FreezeStatus {
  return {
    name,
    reason,
    until: new Date(until).toISOString(),
    by: { user: by.user, host: by.host },
    since: new Date(at).toISOString(),
  };
}

function pick({ user, host, pid, job }: Holder) {
  return { user, host, pid, job };
}
