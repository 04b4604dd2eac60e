import type { Notification } from '../../src/domain/notifications';

const PLAN = 'plan-0123456789abcdef0123456789abcdef-0123456789abcdef0123456789ab';

/** A notification of a deployment that waits for two people, with all that can be in one. */
export function notice(change: Partial<Notification> = {}): Notification {
  return {
    id: '20261121-101500-1a2b/12',
    deployment: '20261121-101500-1a2b',
    sequence: 12,
    event: 'approval-needed',
    at: Date.UTC(2026, 10, 21, 10, 20),
    title: 'production: the deployment of 2.0.0 waits for approval release',
    lines: [],
    change: {
      service: 'shop',
      environment: 'production',
      deployment: '20261121-101500-1a2b',
      purpose: 'deploy',
      from: '1.9.3',
      to: '2.0.0',
      by: 'arn:aws:sts::333333333333:assumed-role/bascule-deploy/ada',
      notes: {
        message: 'Prices with <tax> & "round" numbers',
        revisions: { from: 'aaaaaaaaaa', to: 'bbbbbbbbbb' },
        commits: [
          { id: 'bbbbbbb', author: 'Grace', subject: 'Round prices at the till' },
          { id: 'ccccccc', author: 'Ada', subject: 'Show the tax on <b>every</b> page' },
        ],
        commitCount: 3,
        resources: ['production.eu-west-3.green: create 2, update 1 (LaunchTemplate green, Group green)'],
      },
      passed: ['health gate of 2 instances [eu-west-3]', 'smoke test of 2.0.0 [eu-west-3]'],
      planHash: PLAN,
      waiting: [
        {
          name: 'release',
          step: 'approve:release',
          before: 'shift',
          count: 2,
          approvers: ['arn:aws:iam::333333333333:role/approvers'],
          approvedBy: ['arn:aws:sts::333333333333:assumed-role/approvers/grace'],
          since: Date.UTC(2026, 10, 21, 10, 20),
          until: Date.UTC(2026, 10, 22, 10, 20),
          approve: `bascule approve production 20261121-101500-1a2b --step release --plan ${PLAN} --comment "<why>"`,
          reject: `bascule reject production 20261121-101500-1a2b --step release --plan ${PLAN} --comment "<why>"`,
        },
      ],
    },
    ...change,
  };
}
