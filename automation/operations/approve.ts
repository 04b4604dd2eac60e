import {
  APPROVAL_FORMAT,
  isApprover,
  refusal,
  tally,
  type Approval,
  type Decision,
  type Person,
  type Told,
} from '../../src/domain/approval';
import { BasculeError } from '../../src/domain/errors';
import type { Reason } from '../../src/domain/records';
import { replay, type DeploymentState } from '../../src/domain/replay';
import type { Approve } from '../../src/domain/step';
import type { Approvals, Clock, Identity, Journal, Leases } from '../../src/ports';

/** What it takes to approve: the environment's bucket and credentials of one's own. */
export interface ApprovalDesk {
  environment: string;
  journal: Journal;
  leases: Leases;
  approvals: Approvals;
  identity: Identity;
  clock: Clock;
}

export interface DecisionRequest {
  decision: Decision;
  comment: string;
  /** The one that is open unless it is named. */
  deployment?: string;
  /** The name of the approval, where there are several. */
  step?: string;
  /** The plan that was looked at; the one that runs unless it is named. */
  plan?: string;
}

export interface Decided {
  environment: string;
  deployment: string;
  approval: string;
  decision: Decision;
  by: Person;
  planHash: string;
  /** What the deployment made of it; null while nobody has taken it up. */
  taken: { counted: boolean; why: string | null } | null;
  message: string;
}

/** A driver that waits for it looks every two seconds. */
const TAKE_UP_MILLISECONDS = 10_000;
const LOOK_MILLISECONDS = 500;

/**
 * Says yes or no to a deployment's plan in one's own name.
 * @throws BasculeError BASCULE_NOTHING_TO_APPROVE, BASCULE_NOT_APPROVER, BASCULE_OWN_REQUEST or
 *   BASCULE_APPROVAL_OTHER_PLAN (exit code 2); nothing was written then.
 */
export async function decideOn(desk: ApprovalDesk, request: DecisionRequest): Promise<Decided> {
  const { clock, approvals, identity } = desk;
  const [state, by] = await Promise.all([deploymentOf(desk, request.deployment), identity.current()]);
  const step = stepOf(desk, state, request.step, by);
  const { decision, comment } = request;
  const { deployment, planHash: current = '', requester = null } = state;
  const at = clock.now();
  const planHash = request.plan ?? current;
  const question = { rule: step, planHash: current, requester, now: at };
  const objection = refusal({ decision, by, planHash, saidAt: at }, question);
  if (objection !== undefined) throw refused(desk, objection);
  const approval: Approval = { format: APPROVAL_FORMAT, decision, comment, planHash, ...by, at };
  await write(approvals, deployment, step.name, approval);
  const taken = await untilTaken(desk, state, step, approval);
  const decided = { environment: desk.environment, deployment, approval: step.name, decision, by, planHash };
  return { ...decided, ...taken };
}

async function write(
  approvals: Approvals,
  deployment: string,
  name: string,
  approval: Approval,
): Promise<void> {
  for (;;) {
    const there = await approvals.own(deployment, name, approval.userId);
    // Another process of the same person was faster: the later word is the one that holds.
    if ((await approvals.write(deployment, name, approval, there)) === 'written') return;
  }
}

/** The deployment that is named, or the one that is open. */
async function deploymentOf(
  { environment, journal }: ApprovalDesk,
  named?: string,
): Promise<DeploymentState> {
  const id = named ?? (await journal.list()).at(-1);
  const records = id === undefined ? [] : await journal.read(id);
  if (records.length === 0)
    throw nothing(
      environment,
      named === undefined
        ? `${environment} has no deployment.`
        : `${environment} has no deployment ${named}.`,
    );
  const state = replay(records);
  const halted = state.closed?.outcome === 'halted' && state.turnedBack === null;
  if (state.closed !== null && !halted)
    throw nothing(
      environment,
      named === undefined
        ? `No deployment of ${environment} is under way.`
        : `Deployment ${named} of ${environment} has ended: ${state.closed.outcome}.`,
    );
  if (state.turnedBack !== null)
    throw nothing(
      environment,
      `Deployment ${state.deployment} of ${environment} is on its way back: ${state.turnedBack.message}`,
    );
  return state;
}

/** The approval that is meant: the one that is waited for, or else the next that this person may give. */
function stepOf(
  { environment }: ApprovalDesk,
  state: DeploymentState,
  named: string | undefined,
  by: Person,
): Approve {
  const { deployment } = state;
  const open = approvalsAhead(state);
  const found =
    named === undefined
      ? (open.find(({ id }) => (state.steps[id]?.phase ?? 'pending') !== 'pending') ??
        open.find((step) => isApprover(by, step)) ??
        open[0])
      : open.find(({ name }) => name === named);
  if (found !== undefined) return found;
  const which = open.map(({ name }) => name).join(', ');
  throw nothing(
    environment,
    named === undefined
      ? `Deployment ${deployment} of ${environment} needs no approval any more.`
      : `Deployment ${deployment} of ${environment} needs no approval ${named}${which === '' ? '' : `, but ${which}`}.`,
  );
}

/** The approvals that a deployment still needs, in their order. */
export function approvalsAhead({ plan, steps }: DeploymentState): Approve[] {
  return plan.steps.flatMap((step) =>
    step.kind === 'approve' && steps[step.id]?.phase !== 'verified' ? [step] : [],
  );
}

async function untilTaken(
  desk: ApprovalDesk,
  before: DeploymentState,
  step: Approve,
  approval: Approval,
): Promise<Pick<Decided, 'taken' | 'message'>> {
  const { clock, journal, leases } = desk;
  const { deployment } = before;
  const waited = ['started', 'ran'].includes(before.steps[step.id]?.phase ?? 'pending');
  const lease = await leases.read();
  const held =
    lease?.deployment === deployment &&
    !lease.released &&
    lease.expiresAt > clock.now() &&
    before.closed === null;
  const began = clock.now();
  while (waited && held && clock.now() - began < TAKE_UP_MILLISECONDS) {
    const state = replay(await journal.read(deployment));
    const told = (state.approvals[step.id] ?? []).find((one) => isOf(one, approval));
    if (told !== undefined) return answered(desk, state, step, told);
    await clock.wait(LOOK_MILLISECONDS);
  }
  const what = `${words(approval.decision)} ${step.name} of deployment ${deployment} to ${before.plan.version}, plan ${approval.planHash}.`;
  const then = held
    ? 'It takes that up when it comes to it.'
    : `Nobody works on it now: \`bascule resume ${desk.environment}\` goes on with it.`;
  return { taken: null, message: `${what} ${then}` };
}

function isOf({ by, decision, saidAt }: Told, approval: Approval): boolean {
  // The store tells its time in whole seconds, and an approval is never younger than it.
  return by.userId === approval.userId && decision === approval.decision && saidAt > approval.at - 1000;
}

function answered(
  desk: ApprovalDesk,
  state: DeploymentState,
  step: Approve,
  told: Told,
): Pick<Decided, 'taken' | 'message'> {
  const { ignored } = told;
  const taken = { counted: ignored === undefined, why: ignored?.message ?? null };
  if (ignored !== undefined) return { taken, message: `It does not count: ${ignored.message}` };
  const what = `${words(told.decision)} ${step.name} of deployment ${state.deployment} to ${state.plan.version}.`;
  if (told.decision === 'reject')
    return { taken, message: `${what} ${step.before === 'retire' ? 'It halts' : 'It goes back'}.` };
  const question = { planHash: state.planHash ?? '', now: desk.clock.now() };
  const { missing } = tally(step, state.approvals[step.id] ?? [], question);
  const rest = missing === 0 ? 'It goes on.' : `${missing} more ${missing === 1 ? 'is' : 'are'} needed.`;
  return { taken, message: `${what} ${rest}` };
}

function words(decision: Decision): string {
  return decision === 'approve' ? 'Approved' : 'Rejected';
}

function refused({ environment }: ApprovalDesk, { code, message, details }: Reason): BasculeError {
  const next: Record<string, string> = {
    BASCULE_NOT_APPROVER: 'Use the credentials of one of them (AWS_PROFILE).',
    BASCULE_OWN_REQUEST: 'Ask somebody else of the approvers.',
    BASCULE_APPROVAL_OTHER_PLAN: `\`bascule pending ${environment}\` shows the plan that runs.`,
  };
  return new BasculeError({
    code,
    message,
    details,
    next: `${next[code] ?? `\`bascule pending ${environment}\` shows what is waited for.`} Nothing was written.`,
  });
}

function nothing(environment: string, message: string): BasculeError {
  return new BasculeError({
    code: 'BASCULE_NOTHING_TO_APPROVE',
    message,
    next: `\`bascule pending ${environment}\` lists what waits for people. Nothing was written.`,
  });
}
