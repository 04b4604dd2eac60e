import { z } from 'zod';
import { parsed, type Shape } from './record-shape';
import type { Reason } from './records';
import type { ApprovalRule } from './step';

/** What somebody says of a deployment's plan. */
export type Decision = 'approve' | 'reject';

/** Whose credentials they are, as STS says it. */
export interface Person {
  arn: string;
  /** The policy variable `aws:userid`: for a role its unique id and the name of the session. */
  userId: string;
  account: string;
}

/** Who asks for a deployment: by their first credentials, and as what the environment's access makes of them. */
export interface Requester extends Person {
  as?: Person;
}

/** What an approver writes into the store. */
export interface Approval extends Person {
  format: number;
  decision: Decision;
  comment: string;
  /** The plan that was looked at. */
  planHash: string;
  /** By the clock of who wrote it; Unix milliseconds. */
  at: number;
}

export const APPROVAL_FORMAT = 1;

/** An approval as it is found in the store. */
export interface FoundApproval {
  /** The identity that its key names. */
  userId: string;
  /** The identity that the store proved when it was written; null where nobody said one. */
  writer: string | null;
  /** Which writing of the object it is. */
  object: string;
  /** By the store's clock; Unix milliseconds. */
  storedAt: number;
  text: string;
}

/** What was made of an approval that was found, as the journal keeps it. */
export interface Told {
  decision: Decision;
  by: Person;
  comment: string;
  /** The plan that it is for. */
  planHash: string;
  /** When it was said; Unix milliseconds. */
  saidAt: number;
  /** Which writing of the store's object it is. */
  object: string;
  /** Why it does not count; absent where it does. */
  ignored?: Reason;
}

/** What an approval is judged against. */
export interface Question {
  rule: ApprovalRule;
  /** The plan that runs. */
  planHash: string;
  /** Who asked for the deployment; null where it is not known. */
  requester: Requester | null;
  now: number;
}

const shape = z.looseObject({
  format: z.int().positive(),
  decision: z.enum(['approve', 'reject']),
  comment: z.string(),
  planHash: z.string(),
  arn: z.string(),
  userId: z.string(),
  account: z.string(),
  at: z.number(),
});

export function shapeOfApproval(text: string): Shape<Approval> {
  const found = shape.safeParse(parsed(text));
  if (!found.success) return { kind: 'torn' };
  if (found.data.format > APPROVAL_FORMAT)
    return { kind: 'foreign', why: `it is of format ${found.data.format}` };
  return { kind: 'whole', value: found.data };
}

/** Reads an approval and says whether it counts. Pure; each object of the store is judged once. */
export function judge(found: FoundApproval, question: Question): Told {
  const read = shapeOfApproval(found.text);
  if (read.kind !== 'whole') return unreadable(found, read.kind === 'torn' ? 'it is not whole' : read.why);
  const { decision, comment, planHash, arn, userId, account, at } = read.value;
  // Nobody's approval is younger than the store knows it to be.
  const saidAt = Math.min(at, found.storedAt);
  const told: Told = {
    decision,
    by: { arn, userId, account },
    comment,
    planHash,
    saidAt,
    object: found.object,
  };
  const ignored = objection(found, told, question);
  return ignored === undefined ? told : { ...told, ignored };
}

function unreadable({ userId, object, storedAt }: FoundApproval, why: string): Told {
  const by: Person = { arn: 'unknown', userId, account: '' };
  const ignored = because('BASCULE_APPROVAL_UNREADABLE', `What ${userId} wrote cannot be read: ${why}.`);
  return { decision: 'approve', by, comment: '', planHash: '', saidAt: storedAt, object, ignored };
}

function objection(found: FoundApproval, told: Told, question: Question): Reason | undefined {
  const { by } = told;
  if (found.userId !== by.userId || found.writer !== by.userId)
    return because(
      'BASCULE_APPROVAL_FORGED',
      `The approval says ${by.userId}, its key ${found.userId}, and it was written by ${found.writer ?? 'nobody knows whom'}.`,
    );
  return refusal(told, question);
}

/** Why a decision of somebody's does not count, whether it is written already or about to be. */
export function refusal(
  { decision, by, planHash, saidAt }: Pick<Told, 'decision' | 'by' | 'planHash' | 'saidAt'>,
  { rule, planHash: current, requester, now }: Question,
): Reason | undefined {
  if (!isApprover(by, rule))
    return because(
      'BASCULE_NOT_APPROVER',
      `${by.arn} is none of the approvers of ${rule.name}: ${rule.approvers.join(', ')}.`,
    );
  if (planHash !== current)
    return because(
      'BASCULE_APPROVAL_OTHER_PLAN',
      `${by.arn} looked at the plan ${planHash}, and the one that runs is ${current}.`,
    );
  // Whoever says no is always heard.
  if (decision === 'reject') return undefined;
  if (rule.notRequester && requester !== null && isRequester(by, requester))
    return because(
      'BASCULE_OWN_REQUEST',
      `${by.arn} asked for this deployment, as ${requester.arn}; somebody else has to approve it.`,
    );
  if (now - saidAt >= rule.expiresAfterSeconds * 1000)
    return because(
      'BASCULE_APPROVAL_EXPIRED',
      `${by.arn} approved at ${new Date(saidAt).toISOString()}, which holds for ${rule.expiresAfterSeconds} s.`,
    );
  return undefined;
}

function because(code: string, message: string): Reason {
  return { code, message, details: [] };
}

/** How an approval stands. */
export interface Tally {
  /** One for each identity, the oldest first. */
  valid: Told[];
  /** Who said no last, where anybody did. */
  rejected: Told | null;
  /** How many are missing. */
  missing: number;
}

/** Counts what the journal has taken up of an approval: of each identity the last word, while it holds. */
export function tally(
  rule: ApprovalRule,
  told: readonly Told[],
  { planHash, now }: Pick<Question, 'planHash' | 'now'>,
): Tally {
  const last: Told[] = [];
  for (const one of told) {
    if (one.ignored !== undefined || one.planHash !== planHash) continue;
    const former = last.findIndex(({ by }) => samePerson(by, one.by));
    if (former >= 0) last.splice(former, 1);
    last.push(one);
  }
  const valid = last.filter(
    ({ decision, saidAt }) => decision === 'approve' && now - saidAt < rule.expiresAfterSeconds * 1000,
  );
  return {
    valid,
    rejected: last.filter(({ decision }) => decision === 'reject').at(-1) ?? null,
    missing: Math.max(0, rule.count - valid.length),
  };
}

/**
 * Whether two identities are one person's. Of sessions of roles the name counts as well: in IAM Identity Center it
 * is the user's, whatever role that one takes (IAM Identity Center user guide, "Session name").
 */
export function samePerson(one: Person, other: Person): boolean {
  if (one.userId === other.userId || one.arn === other.arn) return true;
  const session = sessionOf(one.arn);
  return session !== null && session === sessionOf(other.arn);
}

const SESSION = /^arn:[^:]+:sts::(\d{12}):assumed-role\/([^/]+)\/(.+)$/;

function sessionOf(arn: string): string | null {
  return SESSION.exec(arn)?.[3] ?? null;
}

function isRequester(by: Person, requester: Requester): boolean {
  return samePerson(by, requester) || (requester.as !== undefined && samePerson(by, requester.as));
}

/** Whether any of a rule's patterns names the identity. */
export function isApprover({ arn }: Person, { approvers }: ApprovalRule): boolean {
  const [, account, role] = SESSION.exec(arn) ?? [];
  return approvers.some((pattern) => {
    if (account === undefined || role === undefined) return like(pattern, arn);
    // The ARN of a session tells no path of its role; the bucket's policy, which does compare it, is the stricter one.
    const parts = /^(arn:[^:]+:iam::[^:]+:role\/)(?:.*\/)?([^/]+)$/.exec(pattern);
    const [, head, name] = parts ?? [];
    return head !== undefined && name !== undefined && like(`${head}${name}`, roleArn(arn, account, role));
  });
}

function roleArn(arn: string, account: string, role: string): string {
  return `${arn.split(':').slice(0, 2).join(':')}:iam::${account}:role/${role}`;
}

/** As ArnLike compares: `*` for any characters, `?` for one. */
function like(pattern: string, text: string): boolean {
  const literal = pattern.replace(/[.+^${}()|[\]\\]/g, '\\$&');
  return new RegExp(`^${literal.replaceAll('*', '.*').replaceAll('?', '.')}$`).test(text);
}

/** What was made of somebody's approval, in a line. */
export function describeTold({ decision, by, comment, ignored }: Told): string {
  if (ignored !== undefined)
    return `${decision === 'approve' ? 'an approval' : 'a rejection'} does not count: ${ignored.message}`;
  return `${decision === 'approve' ? 'approved' : 'rejected'} by ${by.arn}: ${comment}`;
}
