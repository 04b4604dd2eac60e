/** What resources name must exist; said by the control plane, in AWS's words, before anything is made. */
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { AwsPlugin } from '../../automation/sandbox/plugins/aws/plugin';
import type { Props } from '../../automation/sandbox/plugins/rpc/values';
import { Plane } from './moto-plane';

const REGION = 'eu-west-3';
const NOWHERE = 'arn:aws:elasticloadbalancing:eu-west-3:123456789012';
const fixed = [{ type: 'fixed-response', fixedResponse: { contentType: 'text/plain', statusCode: '200' } }];
const forwarding = [{ type: 'forward', targetGroupArn: `${NOWHERE}:targetgroup/none/0123456789abcdef` }];
let plane: Plane;
let plugin: AwsPlugin;

function configured(more: Props = {}): AwsPlugin {
  const made = new AwsPlugin();
  const services = ['ec2', 'elbv2', 'autoscaling', 'iam', 'sts'];
  const endpoints = JSON.stringify([Object.fromEntries(services.map((name) => [name, plane.url]))]);
  const keys = { accessKey: 'AKIAIOSFODNN7EXAMPLE', secretKey: 'test' };
  made.configure({ region: REGION, endpoints, ...keys, ...more });
  return made;
}

beforeAll(async () => {
  plane = await Plane.start();
  plugin = configured();
});

afterAll(() => plane?.dispose());

async function create(token: string, inputs: Props, from = plugin): Promise<string> {
  const resource = await from.resource(token);
  return (await resource.create({ inputs, preview: false, timeout: 5 })).id;
}

describe('a resource that names what does not exist', () => {
  const cases: [string, string, Props, RegExp][] = [
    [
      'a subnet in no network',
      'aws:ec2/subnet:Subnet',
      { vpcId: 'vpc-0000', cidrBlock: '10.0.0.0/24' },
      /InvalidVpcID.NotFound/,
    ],
    [
      'a target group in no network',
      'aws:lb/targetGroup:TargetGroup',
      { name: 'a', port: 80, protocol: 'HTTP', targetType: 'instance', vpcId: 'vpc-0000' },
      /vpc-0000/,
    ],
    [
      'a load balancer in no subnet',
      'aws:lb/loadBalancer:LoadBalancer',
      { name: 'a', subnets: ['subnet-0', 'subnet-1'] },
      /InvalidSubnet|SubnetNotFound/,
    ],
    [
      'a listener of no load balancer',
      'aws:lb/listener:Listener',
      {
        loadBalancerArn: `${NOWHERE}:loadbalancer/app/none/0`,
        port: 18090,
        protocol: 'HTTP',
        defaultActions: forwarding,
      },
      /LoadBalancerNotFound/,
    ],
    [
      'a rule of no listener',
      'aws:lb/listenerRule:ListenerRule',
      {
        listenerArn: `${NOWHERE}:listener/app/none/0/0`,
        priority: 1,
        actions: fixed,
        conditions: [{ pathPattern: { values: ['/'] } }],
      },
      /ListenerNotFound/,
    ],
    [
      'a rule for no group',
      'aws:vpc/securityGroupIngressRule:SecurityGroupIngressRule',
      { securityGroupId: 'sg-0000', ipProtocol: 'tcp', fromPort: 1, toPort: 1, cidrIpv4: '10.0.0.0/8' },
      /InvalidGroup.NotFound/,
    ],
    [
      'a fleet of no template',
      'aws:autoscaling/group:Group',
      {
        name: 'a',
        minSize: 0,
        maxSize: 1,
        launchTemplate: { id: 'lt-0000', version: '1' },
        availabilityZones: ['eu-west-3a'],
        waitForCapacityTimeout: '0',
      },
      /lt-0000/,
    ],
    [
      'a policy of no fleet',
      'aws:autoscaling/policy:Policy',
      { name: 'a', autoscalingGroupName: 'none', policyType: 'SimpleScaling', scalingAdjustment: 1 },
      /none|not found/i,
    ],
    [
      'a policy of no role',
      'aws:iam/rolePolicy:RolePolicy',
      { name: 'a', role: 'none', policy: '{}' },
      /NoSuchEntity/,
    ],
  ];

  it.each(cases)('is refused: %s', async (_what, token, inputs, expected) => {
    const failure = await create(token, inputs).catch((thrown: unknown) => thrown);
    expect(failure).toBeInstanceOf(Error);
    expect((failure as Error).message).toMatch(new RegExp(`^creating ${token}: `));
    expect((failure as Error).message).toMatch(expected);
  });

  it('is refused where a listener forwards to no target group', async () => {
    const { ids } = await plane.subnets();
    const arn = await create('aws:lb/loadBalancer:LoadBalancer', { name: 'refs', subnets: ids });
    const listener = { loadBalancerArn: arn, port: 18091, protocol: 'HTTP', defaultActions: forwarding };
    await expect(create('aws:lb/listener:Listener', listener)).rejects.toThrow(/TargetGroupNotFound/);
  });
});

describe('an account', () => {
  it('that the configuration does not allow is left alone', async () => {
    const elsewhere = configured({ allowedAccountIds: JSON.stringify(['999999999999']) });
    const network = { cidrBlock: '10.77.0.0/16' };
    await expect(create('aws:ec2/vpc:Vpc', network, elsewhere)).rejects.toThrow(
      /AWS account ID not allowed: \d{12}/,
    );
    await expect(elsewhere.invoke('aws:ec2/getVpcs:getVpcs', {})).rejects.toThrow(
      /AWS account ID not allowed/,
    );
    const { ids } = (await plugin.invoke('aws:ec2/getVpcs:getVpcs', {
      filters: [{ name: 'cidr', values: ['10.77.0.0/16'] }],
    })) as { ids: string[] };
    expect(ids).toEqual([]);
  });
});

describe('a deletion of what is gone already', () => {
  it.each([
    ['aws:ec2/vpc:Vpc', 'vpc-0000'],
    ['aws:ec2/subnet:Subnet', 'subnet-0000'],
    ['aws:ec2/securityGroup:SecurityGroup', 'sg-0000'],
    ['aws:ec2/launchTemplate:LaunchTemplate', 'lt-00000000000000000'],
    ['aws:lb/loadBalancer:LoadBalancer', `${NOWHERE}:loadbalancer/app/none/0123456789abcdef`],
    ['aws:lb/targetGroup:TargetGroup', `${NOWHERE}:targetgroup/none/0123456789abcdef`],
    ['aws:lb/listener:Listener', `${NOWHERE}:listener/app/none/0123456789abcdef/0123456789abcdef`],
    ['aws:lb/listenerRule:ListenerRule', `${NOWHERE}:listener-rule/app/none/0123456789abcdef/1/1`],
    ['aws:autoscaling/group:Group', 'none'],
    ['aws:iam/role:Role', 'none'],
  ])('succeeds: %s', async (token, id) => {
    const resource = await plugin.resource(token);
    expect(await resource.read({ id, inputs: {}, outputs: {} })).toBeUndefined();
    await resource.delete({ id, outputs: {}, timeout: 5 });
  });
});
