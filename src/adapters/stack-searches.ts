import { DescribeAutoScalingGroupsCommand, type AutoScalingGroup } from '@aws-sdk/client-auto-scaling';
import {
  DescribeListenersCommand,
  DescribeLoadBalancersCommand,
  DescribeRulesCommand,
  DescribeTagsCommand,
  DescribeTargetGroupsCommand,
} from '@aws-sdk/client-elastic-load-balancing-v2';
import type { AwsClients } from './aws';
import { awsErrorName } from './aws-errors';
import * as ec2 from './stack-searches-ec2';
import * as iam from './stack-searches-iam';
import type { Found, Inputs, Lookup, Search, Tags } from './stack-search';

/** Names that must be the only ones of their kind; another create with one fails, it makes no second one. */
async function orNone<T>(answer: Promise<T[]>): Promise<T[]> {
  try {
    return await answer;
  } catch (thrown) {
    if (/NotFound|NoSuch/.test(awsErrorName(thrown))) return [];
    throw thrown;
  }
}

async function autoScalingGroup(inputs: Inputs, { autoScaling }: AwsClients): Promise<Found[]> {
  const AutoScalingGroupNames = [String(inputs['name'])];
  const answer = await autoScaling.send(new DescribeAutoScalingGroupsCommand({ AutoScalingGroupNames }));
  return (answer.AutoScalingGroups ?? [])
    .filter(({ Status }) => Status === undefined)
    .map((group) => ({ id: group.AutoScalingGroupName ?? '', tags: groupTags(group) }));
}

function groupTags({ Tags = [] }: AutoScalingGroup): Tags {
  return Object.fromEntries(Tags.map(({ Key = '', Value = '' }) => [Key, Value]));
}

async function loadBalancer(inputs: Inputs, clients: AwsClients): Promise<Found[]> {
  const Names = [String(inputs['name'])];
  const answer = clients.elb.send(new DescribeLoadBalancersCommand({ Names }));
  const found = await orNone(answer.then(({ LoadBalancers = [] }) => LoadBalancers));
  return withTags(
    found.map(({ LoadBalancerArn }) => LoadBalancerArn),
    clients,
  );
}

async function targetGroup(inputs: Inputs, clients: AwsClients): Promise<Found[]> {
  const Names = [String(inputs['name'])];
  const answer = clients.elb.send(new DescribeTargetGroupsCommand({ Names }));
  const found = await orNone(answer.then(({ TargetGroups = [] }) => TargetGroups));
  return withTags(
    found.map(({ TargetGroupArn }) => TargetGroupArn),
    clients,
  );
}

async function listener(inputs: Inputs, clients: AwsClients): Promise<Found[]> {
  const LoadBalancerArn = String(inputs['loadBalancerArn']);
  const answer = clients.elb.send(new DescribeListenersCommand({ LoadBalancerArn }));
  const found = await orNone(answer.then(({ Listeners = [] }) => Listeners));
  const same = found.filter(({ Port }) => Port === inputs['port']);
  return withTags(
    same.map(({ ListenerArn }) => ListenerArn),
    clients,
  );
}

async function listenerRule(inputs: Inputs, clients: AwsClients): Promise<Found[]> {
  const ListenerArn = String(inputs['listenerArn']);
  // A listener has at most a hundred rules unless its quota was raised, and a page holds four hundred.
  const answer = clients.elb.send(new DescribeRulesCommand({ ListenerArn, PageSize: 400 }));
  const found = await orNone(answer.then(({ Rules = [] }) => Rules));
  const same = found.filter(({ Priority }) => Priority === String(inputs['priority']));
  return withTags(
    same.map(({ RuleArn }) => RuleArn),
    clients,
  );
}

async function withTags(arns: (string | undefined)[], { elb }: AwsClients): Promise<Found[]> {
  const ResourceArns = arns.filter((arn) => arn !== undefined);
  if (ResourceArns.length === 0) return [];
  const { TagDescriptions = [] } = await elb.send(new DescribeTagsCommand({ ResourceArns }));
  return TagDescriptions.map(({ ResourceArn = '', Tags = [] }) => ({
    id: ResourceArn,
    tags: Object.fromEntries(Tags.map(({ Key = '', Value = '' }) => [Key, Value])),
  }));
}

const REPEATABLE: Search = { kind: 'repeatable' };
const named = (find: Lookup['find']): Lookup => ({ kind: 'lookup', find });

/** How to find what a create of each type of the stacks may have left in AWS. */
const SEARCHES: Readonly<Record<string, Search>> = {
  'aws:autoscaling/group:Group': named(autoScalingGroup),
  'aws:ec2/launchTemplate:LaunchTemplate': named(ec2.launchTemplate),
  'aws:lb/loadBalancer:LoadBalancer': named(loadBalancer),
  'aws:lb/targetGroup:TargetGroup': named(targetGroup),
  'aws:lb/listener:Listener': named(listener),
  'aws:lb/listenerRule:ListenerRule': named(listenerRule),
  // A group is born with a rule that lets everything out, which the provider removes right after: one that
  // was caught between the two would keep it.
  'aws:ec2/securityGroup:SecurityGroup': {
    ...named(ec2.securityGroup),
    remove: ec2.removeSecurityGroup,
  },
  'aws:vpc/securityGroupIngressRule:SecurityGroupIngressRule': named(ec2.securityGroupRule(false)),
  'aws:vpc/securityGroupEgressRule:SecurityGroupEgressRule': named(ec2.securityGroupRule(true)),
  'aws:ec2/vpc:Vpc': { ...named(ec2.vpc), doubles: true },
  'aws:ec2/subnet:Subnet': named(ec2.subnet),
  'aws:ec2/internetGateway:InternetGateway': { ...named(ec2.internetGateway), doubles: true },
  'aws:ec2/eip:Eip': { ...named(ec2.elasticIp), doubles: true },
  'aws:ec2/natGateway:NatGateway': { ...named(ec2.natGateway), doubles: true },
  'aws:ec2/routeTable:RouteTable': { ...named(ec2.routeTable), doubles: true },
  'aws:ec2/route:Route': named(ec2.route),
  // Its id is no way to import it, and between two associations a subnet follows its network's main table.
  'aws:ec2/routeTableAssociation:RouteTableAssociation': {
    ...named(ec2.routeTableAssociation),
    remove: ec2.removeRouteTableAssociation,
  },
  'aws:iam/role:Role': { ...named(iam.role), global: true },
  'aws:iam/instanceProfile:InstanceProfile': { ...named(iam.instanceProfile), global: true },
  // Put by name: a second time changes nothing.
  'aws:autoscaling/policy:Policy': REPEATABLE,
  'aws:cloudwatch/metricAlarm:MetricAlarm': REPEATABLE,
  'aws:iam/rolePolicy:RolePolicy': REPEATABLE,
  'aws:iam/rolePolicyAttachment:RolePolicyAttachment': REPEATABLE,
  // The bake looks itself for the images that are there.
  'command:local:Command': REPEATABLE,
};

/** Undefined for a type that the stacks do not have: nothing may be assumed of it. */
export function searchFor(type: string): Search | undefined {
  return SEARCHES[type];
}
