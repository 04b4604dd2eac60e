/** What a policy is limited to, and how AWS names it (AWS Service Authorization Reference, "Resource types"). */
import { COLOURS } from '../colour';
import {
  accountOfAccess,
  fleetName,
  networkOf,
  partitionOf,
  PROJECT,
  RELEASES_PREFIX,
  type EnvironmentConfig,
  type ImageConfig,
} from '../config';
import type { Condition } from './document';

/** Where Pulumi keeps its state. */
export interface StatePlace {
  bucket: string;
  /** Of every key; empty or with a slash at its end. */
  prefix: string;
}

/** What all uses are limited to. */
export interface ServiceScope {
  service: string;
  bucket: string;
  /** Further buckets that regions of their own have for releases. */
  releaseBuckets: string[];
  regions: string[];
  /** `*` where the configuration does not say it. */
  account: string;
  /** Null where state is kept elsewhere than in S3, for example by Pulumi Cloud. */
  state: StatePlace | null;
}

/** What a bake is limited to. */
export interface ImageScope extends ServiceScope {
  builder: ImageConfig['builder'];
  /** By region, as configured. */
  kmsKeys: Readonly<Record<string, string>>;
  /** Whether other accounts may use the images. */
  shares: boolean;
  testBoot: boolean;
}

export interface EnvironmentScope extends ServiceScope {
  environment: string;
  loadBalancer: string;
  /** What the names of target groups and alarms begin with. */
  targets: string;
  /** The role of the instances. */
  role: {
    name: string;
    /** Whether `bascule up` makes it. */
    own: boolean;
    /** Whether its name was only concluded from the instance profile's. */
    assumed: boolean;
  };
  /** Whether `bascule up` makes a network in any of the regions. */
  network: boolean;
  /** Accounts other than the own one that images come from. */
  otherImageOwners: string[];
  /** Whether releases come to it from another environment, and go on from it to others. */
  promotion: { to: boolean; from: boolean; kmsKeys: Readonly<Record<string, string>> };
  /** Whether a deployment runs a command on an instance; in the first region, if any. */
  runsCommands: boolean;
  /** ARNs of the topics that are told of deployments. */
  topics: string[];
  /** Whose consent deployments need. */
  approvals: readonly { name: string; approvers: string[] }[];
}

/** What no configuration of the project says. */
interface Given {
  state: StatePlace | null;
  /** Goes before the configuration's. */
  account?: string;
}

/**
 * `role` is that of a configured instance profile; without one it is taken to have the profile's name. `goesOn` says
 * whether another environment takes its releases from this one.
 */
export function environmentScope(
  environment: string,
  config: EnvironmentConfig,
  given: Given & { role?: string; goesOn?: boolean },
): EnvironmentScope {
  const { service, bucket, regions, loadBalancer, targets, fleet } = config;
  const { expand, contract } = config.deployment.migrate ?? {};
  const entered = config.access === undefined ? undefined : accountOfAccess(config.access);
  const account = given.account ?? config.account ?? entered ?? '*';
  const own = fleet.instanceProfile === undefined;
  const name = given.role ?? fleet.instanceProfile ?? `${service}-${environment}-instances`;
  return {
    ...{ service, bucket, regions, account, state: given.state, environment },
    releaseBuckets: fleet.releaseBuckets,
    loadBalancer: loadBalancer.name,
    targets: targets.name,
    role: { name, own, assumed: !own && given.role === undefined },
    network: regions.some((region) => networkOf(config, region).kind === 'new'),
    otherImageOwners: fleet.imageOwners.filter((owner) => owner !== 'self'),
    promotion: {
      to: config.promotion !== undefined,
      from: given.goesOn === true,
      kmsKeys: config.promotion?.kmsKeys ?? {},
    },
    runsCommands: [expand, contract].some((hook) => hook?.on === 'instance'),
    topics: config.notifications.flatMap((channel) => (channel.kind === 'sns' ? [channel.topicArn] : [])),
    approvals: config.approvals,
  };
}

export function imageScope(config: ImageConfig, { state, account: given }: Given): ImageScope {
  const { service, bucket, regions, builder, kmsKeys, shareWith, testBoot, access } = config;
  const account = given ?? (access === undefined ? undefined : accountOfAccess(access)) ?? '*';
  const shares = shareWith.length > 0;
  const releaseBuckets = [...new Set(Object.values(config.regionBuckets))];
  const place = { service, bucket, releaseBuckets, regions, account, state };
  return { ...place, builder, kmsKeys, shares, testBoot: testBoot.enabled };
}

export const ANY = ['*'];

/** Resources of a service of AWS's, in each region. */
export function arns(scope: ServiceScope, service: string, ...resources: string[]): string[] {
  return scope.regions.flatMap((region) =>
    resources.map((one) => `arn:${partitionOf(region)}:${service}:${region}:${scope.account}:${one}`),
  );
}

/** Resources of EC2's whose ARN names no account: images and snapshots. */
export function publicArns(scope: ServiceScope, ...resources: string[]): string[] {
  return scope.regions.flatMap((region) =>
    resources.map((one) => `arn:${partitionOf(region)}:ec2:${region}::${one}`),
  );
}

/** Keys by which images are encrypted. Of an alias nobody knows whose key it is: any of the region's then. */
export function keyArns({ kmsKeys, account }: Pick<ImageScope, 'kmsKeys' | 'account'>): string[] {
  return Object.entries(kmsKeys).map(([region, key]) => {
    if (key.startsWith('arn:') && key.includes(':key/')) return key;
    const name = key.includes('alias/') ? '*' : key;
    return `arn:${partitionOf(region)}:kms:${region}:${account}:key/${name}`;
  });
}

function partition({ regions }: ServiceScope): string {
  return partitionOf(regions[0] ?? '');
}

/** IAM is one for all regions. */
export function iamArn(scope: ServiceScope, resource: string): string {
  return `arn:${partition(scope)}:iam::${scope.account}:${resource}`;
}

export function ec2Principal(scope: ServiceScope): string {
  return partition(scope) === 'aws-cn' ? 'ec2.amazonaws.com.cn' : 'ec2.amazonaws.com';
}

/** A policy of AWS's own. */
export function systemsManagerPolicy(scope: ServiceScope): string {
  return `arn:${partition(scope)}:iam::aws:policy/AmazonSSMManagedInstanceCore`;
}

export function bucketArn(scope: ServiceScope, bucket: string, key?: string): string {
  return `arn:${partition(scope)}:s3:::${bucket}${key === undefined ? '' : `/${key}`}`;
}

export function groupArns(scope: EnvironmentScope): string[] {
  const { service, environment } = scope;
  return COLOURS.flatMap((colour) =>
    arns(
      scope,
      'autoscaling',
      `autoScalingGroup:*:autoScalingGroupName/${fleetName(service, environment, colour)}`,
    ),
  );
}

/** The bundles of the service, in every bucket that has them. */
export function releaseArns(scope: ServiceScope): string[] {
  const buckets = [...new Set([scope.bucket, ...scope.releaseBuckets])];
  return buckets.map((bucket) => bucketArn(scope, bucket, `${RELEASES_PREFIX}${scope.service}/*`));
}

/** Journal, lease, requests and log of the environment. */
export function recordsArn(scope: EnvironmentScope): string {
  return bucketArn(scope, scope.bucket, `environments/${scope.environment}/*`);
}

/** Whether Pulumi's S3 backend was used before, and in which form; made by its first use. */
export function stateVersionArn(scope: ServiceScope, { bucket, prefix }: StatePlace): string {
  return bucketArn(scope, bucket, `${prefix}.pulumi/meta.yaml`);
}

/** The files that Pulumi's S3 backend keeps of a stack, and of those whose names go on with a dot. */
export function stateArns(scope: ServiceScope, { bucket, prefix }: StatePlace, stack: string): string[] {
  const key = (rest: string): string => bucketArn(scope, bucket, `${prefix}.pulumi/${rest}`);
  const folders = [`backups/${PROJECT}`, `history/${PROJECT}`, `locks/organization/${PROJECT}`];
  return [
    key(`stacks/${PROJECT}/${stack}.*`),
    ...folders.flatMap((folder) => [key(`${folder}/${stack}/*`), key(`${folder}/${stack}.*`)]),
  ];
}

/** What exists belongs to the environment. */
export function ofEnvironment({ service, environment }: EnvironmentScope): Condition {
  return {
    StringEquals: { 'aws:ResourceTag/service': service, 'aws:ResourceTag/environment': environment },
  };
}

/** What is made is tagged as the environment's at once. */
export function taggedAsEnvironment({ service, environment }: EnvironmentScope): Condition {
  return { StringEquals: { 'aws:RequestTag/service': service, 'aws:RequestTag/environment': environment } };
}
