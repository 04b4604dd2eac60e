import { BasculeError } from '../../src/domain/errors';
import { describeHolder, LEASE_MILLISECONDS } from '../../src/domain/lease';
import { place, refusedByDriver } from './ask';
import type { Deployed } from './deployments';
import { answerTo, follow, messagesOf, type Followed } from './following';
import { abort as undoOpen, type AbortRequest } from './resume';
import { openAndHeld, type Open } from './running';
import type { Session } from './session';

/**
 * Takes a deployment back, whoever works on it: a running one is asked to turn back and followed to its end;
 * one that was interrupted or halted is undone here.
 */
export async function abort(session: Session, request: AbortRequest = {}): Promise<Deployed> {
  const open = await openAndHeld(session);
  if (open?.standing.kind === 'held') {
    const ended = await askAndFollow(session, open);
    if (ended !== undefined) return ended;
  }
  return undoOpen(session, request);
}

/** Undefined when its driver turned out to be gone: then nobody else takes it back. */
async function askAndFollow(session: Session, open: Open): Promise<Deployed | undefined> {
  const { deployment, turnedBack } = open.state;
  const { clock } = session.world;
  const request = turnedBack === null ? await place(session, open.state, 'abort') : undefined;
  const asked = clock.now();
  session.reporter.say({ kind: 'note', text: askedText(session, open) });
  let renewed = { until: open.lease?.expiresAt, at: asked };
  let told = open.state.next;
  for await (const followed of follow(session, deployment)) {
    const { state, records, lease, standing } = followed;
    for (const record of records.slice(told))
      for (const message of messagesOf(record, state)) session.reporter.say(message);
    told = records.length;
    if (state.closed !== null) return endingOf(followed);
    if (standing.kind !== 'held') return undefined;
    if (lease?.expiresAt !== renewed.until) renewed = { until: lease?.expiresAt, at: clock.now() };
    const answer = request && answerTo(records, request.sequence);
    if (answer?.refused !== undefined) throw refusedByDriver(session.environment, answer.refused);
    const taken = request === undefined || answer !== undefined;
    if (!taken && clock.now() - renewed.at >= LEASE_MILLISECONDS) return undefined;
  }
  throw leftAlone(session.environment, deployment);
}

function askedText({ environment, world }: Session, { state, lease }: Open): string {
  if (state.turnedBack !== null)
    return `deployment ${state.deployment} is on its way back already: ${state.turnedBack.message}`;
  const seconds = Math.max(1, Math.ceil(((lease?.expiresAt ?? 0) - world.clock.now()) / 1000));
  const by = lease === undefined ? 'another process' : describeHolder(lease.holder);
  return `${environment} is held by ${by}, which is asked to abort; waiting up to ${seconds} s: its lease ends then unless it is renewed`;
}

/** How a deployment ended, as the process that drove it would say. */
function endingOf({ state, records }: Followed): Deployed {
  const { deployment, plan, closed } = state;
  const outcome = closed?.outcome ?? 'halted';
  const reason = outcome === 'succeeded' ? null : (state.halted ?? state.turnedBack);
  return { deployment, plan, state, records, outcome, reason, message: closed?.message ?? '' };
}

/** A person who stops following does not take back what was asked. */
function leftAlone(environment: string, deployment: string): BasculeError {
  return new BasculeError({
    code: 'BASCULE_STOPPED',
    message: `Stopped following deployment ${deployment} of ${environment}, which was asked to go back and still does.`,
    next: `\`bascule watch ${environment}\` follows it again.`,
    blame: 'world',
    exitCode: 5,
  });
}
