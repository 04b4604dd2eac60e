import type { ec2 } from '@pulumi/aws';
import type { IpPermission, SecurityGroup } from '@aws-sdk/client-ec2';
import { nameAtCreation } from '../../model/naming';
import { fromTagList } from '../../model/tags';
import { awsType, type AwsContext } from '../context';
import { retagEc2, tagsAtCreation } from '../ec2-tags';
import { ifFound, isNotFound, unlessInUse } from '../errors';
import { as, CIDR, CIDR6, FLAG, given, REGION, STRING, STRINGS, TAGS } from '../specs';
import type { InputSpec } from '../../model/schema';

/** Rules that stand in the group itself. A group without any is left to the rule resources. */
interface InlineRule {
  protocol: string;
  fromPort: number;
  toPort: number;
  cidrBlocks?: string[] | undefined;
  ipv6CidrBlocks?: string[] | undefined;
  securityGroups?: string[] | undefined;
  self?: boolean | undefined;
  description?: string | undefined;
}

const RULES: InputSpec = {
  type: 'set',
  computed: true,
  items: {
    type: 'object',
    fields: {
      protocol: as(STRING, { required: true }),
      fromPort: { type: 'integer', min: -1, max: 65535, required: true },
      toPort: { type: 'integer', min: -1, max: 65535, required: true },
      cidrBlocks: { type: 'set', items: CIDR },
      ipv6CidrBlocks: { type: 'set', items: CIDR6 },
      securityGroups: STRINGS,
      self: FLAG,
      description: STRING,
    },
  },
};

export const securityGroup = awsType<ec2.SecurityGroupArgs, ec2.SecurityGroupState>({
  token: 'aws:ec2/securityGroup:SecurityGroup',
  naming: { property: 'name', prefixProperty: 'namePrefix', maxLength: 255 },
  inputs: {
    name: {
      type: 'string',
      replace: true,
      maxLength: 255,
      pattern: [/^(?!sg-)/, "not begin with 'sg-'"],
      conflictsWith: ['namePrefix'],
      computed: true,
    },
    namePrefix: as(STRING, { replace: true, maxLength: 100, computed: true }),
    description: {
      type: 'string',
      replace: true,
      maxLength: 255,
      default: 'Managed by Pulumi',
      pattern: [/^[\w .:/()#,@[\]+=&;{}!$*-]*$/, 'have only the characters that EC2 takes in descriptions'],
    },
    vpcId: as(STRING, { replace: true, computed: true }),
    ingress: RULES,
    egress: RULES,
    revokeRulesOnDelete: as(FLAG, { default: false }),
    region: REGION,
    tags: TAGS,
  },
  outputs: ['arn', 'ownerId'],
  async create(inputs, context) {
    const client = await context.ec2();
    const { GroupId = '' } = await client.createSecurityGroup({
      GroupName: nameAtCreation(inputs.name, inputs.namePrefix, 255),
      Description: inputs.description,
      ...given({ VpcId: inputs.vpcId }),
      ...tagsAtCreation('security-group', context.tags),
    });
    context.created(GroupId);
    // As the official provider does: what the program does not open stays shut, outbound too.
    const created = await describeGroup(GroupId, context);
    await change(
      GroupId,
      'egress',
      created?.IpPermissionsEgress ?? [],
      permissionsOf(GroupId, inputs.egress),
      context,
    );
    await change(GroupId, 'ingress', [], permissionsOf(GroupId, inputs.ingress), context);
    return GroupId;
  },
  async read(id, context) {
    const facts = await describeGroup(id, context);
    if (!facts) return undefined;
    return {
      arn: await context.arn('ec2', `security-group/${id}`),
      name: facts.GroupName,
      description: facts.Description,
      vpcId: facts.VpcId,
      ingress: inlineOf(id, facts.IpPermissions),
      egress: inlineOf(id, facts.IpPermissionsEgress),
      ownerId: facts.OwnerId,
      region: context.region,
      tagsAll: fromTagList(facts.Tags),
    };
  },
  async update(id, { old, new: next, changed }, context) {
    for (const direction of ['ingress', 'egress'] as const) {
      if (!changed(direction)) continue;
      await change(
        id,
        direction,
        permissionsOf(id, old[direction]),
        permissionsOf(id, next[direction]),
        context,
      );
    }
  },
  retag: retagEc2,
  async delete(id, state, context) {
    const client = await context.ec2();
    if (state.revokeRulesOnDelete) await revokeAll(id, context);
    // Network interfaces of load balancers and instances that are going away hold on to it for a while.
    await context.until(
      context.timeout || 900,
      () =>
        unlessInUse(['DependencyViolation', 'InvalidGroup.InUse'], () =>
          client.deleteSecurityGroup({ GroupId: id }),
        ),
      () => `${id} (${state.name ?? ''}) is still used (DependencyViolation)`,
    );
  },
});

async function describeGroup(id: string, context: AwsContext): Promise<SecurityGroup | undefined> {
  const found = await ifFound((await context.ec2()).describeSecurityGroups({ GroupIds: [id] }));
  return found?.SecurityGroups?.[0];
}

function permissionsOf(groupId: string, rules: readonly InlineRule[] | undefined): IpPermission[] {
  return (rules ?? []).map((rule) => {
    const Description = rule.description || undefined;
    const groups = [...(rule.securityGroups ?? []), ...(rule.self ? [groupId] : [])];
    return given({
      IpProtocol: rule.protocol === 'all' ? '-1' : rule.protocol,
      FromPort: rule.protocol === '-1' ? undefined : rule.fromPort,
      ToPort: rule.protocol === '-1' ? undefined : rule.toPort,
      IpRanges: rule.cidrBlocks?.map((CidrIp) => given({ CidrIp, Description })),
      Ipv6Ranges: rule.ipv6CidrBlocks?.map((CidrIpv6) => given({ CidrIpv6, Description })),
      UserIdGroupPairs:
        groups.length > 0 ? groups.map((GroupId) => given({ GroupId, Description })) : undefined,
    });
  });
}

function inlineOf(groupId: string, permissions: readonly IpPermission[] | undefined): InlineRule[] {
  return (permissions ?? []).map((permission) => {
    const groups = (permission.UserIdGroupPairs ?? []).map((pair) => pair.GroupId ?? '');
    const described = [
      ...(permission.IpRanges ?? []),
      ...(permission.Ipv6Ranges ?? []),
      ...(permission.UserIdGroupPairs ?? []),
    ].find((source) => source.Description);
    return {
      protocol: permission.IpProtocol ?? '-1',
      fromPort: permission.FromPort ?? 0,
      toPort: permission.ToPort ?? 0,
      cidrBlocks: (permission.IpRanges ?? []).map((range) => range.CidrIp ?? ''),
      ipv6CidrBlocks: (permission.Ipv6Ranges ?? []).map((range) => range.CidrIpv6 ?? ''),
      securityGroups: groups.filter((group) => group !== groupId),
      self: groups.includes(groupId),
      description: described?.Description ?? '',
    };
  });
}

async function change(
  GroupId: string,
  direction: 'ingress' | 'egress',
  before: IpPermission[],
  after: IpPermission[],
  context: AwsContext,
): Promise<void> {
  const client = await context.ec2();
  const inbound = direction === 'ingress';
  if (before.length > 0) {
    const revoke = { GroupId, IpPermissions: before.map(withoutEmptyLists) };
    await ifFound<unknown>(
      inbound ? client.revokeSecurityGroupIngress(revoke) : client.revokeSecurityGroupEgress(revoke),
    );
  }
  if (after.length > 0) {
    const add = { GroupId, IpPermissions: after };
    await (inbound ? client.authorizeSecurityGroupIngress(add) : client.authorizeSecurityGroupEgress(add));
  }
}

function withoutEmptyLists(permission: IpPermission): IpPermission {
  const kept = Object.entries(permission).filter(([, value]) => !Array.isArray(value) || value.length > 0);
  return Object.fromEntries(kept);
}

/** Two groups that name each other in their rules can only be deleted after their rules. */
async function revokeAll(id: string, context: AwsContext): Promise<void> {
  try {
    const facts = await describeGroup(id, context);
    await change(id, 'ingress', facts?.IpPermissions ?? [], [], context);
    await change(id, 'egress', facts?.IpPermissionsEgress ?? [], [], context);
  } catch (thrown) {
    if (!isNotFound(thrown)) throw thrown;
  }
}
