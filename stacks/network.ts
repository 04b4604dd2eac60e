import * as pulumi from '@pulumi/pulumi';
import * as aws from './aws';
import { Vpc } from '@pulumi/awsx/ec2/vpc';
import { networkOf, type NetworkConfig, type SubnetSelection } from '../src/domain/config';
import { tagsOf, type Scope } from './settings';

/** Where a region's load balancer and instances are put. */
export interface Network {
  vpcId: pulumi.Output<string>;
  loadBalancerSubnetIds: pulumi.Output<string[]>;
  instanceSubnetIds: pulumi.Output<string[]>;
}

/** The network of one region: found, or made. */
export function networkIn(scope: Scope, region: string): Network {
  const network = networkOf(scope.config, region);
  switch (network.kind) {
    case 'default':
      return defaultNetwork(scope, region);
    case 'existing':
      return existingNetwork(scope, region, network);
    case 'new':
      return newNetwork(scope, region, network);
  }
}

function defaultNetwork(scope: Scope, region: string): Network {
  const vpc = aws.ec2.getVpcOutput({ default: true, region }, { provider: scope.provider });
  const subnetIds = subnetsWhere(scope, region, vpc.id, 'are default subnets', [
    { name: 'default-for-az', values: ['true'] },
  ]);
  return { vpcId: vpc.id, loadBalancerSubnetIds: subnetIds, instanceSubnetIds: subnetIds };
}

function existingNetwork(
  scope: Scope,
  region: string,
  network: Extract<NetworkConfig, { kind: 'existing' }>,
): Network {
  const vpcId =
    'id' in network.vpc
      ? pulumi.output(network.vpc.id)
      : aws.ec2.getVpcOutput({ tags: network.vpc.tags, region }, { provider: scope.provider }).id;
  const select = (subnets: SubnetSelection): pulumi.Output<string[]> =>
    'ids' in subnets
      ? pulumi.output(subnets.ids)
      : subnetsWhere(
          scope,
          region,
          vpcId,
          `carry the tags ${JSON.stringify(subnets.tags)}`,
          [],
          subnets.tags,
        );
  return {
    vpcId,
    loadBalancerSubnetIds: select(network.loadBalancerSubnets),
    instanceSubnetIds: select(network.instanceSubnets),
  };
}

function newNetwork(scope: Scope, region: string, network: Extract<NetworkConfig, { kind: 'new' }>): Network {
  const name = `${scope.config.service}-${scope.environment}`;
  const strategies = { none: 'None', single: 'Single', 'one-per-zone': 'OnePerAz' } as const;
  const vpc = new Vpc(
    `network.${region}`,
    {
      region,
      cidrBlock: network.cidr,
      numberOfAvailabilityZones: network.zones,
      natGateways: { strategy: strategies[network.natGateways] },
      // Without a NAT gateway a private subnet has no route out, which awsx calls isolated.
      subnetSpecs: [
        { type: 'Public', name: 'load-balancer' },
        { type: network.natGateways === 'none' ? 'Isolated' : 'Private', name: 'instances' },
      ],
      subnetStrategy: 'Auto',
      enableDnsHostnames: true,
      enableDnsSupport: true,
      tags: tagsOf(scope, name),
    },
    { providers: { aws: scope.provider }, protect: scope.config.protection },
  );
  return {
    vpcId: vpc.vpcId,
    loadBalancerSubnetIds: vpc.publicSubnetIds,
    instanceSubnetIds: network.natGateways === 'none' ? vpc.isolatedSubnetIds : vpc.privateSubnetIds,
  };
}

function subnetsWhere(
  scope: Scope,
  region: string,
  vpcId: pulumi.Output<string>,
  which: string,
  filters: { name: string; values: string[] }[],
  tags?: Record<string, string>,
): pulumi.Output<string[]> {
  const found = aws.ec2.getSubnetsOutput(
    {
      region,
      filters: [{ name: 'vpc-id', values: [vpcId] }, ...filters],
      ...(tags === undefined ? {} : { tags }),
    },
    { provider: scope.provider },
  );
  return pulumi.all([found.ids, vpcId]).apply(([ids, vpc]) => {
    if (ids.length === 0) {
      throw new pulumi.RunError(
        `No subnets of ${vpc} in ${region} ${which}. Name others under network in Pulumi.${scope.environment}.yaml.`,
      );
    }
    // AWS gives them in any order, and another order would look like a change.
    return [...ids].sort();
  });
}
