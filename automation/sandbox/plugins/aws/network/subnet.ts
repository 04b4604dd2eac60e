import type { ec2 } from '@pulumi/aws';
import { fromTagList } from '../../model/tags';
import { awsType } from '../context';
import { retagEc2, tagsAtCreation } from '../ec2-tags';
import { ifFound, unlessInUse } from '../errors';
import { as, CIDR, FLAG, given, REGION, STRING, TAGS } from '../specs';

export const subnet = awsType<ec2.SubnetArgs, ec2.SubnetState>({
  token: 'aws:ec2/subnet:Subnet',
  inputs: {
    vpcId: as(STRING, { required: true, replace: true }),
    cidrBlock: as(CIDR, { replace: true, required: true }),
    availabilityZone: as(STRING, { replace: true, computed: true, conflictsWith: ['availabilityZoneId'] }),
    availabilityZoneId: as(STRING, { replace: true, computed: true }),
    assignIpv6AddressOnCreation: FLAG,
    mapPublicIpOnLaunch: FLAG,
    region: REGION,
    tags: TAGS,
  },
  outputs: ['arn', 'ownerId'],
  async create(inputs, context) {
    const client = await context.ec2();
    const { Subnet } = await client.createSubnet({
      VpcId: inputs.vpcId,
      CidrBlock: inputs.cidrBlock,
      ...given({ AvailabilityZone: inputs.availabilityZone, AvailabilityZoneId: inputs.availabilityZoneId }),
      ...tagsAtCreation('subnet', context.tags),
    });
    const SubnetId = Subnet?.SubnetId ?? '';
    context.created(SubnetId);
    if (inputs.mapPublicIpOnLaunch) {
      await client.modifySubnetAttribute({ SubnetId, MapPublicIpOnLaunch: { Value: true } });
    }
    return SubnetId;
  },
  async read(id, context) {
    const found = await ifFound((await context.ec2()).describeSubnets({ SubnetIds: [id] }));
    const facts = found?.Subnets?.[0];
    if (!facts) return undefined;
    return {
      arn: facts.SubnetArn ?? (await context.arn('ec2', `subnet/${id}`)),
      vpcId: facts.VpcId,
      cidrBlock: facts.CidrBlock,
      availabilityZone: facts.AvailabilityZone,
      availabilityZoneId: facts.AvailabilityZoneId,
      assignIpv6AddressOnCreation: facts.AssignIpv6AddressOnCreation,
      mapPublicIpOnLaunch: facts.MapPublicIpOnLaunch,
      ownerId: facts.OwnerId,
      region: context.region,
      tagsAll: fromTagList(facts.Tags),
    };
  },
  async update(id, update, context) {
    if (!update.changed('mapPublicIpOnLaunch')) return;
    const MapPublicIpOnLaunch = { Value: update.new.mapPublicIpOnLaunch ?? false };
    await (await context.ec2()).modifySubnetAttribute({ SubnetId: id, MapPublicIpOnLaunch });
  },
  retag: retagEc2,
  async delete(id, _state, context) {
    const client = await context.ec2();
    await context.until(
      context.timeout || 1200,
      () => unlessInUse(['DependencyViolation'], () => client.deleteSubnet({ SubnetId: id })),
      () => `${id} is still used by something in it (DependencyViolation)`,
    );
  },
});
