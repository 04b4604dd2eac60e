import { describe, expect, it } from 'vitest';
import {
  isApprover,
  judge,
  samePerson,
  tally,
  type Approval,
  type FoundApproval,
  type Person,
  type Told,
} from '../../src/domain/approval';
import { parseEnvironment } from '../../src/domain/config';
import type { ApprovalRule } from '../../src/domain/step';
import { environment } from '../support/config';

const NOW = 1_000_000_000;
const PLAN = 'plan-1';

const rule: ApprovalRule = {
  name: 'lead',
  before: 'shift',
  count: 2,
  approvers: ['arn:aws:iam::111111111111:role/team/approvers', 'arn:aws:iam::222222222222:user/*'],
  notRequester: true,
  expiresAfterSeconds: 60,
  timeoutSeconds: 600,
};

function session(name: string, role = 'approvers', account = '111111111111'): Person {
  return {
    arn: `arn:aws:sts::${account}:assumed-role/${role}/${name}`,
    userId: `AROA${role}${account}:${name}`,
    account,
  };
}

const user = (name: string): Person => ({
  arn: `arn:aws:iam::222222222222:user/${name}`,
  userId: `AIDA${name}`,
  account: '222222222222',
});

function found(
  by: Person,
  change: Partial<Approval> = {},
  stored: Partial<FoundApproval> = {},
): FoundApproval {
  const approval: Approval = {
    format: 1,
    decision: 'approve',
    comment: 'fine',
    planHash: PLAN,
    ...by,
    at: NOW - 10_000,
    ...change,
  };
  return {
    userId: by.userId,
    writer: by.userId,
    object: `of-${by.userId}`,
    storedAt: NOW - 10_000,
    text: JSON.stringify(approval),
    ...stored,
  };
}

const asked = (one: FoundApproval, change: Partial<ApprovalRule> = {}): Told =>
  judge(one, {
    rule: { ...rule, ...change },
    planHash: PLAN,
    requester: session('ada', 'deployers'),
    now: NOW,
  });

describe('an approval', () => {
  it.each<[string, FoundApproval, string | undefined]>([
    ['of a session of the role, whose path the session does not tell', found(session('bob')), undefined],
    ['of a user', found(user('eve')), undefined],
    ['of another role', found(session('bob', 'developers')), 'BASCULE_NOT_APPROVER'],
    [
      'of the role of that name in another account',
      found(session('bob', 'approvers', '333333333333')),
      'BASCULE_NOT_APPROVER',
    ],
    ['for another plan', found(session('bob'), { planHash: 'plan-2' }), 'BASCULE_APPROVAL_OTHER_PLAN'],
    ['that has run out', found(session('bob'), { at: NOW - 60_000 }), 'BASCULE_APPROVAL_EXPIRED'],
    [
      'that says to be younger than the store knows it to be',
      found(session('bob'), { at: NOW + 60_000 }, { storedAt: NOW - 60_000 }),
      'BASCULE_APPROVAL_EXPIRED',
    ],
    ['of who asked, in another role', found(session('ada')), 'BASCULE_OWN_REQUEST'],
    [
      'under somebody else’s key',
      found(session('bob'), {}, { userId: 'AROAapprovers:eve' }),
      'BASCULE_APPROVAL_FORGED',
    ],
    [
      'written by somebody else',
      found(session('bob'), {}, { writer: 'AROAapprovers:eve' }),
      'BASCULE_APPROVAL_FORGED',
    ],
    ['written by nobody knows whom', found(session('bob'), {}, { writer: null }), 'BASCULE_APPROVAL_FORGED'],
    ['that is cut off', found(session('bob'), {}, { text: '{"format":1,' }), 'BASCULE_APPROVAL_UNREADABLE'],
    ['of a newer format', found(session('bob'), { format: 2 }), 'BASCULE_APPROVAL_UNREADABLE'],
  ])('%s', (_, one, code) => {
    expect(asked(one).ignored?.code).toBe(code);
  });

  it('of who asked counts where the configuration lets it', () => {
    expect(asked(found(session('ada')), { notRequester: false }).ignored).toBeUndefined();
  });

  it('of who asked by the environment’s role does not count, whatever that role’s session is called', () => {
    const requester = { ...user('eve'), as: session('pipeline', 'deployers') };
    const question = { rule, planHash: PLAN, requester, now: NOW };
    expect(judge(found(user('eve')), question).ignored?.code).toBe('BASCULE_OWN_REQUEST');
    expect(judge(found(session('pipeline')), question).ignored?.code).toBe('BASCULE_OWN_REQUEST');
    expect(judge(found(session('bob')), question).ignored).toBeUndefined();
  });

  it('turned down counts whoever asked and however old it is, but only of an approver and for this plan', () => {
    const no = { decision: 'reject' } as const;
    expect(asked(found(session('ada'), { ...no, at: 0 })).ignored).toBeUndefined();
    expect(asked(found(session('bob', 'developers'), no)).ignored?.code).toBe('BASCULE_NOT_APPROVER');
    expect(asked(found(session('bob'), { ...no, planHash: 'x' })).ignored?.code).toBe(
      'BASCULE_APPROVAL_OTHER_PLAN',
    );
  });
});

describe('approvers', () => {
  const named = (pattern: string, person: Person) => isApprover(person, { ...rule, approvers: [pattern] });

  it('are compared as ArnLike does', () => {
    expect(named('arn:aws:iam::*:role/app*', session('bob', 'approvers', '333333333333'))).toBe(true);
    expect(named('arn:aws:iam::111111111111:role/approver?', session('bob'))).toBe(true);
    expect(named('arn:aws:iam::111111111111:role/approver', session('bob'))).toBe(false);
    expect(named('arn:aws:iam::111111111111:user/approvers', session('bob'))).toBe(false);
    expect(named('arn:aws:iam::222222222222:user/e.e', user('eve'))).toBe(false);
  });

  it('are one person where the name of the session is the same, or the identity', () => {
    expect(samePerson(session('bob'), session('bob', 'admins', '333333333333'))).toBe(true);
    expect(samePerson(session('bob'), session('eve'))).toBe(false);
    expect(samePerson(user('bob'), session('bob'))).toBe(false);
    expect(samePerson(user('bob'), user('bob'))).toBe(true);
  });
});

describe('the count', () => {
  const told = (by: Person, change: Partial<Approval> = {}, object = 'x'): Told => ({
    ...asked(found(by, change)),
    object,
  });
  const count = (all: Told[], now = NOW, planHash = PLAN) => tally(rule, all, { planHash, now });

  it('is of people, not of approvals', () => {
    expect(count([told(session('bob')), told(session('bob'), {}, 'y')])).toMatchObject({ missing: 1 });
    expect(count([told(session('bob')), told(session('bob', 'approvers'))]).valid).toHaveLength(1);
    expect(count([told(session('bob')), told(user('eve'))])).toMatchObject({ missing: 0, rejected: null });
  });

  it('is of those that still hold, for this plan', () => {
    const all = [told(session('bob')), told(user('eve'))];
    expect(count(all, NOW + 49_999).missing).toBe(0);
    expect(count(all, NOW + 50_000).missing).toBe(2);
    expect(count(all, NOW, 'plan-2').missing).toBe(2);
    expect(count([told(session('bob')), told(session('ada'))]).missing).toBe(1);
  });

  it('is of everybody’s last word', () => {
    const no = told(session('bob'), { decision: 'reject' });
    expect(count([told(session('bob')), told(user('eve')), no]).rejected).toMatchObject({
      by: session('bob'),
    });
    expect(count([no, told(session('bob')), told(user('eve'))])).toMatchObject({
      rejected: null,
      missing: 0,
    });
  });
});

describe('the configuration', () => {
  const parsed = (approvals: unknown) =>
    parseEnvironment(
      'production',
      environment((input) => (input['approvals'] = approvals)),
    );
  const approvers = ['arn:aws:iam::123456789012:role/leads'];

  it('asks for one approval before traffic moves, of somebody else, unless it says otherwise', () => {
    const found = parsed([{ name: 'lead', approvers }]);
    expect(found).toMatchObject({
      ok: true,
      config: { approvals: [{ before: 'shift', count: 1, notRequester: true, expiresAfterSeconds: 86400 }] },
    });
    expect(parsed(undefined)).toMatchObject({ ok: true, config: { approvals: [] } });
  });

  it.each([
    [[{ name: 'lead', approvers: [] }]],
    [[{ name: 'lead', approvers: ['leads'] }]],
    // Of a session nobody can tell which path its role has.
    [[{ name: 'lead', approvers: ['arn:aws:iam::123456789012:role/team/*'] }]],
    [[{ name: 'lead', approvers: ['arn:aws:sts::123456789012:assumed-role/leads/ada'] }]],
    [[{ name: 'lead', approvers, count: 0 }]],
    [
      [
        { name: 'lead', approvers },
        { name: 'lead', approvers },
      ],
    ],
  ])('refuses %j', (approvals) => {
    expect(parsed(approvals)).toMatchObject({ ok: false });
  });
});
