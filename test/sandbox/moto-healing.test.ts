import {
  ResumeProcessesCommand,
  SetDesiredCapacityCommand,
  SetInstanceHealthCommand,
  SuspendProcessesCommand,
  TerminateInstanceInAutoScalingGroupCommand,
} from '@aws-sdk/client-auto-scaling';
import { DeregisterImageCommand, StopInstancesCommand, TerminateInstancesCommand } from '@aws-sdk/client-ec2';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';

import { Groups } from './moto-groups';
import { must, until } from '../support/until';
import { type Plane } from './moto-plane';

describe('how Auto Scaling groups of the control plane heal and shrink', () => {
  let groups: Groups;
  let plane: Plane;

  beforeAll(async () => {
    groups = await Groups.open();
    ({ plane } = groups);
  });
  afterAll(async () => groups?.plane.dispose());

  it('drains an instance that leaves before it terminates it', async () => {
    await groups.create('drains', 2);
    await plane.observeAll();
    await plane.observeAll();
    const before = await groups.members('drains', 'InService');
    const states = await groups.targetStates();
    expect(before.map((id) => states[id])).toEqual(['healthy', 'healthy']);

    await plane
      .asg()
      .send(new SetDesiredCapacityCommand({ AutoScalingGroupName: 'drains', DesiredCapacity: 1 }));
    const [leaving] = await groups.members('drains', 'Terminating');
    expect(before).toContain(leaving);
    expect((await groups.targetStates())[must(leaving)]).toBe('draining');
    const [activity] = await groups.activities('drains');
    expect(activity).toMatchObject({ StatusCode: 'WaitingForELBConnectionDraining' });
    expect((await plane.state()).instances.find((one) => one.id === leaving)?.state).toBe('running');

    await until(
      () => groups.members('drains'),
      (left) => !left.includes(must(leaving)),
    );
    expect((await plane.state()).instances.find((one) => one.id === leaving)?.state).toBe('terminated');
    expect(Object.keys(await groups.targetStates())).not.toContain(leaving);
    expect((await groups.activities('drains'))[0]).toMatchObject({ StatusCode: 'Successful' });
    await groups.remove('drains');
  });

  it('replaces what its health checks find unhealthy, after the grace period only', async () => {
    await groups.create('heals', 1, { HealthCheckGracePeriod: 1 });
    await plane.observeAll();
    const [first] = await groups.members('heals', 'InService');
    const sick = {
      state: 'unhealthy',
      reason: 'Target.ResponseCodeMismatch',
      description: 'codes: [500]',
    } as const;
    await plane.observeAll({}, sick);
    expect(await groups.members('heals', 'InService')).toEqual([first]);
    await until(
      () => groups.members('heals', 'Terminating'),
      (ids) => ids.includes(must(first)),
    );
    expect(await groups.members('heals', 'Pending')).toHaveLength(1);
    const causes = (await groups.activities('heals')).map((one) => one.Cause).join('\n');
    expect(causes).toContain('an ELB system health check failure');
    expect(causes).toContain('in response to an unhealthy instance needing to be replaced');

    await plane.observeAll();
    const second = must((await groups.members('heals', 'InService'))[0]);
    await plane.observeAll({ process: 'exited', exitCode: 1, pid: null });
    await until(
      () => groups.members('heals', 'Terminating'),
      (ids) => ids.includes(second),
    );
    await groups.remove('heals');
  });

  it('honours suspended processes and reads them back', async () => {
    await groups.create('suspended', 1);
    await plane.observeAll();
    const [member] = await groups.members('suspended', 'InService');
    const name = { AutoScalingGroupName: 'suspended' };
    const suspend = (...ScalingProcesses: string[]) =>
      plane.asg().send(new SuspendProcessesCommand({ ...name, ScalingProcesses }));
    await suspend('Launch', 'ReplaceUnhealthy', 'AddToLoadBalancer');
    const suspended = (await groups.find('suspended'))?.SuspendedProcesses;
    expect(suspended?.map((one) => one.ProcessName)).toEqual([
      'AddToLoadBalancer',
      'Launch',
      'ReplaceUnhealthy',
    ]);
    expect(suspended?.[0]?.SuspensionReason).toMatch(/^User suspended at /);

    await plane.asg().send(new SetInstanceHealthCommand({ InstanceId: member, HealthStatus: 'Unhealthy' }));
    await plane.asg().send(new SetDesiredCapacityCommand({ ...name, DesiredCapacity: 2 }));
    await plane.observeAll();
    expect(await groups.members('suspended', 'InService')).toEqual([member]);

    const resume = (...ScalingProcesses: string[]) =>
      plane.asg().send(new ResumeProcessesCommand({ ...name, ScalingProcesses }));
    await resume('Launch', 'ReplaceUnhealthy');
    await until(
      () => groups.members('suspended', 'Pending'),
      (ids) => ids.length === 2,
    );
    await plane.observeAll();
    const added = (await groups.members('suspended', 'InService')).filter((id) => id !== member);
    expect(added).toHaveLength(2);
    expect(Object.keys(await groups.targetStates())).not.toEqual(expect.arrayContaining([added[0]]));
    await resume();
    expect((await groups.find('suspended'))?.SuspendedProcesses).toEqual([]);
    await groups.remove('suspended');
  });

  it('replaces a member that was terminated behind its back, and one it is told to terminate', async () => {
    await groups.create('replaced', 1);
    await plane.observeAll();
    const [first] = await groups.members('replaced', 'InService');
    await plane.ec2().send(new TerminateInstancesCommand({ InstanceIds: [must(first)] }));
    const [second] = await until(
      () => groups.members('replaced', 'Pending'),
      (ids) => ids.length === 1,
    );
    expect(second).not.toBe(first);
    const causes = (await groups.activities('replaced')).map((one) => one.Cause).join('\n');
    expect(causes).toContain('an EC2 health check indicating it has been terminated or stopped');

    await plane.observeAll();
    await plane.asg().send(
      new TerminateInstanceInAutoScalingGroupCommand({
        InstanceId: second,
        ShouldDecrementDesiredCapacity: true,
      }),
    );
    expect((await groups.find('replaced'))?.DesiredCapacity).toBe(0);
    await until(
      () => groups.members('replaced'),
      (ids) => ids.length === 0,
    );
    await groups.remove('replaced');
  });

  it("fails launches with AWS's words while capacity is short, and goes on when it is back", async () => {
    await plane.faults([{ kind: 'capacity-error', autoScalingGroup: 'short' }]);
    await groups.create('short', 1);
    expect(await groups.members('short')).toEqual([]);
    const [failed] = await groups.activities('short');
    expect(failed).toMatchObject({ StatusCode: 'Failed', Progress: 100 });
    expect(failed?.StatusMessage).toMatch(
      /^We currently do not have sufficient t3\.small capacity in the Availability Zone you requested \(eu-west-3/,
    );
    expect(failed?.StatusMessage).toMatch(/Launching EC2 instance failed\.$/);
    await plane.faults([]);
    await until(
      () => groups.members('short', 'Pending'),
      (ids) => ids.length === 1,
    );
    await groups.remove('short');
  });

  it('replaces a member that was stopped, and refuses a group on an image that is gone', async () => {
    await groups.create('stopped', 1);
    await plane.observeAll();
    const [first] = await groups.members('stopped', 'InService');
    await plane.ec2().send(new StopInstancesCommand({ InstanceIds: [must(first)] }));
    const left = await until(
      () => groups.members('stopped'),
      (ids) => !ids.includes(must(first)),
    );
    expect(left).toHaveLength(1);
    const { image, template: other } = await plane.template('gone');
    await plane.ec2().send(new DeregisterImageCommand({ ImageId: image }));
    const LaunchTemplate = { LaunchTemplateId: other };
    await expect(groups.create('gone', 1, { LaunchTemplate })).rejects.toThrow(
      `The image id '[${image}]' does not exist`,
    );
    expect(await groups.find('gone')).toBeUndefined();
    await groups.remove('stopped');
  });
});
