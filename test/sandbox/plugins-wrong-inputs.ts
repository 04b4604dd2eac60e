/** Inputs that AWS would refuse, and what the plugins say of them. */
import type { Props } from '../../automation/sandbox/plugins/rpc/values';

export const LB = 'aws:lb/loadBalancer:LoadBalancer';
export const TARGETS = 'aws:lb/targetGroup:TargetGroup';
export const LISTENER = 'aws:lb/listener:Listener';
export const RULE = 'aws:lb/listenerRule:ListenerRule';
export const GROUP = 'aws:autoscaling/group:Group';
export const TEMPLATE = 'aws:ec2/launchTemplate:LaunchTemplate';
export const INGRESS = 'aws:vpc/securityGroupIngressRule:SecurityGroupIngressRule';
export const ALARM = 'aws:cloudwatch/metricAlarm:MetricAlarm';
export const ARN = 'arn:aws:elasticloadbalancing:eu-west-3:123456789012:thing/app/x/1';
export const targets = { port: 80, protocol: 'HTTP', vpcId: 'vpc-1' };
export const sizes = {
  minSize: 1,
  maxSize: 2,
  launchTemplate: { id: 'lt-1' },
  vpcZoneIdentifiers: ['subnet-1'],
};
export const pathIs = (...values: string[]) => [{ pathPattern: { values } }];

/** What is wrong, the resource type, its inputs, and the one failure they must give. */
export const WRONG: [string, string, Props, RegExp][] = [
  [
    'a name of 33 characters',
    TARGETS,
    { ...targets, name: 'x'.repeat(33) },
    /^name: must have at most 32 characters, but has 33/,
  ],
  [
    'a name with an underscore',
    LB,
    { name: 'my_lb', subnets: ['a', 'b'] },
    /^name: must have only letters, digits and hyphens/,
  ],
  ['a single subnet', LB, { subnets: ['subnet-1'] }, /^subnets: at least two subnets/],
  [
    'a port out of range',
    TARGETS,
    { ...targets, port: 70000 },
    /^port: must be between 1 and 65535, but is 70000/,
  ],
  ['no network', TARGETS, { port: 80, protocol: 'HTTP' }, /^vpcId: is required/],
  [
    'an interval of 3',
    TARGETS,
    { ...targets, healthCheck: { interval: 3 } },
    /^healthCheck.interval: must be between 5 and 300/,
  ],
  [
    'a timeout above the interval',
    TARGETS,
    { ...targets, healthCheck: { interval: 10, timeout: 10 } },
    /^healthCheck.timeout: must be smaller/,
  ],
  [
    'a threshold of 1',
    TARGETS,
    { ...targets, healthCheck: { healthyThreshold: 1 } },
    /^healthCheck.healthyThreshold: must be between 2 and 10/,
  ],
  [
    'a slow start of 10',
    TARGETS,
    { ...targets, slowStart: 10 },
    /^slowStart: must be 0 or between 30 and 900/,
  ],
  [
    'a weight of 1000',
    RULE,
    {
      listenerArn: ARN,
      conditions: pathIs('/'),
      actions: [{ type: 'forward', forward: { targetGroups: [{ arn: ARN, weight: 1000 }] } }],
    },
    /weight: must be between 0 and 999/,
  ],
  [
    'an action without a target',
    LISTENER,
    { loadBalancerArn: ARN, port: 80, defaultActions: [{ type: 'forward' }] },
    /a forward action needs targetGroupArn or forward/,
  ],
  [
    'a group twice in an action',
    LISTENER,
    {
      loadBalancerArn: ARN,
      port: 80,
      defaultActions: [{ type: 'forward', forward: { targetGroups: [{ arn: ARN }, { arn: ARN }] } }],
    },
    /names a target group twice/,
  ],
  [
    'six values in a rule',
    RULE,
    {
      listenerArn: ARN,
      conditions: pathIs('1', '2', '3', '4', '5', '6'),
      actions: [{ type: 'forward', targetGroupArn: ARN }],
    },
    /at most 5 values, but has 6/,
  ],
  [
    'HTTPS without a certificate',
    LISTENER,
    {
      loadBalancerArn: ARN,
      port: 443,
      protocol: 'HTTPS',
      defaultActions: [{ type: 'forward', targetGroupArn: ARN }],
    },
    /^certificateArn: is required for HTTPS/,
  ],
  [
    'a minimum above the maximum',
    GROUP,
    { ...sizes, minSize: 3 },
    /^minSize: must not be above maxSize \(2\), but is 3/,
  ],
  [
    'a template and a mixture',
    GROUP,
    {
      ...sizes,
      mixedInstancesPolicy: { launchTemplate: { launchTemplateSpecification: { launchTemplateId: 'lt-1' } } },
    },
    /^launchTemplate: cannot be given together with 'mixedInstancesPolicy'/,
  ],
  ['no template', GROUP, { minSize: 1, maxSize: 1, vpcZoneIdentifiers: ['s'] }, /^launchTemplate: one of/],
  ['user data that is not base64', TEMPLATE, { userData: '#!/bin/sh' }, /^userData: must be base64/],
  [
    'too much user data',
    TEMPLATE,
    { userData: Buffer.alloc(17000).toString('base64') },
    /^userData: must have at most 16384 bytes/,
  ],
  [
    'two sources',
    INGRESS,
    {
      securityGroupId: 'sg-1',
      ipProtocol: 'tcp',
      fromPort: 1,
      toPort: 2,
      cidrIpv4: '10.0.0.0/8',
      referencedSecurityGroupId: 'sg-2',
    },
    /exactly one of/,
  ],
  [
    'ports the wrong way round',
    INGRESS,
    { securityGroupId: 'sg-1', ipProtocol: 'tcp', fromPort: 3, toPort: 2, cidrIpv4: '10.0.0.0/8' },
    /^fromPort: must not be above toPort/,
  ],
  [
    'an alarm without a metric',
    ALARM,
    { comparisonOperator: 'GreaterThanThreshold', evaluationPeriods: 1 },
    /^metricName: one of metricName and metricQueries/,
  ],
  [
    'a property that there is not',
    GROUP,
    { ...sizes, warmPool: {} },
    /^warmPool: the sandbox's aws:autoscaling\/group:Group has no input 'warmPool'/,
  ],
];
