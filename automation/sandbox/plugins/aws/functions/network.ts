import { fromTagList } from '../../model/tags';
import { vpc as vpcType } from '../network/vpc';
import { echo, filtersOf, only, text } from './arguments';
import type { AwsFunction } from './index';

export const getVpc: AwsFunction = async (args, context) => {
  const client = await context.ec2();
  const id = text(args, 'id');
  const filters = filtersOf(
    { ...args, default: args.default === true ? 'true' : '' },
    { cidrBlock: 'cidr', dhcpOptionsId: 'dhcp-options-id', state: 'state', default: 'is-default' },
  );
  const { Vpcs } = await client.describeVpcs({ ...(id ? { VpcIds: [id] } : {}), ...filters });
  const facts = only(Vpcs, 'EC2 VPC');
  const state = await vpcType.read(facts.VpcId ?? '', context, {});
  return {
    ...echo(args),
    ...state,
    id: facts.VpcId,
    default: facts.IsDefault ?? false,
    state: facts.State,
    tags: fromTagList(facts.Tags),
    tagsAll: undefined,
    cidrBlockAssociations: (facts.CidrBlockAssociationSet ?? []).map((one) => ({
      associationId: one.AssociationId,
      cidrBlock: one.CidrBlock,
      state: one.CidrBlockState?.State,
    })),
  };
};

export const getVpcs: AwsFunction = async (args, context) => {
  const { Vpcs } = await (await context.ec2()).describeVpcs(filtersOf(args));
  return {
    ...echo(args),
    id: context.region,
    ids: (Vpcs ?? []).map((one) => one.VpcId),
    tags: args.tags ?? {},
  };
};

export const getSubnet: AwsFunction = async (args, context) => {
  const id = text(args, 'id');
  const filters = filtersOf(
    { ...args, defaultForAz: args.defaultForAz === true ? 'true' : '' },
    {
      availabilityZone: 'availabilityZone',
      availabilityZoneId: 'availabilityZoneId',
      cidrBlock: 'cidrBlock',
      defaultForAz: 'defaultForAz',
      state: 'state',
      vpcId: 'vpc-id',
    },
  );
  const client = await context.ec2();
  const { Subnets } = await client.describeSubnets({ ...(id ? { SubnetIds: [id] } : {}), ...filters });
  const facts = only(Subnets, 'EC2 Subnet');
  return {
    ...echo(args),
    arn: facts.SubnetArn ?? (await context.arn('ec2', `subnet/${facts.SubnetId}`)),
    assignIpv6AddressOnCreation: facts.AssignIpv6AddressOnCreation ?? false,
    availabilityZone: facts.AvailabilityZone,
    availabilityZoneId: facts.AvailabilityZoneId,
    availableIpAddressCount: facts.AvailableIpAddressCount,
    cidrBlock: facts.CidrBlock,
    defaultForAz: facts.DefaultForAz ?? false,
    id: facts.SubnetId,
    mapPublicIpOnLaunch: facts.MapPublicIpOnLaunch ?? false,
    ownerId: facts.OwnerId,
    state: facts.State,
    tags: fromTagList(facts.Tags),
    vpcId: facts.VpcId,
  };
};

export const getSubnets: AwsFunction = async (args, context) => {
  const { Subnets } = await (await context.ec2()).describeSubnets(filtersOf(args));
  return {
    ...echo(args),
    id: context.region,
    ids: (Subnets ?? []).map((one) => one.SubnetId),
    tags: args.tags ?? {},
  };
};

export const getSecurityGroup: AwsFunction = async (args, context) => {
  const id = text(args, 'id');
  const client = await context.ec2();
  const { SecurityGroups } = await client.describeSecurityGroups({
    ...(id ? { GroupIds: [id] } : {}),
    ...filtersOf(args, { name: 'group-name', vpcId: 'vpc-id' }),
  });
  const facts = only(SecurityGroups, 'EC2 Security Group');
  return {
    ...echo(args),
    arn: await context.arn('ec2', `security-group/${facts.GroupId}`),
    description: facts.Description ?? '',
    id: facts.GroupId,
    name: facts.GroupName,
    tags: fromTagList(facts.Tags),
    vpcId: facts.VpcId,
  };
};
