import { BasculeError } from '../../src/domain/errors';
import { replay } from '../../src/domain/replay';
import { describeStep } from '../../src/domain/step';
import type { HeldLease, LeaseState } from '../../src/ports';
import type { Session } from './session';

/** Heartbeats within one lifetime of the lease: two may be lost before it expires. */
const RENEW_MILLISECONDS = 15_000;

/**
 * Does something while nobody else may work on the environment.
 * @throws BasculeError BASCULE_HELD (exit code 6) naming who holds it, since when and at which step.
 */
export async function holding<T>(
  session: Session,
  deployment: string,
  work: (lease: HeldLease) => Promise<T>,
): Promise<T> {
  const answer = await session.leases.acquire(deployment, session.holder);
  if (answer.kind === 'refused') throw await held(session, answer.by);
  const { lease } = answer;
  // A heartbeat that fails needs no handling here: the journal's conditional append is what stops a
  // process that lost its lease.
  const heartbeat = setInterval(() => void lease.renew().catch(() => undefined), RENEW_MILLISECONDS);
  try {
    return await work(lease);
  } finally {
    clearInterval(heartbeat);
    await lease.release().catch(() => undefined);
  }
}

async function held(session: Session, by: LeaseState): Promise<BasculeError> {
  const { holder } = by;
  const step = await currentStep(session, by.deployment);
  return new BasculeError({
    code: 'BASCULE_HELD',
    message:
      `${session.environment} is held by ${holder.user} on ${holder.host} (process ${holder.pid}) ` +
      `since ${new Date(by.acquiredAt).toISOString()}, deployment ${by.deployment}${step === undefined ? '' : `, at: ${step}`}.`,
    details: [
      ...(holder.job === null ? [] : [`job: ${holder.job}`]),
      `its lease expires at ${new Date(by.expiresAt).toISOString()} unless it is renewed`,
    ],
    next: `Wait for it to end; \`bascule status ${session.environment}\` follows it.`,
    blame: 'world',
    exitCode: 6,
  });
}

async function currentStep(session: Session, deployment: string): Promise<string | undefined> {
  const records = await session.journal.read(deployment).catch(() => []);
  if (records.length === 0) return undefined;
  const state = replay(records);
  const step = state.plan.steps.find((one) =>
    ['started', 'ran', 'undoing'].includes(state.steps[one.id]?.phase ?? ''),
  );
  return step === undefined ? undefined : describeStep(step);
}

/** A sortable, unique id: the moment it was opened and what tells two of the same second apart. */
export function deploymentId(now: number, random: () => number = Math.random): string {
  const stamp = new Date(now).toISOString().replace(/[-:]/g, '').replace('T', '-').slice(0, 15);
  return `${stamp}-${Math.floor(random() * 0x10000)
    .toString(16)
    .padStart(4, '0')}`;
}
