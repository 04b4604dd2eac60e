import type { ec2 } from '@pulumi/aws';
import { fromTagList } from '../../model/tags';
import { awsType, type AwsContext } from '../context';
import { retagEc2, tagsAtCreation } from '../ec2-tags';
import { ifFound, unlessInUse } from '../errors';
import { as, CIDR, FLAG, REGION, TAGS } from '../specs';

export const vpc = awsType<ec2.VpcArgs, ec2.VpcState>({
  token: 'aws:ec2/vpc:Vpc',
  inputs: {
    cidrBlock: as(CIDR, { replace: true, computed: true }),
    enableDnsHostnames: as(FLAG, { computed: true }),
    enableDnsSupport: as(FLAG, { default: true }),
    instanceTenancy: { type: 'string', oneOf: ['default', 'dedicated'], default: 'default' },
    region: REGION,
    tags: TAGS,
  },
  outputs: [
    'arn',
    'defaultNetworkAclId',
    'defaultRouteTableId',
    'defaultSecurityGroupId',
    'dhcpOptionsId',
    'mainRouteTableId',
    'ownerId',
  ],
  check: (inputs) =>
    inputs.cidrBlock === undefined
      ? [{ property: 'cidrBlock', reason: 'is required (the sandbox has no IPAM)' }]
      : [],
  async create(inputs, context) {
    const client = await context.ec2();
    const { Vpc } = await client.createVpc({
      CidrBlock: inputs.cidrBlock,
      InstanceTenancy: inputs.instanceTenancy as 'default' | 'dedicated',
      ...tagsAtCreation('vpc', context.tags),
    });
    const VpcId = Vpc?.VpcId ?? '';
    context.created(VpcId);
    await setDns(VpcId, inputs, context);
    return VpcId;
  },
  async read(id, context) {
    const client = await context.ec2();
    const found = await ifFound(client.describeVpcs({ VpcIds: [id] }));
    const facts = found?.Vpcs?.[0];
    if (!facts) return undefined;
    const [hostnames, support, tables, groups, acls] = await Promise.all([
      client.describeVpcAttribute({ VpcId: id, Attribute: 'enableDnsHostnames' }),
      client.describeVpcAttribute({ VpcId: id, Attribute: 'enableDnsSupport' }),
      client.describeRouteTables({ Filters: [vpcIs(id), { Name: 'association.main', Values: ['true'] }] }),
      client.describeSecurityGroups({ Filters: [vpcIs(id), { Name: 'group-name', Values: ['default'] }] }),
      client.describeNetworkAcls({ Filters: [vpcIs(id), { Name: 'default', Values: ['true'] }] }),
    ]);
    const mainTable = tables.RouteTables?.[0]?.RouteTableId;
    return {
      arn: await context.arn('ec2', `vpc/${id}`),
      cidrBlock: facts.CidrBlock,
      enableDnsHostnames: hostnames.EnableDnsHostnames?.Value,
      enableDnsSupport: support.EnableDnsSupport?.Value,
      instanceTenancy: facts.InstanceTenancy,
      dhcpOptionsId: facts.DhcpOptionsId,
      ownerId: facts.OwnerId ?? (await context.account()),
      mainRouteTableId: mainTable,
      defaultRouteTableId: mainTable,
      defaultSecurityGroupId: groups.SecurityGroups?.[0]?.GroupId,
      defaultNetworkAclId: acls.NetworkAcls?.[0]?.NetworkAclId,
      region: context.region,
      tagsAll: fromTagList(facts.Tags),
    };
  },
  replaceOn: (old, next) =>
    next.instanceTenancy === 'dedicated' && old.instanceTenancy !== 'dedicated' ? ['instanceTenancy'] : [],
  async update(id, update, context) {
    if (update.changed('enableDnsHostnames', 'enableDnsSupport')) await setDns(id, update.new, context);
    if (update.changed('instanceTenancy')) {
      await (await context.ec2()).modifyVpcTenancy({ VpcId: id, InstanceTenancy: 'default' });
    }
  },
  retag: retagEc2,
  async delete(id, _state, context) {
    const client = await context.ec2();
    await context.until(
      context.timeout || 300,
      () => unlessInUse(['DependencyViolation'], () => client.deleteVpc({ VpcId: id })),
      () => `${id} is still used by something in it (DependencyViolation)`,
    );
  },
});

/** Support goes first: AWS refuses host names without it. */
async function setDns(
  VpcId: string,
  inputs: { enableDnsSupport?: boolean | undefined; enableDnsHostnames?: boolean | undefined },
  context: AwsContext,
): Promise<void> {
  const client = await context.ec2();
  if (inputs.enableDnsSupport !== undefined) {
    await client.modifyVpcAttribute({ VpcId, EnableDnsSupport: { Value: inputs.enableDnsSupport } });
  }
  if (inputs.enableDnsHostnames !== undefined) {
    await client.modifyVpcAttribute({ VpcId, EnableDnsHostnames: { Value: inputs.enableDnsHostnames } });
  }
}

function vpcIs(id: string) {
  return { Name: 'vpc-id', Values: [id] };
}
