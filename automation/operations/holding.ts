import { describeHolder, LEASE_MILLISECONDS, standingOf } from '../../src/domain/lease';
import type { LeaseState } from '../../src/ports';
import { Hold } from '../journaling';
import { held } from './held';
import type { Session } from './session';
import { recordUnlock } from './unlock';

/** Heartbeats within one lifetime of the lease: two may be lost before it expires. */
const RENEW_MILLISECONDS = LEASE_MILLISECONDS / 4;
/** How often a lease is looked at whose holder is waited for. */
const LOOK_MILLISECONDS = 1_000;
/** How often a person is told of that wait. */
const SAY_MILLISECONDS = 10_000;

/** What is done about a lease of somebody else: nothing, or go on in the place of a holder that is gone. */
export type WhenHeld = 'refuse' | 'succeed-it';

/**
 * Does something while nobody else may work on the environment.
 * @throws BasculeError BASCULE_HELD (exit code 6) naming who holds it, since when and at which step.
 */
export async function holding<T>(
  session: Session,
  deployment: string,
  work: (hold: Hold) => Promise<T>,
  whenHeld: WhenHeld = 'refuse',
): Promise<T> {
  const hold = await acquire(session, deployment, whenHeld);
  const endHeartbeat = startHeartbeat(hold);
  session.guardWrites(() => hold.require(deployment));
  try {
    return await work(hold);
  } finally {
    session.guardWrites(undefined);
    endHeartbeat();
    await hold.release().catch(() => undefined);
  }
}

/**
 * Renews the lease now and then. A heartbeat that gets no answer stops nothing: the lease stays ours until
 * somebody takes it, and what is written next asks first.
 */
function startHeartbeat(hold: Hold): () => void {
  let underWay = false;
  const beat = async (): Promise<void> => {
    if (underWay) return;
    underWay = true;
    await hold.renew().catch(() => undefined);
    underWay = false;
  };
  const timer = setInterval(() => void beat(), RENEW_MILLISECONDS);
  return () => clearInterval(timer);
}

async function acquire(session: Session, deployment: string, whenHeld: WhenHeld): Promise<Hold> {
  // A lease that ran out was left by somebody, too: whoever goes on in his place writes down from whom he took it.
  const left = whenHeld === 'succeed-it' ? await session.leases.read() : undefined;
  if (left !== undefined && !left.released) return succeed(session, deployment, left);
  const { leases, holder, world } = session;
  const answer = await Hold.ask(world.clock, () => leases.acquire(deployment, holder));
  if (answer.kind === 'held') return answer.hold;
  if (whenHeld === 'refuse') throw await held(session, answer.by);
  return succeed(session, deployment, answer.by);
}

/**
 * Takes the place of a holder that is gone: at once where its process is seen to have ended, otherwise when
 * its lease was not renewed for the whole of a lifetime. One that is renewed meanwhile is alive.
 */
async function succeed(session: Session, deployment: string, seen: LeaseState): Promise<Hold> {
  const { clock } = session.world;
  const began = clock.now();
  let said = -Infinity;
  for (;;) {
    const now = clock.now();
    const sight = session.sightOf(seen.holder);
    const standing = standingOf(seen, now, sight);
    if (standing.kind !== 'held' || now - began >= LEASE_MILLISECONDS) {
      const left = seen;
      const answer = await Hold.ask(clock, () => session.leases.takeOver(left, deployment, session.holder));
      if (answer.kind === 'refused') throw await held(session, answer.by);
      const why =
        standing.kind === 'abandoned' ? standing.proof : 'its lease was not renewed for its lifetime';
      if (standing.kind !== 'free') await recordUnlock(session, answer.hold, left, why, false);
      return answer.hold;
    }
    if (sight === 'running' || session.stop.aborted) throw await held(session, seen);
    if (now - said >= SAY_MILLISECONDS) {
      session.reporter.say({ kind: 'note', text: waitingText(session, seen, began) });
      said = now;
    }
    await clock.wait(LOOK_MILLISECONDS, session.stop);
    const there = await session.leases.read();
    if (there !== undefined && (there.fence !== seen.fence || there.expiresAt > seen.expiresAt))
      throw await held(session, there);
    seen = there ?? { ...seen, released: true };
  }
}

function waitingText(session: Session, seen: LeaseState, began: number): string {
  const until = Math.min(seen.expiresAt, began + LEASE_MILLISECONDS);
  const seconds = Math.max(1, Math.ceil((until - session.world.clock.now()) / 1000));
  return (
    `${session.environment} is held by ${describeHolder(seen.holder)}; waiting up to ${seconds} s: ` +
    'its lease ends then unless it is renewed'
  );
}

/** The id of the next deployment. */
export async function nextDeployment(session: Session): Promise<string> {
  return deploymentId(session.world.clock.now(), (await session.journal.list()).at(-1));
}

/**
 * A sortable, unique id: the moment it was opened and what tells two of the same second apart. It comes after
 * the last one also where this machine's clock is behind the one that gave that: the last id is the last deployment.
 */
export function deploymentId(now: number, last = '', random: () => number = Math.random): string {
  const after = /^(\d{4})(\d\d)(\d\d)-(\d\d)(\d\d)(\d\d)-/.exec(last)?.slice(1).map(Number);
  const [year = 0, month = 1, day, hour, minute, second = 0] = after ?? [];
  const earliest = after === undefined ? now : Date.UTC(year, month - 1, day, hour, minute, second + 1);
  const moment = new Date(Math.max(now, earliest)).toISOString();
  const stamp = moment.replace(/[-:]/g, '').replace('T', '-').slice(0, 15);
  return `${stamp}-${Math.floor(random() * 0x10000)
    .toString(16)
    .padStart(4, '0')}`;
}
