import { untyped, type AnyResourceType } from '../model/table-resource';
import type { ResourceType } from '../model/schema';
import type { AwsContext } from './context';

type Load = () => Promise<AnyResourceType<AwsContext>>;

/** Loads a table only when a program has a resource of its type. */
function load<M, A, S>(module: () => Promise<M>, pick: (module: M) => ResourceType<A, S, AwsContext>): Load {
  return async () => untyped(pick(await module()));
}

const gateways = () => import('./network/gateways.js');
const routes = () => import('./network/routes.js');
const rules = () => import('./network/security-group-rule.js');
const iam = () => import('./other/iam.js');
const s3 = () => import('./other/s3.js');

const TYPES: Readonly<Record<string, Load>> = {
  'aws:ec2/vpc:Vpc': load(
    () => import('./network/vpc.js'),
    (m) => m.vpc,
  ),
  'aws:ec2/subnet:Subnet': load(
    () => import('./network/subnet.js'),
    (m) => m.subnet,
  ),
  'aws:ec2/internetGateway:InternetGateway': load(gateways, (m) => m.internetGateway),
  'aws:ec2/eip:Eip': load(gateways, (m) => m.eip),
  'aws:ec2/natGateway:NatGateway': load(gateways, (m) => m.natGateway),
  'aws:ec2/routeTable:RouteTable': load(routes, (m) => m.routeTable),
  'aws:ec2/route:Route': load(routes, (m) => m.route),
  'aws:ec2/routeTableAssociation:RouteTableAssociation': load(routes, (m) => m.routeTableAssociation),
  'aws:ec2/securityGroup:SecurityGroup': load(
    () => import('./network/security-group.js'),
    (m) => m.securityGroup,
  ),
  'aws:vpc/securityGroupIngressRule:SecurityGroupIngressRule': load(rules, (m) => m.ingressRule),
  'aws:vpc/securityGroupEgressRule:SecurityGroupEgressRule': load(rules, (m) => m.egressRule),
  'aws:ec2/launchTemplate:LaunchTemplate': load(
    () => import('./compute/launch-template.js'),
    (m) => m.launchTemplate,
  ),
  'aws:autoscaling/group:Group': load(
    () => import('./compute/group.js'),
    (m) => m.group,
  ),
  'aws:autoscaling/policy:Policy': load(
    () => import('./compute/policy.js'),
    (m) => m.policy,
  ),
  'aws:lb/loadBalancer:LoadBalancer': load(
    () => import('./elb/load-balancer.js'),
    (m) => m.loadBalancer,
  ),
  'aws:lb/targetGroup:TargetGroup': load(
    () => import('./elb/target-group.js'),
    (m) => m.targetGroup,
  ),
  'aws:lb/listener:Listener': load(
    () => import('./elb/listener.js'),
    (m) => m.listener,
  ),
  'aws:lb/listenerRule:ListenerRule': load(
    () => import('./elb/listener-rule.js'),
    (m) => m.listenerRule,
  ),
  'aws:cloudwatch/metricAlarm:MetricAlarm': load(
    () => import('./other/metric-alarm.js'),
    (m) => m.metricAlarm,
  ),
  'aws:iam/role:Role': load(iam, (m) => m.role),
  'aws:iam/rolePolicy:RolePolicy': load(
    () => import('./other/iam-policies.js'),
    (m) => m.rolePolicy,
  ),
  'aws:iam/rolePolicyAttachment:RolePolicyAttachment': load(
    () => import('./other/iam-policies.js'),
    (m) => m.rolePolicyAttachment,
  ),
  'aws:iam/instanceProfile:InstanceProfile': load(iam, (m) => m.instanceProfile),
  'aws:s3/bucket:Bucket': load(
    () => import('./other/bucket.js'),
    (m) => m.bucket,
  ),
  'aws:s3/bucketVersioning:BucketVersioning': load(s3, (m) => m.bucketVersioning),
  'aws:s3/bucketPublicAccessBlock:BucketPublicAccessBlock': load(s3, (m) => m.bucketPublicAccessBlock),
};

export const RESOURCE_TOKENS: readonly string[] = Object.keys(TYPES);

/** The table of a resource type; undefined when the sandbox does not have it. */
export async function loadResourceType(token: string): Promise<AnyResourceType<AwsContext> | undefined> {
  return TYPES[token]?.();
}
