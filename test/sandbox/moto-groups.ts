/** Auto Scaling groups of a test: creating them, and asking how they are. */
import {
  type Activity,
  type AutoScalingGroup,
  CreateAutoScalingGroupCommand,
  DeleteAutoScalingGroupCommand,
  DescribeAutoScalingGroupsCommand,
  DescribeScalingActivitiesCommand,
} from '@aws-sdk/client-auto-scaling';
import { DescribeTargetHealthCommand } from '@aws-sdk/client-elastic-load-balancing-v2';

import { must, until } from '../support/until';
import { type Balancer, Plane } from './moto-plane';

/** A control plane with a load balancer, whose blue target group every group of the test is attached to. */
export class Groups {
  private constructor(
    readonly plane: Plane,
    readonly template: string,
    readonly balancer: Balancer,
    readonly subnets: string,
  ) {}

  static async open(): Promise<Groups> {
    const plane = await Plane.start();
    try {
      const { template } = await plane.template('1.0.0');
      const balancer = await plane.balancer('shop-asg');
      return new Groups(plane, template, balancer, (await plane.subnets()).ids.join(','));
    } catch (problem) {
      await plane.dispose();
      throw problem;
    }
  }

  async create(name: string, desired: number, over: object = {}): Promise<void> {
    await this.plane.asg().send(
      new CreateAutoScalingGroupCommand({
        AutoScalingGroupName: name,
        MinSize: 0,
        MaxSize: 4,
        DesiredCapacity: desired,
        VPCZoneIdentifier: this.subnets,
        LaunchTemplate: { LaunchTemplateId: this.template, Version: '$Latest' },
        TargetGroupARNs: [this.balancer.blue],
        HealthCheckType: 'ELB',
        Tags: [{ Key: 'colour', Value: 'blue', PropagateAtLaunch: true }],
        ...over,
      }),
    );
  }

  async find(name: string): Promise<AutoScalingGroup | undefined> {
    const wanted = { AutoScalingGroupNames: [name] };
    const answer = await this.plane.asg().send(new DescribeAutoScalingGroupsCommand(wanted));
    return answer.AutoScalingGroups?.[0];
  }

  async members(name: string, lifecycle?: string): Promise<string[]> {
    const all = (await this.find(name))?.Instances ?? [];
    return all
      .filter((one) => !lifecycle || one.LifecycleState === lifecycle)
      .map((one) => must(one.InstanceId));
  }

  async activities(name: string): Promise<Activity[]> {
    const answer = await this.plane
      .asg()
      .send(new DescribeScalingActivitiesCommand({ AutoScalingGroupName: name }));
    return answer.Activities ?? [];
  }

  async targetStates(): Promise<Record<string, string>> {
    const { TargetHealthDescriptions = [] } = await this.plane
      .elb()
      .send(new DescribeTargetHealthCommand({ TargetGroupArn: this.balancer.blue }));
    return Object.fromEntries(
      TargetHealthDescriptions.map((one) => [must(one.Target?.Id), must(one.TargetHealth?.State)]),
    );
  }

  async remove(name: string): Promise<void> {
    await this.plane
      .asg()
      .send(new DeleteAutoScalingGroupCommand({ AutoScalingGroupName: name, ForceDelete: true }));
    await until(
      () => this.find(name),
      (found) => found === undefined,
    );
  }
}
