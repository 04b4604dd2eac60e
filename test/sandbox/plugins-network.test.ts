import {
  DescribeNatGatewaysCommand,
  DescribeRouteTablesCommand,
  DescribeSubnetsCommand,
} from '@aws-sdk/client-ec2';
import * as aws from '@pulumi/aws';
import * as awsx from '@pulumi/awsx';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { PluginWorld, type TestStack } from './plugins-world';

let world: PluginWorld;
let stack: TestStack;
let natGateways: 'Single' | 'None' = 'Single';
const OTHER = 'eu-west-1';

async function program() {
  const provider = new aws.Provider('aws', { region: 'eu-west-3', defaultTags: { tags: { team: 'shop' } } });
  const network = new awsx.ec2.Vpc(
    'net',
    {
      region: OTHER,
      cidrBlock: '10.9.0.0/16',
      numberOfAvailabilityZones: 2,
      natGateways: { strategy: natGateways },
      subnetSpecs: [
        { type: 'Public', name: 'lb' },
        { type: 'Private', name: 'app', tags: { kind: 'app' } },
      ],
      subnetStrategy: 'Auto',
      enableDnsHostnames: true,
      tags: { owner: 'team' },
    },
    { providers: { aws: provider } },
  );
  const options = { provider };
  const found = aws.ec2.getSubnetsOutput(
    { region: OTHER, filters: [{ name: 'vpc-id', values: [network.vpcId] }], tags: { kind: 'app' } },
    options,
  );
  const standard = await aws.ec2.getVpc({ default: true, region: OTHER }, options);
  const bucket = new aws.s3.Bucket('store', { forceDestroy: true, tags: { a: '1' } }, options);
  const versioning = { bucket: bucket.id, versioningConfiguration: { status: 'Enabled' } };
  void new aws.s3.BucketVersioning('store', versioning, options);
  void new aws.s3.BucketPublicAccessBlock('store', { bucket: bucket.id, blockPublicAcls: true }, options);
  return {
    vpc: network.vpcId,
    cidr: network.vpc.apply((vpc) => vpc.cidrBlock),
    publicSubnets: network.publicSubnetIds,
    privateSubnets: network.privateSubnetIds,
    found: found.ids,
    standard: standard.id,
    bucket: bucket.bucket,
    tags: bucket.tagsAll,
    who: (await aws.getCallerIdentity({}, options)).accountId,
    zones: (await aws.getAvailabilityZones({ state: 'available' }, options)).names.length,
    policy: aws.iam.getPolicyDocumentOutput(
      { statements: [{ actions: ['s3:*'], resources: ['*'] }] },
      options,
    ).json,
  };
}

beforeAll(async () => {
  world = await PluginWorld.start();
  stack = await world.stack('network', program);
});

afterAll(() => world?.dispose());

describe('a network of awsx', () => {
  it('is made in its own region, with routes and a NAT gateway', async () => {
    const { steps, outputs } = await stack.up();
    expect(steps.filter((step) => step.startsWith('create '))).toHaveLength(24);
    const id = String(outputs['vpc']);
    const ec2 = world.plane.ec2(OTHER);
    const inVpc = { Filters: [{ Name: 'vpc-id', Values: [id] }] };
    const { Subnets = [] } = await ec2.send(new DescribeSubnetsCommand(inVpc));
    expect(Subnets.map((subnet) => `${subnet.CidrBlock} ${subnet.MapPublicIpOnLaunch}`).sort()).toEqual([
      '10.9.0.0/18 true',
      '10.9.128.0/18 true',
      '10.9.192.0/18 false',
      '10.9.64.0/18 false',
    ]);
    const { RouteTables = [] } = await ec2.send(new DescribeRouteTablesCommand(inVpc));
    const targets = RouteTables.flatMap((table) => table.Routes ?? []).map(
      (route) => route.NatGatewayId?.slice(0, 4) ?? route.GatewayId?.slice(0, 4),
    );
    expect(targets.filter((target) => target === 'nat-')).toHaveLength(2);
    expect(targets.filter((target) => target === 'igw-')).toHaveLength(2);
    expect(outputs).toMatchObject({ cidr: '10.9.0.0/16', tags: { a: '1', team: 'shop' }, zones: 3 });
    expect([...(outputs['found'] as string[])].sort()).toEqual(
      [...(outputs['privateSubnets'] as string[])].sort(),
    );
    expect(outputs['standard']).not.toBe(id);
    expect(JSON.parse(String(outputs['policy']))).toMatchObject({
      Statement: [{ Effect: 'Allow', Action: 's3:*', Resource: '*' }],
    });
  });

  it('is the same after that', async () => {
    expect((await stack.up()).steps).toEqual([]);
    expect(await stack.refresh()).toEqual([]);
  });

  it('loses its NAT gateway when the program has none', async () => {
    natGateways = 'None';
    expect((await stack.up()).steps).toEqual([
      'delete net-1',
      'delete net-1',
      'delete net-app-1',
      'delete net-app-2',
    ]);
    const { NatGateways = [] } = await world.plane.ec2(OTHER).send(new DescribeNatGatewaysCommand({}));
    expect(NatGateways.filter((one) => one.State === 'available')).toEqual([]);
  });

  it('goes away whole', async () => {
    await stack.destroy();
    const { Subnets = [] } = await world.plane.ec2(OTHER).send(new DescribeSubnetsCommand({}));
    expect(Subnets.filter((subnet) => subnet.CidrBlock?.startsWith('10.9.'))).toEqual([]);
  });
});
