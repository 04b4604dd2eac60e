/** What it takes to make, change and remove the service of an environment: all but fleets and network. */
import type { Statement } from './document';
import { arns, iamArn, systemsManagerPolicy, type EnvironmentScope } from './scope';
import { PROVIDER } from './provider';
import { allow, names, passRole } from './shared';

interface Balancing {
  loadBalancer: string[];
  listener: string[];
  rule: string[];
  group: string[];
}

/** By name, which is in the ARN of each part. */
function balancing(scope: EnvironmentScope): Balancing {
  const of = (...resources: string[]): string[] => arns(scope, 'elasticloadbalancing', ...resources);
  const { loadBalancer, targets } = scope;
  return {
    loadBalancer: of(`loadbalancer/app/${loadBalancer}/*`),
    listener: of(`listener/app/${loadBalancer}/*`),
    rule: of(`listener-rule/app/${loadBalancer}/*`),
    group: of(`targetgroup/${targets}-blue/*`, `targetgroup/${targets}-green/*`),
  };
}

/** The weights, and nothing else of a load balancer. */
export function moveTraffic(scope: EnvironmentScope): Statement[] {
  const { listener, rule } = balancing(scope);
  return [
    allow(
      'MoveTraffic',
      ['elasticloadbalancing:ModifyListener', 'elasticloadbalancing:ModifyRule'],
      [...listener, ...rule],
    ),
  ];
}

export function keepLoadBalancer(scope: EnvironmentScope): Statement[] {
  const { loadBalancer, listener, rule, group } = balancing(scope);
  const elb = (...actions: string[]): string[] => names('elasticloadbalancing', ...actions);
  return [
    allow(
      'KeepTheLoadBalancer',
      elb(
        'CreateLoadBalancer',
        'CreateListener',
        'DeleteLoadBalancer',
        'ModifyLoadBalancerAttributes',
        // The subnets of a network made here stay as they are.
        ...(scope.network ? [] : ['SetSubnets']),
      ),
      loadBalancer,
    ),
    allow('KeepItsListeners', elb('CreateRule', 'DeleteListener', 'ModifyListener'), listener),
    allow('KeepItsRules', elb('DeleteRule', 'ModifyRule', 'SetRulePriorities'), rule),
    allow(
      'KeepTargetGroups',
      elb('CreateTargetGroup', 'DeleteTargetGroup', 'ModifyTargetGroup', 'ModifyTargetGroupAttributes'),
      group,
    ),
    allow('TagTheLoadBalancer', elb('AddTags', 'RemoveTags'), [
      ...loadBalancer,
      ...listener,
      ...rule,
      ...group,
    ]),
  ];
}

export function keepAlarms(scope: EnvironmentScope): Statement {
  return allow(
    'KeepAlarms',
    [
      'cloudwatch:PutMetricAlarm',
      'cloudwatch:DeleteAlarms',
      'cloudwatch:ListTagsForResource',
      'cloudwatch:TagResource',
      'cloudwatch:UntagResource',
    ],
    arns(scope, 'cloudwatch', `alarm:${scope.targets}-blue-*`, `alarm:${scope.targets}-green-*`),
  );
}

/** The role of the instances and its profile, where none is configured. */
export function keepRole(scope: EnvironmentScope): Statement[] {
  if (!scope.role.own) return [];
  const role = [iamArn(scope, `role/${scope.role.name}`)];
  const profile = [iamArn(scope, `instance-profile/${scope.role.name}`)];
  return [
    allow(
      'KeepTheRoleOfInstances',
      [
        ...PROVIDER.role,
        ...names(
          'iam',
          'CreateRole',
          'DeleteRole',
          'DeleteRolePolicy',
          'DetachRolePolicy',
          'GetRole',
          'GetRolePolicy',
          'ListAttachedRolePolicies',
          'PutRolePolicy',
          'TagRole',
          'UntagRole',
        ),
      ],
      role,
    ),
    // No other policy of AWS's, which might allow anything.
    allow('LetSystemsManagerManageThem', ['iam:AttachRolePolicy'], role, {
      ArnEquals: { 'iam:PolicyARN': systemsManagerPolicy(scope) },
    }),
    allow(
      'KeepTheirProfile',
      names(
        'iam',
        'AddRoleToInstanceProfile',
        'CreateInstanceProfile',
        'DeleteInstanceProfile',
        'GetInstanceProfile',
        'RemoveRoleFromInstanceProfile',
        'TagInstanceProfile',
        'UntagInstanceProfile',
      ),
      profile,
    ),
    passRole(scope),
  ];
}
