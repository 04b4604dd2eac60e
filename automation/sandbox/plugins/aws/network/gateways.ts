import type { ec2 } from '@pulumi/aws';
import { fromTagList } from '../../model/tags';
import { awsType, type AwsContext } from '../context';
import { retagEc2, tagsAtCreation } from '../ec2-tags';
import { codeOf, ifFound, unlessInUse } from '../errors';
import { as, given, REGION, STRING, TAGS } from '../specs';

export const internetGateway = awsType<ec2.InternetGatewayArgs, ec2.InternetGatewayState>({
  token: 'aws:ec2/internetGateway:InternetGateway',
  inputs: { vpcId: as(STRING, { computed: true }), region: REGION, tags: TAGS },
  outputs: ['arn', 'ownerId'],
  async create(inputs, context) {
    const client = await context.ec2();
    const { InternetGateway } = await client.createInternetGateway(
      tagsAtCreation('internet-gateway', context.tags),
    );
    const InternetGatewayId = InternetGateway?.InternetGatewayId ?? '';
    context.created(InternetGatewayId);
    if (inputs.vpcId) await client.attachInternetGateway({ InternetGatewayId, VpcId: inputs.vpcId });
    return InternetGatewayId;
  },
  async read(id, context) {
    const client = await context.ec2();
    const found = await ifFound(client.describeInternetGateways({ InternetGatewayIds: [id] }));
    const facts = found?.InternetGateways?.[0];
    if (!facts) return undefined;
    return {
      arn: await context.arn('ec2', `internet-gateway/${id}`),
      vpcId: facts.Attachments?.[0]?.VpcId ?? '',
      ownerId: facts.OwnerId ?? (await context.account()),
      region: context.region,
      tagsAll: fromTagList(facts.Tags),
    };
  },
  async update(id, update, context) {
    if (!update.changed('vpcId')) return;
    await detach(id, update.old.vpcId, context);
    if (!update.new.vpcId) return;
    await (await context.ec2()).attachInternetGateway({ InternetGatewayId: id, VpcId: update.new.vpcId });
  },
  retag: retagEc2,
  async delete(id, state, context) {
    await detach(id, state.vpcId, context);
    const client = await context.ec2();
    await context.until(
      context.timeout || 600,
      () =>
        unlessInUse(['DependencyViolation'], () => client.deleteInternetGateway({ InternetGatewayId: id })),
      () => `${id} is still attached or used (DependencyViolation)`,
    );
  },
});

async function detach(id: string, vpcId: string | undefined, context: AwsContext): Promise<void> {
  if (!vpcId) return;
  try {
    await (await context.ec2()).detachInternetGateway({ InternetGatewayId: id, VpcId: vpcId });
  } catch (thrown) {
    if (!/NotAttached|NotFound/.test(codeOf(thrown))) throw thrown;
  }
}

export const eip = awsType<ec2.EipArgs, ec2.EipState>({
  token: 'aws:ec2/eip:Eip',
  inputs: {
    domain: { type: 'string', oneOf: ['vpc', 'standard'], replace: true, computed: true },
    region: REGION,
    tags: TAGS,
  },
  outputs: ['allocationId', 'arn', 'associationId', 'privateIp', 'publicDns', 'publicIp'],
  async create(_inputs, context) {
    const client = await context.ec2();
    const answer = await client.allocateAddress({
      Domain: 'vpc',
      ...tagsAtCreation('elastic-ip', context.tags),
    });
    return answer.AllocationId ?? '';
  },
  async read(id, context) {
    const found = await ifFound((await context.ec2()).describeAddresses({ AllocationIds: [id] }));
    const facts = found?.Addresses?.[0];
    if (!facts) return undefined;
    const dashed = facts.PublicIp?.replaceAll('.', '-');
    return {
      allocationId: id,
      arn: await context.arn('ec2', `elastic-ip/${id}`),
      associationId: facts.AssociationId ?? '',
      domain: facts.Domain,
      privateIp: facts.PrivateIpAddress ?? '',
      publicIp: facts.PublicIp,
      publicDns: `ec2-${dashed}.${context.region}.compute.amazonaws.com`,
      region: context.region,
      tagsAll: fromTagList(facts.Tags),
    };
  },
  retag: retagEc2,
  async delete(id, _state, context) {
    const client = await context.ec2();
    await context.until(
      context.timeout || 180,
      () =>
        unlessInUse(['AuthFailure', 'InvalidIPAddress.InUse'], () =>
          client.releaseAddress({ AllocationId: id }),
        ),
      () => `${id} is still associated`,
    );
  },
});

export const natGateway = awsType<ec2.NatGatewayArgs, ec2.NatGatewayState>({
  token: 'aws:ec2/natGateway:NatGateway',
  inputs: {
    subnetId: as(STRING, { replace: true, required: true }),
    allocationId: as(STRING, { replace: true }),
    connectivityType: { type: 'string', oneOf: ['public', 'private'], default: 'public', replace: true },
    region: REGION,
    tags: TAGS,
  },
  outputs: ['associationId', 'networkInterfaceId', 'publicIp', 'privateIp'],
  check: (inputs) =>
    inputs.connectivityType === 'public' && inputs.allocationId === undefined
      ? [{ property: 'allocationId', reason: 'is required for a public NAT gateway' }]
      : [],
  async create(inputs, context) {
    const { NatGateway } = await (
      await context.ec2()
    ).createNatGateway({
      SubnetId: inputs.subnetId,
      ConnectivityType: inputs.connectivityType as 'public' | 'private',
      ...given({ AllocationId: inputs.allocationId }),
      ...tagsAtCreation('natgateway', context.tags),
    });
    const id = NatGateway?.NatGatewayId ?? '';
    context.created(id);
    await untilState(id, 'available', context, context.timeout || 600);
    return id;
  },
  async read(id, context) {
    const facts = await describeNat(id, context);
    if (!facts || facts.State === 'deleted' || facts.State === 'deleting') return undefined;
    const address = facts.NatGatewayAddresses?.[0];
    return {
      subnetId: facts.SubnetId,
      allocationId: address?.AllocationId,
      connectivityType: facts.ConnectivityType,
      associationId: address?.AssociationId,
      networkInterfaceId: address?.NetworkInterfaceId,
      publicIp: address?.PublicIp,
      privateIp: address?.PrivateIp,
      region: context.region,
      tagsAll: fromTagList(facts.Tags),
    };
  },
  retag: retagEc2,
  async delete(id, _state, context) {
    const client = await context.ec2();
    await ifFound(client.deleteNatGateway({ NatGatewayId: id }));
    await untilState(id, 'deleted', context, context.timeout || 1800);
  },
});

async function describeNat(id: string, context: AwsContext) {
  const found = await ifFound((await context.ec2()).describeNatGateways({ NatGatewayIds: [id] }));
  return found?.NatGateways?.[0];
}

async function untilState(id: string, wanted: string, context: AwsContext, seconds: number): Promise<void> {
  let state: string | undefined;
  const reached = async (): Promise<true | undefined> => {
    const facts = await describeNat(id, context);
    state = facts?.State ?? 'deleted';
    if (state === 'failed' && wanted !== 'deleted')
      throw new Error(`${id} failed: ${facts?.FailureMessage ?? ''}`);
    return state === wanted ? true : undefined;
  };
  await context.until(seconds, reached, () => `${id} is ${state} and not yet ${wanted}`);
}
