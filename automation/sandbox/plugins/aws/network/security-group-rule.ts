import type { vpc } from '@pulumi/aws';
import type { IpPermission, SecurityGroupRule, SecurityGroupRuleRequest } from '@aws-sdk/client-ec2';
import type { Failure } from '../../model/plugin';
import { fromTagList } from '../../model/tags';
import { awsType, type AwsContext, type AwsType } from '../context';
import { retagEc2, tagsAtCreation } from '../ec2-tags';
import { ifFound } from '../errors';
import { as, CIDR, CIDR6, given, REGION, STRING, TAGS } from '../specs';

type Args = vpc.SecurityGroupIngressRuleArgs & vpc.SecurityGroupEgressRuleArgs;
type State = vpc.SecurityGroupIngressRuleState & vpc.SecurityGroupEgressRuleState;
type RuleType = AwsType<Args, State>;

const SOURCES = ['cidrIpv4', 'cidrIpv6', 'prefixListId', 'referencedSecurityGroupId'] as const;

type Fields = Parameters<NonNullable<RuleType['create']>>[0];

function checkRule(inputs: Partial<Fields>): Failure[] {
  const failures: Failure[] = [];
  const sources = SOURCES.filter((name) => inputs[name] !== undefined);
  if (sources.length !== 1) {
    const reason = `exactly one of ${SOURCES.join(', ')} is required, but ${sources.length} are given`;
    failures.push({ property: '', reason });
  }
  const { fromPort, toPort, ipProtocol } = inputs;
  if (typeof fromPort === 'number' && typeof toPort === 'number' && fromPort > toPort) {
    failures.push({
      property: 'fromPort',
      reason: `must not be above toPort (${toPort}), but is ${fromPort}`,
    });
  }
  if ((ipProtocol === 'tcp' || ipProtocol === 'udp') && (fromPort === undefined || toPort === undefined)) {
    failures.push({ property: 'fromPort', reason: `fromPort and toPort are required for ${ipProtocol}` });
  }
  if (ipProtocol === '-1' && (fromPort !== undefined || toPort !== undefined)) {
    failures.push({ property: 'fromPort', reason: 'ports cannot be given for all protocols (-1)' });
  }
  return failures;
}

const INPUTS: Parameters<typeof awsType<Args, State>>[0]['inputs'] = {
  securityGroupId: as(STRING, { required: true, replace: true }),
  ipProtocol: as(STRING, { required: true, ignoreCase: true }),
  fromPort: { type: 'integer', min: -1, max: 65535 },
  toPort: { type: 'integer', min: -1, max: 65535 },
  cidrIpv4: CIDR,
  cidrIpv6: CIDR6,
  prefixListId: STRING,
  referencedSecurityGroupId: STRING,
  description: as(STRING, { maxLength: 255 }),
  region: REGION,
  tags: TAGS,
};

/** The two directions differ in nothing but their calls. */
function ruleType(token: string, outbound: boolean): RuleType {
  return awsType<Args, State>({
    token,
    inputs: INPUTS,
    outputs: ['arn', 'securityGroupRuleId'],
    check: checkRule,
    // AWS refuses to turn a rule for one kind of source into one for another.
    replaceOn: (old, next) =>
      SOURCES.filter((name) => (old[name] === undefined) !== (next[name] === undefined)),
    async create(inputs, context) {
      const client = await context.ec2();
      const call = {
        GroupId: inputs.securityGroupId,
        IpPermissions: [permissionOf(inputs)],
        ...tagsAtCreation('security-group-rule', context.tags),
      };
      const { SecurityGroupRules } = await (outbound
        ? client.authorizeSecurityGroupEgress(call)
        : client.authorizeSecurityGroupIngress(call));
      return SecurityGroupRules?.[0]?.SecurityGroupRuleId ?? '';
    },
    async read(id, context) {
      const facts = await describeRule(id, context);
      return facts?.IsEgress === outbound ? stateOf(id, facts, context) : undefined;
    },
    async update(id, { new: next, changed }, context) {
      if (!changed('ipProtocol', 'fromPort', 'toPort', 'description', ...SOURCES)) return;
      await (
        await context.ec2()
      ).modifySecurityGroupRules({
        GroupId: next.securityGroupId,
        SecurityGroupRules: [{ SecurityGroupRuleId: id, SecurityGroupRule: requestOf(next) }],
      });
    },
    retag: retagEc2,
    async delete(id, state, context) {
      const client = await context.ec2();
      const call = { GroupId: state.securityGroupId, SecurityGroupRuleIds: [id] };
      await ifFound<unknown>(
        outbound ? client.revokeSecurityGroupEgress(call) : client.revokeSecurityGroupIngress(call),
      );
    },
  });
}

async function stateOf(id: string, facts: SecurityGroupRule, context: AwsContext) {
  return {
    arn: await context.arn('ec2', `security-group-rule/${id}`),
    securityGroupRuleId: id,
    securityGroupId: facts.GroupId,
    ipProtocol: facts.IpProtocol,
    ...given({
      fromPort: facts.IpProtocol === '-1' ? undefined : facts.FromPort,
      toPort: facts.IpProtocol === '-1' ? undefined : facts.ToPort,
      cidrIpv4: facts.CidrIpv4,
      cidrIpv6: facts.CidrIpv6,
      prefixListId: facts.PrefixListId,
      referencedSecurityGroupId: facts.ReferencedGroupInfo?.GroupId,
      description: facts.Description || undefined,
    }),
    region: context.region,
    tagsAll: fromTagList(facts.Tags),
  };
}

function requestOf(inputs: Fields): SecurityGroupRuleRequest {
  return given({
    IpProtocol: inputs.ipProtocol,
    FromPort: inputs.fromPort ?? -1,
    ToPort: inputs.toPort ?? -1,
    CidrIpv4: inputs.cidrIpv4,
    CidrIpv6: inputs.cidrIpv6,
    PrefixListId: inputs.prefixListId,
    ReferencedGroupId: inputs.referencedSecurityGroupId,
    Description: inputs.description,
  });
}

async function describeRule(id: string, context: AwsContext): Promise<SecurityGroupRule | undefined> {
  const found = await ifFound(
    (await context.ec2()).describeSecurityGroupRules({ SecurityGroupRuleIds: [id] }),
  );
  return found?.SecurityGroupRules?.[0];
}

function permissionOf(inputs: Fields): IpPermission {
  const Description = inputs.description;
  return given({
    IpProtocol: inputs.ipProtocol,
    FromPort: inputs.fromPort,
    ToPort: inputs.toPort,
    IpRanges: inputs.cidrIpv4 ? [given({ CidrIp: inputs.cidrIpv4, Description })] : undefined,
    Ipv6Ranges: inputs.cidrIpv6 ? [given({ CidrIpv6: inputs.cidrIpv6, Description })] : undefined,
    PrefixListIds: inputs.prefixListId
      ? [given({ PrefixListId: inputs.prefixListId, Description })]
      : undefined,
    UserIdGroupPairs: inputs.referencedSecurityGroupId
      ? [given({ GroupId: inputs.referencedSecurityGroupId, Description })]
      : undefined,
  });
}

export const ingressRule = ruleType('aws:vpc/securityGroupIngressRule:SecurityGroupIngressRule', false);
export const egressRule = ruleType('aws:vpc/securityGroupEgressRule:SecurityGroupEgressRule', true);
