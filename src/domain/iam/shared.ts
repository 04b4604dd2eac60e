/** What several uses need, as statements without resources of a use's own. */
import type { Condition, Statement } from './document';
import {
  ANY,
  arns,
  bucketArn,
  ec2Principal,
  iamArn,
  recordsArn,
  releaseArns,
  stateArns,
  stateVersionArn,
  type EnvironmentScope,
  type ServiceScope,
} from './scope';

export function allow(sid: string, Action: string[], Resource: string[], condition?: Condition): Statement {
  return {
    Sid: sid,
    Effect: 'Allow',
    Action: [...new Set(Action)].sort(),
    Resource,
    ...(condition === undefined ? {} : { Condition: condition }),
  };
}

/** Actions of one service of AWS's. */
export function names(service: string, ...actions: string[]): string[] {
  return actions.map((action) => `${service}:${action}`);
}

/** Who the credentials are, which Bascule and the provider ask before anything else. */
export function whoAmI(): Statement {
  return allow('KnowWhoseCredentialsTheseAre', ['sts:GetCallerIdentity'], ANY);
}

/**
 * Actions that AWS lets nobody limit to resources, or only by names that are not known beforehand: DescribeAlarms
 * tells of composite alarms only to those who may ask for all (CloudWatch API reference, "DescribeAlarms").
 */
export function look(actions: string[]): Statement {
  return allow('SeeWhatIsThere', actions, ANY);
}

/** The role of the instances, to EC2 and to no other service. */
export function passRole(scope: EnvironmentScope): Statement {
  return allow('GiveInstancesTheirRole', ['iam:PassRole'], [iamArn(scope, `role/${scope.role.name}`)], {
    StringEquals: { 'iam:PassedToService': ec2Principal(scope) },
  });
}

/** The limits of vCPUs, which the capacity check compares with. */
export function readQuotas(scope: ServiceScope): Statement {
  return allow(
    'ReadTheQuotasOfInstances',
    ['servicequotas:GetServiceQuota'],
    arns(scope, 'servicequotas', 'ec2/*'),
  );
}

/**
 * Without a condition on the prefix: to those who may list only under one, S3 says of an object that is absent
 * that it is forbidden (S3 API reference, "GetObject": 404 with s3:ListBucket, 403 without), and that a journal
 * is absent is an answer that Bascule needs.
 */
export function listBuckets(scope: ServiceScope): Statement {
  const buckets = [
    scope.bucket,
    ...scope.releaseBuckets,
    ...(scope.state === null ? [] : [scope.state.bucket]),
  ];
  const unique = [...new Set(buckets)].map((bucket) => bucketArn(scope, bucket));
  return allow('KnowWhichObjectsAreThere', ['s3:ListBucket'], unique);
}

/** Whether each region has its bundle, and the same (S3 user guide, "Checking object integrity": HeadObject). */
export function compareReleases(scope: ServiceScope): Statement {
  return allow('CompareReleases', ['s3:GetObject'], releaseArns(scope));
}

export function readRecords(scope: EnvironmentScope): Statement {
  return allow('ReadJournalAndLease', ['s3:GetObject'], [recordsArn(scope)]);
}

/** Whoever deploys tells people of it. */
export function tellTopics({ topics }: EnvironmentScope): Statement[] {
  return topics.length === 0 ? [] : [allow('TellTopics', ['sns:Publish'], [...new Set(topics)])];
}

export function keepRecords(scope: EnvironmentScope): Statement {
  return allow('KeepJournalAndLease', ['s3:GetObject', 's3:PutObject'], [recordsArn(scope)]);
}

/** The stacks of an environment: its own, and `<environment>.<region>.<colour>`. */
export function readState(scope: EnvironmentScope): Statement[] {
  if (scope.state === null) return [];
  const files = stateArns(scope, scope.state, scope.environment);
  return [allow('ReadPulumisState', ['s3:GetObject'], [stateVersionArn(scope, scope.state), ...files])];
}

/** Of all environments in the bucket. */
export function readAllRecords(scope: ServiceScope): Statement {
  return allow('ReadJournals', ['s3:GetObject'], [bucketArn(scope, scope.bucket, 'environments/*')]);
}

/** Of all stacks of the project. */
export function readAllState(scope: ServiceScope): Statement[] {
  if (scope.state === null) return [];
  const files = stateArns(scope, scope.state, '*');
  return [allow('ReadPulumisState', ['s3:GetObject'], [stateVersionArn(scope, scope.state), ...files])];
}

/** `first`: whether a use may be the first that a bucket sees of Pulumi. */
export function keepState(scope: ServiceScope, stack: string, first: boolean): Statement[] {
  if (scope.state === null) return [];
  const files = stateArns(scope, scope.state, stack);
  const version = ['s3:GetObject', ...(first ? ['s3:PutObject'] : [])];
  return [
    allow('KnowPulumisVersion', version, [stateVersionArn(scope, scope.state)]),
    allow('KeepPulumisState', ['s3:DeleteObject', 's3:GetObject', 's3:PutObject'], files),
  ];
}
