/** A service stack whose updates are killed again and again while it is made: nothing is made twice or forgotten. */
import {
  DescribeAddressesCommand,
  DescribeInternetGatewaysCommand,
  DescribeNatGatewaysCommand,
  DescribeRouteTablesCommand,
  DescribeSecurityGroupRulesCommand,
  DescribeSecurityGroupsCommand,
  DescribeSubnetsCommand,
  DescribeVpcsCommand,
} from '@aws-sdk/client-ec2';
import {
  DescribeLoadBalancersCommand,
  DescribeTargetGroupsCommand,
} from '@aws-sdk/client-elastic-load-balancing-v2';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { recordedIds } from '../../src/adapters/stack-state';
import { ENVIRONMENT } from '../support/e2e-project';
import { NO_LEFTOVERS, StackWorld } from '../support/stack-world';

/** Creates after which an update is killed, one after the other: each can only come once the one before is mended. */
const CHAINS = [
  ['CreateVpc', 'CreateSecurityGroup', 'CreateLoadBalancer', 'CreateListener'],
  ['CreateRole', 'CreateInstanceProfile'],
  ['CreateInternetGateway', 'CreateRoute'],
  ['CreateRouteTable', 'AssociateRouteTable'],
  ['CreateSubnet'],
  ['AllocateAddress'],
  ['CreateNatGateway'],
  ['AuthorizeSecurityGroupIngress'],
  ['CreateTargetGroup', 'CreateRule'],
];

let world: StackWorld;

beforeAll(async () => {
  world = await StackWorld.start((settings) => {
    Object.assign(settings, {
      network: { kind: 'new', cidr: '10.20.0.0/16', zones: 2, natGateways: 'single' },
    });
  });
});

afterAll(() => world?.dispose());

/** Everything in AWS that carries the environment's tag. */
async function inAws(): Promise<string[]> {
  const [ec2, elb] = [world.sandbox.ec2(), world.sandbox.elb()];
  const Filters = [{ Name: 'tag:environment', Values: [ENVIRONMENT] }];
  const ids = await Promise.all([
    ec2.send(new DescribeVpcsCommand({ Filters })).then((all) => all.Vpcs?.map((one) => one.VpcId)),
    ec2.send(new DescribeSubnetsCommand({ Filters })).then((all) => all.Subnets?.map((one) => one.SubnetId)),
    ec2
      .send(new DescribeInternetGatewaysCommand({ Filters }))
      .then((all) => all.InternetGateways?.map((one) => one.InternetGatewayId)),
    ec2
      .send(new DescribeAddressesCommand({ Filters }))
      .then((all) => all.Addresses?.map((one) => one.AllocationId)),
    ec2
      .send(new DescribeNatGatewaysCommand({ Filter: Filters }))
      .then((all) =>
        all.NatGateways?.filter((one) => one.State !== 'deleted').map((one) => one.NatGatewayId),
      ),
    ec2
      .send(new DescribeRouteTablesCommand({ Filters }))
      .then((all) => all.RouteTables?.map((one) => one.RouteTableId)),
    ec2
      .send(new DescribeSecurityGroupsCommand({ Filters }))
      .then((all) => all.SecurityGroups?.map((one) => one.GroupId)),
    ec2
      .send(new DescribeSecurityGroupRulesCommand({ Filters }))
      .then((all) => all.SecurityGroupRules?.map((one) => one.SecurityGroupRuleId)),
    elb
      .send(new DescribeLoadBalancersCommand({}))
      .then((all) => all.LoadBalancers?.map((one) => one.LoadBalancerArn)),
    elb
      .send(new DescribeTargetGroupsCommand({}))
      .then((all) => all.TargetGroups?.map((one) => one.TargetGroupArn)),
  ]);
  return ids.flatMap((some) => some ?? []).map(String);
}

/** Security groups let out what their rules say; the rule that AWS gives a new one must not have stayed. */
async function openToAll(): Promise<string[]> {
  const { SecurityGroupRules = [] } = await world.sandbox
    .ec2()
    .send(new DescribeSecurityGroupRulesCommand({}));
  const recorded = recordedIds(await world.state(ENVIRONMENT));
  return SecurityGroupRules.filter(
    ({ GroupId, SecurityGroupRuleId }) =>
      recorded.has(GroupId ?? '') && !recorded.has(SecurityGroupRuleId ?? ''),
  ).map(({ SecurityGroupRuleId }) => SecurityGroupRuleId ?? '');
}

describe.each(CHAINS.map((chain) => ({ chain, names: chain.join(', ') })))(
  'killed after $names',
  ({ chain }) => {
    it('is made once, with nothing left over', async () => {
      for (const action of chain) await world.killAt('up', action, 'after');
      await (await world.stacks()).upService();
      const recorded = recordedIds(await world.state(ENVIRONMENT));
      expect((await inAws()).filter((id) => !recorded.has(id))).toEqual([]);
      expect(await openToAll()).toEqual([]);
      expect(await world.leftovers(ENVIRONMENT)).toEqual(NO_LEFTOVERS);
      const again = await (await world.stacks()).upService();
      expect(again).toMatchObject({ created: 0, updated: 0, replaced: 0, deleted: 0 });
    });

    it('goes wholly', async () => {
      await (await world.stacks()).destroyService();
      expect(await inAws()).toEqual([]);
    });
  },
);
