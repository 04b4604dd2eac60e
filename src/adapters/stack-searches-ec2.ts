import {
  DeleteSecurityGroupCommand,
  DescribeAddressesCommand,
  DescribeInternetGatewaysCommand,
  DescribeLaunchTemplatesCommand,
  DescribeNatGatewaysCommand,
  DescribeRouteTablesCommand,
  DescribeSecurityGroupRulesCommand,
  DescribeSecurityGroupsCommand,
  DescribeSubnetsCommand,
  DescribeVpcsCommand,
  DisassociateRouteTableCommand,
  type Filter,
  type Tag,
} from '@aws-sdk/client-ec2';
import type { AwsClients } from './aws';
import { awsErrorName } from './aws-errors';
import { identityOf, type Found, type Inputs } from './stack-search';

function where(name: string, value: unknown): Filter[] {
  return typeof value === 'string' ? [{ Name: name, Values: [value] }] : [];
}

/** Filters for what carries the marks that the plan gives it. */
function marked(inputs: Inputs): Filter[] {
  return Object.entries(identityOf(inputs)).flatMap(([key, value]) => where(`tag:${key}`, value));
}

function found(id: string | undefined, tags: Tag[] | undefined): Found {
  const pairs = (tags ?? []).map(({ Key = '', Value = '' }) => [Key, Value] as const);
  return { id: id ?? '', tags: Object.fromEntries(pairs) };
}

export async function launchTemplate(inputs: Inputs, { ec2 }: AwsClients): Promise<Found[]> {
  const Filters = where('launch-template-name', inputs['name']);
  const { LaunchTemplates = [] } = await ec2.send(new DescribeLaunchTemplatesCommand({ Filters }));
  return LaunchTemplates.map(({ LaunchTemplateId, Tags }) => found(LaunchTemplateId, Tags));
}

export async function securityGroup(inputs: Inputs, { ec2 }: AwsClients): Promise<Found[]> {
  const Filters = [...where('group-name', inputs['name']), ...where('vpc-id', inputs['vpcId'])];
  const { SecurityGroups = [] } = await ec2.send(new DescribeSecurityGroupsCommand({ Filters }));
  return SecurityGroups.map(({ GroupId, Tags }) => found(GroupId, Tags));
}

export async function removeSecurityGroup({ id }: Found, { ec2 }: AwsClients): Promise<boolean> {
  try {
    await ec2.send(new DeleteSecurityGroupCommand({ GroupId: id }));
    return true;
  } catch (thrown) {
    if (awsErrorName(thrown) === 'DependencyViolation') return false;
    if (awsErrorName(thrown) === 'InvalidGroup.NotFound') return true;
    throw thrown;
  }
}

export function securityGroupRule(outbound: boolean) {
  return async (inputs: Inputs, { ec2 }: AwsClients): Promise<Found[]> => {
    const Filters = where('group-id', inputs['securityGroupId']);
    const { SecurityGroupRules = [] } = await ec2.send(new DescribeSecurityGroupRulesCommand({ Filters }));
    const any = inputs['ipProtocol'] === '-1';
    return SecurityGroupRules.filter(
      (rule) =>
        rule.IsEgress === outbound &&
        rule.IpProtocol === inputs['ipProtocol'] &&
        (any || (rule.FromPort === inputs['fromPort'] && rule.ToPort === inputs['toPort'])) &&
        rule.CidrIpv4 === inputs['cidrIpv4'] &&
        rule.ReferencedGroupInfo?.GroupId === inputs['referencedSecurityGroupId'],
    ).map(({ SecurityGroupRuleId, Tags }) => found(SecurityGroupRuleId, Tags));
  };
}

export async function vpc(inputs: Inputs, { ec2 }: AwsClients): Promise<Found[]> {
  const { Vpcs = [] } = await ec2.send(new DescribeVpcsCommand({ Filters: marked(inputs) }));
  return Vpcs.map(({ VpcId, Tags }) => found(VpcId, Tags));
}

export async function subnet(inputs: Inputs, { ec2 }: AwsClients): Promise<Found[]> {
  const Filters = [...where('vpc-id', inputs['vpcId']), ...where('cidr-block', inputs['cidrBlock'])];
  const { Subnets = [] } = await ec2.send(new DescribeSubnetsCommand({ Filters }));
  return Subnets.map(({ SubnetId, Tags }) => found(SubnetId, Tags));
}

export async function internetGateway(inputs: Inputs, { ec2 }: AwsClients): Promise<Found[]> {
  // It may not have been attached yet, so its network is no mark of it.
  const asked = new DescribeInternetGatewaysCommand({ Filters: marked(inputs) });
  const { InternetGateways = [] } = await ec2.send(asked);
  return InternetGateways.map(({ InternetGatewayId, Tags }) => found(InternetGatewayId, Tags));
}

export async function elasticIp(inputs: Inputs, { ec2 }: AwsClients): Promise<Found[]> {
  const { Addresses = [] } = await ec2.send(new DescribeAddressesCommand({ Filters: marked(inputs) }));
  return Addresses.map(({ AllocationId, Tags }) => found(AllocationId, Tags));
}

export async function natGateway(inputs: Inputs, { ec2 }: AwsClients): Promise<Found[]> {
  const living = { Name: 'state', Values: ['pending', 'available'] };
  const filters = [...marked(inputs), ...where('subnet-id', inputs['subnetId']), living];
  const { NatGateways = [] } = await ec2.send(new DescribeNatGatewaysCommand({ Filter: filters }));
  return NatGateways.map(({ NatGatewayId, Tags }) => found(NatGatewayId, Tags));
}

export async function routeTable(inputs: Inputs, { ec2 }: AwsClients): Promise<Found[]> {
  const Filters = [...marked(inputs), ...where('vpc-id', inputs['vpcId'])];
  const { RouteTables = [] } = await ec2.send(new DescribeRouteTablesCommand({ Filters }));
  return RouteTables.map(({ RouteTableId, Tags }) => found(RouteTableId, Tags));
}

async function tableOf(inputs: Inputs, { ec2 }: AwsClients) {
  const Filters = where('route-table-id', inputs['routeTableId']);
  if (Filters.length === 0) return undefined;
  const { RouteTables = [] } = await ec2.send(new DescribeRouteTablesCommand({ Filters }));
  return RouteTables[0];
}

export async function route(inputs: Inputs, clients: AwsClients): Promise<Found[]> {
  const table = await tableOf(inputs, clients);
  const destination = String(inputs['destinationCidrBlock']);
  const there = table?.Routes?.some((one) => one.DestinationCidrBlock === destination) === true;
  return there ? [{ id: `${table?.RouteTableId}_${destination}` }] : [];
}

export async function routeTableAssociation(inputs: Inputs, clients: AwsClients): Promise<Found[]> {
  const table = await tableOf(inputs, clients);
  const same = table?.Associations?.filter((one) => one.SubnetId === inputs['subnetId']) ?? [];
  return same.map(({ RouteTableAssociationId }) => ({ id: RouteTableAssociationId ?? '' }));
}

export async function removeRouteTableAssociation({ id }: Found, { ec2 }: AwsClients): Promise<boolean> {
  await ec2.send(new DisassociateRouteTableCommand({ AssociationId: id }));
  return true;
}
