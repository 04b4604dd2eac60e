/** The least policy of each use of Bascule, assembled from what it needs and what that is limited to. */
import { IMAGE_STACK } from '../config';
import { giveApprovals, seeApprovers } from './approvals';
import type { PolicyDocument, Statement } from './document';
import { bakeImages, bakeInstances, keepReleases, LEFTOVERS, removeImages } from './bake';
import {
  changeGroups,
  changeTemplates,
  firstUse,
  launch,
  readConsoles,
  removeFleets,
  runCommands,
} from './fleets';
import { keepParts, readVpcs } from './parts';
import { promoteImages } from './promotion';
import { PROVIDER } from './provider';
import type { EnvironmentScope, ImageScope, ServiceScope } from './scope';
import { keepAlarms, keepLoadBalancer, keepRole, moveTraffic } from './service';
import {
  compareReleases,
  keepRecords,
  keepState,
  listBuckets,
  look,
  names,
  readQuotas,
  readAllRecords,
  readAllState,
  readRecords,
  readState,
  tellTopics,
  whoAmI,
} from './shared';

export const USES = ['preview', 'deploy', 'approve', 'bake', 'up', 'prune'] as const;
export type Use = (typeof USES)[number];

/** What every look at an environment reads: where its traffic goes, to which instances of which release. */
const STANDING = [
  ...names('autoscaling', 'DescribeAutoScalingGroups', 'DescribeScalingActivities'),
  ...names('ec2', 'DescribeImages', 'DescribeInstanceStatus', 'DescribeInstances'),
  ...names('elasticloadbalancing', 'DescribeListeners', 'DescribeRules', 'DescribeTargetHealth'),
];

/** What is asked before a deployment: whether AWS has room for the new fleet. */
const ROOM = [
  'cloudwatch:DescribeAlarms',
  ...names('ec2', 'DescribeInstanceTypes', 'DescribeSubnets'),
  'elasticloadbalancing:DescribeAccountLimits',
];

/** What a deployment watches while it runs. */
const COURSE = names('cloudwatch', 'GetMetricData', 'GetMetricStatistics');

/** What is read of commands on instances, which AWS lets nobody limit to one command. */
const COMMANDS = names('ssm', 'GetCommandInvocation', 'ListCommands');

/** What the provider's functions look up in the service stack's program: the network, and the weights in force. */
const FOUND = [
  ...names(
    'ec2',
    'DescribeAvailabilityZones',
    'DescribeNetworkAcls',
    'DescribeRouteTables',
    'DescribeSecurityGroups',
    'DescribeSubnets',
    'DescribeVpcs',
  ),
  'elasticloadbalancing:DescribeTags',
];

/** What the provider reads of a fleet's own resources. */
const FLEETS = [
  ...names('autoscaling', 'DescribeAutoScalingGroups', 'DescribePolicies'),
  ...names('ec2', 'DescribeLaunchTemplateVersions', 'DescribeLaunchTemplates'),
];

/** What the provider reads of the service's own resources. */
const SERVICE = [
  'cloudwatch:DescribeAlarms',
  ...names('ec2', 'DescribeSecurityGroupRules', 'DescribeSecurityGroups', 'DescribeSubnets', 'DescribeVpcs'),
  ...names(
    'elasticloadbalancing',
    'DescribeListeners',
    'DescribeLoadBalancerAttributes',
    'DescribeLoadBalancers',
    'DescribeRules',
    'DescribeTags',
    'DescribeTargetGroupAttributes',
    'DescribeTargetGroups',
  ),
];

/** … and of a network that is made here. */
const NETWORK = names(
  'ec2',
  'DescribeAddresses',
  'DescribeAvailabilityZones',
  'DescribeInternetGateways',
  'DescribeNatGateways',
  'DescribeNetworkAcls',
  'DescribeRouteTables',
);

/** What Packer reads beyond that, of the place where it builds and of its instance. */
const PACKER = names('ec2', 'DescribeInstanceStatus', 'DescribeRegions', 'DescribeSubnets');

/** What is asked of images, to know which of them nothing needs. */
const UNUSED = names('ec2', 'DescribeImageAttribute', 'DescribeLaunchTemplateVersions', 'DescribeSnapshots');

/** The service's for what belongs to no environment; the environment's for all other uses. */
export type PolicyRequest =
  | { use: 'bake'; scope: ImageScope }
  | { use: 'prune'; scope: ServiceScope }
  | { use: Exclude<Use, 'bake' | 'prune'>; scope: EnvironmentScope };

export function policyFor(request: PolicyRequest): PolicyDocument {
  return { Version: '2012-10-17', Statement: statementsFor(request) };
}

function statementsFor(request: PolicyRequest): Statement[] {
  switch (request.use) {
    case 'preview':
      return previewing(request.scope);
    case 'deploy':
      return deploying(request.scope);
    case 'approve':
      return [whoAmI(), ...giveApprovals(request.scope)];
    case 'bake':
      return baking(request.scope);
    case 'up':
      return buildingUp(request.scope);
    case 'prune':
      return pruning(request.scope);
  }
}

/** Looks, and writes nothing: what AWS would launch is asked by deployments alone, as trying it is a right to launch. */
function previewing(scope: EnvironmentScope): Statement[] {
  return [
    whoAmI(),
    look([...STANDING, ...ROOM, ...FOUND]),
    readVpcs(scope),
    readQuotas(scope),
    listBuckets(scope),
    compareReleases(scope),
    readRecords(scope),
    ...readState(scope),
  ];
}

/** All that works on an environment that is up: deploy, rollback, resume, abort, retire, freeze, and what looks. */
function deploying(scope: EnvironmentScope): Statement[] {
  return [
    whoAmI(),
    look([...STANDING, ...ROOM, ...COURSE, ...FLEETS, ...(scope.runsCommands ? COMMANDS : [])]),
    readQuotas(scope),
    readConsoles(scope),
    ...moveTraffic(scope),
    changeGroups(scope),
    ...changeTemplates(scope),
    ...launch(scope),
    ...runCommands(scope),
    ...promoteImages(scope),
    ...tellTopics(scope),
    firstUse(scope, 'autoscaling.amazonaws.com', 'AWSServiceRoleForAutoScaling'),
    listBuckets(scope),
    compareReleases(scope),
    keepRecords(scope),
    ...(scope.approvals.length === 0 ? [] : [seeApprovers(scope)]),
    ...keepState(scope, scope.environment, false),
  ];
}

function baking(scope: ImageScope): Statement[] {
  return [
    look([...LEFTOVERS, ...(scope.builder === 'packer' ? PACKER : [])]),
    ...keepReleases(scope),
    ...bakeImages(scope),
    ...bakeInstances(scope),
    listBuckets(scope),
    ...keepState(scope, IMAGE_STACK, true),
  ];
}

/** `bascule images` and what removes them: whatever the service's environments need is looked at. */
function pruning(scope: ServiceScope): Statement[] {
  return [
    whoAmI(),
    look([...STANDING, ...UNUSED]),
    ...removeImages(scope),
    listBuckets(scope),
    readAllRecords(scope),
    ...readAllState(scope),
  ];
}

/** `bascule up` and `bascule down`: the service, its fleets' end, and a network or role where they are made here. */
function buildingUp(scope: EnvironmentScope): Statement[] {
  return [
    whoAmI(),
    look([
      ...[...SERVICE, ...FLEETS, ...PROVIDER.service],
      ...(scope.network ? [...NETWORK, ...PROVIDER.network] : []),
    ]),
    ...keepLoadBalancer(scope),
    keepAlarms(scope),
    ...keepParts(scope),
    ...keepRole(scope),
    ...removeFleets(scope),
    firstUse(scope, 'elasticloadbalancing.amazonaws.com', 'AWSServiceRoleForElasticLoadBalancing'),
    listBuckets(scope),
    keepRecords(scope),
    ...keepState(scope, scope.environment, true),
  ];
}
