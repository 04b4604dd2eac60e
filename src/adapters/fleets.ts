import { stripVTControlCharacters } from 'node:util';
import {
  DescribeAutoScalingGroupsCommand,
  DescribeScalingActivitiesCommand,
  ResumeProcessesCommand,
  SuspendProcessesCommand,
  UpdateAutoScalingGroupCommand,
  type AutoScalingGroup,
} from '@aws-sdk/client-auto-scaling';
import {
  DescribeInstanceStatusCommand,
  GetConsoleOutputCommand,
  paginateDescribeInstances,
  type InstanceStatus,
} from '@aws-sdk/client-ec2';
import {
  DescribeTargetHealthCommand,
  type TargetHealthDescription,
} from '@aws-sdk/client-elastic-load-balancing-v2';
import type { Colour } from '../domain/colour';
import type {
  FleetLimits,
  FleetReading,
  InstanceReading,
  ScalingActivity,
  StatusCheck,
  TargetHealth,
} from '../domain/fleet';
import type { Fleets } from '../ports';
import type { AwsClients } from './aws';
import { awsErrorName } from './aws-errors';

/** As many values as a filter of EC2 takes (Amazon EC2 API reference, "Filter"). */
const FILTER_VALUES = 200;

interface Launched {
  version: string | null;
  imageId: string | null;
}

export interface FleetPlace {
  /** The names of the Auto Scaling groups. */
  groups: Record<Colour, string>;
  targetGroups: Record<Colour, string>;
}

/** The Auto Scaling groups of one region. */
export class AwsFleets implements Fleets {
  constructor(
    private readonly clients: Pick<AwsClients, 'region' | 'autoScaling' | 'ec2' | 'elb'>,
    private readonly place: FleetPlace,
  ) {}

  get groups(): Record<Colour, string> {
    return this.place.groups;
  }

  async read(colour: Colour): Promise<FleetReading | undefined> {
    const name = this.place.groups[colour];
    const group = (await this.describe([name])).get(name);
    if (group === undefined) return undefined;
    const ids = (group.Instances ?? []).flatMap((one) => one.InstanceId ?? []);
    const [activities, launched, checks, targets] = await Promise.all([
      this.activities(name),
      this.launched(ids),
      this.statusChecks(ids),
      this.targets(colour),
    ]);
    return {
      region: this.clients.region,
      colour,
      autoScalingGroup: name,
      ...limitsOf(group),
      version: group.Tags?.find((tag) => tag.Key === 'version')?.Value ?? null,
      instances: (group.Instances ?? []).map((one): InstanceReading => {
        const id = one.InstanceId ?? '';
        const target = targets.get(id);
        return {
          id,
          version: launched.get(id)?.version ?? null,
          imageId: launched.get(id)?.imageId ?? null,
          lifecycle: one.LifecycleState ?? 'unknown',
          statusCheck: checks.get(id) ?? 'unknown',
          target: (target?.TargetHealth?.State as TargetHealth | undefined) ?? 'unregistered',
          targetReason: reasonText(target),
        };
      }),
      activities,
    };
  }

  async limits(): Promise<Record<Colour, FleetLimits | undefined>> {
    const { blue, green } = this.place.groups;
    const groups = await this.describe([blue, green]);
    const limits = (name: string): FleetLimits | undefined => {
      const group = groups.get(name);
      return group === undefined ? undefined : limitsOf(group);
    };
    return { blue: limits(blue), green: limits(green) };
  }

  async suspend(colour: Colour, processes: readonly string[]): Promise<void> {
    const input = { AutoScalingGroupName: this.place.groups[colour], ScalingProcesses: [...processes] };
    await this.clients.autoScaling.send(new SuspendProcessesCommand(input));
  }

  async resume(colour: Colour, processes: readonly string[]): Promise<void> {
    const input = { AutoScalingGroupName: this.place.groups[colour], ScalingProcesses: [...processes] };
    await this.clients.autoScaling.send(new ResumeProcessesCommand(input));
  }

  async setMinimum(colour: Colour, minimum: number): Promise<void> {
    const input = { AutoScalingGroupName: this.place.groups[colour], MinSize: minimum };
    await this.clients.autoScaling.send(new UpdateAutoScalingGroupCommand(input));
  }

  async consoleTail(instanceId: string, lines: number): Promise<string[]> {
    const text = Buffer.from(await this.console(instanceId), 'base64').toString('utf8');
    // Control characters of a console would move the cursor of whoever reads the message.
    const clean = stripVTControlCharacters(text).replace(/[^\P{C}\n\t]/gu, '');
    return clean
      .split('\n')
      .map((line) => line.trimEnd())
      .filter((line) => line !== '')
      .slice(-lines);
  }

  private async console(instanceId: string): Promise<string> {
    const { ec2 } = this.clients;
    try {
      return (
        (await ec2.send(new GetConsoleOutputCommand({ InstanceId: instanceId, Latest: true }))).Output ?? ''
      );
    } catch (thrown) {
      const name = awsErrorName(thrown);
      if (name.startsWith('InvalidInstanceID')) return '';
      // Only Nitro instances have the latest output; the others keep what they printed at boot.
      if (name !== 'UnsupportedOperation' && name !== 'InvalidParameterCombination') throw thrown;
      return (await ec2.send(new GetConsoleOutputCommand({ InstanceId: instanceId }))).Output ?? '';
    }
  }

  private async describe(names: readonly string[]): Promise<Map<string, AutoScalingGroup>> {
    const answer = await this.clients.autoScaling.send(
      new DescribeAutoScalingGroupsCommand({ AutoScalingGroupNames: [...names] }),
    );
    return new Map((answer.AutoScalingGroups ?? []).map((one) => [one.AutoScalingGroupName ?? '', one]));
  }

  private async activities(name: string): Promise<ScalingActivity[]> {
    const answer = await this.clients.autoScaling.send(
      new DescribeScalingActivitiesCommand({ AutoScalingGroupName: name, MaxRecords: 50 }),
    );
    return (answer.Activities ?? []).map((one) => ({
      at: one.StartTime?.getTime() ?? 0,
      status: one.StatusCode ?? '',
      description: one.Description ?? '',
      message: one.StatusMessage ?? '',
    }));
  }

  private async launched(ids: readonly string[]): Promise<Map<string, Launched>> {
    const found = new Map<string, Launched>();
    for (let from = 0; from < ids.length; from += FILTER_VALUES) {
      // By filter and not by id: an instance that ended between two reads would fail the whole call.
      const Filters = [{ Name: 'instance-id', Values: ids.slice(from, from + FILTER_VALUES) }];
      for await (const page of paginateDescribeInstances({ client: this.clients.ec2 }, { Filters }))
        for (const { InstanceId, ImageId, Tags } of (page.Reservations ?? []).flatMap(
          ({ Instances = [] }) => Instances,
        ))
          if (InstanceId !== undefined)
            found.set(InstanceId, {
              version: Tags?.find((tag) => tag.Key === 'version')?.Value ?? null,
              imageId: ImageId ?? null,
            });
    }
    return found;
  }

  private async statusChecks(ids: readonly string[]): Promise<Map<string, StatusCheck>> {
    const checks = new Map<string, StatusCheck>();
    if (ids.length === 0) return checks;
    for (let from = 0; from < ids.length; from += 100) {
      const InstanceIds = ids.slice(from, from + 100);
      const answer = await this.clients.ec2
        .send(new DescribeInstanceStatusCommand({ InstanceIds }))
        .catch((thrown: unknown) => {
          // One instance that ended meanwhile fails the call for all: they stay unknown, and a gate stays shut.
          if (awsErrorName(thrown).startsWith('InvalidInstanceID')) return { InstanceStatuses: [] };
          throw thrown;
        });
      for (const one of answer.InstanceStatuses ?? [])
        if (one.InstanceId !== undefined) checks.set(one.InstanceId, worseOf(one));
    }
    return checks;
  }

  private async targets(colour: Colour): Promise<Map<string, TargetHealthDescription>> {
    const answer = await this.clients.elb.send(
      new DescribeTargetHealthCommand({ TargetGroupArn: this.place.targetGroups[colour] }),
    );
    return new Map((answer.TargetHealthDescriptions ?? []).map((one) => [one.Target?.Id ?? '', one]));
  }
}

function limitsOf(group: AutoScalingGroup): FleetLimits {
  return {
    minimum: group.MinSize ?? 0,
    maximum: group.MaxSize ?? 0,
    desired: group.DesiredCapacity ?? 0,
    suspended: (group.SuspendedProcesses ?? []).flatMap((one) => one.ProcessName ?? []).sort(),
  };
}

function worseOf(status: InstanceStatus): StatusCheck {
  const states = [status.InstanceStatus?.Status, status.SystemStatus?.Status];
  if (states.every((state) => state === 'ok')) return 'ok';
  if (states.includes('impaired')) return 'impaired';
  return states.includes('initializing') ? 'initializing' : 'unknown';
}

function reasonText(target: TargetHealthDescription | undefined): string {
  const { Reason, Description } = target?.TargetHealth ?? {};
  return [Reason, Description].filter((one) => one !== undefined && one !== '').join(': ');
}
