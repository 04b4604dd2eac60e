/** Which notifications follow from a journal, what stands in them, and how channels are configured. */
import { describe, expect, it } from 'vitest';
import { commitOf, resourceLines } from '../../src/domain/change-set';
import { parseEnvironment } from '../../src/domain/config';
import { policyFor } from '../../src/domain/iam/policy';
import { environmentScope } from '../../src/domain/iam/scope';
import { letterOf, letterText } from '../../src/domain/letter';
import { letterHtml } from '../../src/domain/letter-html';
import { notificationsOf } from '../../src/domain/notifications';
import { slackBody, teamsBody } from '../../src/domain/webhook-bodies';
import { RECORD_FORMAT, type JournalRecord, type Plan, type RecordBody } from '../../src/domain/records';
import type { Approve, Step } from '../../src/domain/step';
import { environment, problemsIn } from '../support/config';
import { notice } from '../support/notices';
import { must } from '../support/until';

const region = 'eu-west-3';
const approve: Approve = {
  kind: 'approve',
  id: 'approve:release',
  region,
  name: 'release',
  before: 'shift',
  count: 2,
  approvers: ['arn:aws:iam::333333333333:role/approvers'],
  notRequester: true,
  expiresAfterSeconds: 3600,
  timeoutSeconds: 7200,
};
const smoke: Step = { kind: 'smoke', id: 'smoke', region, version: '2.0.0', requests: [] };
const plan: Plan = {
  purpose: 'deploy',
  environment: 'production',
  service: 'shop',
  version: '2.0.0',
  formerVersion: '1.0.0',
  steps: [smoke, approve],
};
const holder = { host: 'ci', pid: 1, user: 'ada', job: null };
const by = {
  arn: 'arn:aws:sts::333333333333:assumed-role/approvers/grace',
  userId: 'AROA:grace',
  account: '333333333333',
};
const planHash = 'plan-1';
const said = { step: approve.id, by, planHash, saidAt: 4, comment: 'CHG-1' };

function journal(...bodies: RecordBody[]): JournalRecord[] {
  const opened: RecordBody = { kind: 'opened', plan, holder, planHash, change: { message: 'Round prices' } };
  return [opened, ...bodies].map((body, sequence) => ({
    ...body,
    format: RECORD_FORMAT,
    deployment: '20260101-000000-0000',
    sequence,
    at: 1000 * sequence,
    fence: 1,
  }));
}

const passed: RecordBody[] = [
  { kind: 'started', step: smoke.id },
  { kind: 'ran', step: smoke.id, facts: {} },
  { kind: 'verified', step: smoke.id, facts: {} },
];

const tale = (...bodies: RecordBody[]): string[] =>
  notificationsOf(journal(...bodies)).map(({ sequence, event, title }) => `${sequence} ${event}: ${title}`);

describe('the notifications of a journal', () => {
  it('follow from openings, approvals and endings alone', () => {
    expect(
      tale(
        ...passed,
        { kind: 'started', step: approve.id },
        { kind: 'approved', ...said, decision: 'approve', object: '1' },
        {
          kind: 'approved',
          ...said,
          decision: 'approve',
          object: '2',
          ignored: { code: 'X', message: '', details: [] },
        },
        { kind: 'approved', ...said, decision: 'reject', object: '3' },
        {
          kind: 'failed',
          step: approve.id,
          reason: { code: 'X', message: 'rejected', details: ['by grace'] },
        },
        { kind: 'closed', outcome: 'failed', message: 'production still runs 1.0.0' },
      ),
    ).toEqual([
      '0 opened: production: the deployment of 2.0.0 has begun',
      '4 approval-needed: production: the deployment of 2.0.0 waits for approval release',
      '5 approved: production: the deployment of 2.0.0 was approved',
      '7 rejected: production: the deployment of 2.0.0 was rejected',
      '9 failed: production: the deployment of 2.0.0 failed',
    ]);
  });

  it('are the same when more of the journal is known', () => {
    const short = journal(...passed, { kind: 'started', step: approve.id });
    const long = journal(
      ...passed,
      { kind: 'started', step: approve.id },
      { kind: 'approved', ...said, decision: 'approve', object: '1' },
    );
    expect(notificationsOf(long).slice(0, 2)).toEqual(notificationsOf(short));
    expect(notificationsOf(long, short.length)).toEqual(notificationsOf(long).slice(2));
  });

  it('tell the reason and the ways on of a halt', () => {
    const records = journal(
      { kind: 'halted', step: null, reason: { code: 'X', message: 'drift', details: ['blue 50 green 50'] } },
      { kind: 'closed', outcome: 'halted', message: 'Halted for a person.' },
    );
    expect(notificationsOf(records).at(-1)?.lines).toEqual([
      'Halted for a person.',
      'blue 50 green 50',
      '`bascule resume production` goes on, `bascule abort production` goes back.',
    ]);
  });

  it('have the change set as it was then', () => {
    const records = journal(
      ...passed,
      { kind: 'started', step: approve.id },
      { kind: 'approved', ...said, decision: 'approve', object: '1' },
    );
    const [, needed, approved] = notificationsOf(records).map(({ change }) => change);
    expect(needed).toMatchObject({
      from: '1.0.0',
      to: '2.0.0',
      by: 'ada on ci',
      notes: { message: 'Round prices' },
      planHash,
      passed: [expect.stringContaining('[eu-west-3]')],
      waiting: [{ name: 'release', count: 2, approvedBy: [], since: 4000, until: 4000 + 7200_000 }],
    });
    expect(must(needed).waiting[0]?.approve).toBe(
      'bascule approve production 20260101-000000-0000 --step release --plan plan-1 --comment "<why>"',
    );
    expect(approved?.waiting[0]?.approvedBy).toEqual([by.arn]);
  });
});

describe('a letter', () => {
  const nasty = notice({
    title: '<script>alert(1)</script> & "x"',
    lines: ['<img src=x onerror=alert(1)>'],
  });

  it('is HTML without anybody’s markup but its own', () => {
    const html = letterHtml(letterOf(nasty));
    expect(html).not.toMatch(/<script|<img|<b>/);
    expect(html).toContain('&lt;script&gt;alert(1)&lt;/script&gt; &amp; &quot;x&quot;');
  });

  it('is text with every part', () => {
    const text = letterText(letterOf(notice()));
    for (const part of [
      'former release  1.9.3',
      'new release     2.0.0',
      '3 commits',
      'and 1 more',
      'Passed so far',
    ])
      expect(text).toContain(part);
  });

  it('keeps to what chats take, however long it is', () => {
    const long = notice({
      title: 'x'.repeat(400),
      lines: Array.from({ length: 60 }, () => '&'.repeat(5000)),
    });
    const { blocks } = slackBody(letterOf(long)) as { blocks: { text?: { text: string } }[] };
    expect(blocks.length).toBeLessThanOrEqual(50);
    expect(Math.max(...blocks.map(({ text }) => text?.text.length ?? 0))).toBeLessThanOrEqual(3000);
    expect(JSON.stringify(teamsBody(letterOf(notice()))).length).toBeLessThan(28_000);
  });
});

describe('a change set', () => {
  it('tells the resources of what is deployed in short', () => {
    const resource = (operation: 'create' | 'update', name: string) => ({
      operation,
      type: 'aws:autoscaling/group:Group',
      name,
      properties: [],
    });
    const stack = { kind: 'fleet' as const, region, unchanged: 1 };
    expect(
      resourceLines([
        { ...stack, stack: 'production', applied: 'by-up', resources: [resource('update', 'service')] },
        {
          ...stack,
          stack: 'production.green',
          applied: 'by-deploy',
          resources: [resource('create', 'a'), resource('update', 'b')],
        },
        { ...stack, stack: 'production.blue', applied: 'by-deploy', resources: [] },
      ]),
    ).toEqual(['production.green: create 1, update 1 (Group a, Group b)']);
  });

  it('hands git nothing but commits', () => {
    expect(commitOf('0123abcdef-changed')).toBe('0123abcdef');
    for (const revision of ['--output=/etc/passwd', 'main', '', null, '0123abc; rm'])
      expect(commitOf(revision)).toBeNull();
  });
});

describe('bascule:environment.notifications', () => {
  const mail = {
    kind: 'smtp',
    name: 'mail',
    host: 'mail.example.com',
    from: 'a@example.com',
    to: ['b@example.com'],
  };
  const hook = { kind: 'webhook', name: 'chat', format: 'slack', urlVariable: 'SLACK_URL' };

  const problems = (...notifications: object[]): string[] =>
    problemsIn(
      'production',
      environment((input) => (input['notifications'] = notifications)),
    ).map(({ message }) => message);

  it('takes channels of each kind', () => {
    const topic = { kind: 'sns', name: 'topic', topicArn: 'arn:aws:sns:eu-west-3:123456789012:releases' };
    expect(problems(mail, hook, topic)).toEqual([]);
  });

  it.each([
    ['the name of another channel too', [mail, { ...hook, name: 'mail' }]],
    ['one of url and urlVariable', [{ ...hook, url: 'https://example.com' }]],
    ['one of url and urlVariable', [{ ...hook, urlVariable: undefined }]],
    ['only json is signed', [{ ...hook, secretVariable: 'KEY' }]],
    ['goes together with passwordVariable', [{ ...mail, userVariable: 'MAIL_USER' }]],
    [
      'would send the password unencrypted',
      [{ ...mail, tls: 'none', userVariable: 'A', passwordVariable: 'B' }],
    ],
    ['bare mail address', [{ ...mail, to: ['Ops <ops@example.com>'] }]],
  ])('refuses what contradicts itself: %s', (expected, channels) => {
    expect(problems(...channels).join('\n')).toContain(expected);
  });

  it('lets whoever deploys publish to its topics, and to no other', () => {
    const topicArn = 'arn:aws:sns:eu-west-3:123456789012:releases';
    const publishing = (...notifications: object[]) => {
      const parsed = parseEnvironment(
        'production',
        environment((input) => (input['notifications'] = notifications)),
      );
      if (!parsed.ok) throw new Error(JSON.stringify(parsed.problems));
      const scope = environmentScope('production', parsed.config, { state: null });
      return policyFor({ use: 'deploy', scope }).Statement.filter(({ Action }) =>
        Action.includes('sns:Publish'),
      );
    };
    expect(publishing({ kind: 'sns', name: 'topic', topicArn }).map(({ Resource }) => Resource)).toEqual([
      [topicArn],
    ]);
    expect(publishing(mail)).toEqual([]);
  });

  it('does not repeat a secret that was written where its variable’s name belongs', () => {
    const found = problems({ ...hook, urlVariable: 'https://hooks.slack.com/services/verysecret' });
    expect(found.join('\n')).toContain('must be the name of an environment variable');
    expect(found.join('\n')).not.toContain('verysecret');
  });
});
