import { standingOf, proofsWanted } from '../../src/domain/lease';
import { replay } from '../../src/domain/replay';
import type { LeaseState } from '../../src/ports';
import { Hold, PROOF_MILLISECONDS } from '../journaling';
import { openDeployment, openJournal } from './deployments';
import { held } from './held';
import type { Session } from './session';

export interface UnlockRequest {
  /** Take the lease also from a holder that is not proven gone. */
  insist: boolean;
  /** A person's own words; needed to insist. */
  reason: string | null;
}

export interface Unlocked {
  kind: 'free' | 'unlocked';
  former: LeaseState | null;
  why: string | null;
  /** The deployment that has to be gone on with or undone. */
  open: string | null;
}

/** A holder that lives renews its lease, and with that changes it, while one looks; it does so once in a while. */
const ATTEMPTS = 5;

/**
 * Takes the lease from its holder and leaves it free. Only from one that is provably gone, unless a person
 * insists; a holder that is alive after all stops before its next write.
 * @throws BasculeError BASCULE_HELD (exit code 6) with what would prove that the holder is gone.
 */
export async function unlock(session: Session, request: UnlockRequest): Promise<Unlocked> {
  for (let attempt = 1; ; attempt += 1) {
    const lease = await session.leases.read();
    const sight = lease === undefined ? 'unknown' : session.sightOf(lease.holder);
    const standing = standingOf(lease, session.world.clock.now(), sight);
    if (lease === undefined || standing.kind === 'free')
      return { kind: 'free', former: null, why: null, open: await openId(session) };
    const gone = standing.kind === 'abandoned';
    if (!gone && !request.insist) throw await refusal(session, lease, proofsWanted(lease, sight));
    const { leases, holder, world } = session;
    const answer = await Hold.ask(world.clock, () => leases.takeOver(lease, lease.deployment, holder));
    if (answer.kind === 'held') {
      const why = reasonOf(gone ? standing.proof : null, request.reason);
      await finish(session, answer.hold, lease, why, !gone);
      return { kind: 'unlocked', former: lease, why, open: await openId(session) };
    }
    if (attempt >= ATTEMPTS) throw await held(session, answer.by);
  }
}

function reasonOf(proof: string | null, reason: string | null): string {
  if (proof === null) return `insisted: ${reason ?? ''}`;
  return reason === null ? proof : `${proof}: ${reason}`;
}

async function finish(
  session: Session,
  hold: Hold,
  former: LeaseState,
  why: string,
  insisted: boolean,
): Promise<void> {
  try {
    await recordUnlock(session, hold, former, why, insisted);
    if (!insisted) return;
    // Until then the former holder may still write on the strength of its last look at the lease.
    session.reporter.say({
      kind: 'note',
      text: `the lease is taken; waiting ${PROOF_MILLISECONDS / 1000} s until its former holder must have seen that`,
    });
    await session.world.clock.wait(PROOF_MILLISECONDS);
  } finally {
    await hold.release();
  }
}

/** Writes down who took the lease from whom: in its deployment's journal while that is open, and in the log. */
export async function recordUnlock(
  session: Session,
  hold: Hold,
  former: LeaseState,
  why: string,
  insisted: boolean,
): Promise<void> {
  const { deployment, holder } = former;
  const records = await session.journal.read(deployment);
  if (records.length > 0 && replay(records).closed === null) {
    const journal = await openJournal(session, deployment, hold);
    await journal.append({ kind: 'unlocked', holder: session.holder, former: holder, why });
  }
  await session.log.append({
    kind: 'unlocked',
    by: session.holder,
    former: holder,
    deployment,
    why,
    insisted,
  });
}

async function openId(session: Session): Promise<string | null> {
  return (await openDeployment(session))?.deployment ?? null;
}

function refusal(session: Session, lease: LeaseState, details: string[]) {
  return held(session, lease, {
    details,
    next: `Nothing was changed. If you know better: \`bascule unlock ${session.environment} --insist --reason "…"\`; its holder then stops before its next write, and your name is logged.`,
  });
}
