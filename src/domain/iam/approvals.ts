/** Who may write approvals: what an approver's credentials need, and what the bucket refuses to all others. */
import type { BucketPolicy, BucketStatement, Statement } from './document';
import { bucketArn, recordsArn, type EnvironmentScope } from './scope';
import { allow } from './shared';

/** As src/adapters/approvals.ts writes it. */
const TAG = 's3:RequestObjectTag/approver';

const approvalsArn = (scope: EnvironmentScope, rest: string): string =>
  bucketArn(scope, scope.bucket, `environments/${scope.environment}/approvals/${rest}`);

/** What it takes to approve: to read the environment's records and to write one's own approvals. */
export function giveApprovals(scope: EnvironmentScope): Statement[] {
  return [
    allow('KnowWhichObjectsAreThere', ['s3:ListBucket'], [bucketArn(scope, scope.bucket)]),
    allow('ReadJournalAndLease', ['s3:GetObject'], [recordsArn(scope)]),
    allow(
      'ApproveInTheOwnName',
      ['s3:PutObject', 's3:PutObjectTagging'],
      [approvalsArn(scope, '*/${aws:userid}.json')],
    ),
  ];
}

/** Whose an approval is stands in a tag, which the bucket's policy compares when it is written. */
export function seeApprovers(scope: EnvironmentScope): Statement {
  return allow('SeeWhoseApprovalsTheseAre', ['s3:GetObjectTagging'], [approvalsArn(scope, '*')]);
}

/**
 * What only approvers may write, and each only in their own name. A key cannot be compared with who writes it but in
 * a list of what is not refused (NotResource), which would be of everything else in the bucket; so the tag is.
 */
export function approvalsBucketPolicy(scope: EnvironmentScope): BucketPolicy {
  const { approvals } = scope;
  const everybody = [...new Set(approvals.flatMap(({ approvers }) => approvers))].sort();
  const narrower = approvals.filter(({ approvers }) => new Set(approvers).size < everybody.length);
  const WRITE = ['s3:PutObject', 's3:PutObjectTagging', 's3:PutObjectVersionTagging'];
  const all = [approvalsArn(scope, '*')];
  return {
    Version: '2012-10-17',
    Statement: [
      refuse('OnlyApproversApprove', WRITE, all, { ArnNotLike: { 'aws:PrincipalArn': everybody } }),
      ...narrower.map(({ name, approvers }, index) =>
        refuse(`OnlyItsApproversApprove${index + 1}`, WRITE, [approvalsArn(scope, `*/${name}/*`)], {
          ArnNotLike: { 'aws:PrincipalArn': approvers },
        }),
      ),
      refuse('EachInTheirOwnName', WRITE, all, { StringNotEquals: { [TAG]: '${aws:userid}' } }),
      refuse(
        'NobodyTakesApprovalsAway',
        [
          's3:DeleteObject',
          's3:DeleteObjectTagging',
          's3:DeleteObjectVersion',
          's3:DeleteObjectVersionTagging',
        ],
        all,
      ),
    ],
  };
}

function refuse(
  Sid: string,
  Action: string[],
  Resource: string[],
  Condition?: BucketStatement['Condition'],
): BucketStatement {
  return { Sid, Effect: 'Deny', Principal: '*', Action, Resource, ...(Condition && { Condition }) };
}
