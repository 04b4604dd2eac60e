import { BasculeError } from '../../src/domain/errors';
import { describeHolder } from '../../src/domain/lease';
import type { Reason } from '../../src/domain/records';
import type { DeploymentState } from '../../src/domain/replay';
import type { Request, RequestKind } from '../../src/domain/request';
import { hasStagesAhead, waitingStep, whereItIs } from '../../src/domain/wishes';
import { answerTo, follow } from './following';
import { nobodyWorks, requireRunning, type Open } from './running';
import type { Session } from './session';
import { refuseIfTooLate } from './too-late';

export interface Asked {
  deployment: string;
  wish: RequestKind;
  /** Whether the driver took it up while it was waited for. */
  taken: boolean;
  message: string;
}

/** A driver looks every two seconds while it waits, and before each step; some steps take minutes. */
const TAKE_UP_MILLISECONDS = 20_000;

/**
 * Asks the driver of the deployment under way for something, and waits a while for it to take that up.
 * @throws BasculeError BASCULE_NOTHING_RUNNING, BASCULE_NOTHING_WAITS (exit code 2), BASCULE_GOING_BACK,
 *   BASCULE_INTERRUPTED or BASCULE_TOO_LATE (exit code 5); nothing was asked then.
 */
export async function ask(session: Session, wish: RequestKind): Promise<Asked> {
  const open = await requireRunning(session);
  const { deployment } = open.state;
  const already = alreadySo(open.state, wish);
  if (already !== undefined) return { deployment, wish, taken: true, message: already };
  const request = await place(session, open.state, wish);
  const taken = await untilTaken(session, request);
  return { deployment, wish: request.kind, taken, message: told(session, open, request.kind, taken) };
}

/** Writes the request down where the driver looks for it. */
export async function place(session: Session, state: DeploymentState, wish: RequestKind): Promise<Request> {
  const { environment } = session;
  if (wish === 'abort') await refuseIfTooLate(session, state);
  else if (state.turnedBack !== null) throw goingBack(environment, state);
  // Where no stage is left to be passed over, the end of the waiting is all that there is to ask for.
  const kind = wish === 'advance-full' && !hasStagesAhead(state) ? 'advance' : wish;
  const waiting = waitingStep(state);
  if (kind === 'advance' && waiting === undefined && state.paused === null)
    throw nothingWaits(environment, state);
  return session.requests.append({
    deployment: state.deployment,
    kind,
    step: kind === 'advance' ? (waiting?.id ?? null) : null,
    by: session.holder,
    at: session.world.clock.now(),
  });
}

function alreadySo(state: DeploymentState, wish: RequestKind): string | undefined {
  const { paused, deployment, turnedBack } = state;
  if (wish === 'pause' && paused !== null && turnedBack === null)
    return `Deployment ${deployment} is paused already, by ${describeHolder(paused.by)}.`;
  if (wish === 'abort' && turnedBack !== null)
    return `Deployment ${deployment} is on its way back already: ${turnedBack.message}`;
  return undefined;
}

async function untilTaken(session: Session, request: Request): Promise<boolean> {
  const { clock } = session.world;
  const began = clock.now();
  for await (const { state, records, standing } of follow(session, request.deployment)) {
    const answer = answerTo(records, request.sequence);
    if (answer?.refused !== undefined) throw refusedByDriver(session.environment, answer.refused);
    if (answer !== undefined) return true;
    if (state.closed !== null || clock.now() - began >= TAKE_UP_MILLISECONDS) return false;
    if (standing.kind !== 'held') throw nobodyWorks(session.environment, state, standing);
  }
  return false;
}

function told({ environment }: Session, { state }: Open, kind: RequestKind, taken: boolean): string {
  const { deployment } = state;
  const at = whereItIs(state);
  if (!taken)
    return `Deployment ${deployment} is asked ${WISHES[kind]}. It was busy with: ${at}; it takes that up as soon as it can.`;
  switch (kind) {
    case 'advance':
      return `Deployment ${deployment} goes on from: ${at}.`;
    case 'advance-full':
      return `Deployment ${deployment} goes on to the end, without the steps between.`;
    case 'pause':
      return `Deployment ${deployment} holds, at: ${at}. Traffic stays as it is and its checks go on; \`bascule advance ${environment}\` goes on.`;
    case 'abort':
      return `Deployment ${deployment} goes back.`;
  }
}

const WISHES: Record<RequestKind, string> = {
  advance: 'to go on',
  'advance-full': 'to go on to the end',
  pause: 'to hold',
  abort: 'to go back',
};

/** The driver knows better than whoever asks how far it is. */
export function refusedByDriver(environment: string, { code, message, details }: Reason): BasculeError {
  return new BasculeError({
    code,
    message,
    details,
    next: `It goes on; \`bascule watch ${environment}\` follows it. \`bascule rollback ${environment}\` brings the former release back afterwards.`,
    blame: 'world',
    exitCode: 5,
  });
}

function nothingWaits(environment: string, state: DeploymentState): BasculeError {
  return new BasculeError({
    code: 'BASCULE_NOTHING_WAITS',
    message: `Deployment ${state.deployment} of ${environment} waits for nobody; it is at: ${whereItIs(state)}.`,
    next: `\`bascule watch ${environment}\` shows when it waits; \`bascule advance ${environment} --full\` passes over the steps between. Nothing was asked.`,
  });
}

function goingBack(environment: string, state: DeploymentState): BasculeError {
  return new BasculeError({
    code: 'BASCULE_GOING_BACK',
    message: `Deployment ${state.deployment} of ${environment} is on its way back, which nothing holds up: ${state.turnedBack?.message ?? ''}`,
    next: `\`bascule watch ${environment}\` follows it. Nothing was asked.`,
    blame: 'world',
    exitCode: 5,
  });
}
