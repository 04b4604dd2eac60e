import {
  DeleteAutoScalingGroupCommand,
  DescribeScalingActivitiesCommand,
  SetDesiredCapacityCommand,
  UpdateAutoScalingGroupCommand,
} from '@aws-sdk/client-auto-scaling';
import { CreateLaunchTemplateVersionCommand, DescribeInstancesCommand } from '@aws-sdk/client-ec2';
import { CreateInstanceProfileCommand } from '@aws-sdk/client-iam';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';

import { Groups } from './moto-groups';
import { must } from '../support/until';
import { type Plane } from './moto-plane';

describe('Auto Scaling groups in the control plane', () => {
  let groups: Groups;
  let plane: Plane;

  beforeAll(async () => {
    groups = await Groups.open();
    ({ plane } = groups);
  });
  afterAll(async () => groups?.plane.dispose());

  it('keeps instances Pending until their process runs, and records the launches', async () => {
    await groups.create('pending', 2);
    const first = must(await groups.find('pending'));
    expect(first.Instances?.map((one) => one.LifecycleState)).toEqual(['Pending', 'Pending']);
    expect(first.HealthCheckGracePeriod).toBe(0);
    expect(new Set(first.Instances?.map((one) => one.AvailabilityZone)).size).toBe(2);
    expect((await groups.activities('pending')).map((one) => one.StatusCode)).toEqual([
      'PreInService',
      'PreInService',
    ]);

    await plane.observeAll();
    expect(await groups.members('pending', 'InService')).toHaveLength(2);
    const [newest] = await groups.activities('pending');
    expect(newest).toMatchObject({ StatusCode: 'Successful', Progress: 100 });
    expect(newest?.Description).toMatch(/^Launching a new EC2 instance: i-/);
    expect(newest?.Cause).toContain('changing the desired capacity from 0 to 2');
    const page = await plane
      .asg()
      .send(new DescribeScalingActivitiesCommand({ AutoScalingGroupName: 'pending', MaxRecords: 1 }));
    const next = await plane
      .asg()
      .send(
        new DescribeScalingActivitiesCommand({ AutoScalingGroupName: 'pending', NextToken: page.NextToken }),
      );
    expect(page.Activities).toHaveLength(1);
    expect(next.Activities).toHaveLength(1);
    expect(next.Activities?.[0]?.ActivityId).not.toBe(page.Activities?.[0]?.ActivityId);
    await groups.remove('pending');
  });

  it('launches from the template version in force, with the tags of group and template', async () => {
    const { image } = await plane.template('1.1.0');
    await plane.ec2().send(
      new CreateLaunchTemplateVersionCommand({
        LaunchTemplateId: groups.template,
        SourceVersion: '1',
        LaunchTemplateData: { ImageId: image, UserData: Buffer.from('#!/bin/sh').toString('base64') },
      }),
    );
    await groups.create('versions', 1, {
      LaunchTemplate: { LaunchTemplateId: groups.template, Version: '2' },
    });
    const member = must((await groups.find('versions'))?.Instances?.[0]);
    expect(member.LaunchTemplate).toMatchObject({ LaunchTemplateId: groups.template, Version: '2' });
    const described = await plane
      .ec2()
      .send(new DescribeInstancesCommand({ InstanceIds: [must(member.InstanceId)] }));
    const instance = must(described.Reservations?.[0]?.Instances?.[0]);
    expect(instance).toMatchObject({ ImageId: image, InstanceType: 't3.small' });
    const shown = (await plane.state()).instances.find((one) => one.id === member.InstanceId);
    expect(shown).toMatchObject({ userData: '#!/bin/sh', autoScalingGroup: 'versions' });
    expect(shown?.tags).toMatchObject({ from: 'template' });
    expect(instance.LaunchTime).toBeInstanceOf(Date);
    const tags = Object.fromEntries((instance.Tags ?? []).map((tag) => [tag.Key, tag.Value]));
    expect(tags).toMatchObject({ colour: 'blue', 'aws:autoscaling:groupName': 'versions' });

    await plane.asg().send(
      new UpdateAutoScalingGroupCommand({
        AutoScalingGroupName: 'versions',
        LaunchTemplate: { LaunchTemplateId: groups.template, Version: '1' },
        DesiredCapacity: 2,
      }),
    );
    const versions = (await groups.find('versions'))?.Instances?.map((one) => one.LaunchTemplate?.Version);
    expect(versions).toEqual(['2', '1']);
    const state = await plane.state();
    const fromTemplate = state.instances.filter((one) => one.tags.from === 'template');
    expect(fromTemplate.map((one) => one.imageTags.version)).toContain('1.0.0');
    await groups.remove('versions');
  });

  it('refuses capacities outside of the limits, and moves desired only as far as new limits require', async () => {
    await groups.create('limits', 1, { MinSize: 1, MaxSize: 3 });
    const asg = plane.asg();
    const AutoScalingGroupName = 'limits';
    await expect(
      asg.send(new SetDesiredCapacityCommand({ AutoScalingGroupName, DesiredCapacity: 4 })),
    ).rejects.toThrow('New SetDesiredCapacity value 4 is above max value 3 for the AutoScalingGroup.');
    await expect(
      asg.send(new SetDesiredCapacityCommand({ AutoScalingGroupName, DesiredCapacity: 0 })),
    ).rejects.toMatchObject({ name: 'ValidationError' });
    await expect(
      asg.send(new UpdateAutoScalingGroupCommand({ AutoScalingGroupName, MinSize: 4 })),
    ).rejects.toMatchObject({ name: 'ValidationError' });
    await asg.send(new UpdateAutoScalingGroupCommand({ AutoScalingGroupName, MinSize: 2, MaxSize: 3 }));
    expect((await groups.find('limits'))?.DesiredCapacity).toBe(2);
    await expect(
      asg.send(new SetDesiredCapacityCommand({ AutoScalingGroupName: 'none', DesiredCapacity: 1 })),
    ).rejects.toMatchObject({ name: 'ValidationError' });
    await expect(groups.create('limits', 1)).rejects.toMatchObject({ name: 'AlreadyExistsFault' });
    await groups.remove('limits');
  });

  it('gives instances the profile of their template, and fails the launch when there is none', async () => {
    const iam = plane.iam();
    await iam.send(new CreateInstanceProfileCommand({ InstanceProfileName: 'app' }));
    const { image, template: profiled } = await plane.template('profiled');
    const version = async (Name: string) => {
      const { LaunchTemplateVersion } = await plane.ec2().send(
        new CreateLaunchTemplateVersionCommand({
          LaunchTemplateId: profiled,
          LaunchTemplateData: { ImageId: image, InstanceType: 't3.small', IamInstanceProfile: { Name } },
        }),
      );
      return { LaunchTemplateId: profiled, Version: String(LaunchTemplateVersion?.VersionNumber) };
    };
    await groups.create('profiled', 1, { LaunchTemplate: await version('app') });
    const [id] = await groups.members('profiled', 'Pending');
    const described = await plane.ec2().send(new DescribeInstancesCommand({ InstanceIds: [must(id)] }));
    expect(described.Reservations?.[0]?.Instances?.[0]?.IamInstanceProfile?.Arn).toMatch(
      /instance-profile\/app$/,
    );
    await groups.remove('profiled');

    await groups.create('orphan', 1, { LaunchTemplate: await version('missing') });
    expect(await groups.members('orphan')).toEqual([]);
    const [failed] = await groups.activities('orphan');
    expect(failed).toMatchObject({ StatusCode: 'Failed' });
    expect(failed?.StatusMessage).toMatch(/^Invalid IAM Instance Profile.*Launching EC2 instance failed\.$/);
    await groups.remove('orphan');
  });

  it('refuses to delete a group that has instances unless forced', async () => {
    await groups.create('kept', 1);
    await expect(
      plane.asg().send(new DeleteAutoScalingGroupCommand({ AutoScalingGroupName: 'kept' })),
    ).rejects.toMatchObject({ name: 'ResourceInUseFault' });
    const [member] = await groups.members('kept');
    await groups.remove('kept');
    expect((await plane.state()).instances.find((one) => one.id === member)?.state).toBe('terminated');
  });
});
