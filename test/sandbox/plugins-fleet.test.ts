import {
  DescribeAutoScalingGroupsCommand,
  SetDesiredCapacityCommand,
  UpdateAutoScalingGroupCommand,
} from '@aws-sdk/client-auto-scaling';
import { DescribeLaunchTemplateVersionsCommand, RegisterImageCommand } from '@aws-sdk/client-ec2';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { fleet, type FleetOptions } from './plugins-programs';
import { PluginWorld, type TestStack } from './plugins-world';
import { must } from '../support/until';

let world: PluginWorld;
let stack: TestStack;
let options: FleetOptions;

async function image(version: string): Promise<string> {
  const { ImageId } = await world.plane.ec2().send(new RegisterImageCommand({ Name: `shop-${version}` }));
  return must(ImageId);
}

async function group() {
  const { AutoScalingGroups } = await world.plane
    .asg()
    .send(new DescribeAutoScalingGroupsCommand({ AutoScalingGroupNames: ['shop-test-blue'] }));
  return AutoScalingGroups?.[0];
}

beforeAll(async () => {
  world = await PluginWorld.start();
  options = { version: '1.0.0', image: await image('1.0.0'), subnets: (await world.plane.subnets()).ids };
  stack = await world.stack('fleet', async () => {
    const { template, group: fleetGroup } = fleet(options);
    return { template: template.id, latest: template.latestVersion, name: fleetGroup.name };
  });
});

afterAll(() => world?.dispose());

describe('a fleet stack', () => {
  it('is made, and is the same after that', async () => {
    const { steps, outputs } = await stack.up();
    expect(steps).toHaveLength(7);
    expect(outputs).toMatchObject({ latest: 1, name: 'shop-test-blue' });
    expect(await group()).toMatchObject({
      MinSize: 1,
      MaxSize: 3,
      DesiredCapacity: 2,
      HealthCheckType: 'ELB',
    });
    expect(await stack.preview()).toEqual([]);
    expect((await stack.up()).steps).toEqual([]);
    expect(await stack.refresh()).toEqual([]);
  });

  it('gets a new version of its template for a new release', async () => {
    options = { ...options, version: '2.0.0', image: await image('2.0.0') };
    expect(await stack.preview()).toEqual([
      'update fleet (description, imageId, tagSpecifications[0].tags.version, tags.version, userData)',
      'update fleet (launchTemplate.version, tags)',
    ]);
    const { outputs } = await stack.up();
    expect(outputs['latest']).toBe(2);
    const LaunchTemplateId = outputs['template'] as string;
    const { LaunchTemplateVersions } = await world.plane
      .ec2()
      .send(new DescribeLaunchTemplateVersionsCommand({ LaunchTemplateId, Versions: ['$Default'] }));
    const data = must(LaunchTemplateVersions?.[0]);
    expect(data.VersionNumber).toBe(2);
    expect(data.LaunchTemplateData).toMatchObject({
      ImageId: options.image,
      MetadataOptions: { HttpTokens: 'required' },
      BlockDeviceMappings: [{ Ebs: { Encrypted: true, VolumeType: 'gp3' } }],
    });
    expect((await group())?.LaunchTemplate?.Version).toBe('2');
    expect((await stack.up()).steps).toEqual([]);
    expect(await stack.refresh()).toEqual([]);
  });

  it('keeps the capacity that others decided', async () => {
    await world.plane
      .asg()
      .send(new SetDesiredCapacityCommand({ AutoScalingGroupName: 'shop-test-blue', DesiredCapacity: 3 }));
    options = { ...options, maximum: 4 };
    expect((await stack.up()).steps).toEqual(['update fleet (maxSize)']);
    expect(await group()).toMatchObject({ MaxSize: 4, DesiredCapacity: 3 });
    await stack.refresh();
    options = { ...options, maximum: 5 };
    await stack.up();
    expect(await group()).toMatchObject({ MaxSize: 5, DesiredCapacity: 3 });
  });

  it('notices what others changed, and puts it right', async () => {
    const foreign = { AutoScalingGroupName: 'shop-test-blue', MaxSize: 9, HealthCheckGracePeriod: 77 };
    await world.plane.asg().send(new UpdateAutoScalingGroupCommand(foreign));
    expect(await stack.refresh()).toEqual(['update fleet (healthCheckGracePeriod, maxSize)']);
    expect((await stack.up()).steps).toEqual(['update fleet (healthCheckGracePeriod, maxSize)']);
    expect(await group()).toMatchObject({ MaxSize: 5, HealthCheckGracePeriod: 30 });
  });

  it('takes several instance types', async () => {
    options = { ...options, instanceTypes: ['t3.small', 't3.medium'] };
    await stack.up();
    const policy = (await group())?.MixedInstancesPolicy;
    expect(policy?.LaunchTemplate?.Overrides?.map((one) => one.InstanceType)).toEqual([
      't3.small',
      't3.medium',
    ]);
    expect((await stack.up()).steps).toEqual([]);
    expect(await stack.refresh()).toEqual([]);
  });

  it('goes away with its instances', async () => {
    await stack.destroy();
    expect(await group()).toBeUndefined();
    const { instances } = await world.plane.state();
    expect(instances.filter((one) => one.state === 'running' || one.state === 'pending')).toEqual([]);
  });
});
