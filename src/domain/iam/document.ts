/** A policy as IAM takes it (AWS IAM user guide, "Grammar of the IAM JSON policy language"). */
export interface PolicyDocument {
  Version: '2012-10-17';
  Statement: Statement[];
}

export interface Statement {
  /** Why the actions are allowed; letters and digits only, a rule of IAM's. */
  Sid: string;
  Effect: 'Allow';
  Action: string[];
  Resource: string[];
  Condition?: Condition;
}

/** A policy of a bucket, which refuses things to all that it concerns, whatever their own policies say. */
export interface BucketPolicy {
  Version: '2012-10-17';
  Statement: BucketStatement[];
}

export interface BucketStatement extends Omit<Statement, 'Effect'> {
  Effect: 'Deny';
  Principal: '*';
}

/** By operator, then by condition key. */
export type Condition = Partial<Record<Operator, Record<string, string | string[]>>>;

export type Operator =
  | 'ArnEquals'
  | 'ArnNotLike'
  | 'Bool'
  | 'StringEquals'
  | 'StringEqualsIfExists'
  | 'StringLike'
  | 'StringNotEquals';

/**
 * Characters that a policy may have, white space not counted (AWS IAM user guide, "IAM and AWS STS quotas"): a
 * managed policy, and all inline policies of a role together.
 */
export const POLICY_SIZES = { managed: 6144, inlineOfRole: 10240 } as const;

/** Characters of a policy as IAM counts them. */
export function policySize(document: PolicyDocument): number {
  return JSON.stringify(document).length;
}
