import { AutoScalingClient } from '@aws-sdk/client-auto-scaling';
import { CloudWatchClient, type MetricDataQuery } from '@aws-sdk/client-cloudwatch';
import { EC2Client } from '@aws-sdk/client-ec2';
import { ElasticLoadBalancingV2Client, type Action } from '@aws-sdk/client-elastic-load-balancing-v2';
import type { AwsClients } from '../../../../src/adapters/aws';
import { otherColour, type Colour } from '../../../../src/domain/colour';
import type { Capacity } from '../../../../src/domain/step';
import type { Clock } from '../../../../src/ports';
import type { Calls } from './calls';
import { metricData, metricStatistics } from './metric-data';

/** How long an instance takes from its launch until it is healthy. */
const BOOT_MILLISECONDS = 90_000;

/** A page of what EC2 answers with, where nobody asks for another (Amazon EC2 API reference, "Pagination"). */
const PAGE = 1000;

interface Group {
  name: string;
  version: string;
  minimum: number;
  maximum: number;
  desired: number;
  suspended: string[];
  launchedAt: number;
  ids: string[];
}

type Input = Record<string, unknown>;

/** One region of AWS in memory: a load balancer with rules, and two Auto Scaling groups. */
export class SimulatedRegion {
  readonly place;
  private readonly rules: { id: string; actions: Action[] }[] = [];
  private readonly groups = new Map<Colour, Group>();
  /** The group of each instance, by its id. */
  private readonly members = new Map<string, Group>();
  private launched = 0;

  constructor(
    readonly name: string,
    rules: number,
    private readonly calls: Calls,
    private readonly clock: Clock,
  ) {
    const arn = (rest: string): string => `arn:aws:elasticloadbalancing:${name}:123456789012:${rest}`;
    const listener = (port: number): string => arn(`listener/app/shop/1/${port}`);
    const group = (colour: Colour): string => arn(`targetgroup/shop-${colour}/${colour}`);
    this.place = {
      productionListenerArn: listener(443),
      testListenerArn: listener(8443),
      targetGroups: { blue: group('blue'), green: group('green') },
      loadBalancerArn: arn('loadbalancer/app/shop/1'),
      groups: { blue: 'shop-scale-blue', green: 'shop-scale-green' },
    };
    const { productionListenerArn, testListenerArn } = this.place;
    this.rules.push({ id: productionListenerArn, actions: this.forwards('blue') });
    this.rules.push({ id: testListenerArn, actions: this.forwards('green') });
    for (let index = 1; index < rules; index += 1)
      this.rules.push({ id: `${productionListenerArn}/rule-${index}`, actions: this.forwards('blue') });
  }

  /** What the engine makes of a fleet's stack; Auto Scaling launches what lacks. */
  applyFleet(colour: Colour, version: string, { minimum, maximum, desired }: Capacity): void {
    const before = this.groups.get(colour);
    const wanted = Math.min(Math.max(before?.desired ?? desired, minimum), maximum);
    const ids = (before?.ids ?? []).slice(0, wanted);
    const launchedAt = ids.length < wanted ? this.clock.now() : (before?.launchedAt ?? 0);
    while (ids.length < wanted) ids.push(`i-${(this.launched += 1).toString(16).padStart(17, '0')}`);
    const name = this.place.groups[colour];
    const suspended = before?.suspended ?? [];
    const group = { name, version, minimum, maximum, desired: wanted, suspended, launchedAt, ids };
    this.groups.set(colour, group);
    for (const id of before?.ids ?? []) this.members.delete(id);
    for (const id of ids) this.members.set(id, group);
  }

  /** The release that production answers with. */
  serving(): string | undefined {
    const actions = this.rules[0]?.actions[0]?.ForwardConfig?.TargetGroups ?? [];
    const { green } = this.place.targetGroups;
    const toGreen = actions.some(({ TargetGroupArn, Weight = 0 }) => TargetGroupArn === green && Weight > 50);
    return this.groups.get(toGreen ? 'green' : 'blue')?.version;
  }

  clients(): Pick<AwsClients, 'region' | 'autoScaling' | 'cloudWatch' | 'ec2' | 'elb'> {
    return {
      region: this.name,
      autoScaling: this.client('autoscaling', AutoScalingClient.prototype),
      cloudWatch: this.client('cloudwatch', CloudWatchClient.prototype),
      ec2: this.client('ec2', EC2Client.prototype),
      elb: this.client('elbv2', ElasticLoadBalancingV2Client.prototype),
    };
  }

  /** A client of the SDK's own kind, which paginators ask for, that sends nothing. */
  private client<C extends object>(service: string, prototype: C): C {
    const send = async (command: { input: Input; constructor: { name: string } }): Promise<unknown> => {
      const action = command.constructor.name.replace(/Command$/, '');
      await this.calls.make(this.name, service, action);
      return this.answer(action, command.input);
    };
    return Object.assign(Object.create(prototype) as C, { send });
  }

  private answer(action: string, input: Input): unknown {
    const answers: Record<string, () => unknown> = {
      DescribeListeners: () => this.listeners(listOf(input, 'ListenerArns')),
      DescribeRules: () => this.rulesOf(input),
      ModifyListener: () => this.modify(textOf(input, 'ListenerArn'), input['DefaultActions']),
      ModifyRule: () => this.modify(textOf(input, 'RuleArn'), input['Actions']),
      DescribeTargetHealth: () => this.targets(textOf(input, 'TargetGroupArn')),
      DescribeAutoScalingGroups: () => this.described(listOf(input, 'AutoScalingGroupNames')),
      DescribeScalingActivities: () => ({ Activities: [] }),
      SuspendProcesses: () => this.suspend(input, true),
      ResumeProcesses: () => this.suspend(input, false),
      UpdateAutoScalingGroup: () => this.update(input),
      DescribeInstances: () => this.instances(input),
      DescribeInstanceStatus: () => this.statuses(listOf(input, 'InstanceIds')),
      DescribeImages: () => ({}),
      GetMetricStatistics: () => metricStatistics(input, this.clock.now()),
      GetMetricData: () => metricData(input as { MetricDataQueries: MetricDataQuery[] }, this.clock.now()),
    };
    const found = answers[action];
    if (found === undefined) throw new Error(`the simulated region does not know ${action}`);
    return found();
  }

  private forwards(colour: Colour): Action[] {
    const { targetGroups } = this.place;
    const tuple = (one: Colour, Weight: number) => ({ TargetGroupArn: targetGroups[one], Weight });
    const TargetGroups = [tuple(colour, 100), tuple(otherColour(colour), 0)];
    return [{ Type: 'forward', ForwardConfig: { TargetGroups } }];
  }

  private listeners(arns: readonly string[]): unknown {
    const found = this.rules.filter(({ id }) => arns.includes(id));
    return { Listeners: found.map(({ id, actions }) => ({ ListenerArn: id, DefaultActions: actions })) };
  }

  private rulesOf(input: Input): unknown {
    atMost(input['PageSize'], 400, 'DescribeRules: PageSize');
    const listener = textOf(input, 'ListenerArn');
    const rules = this.rules.filter(({ id }) => id.startsWith(`${listener}/`));
    const own = this.rules.filter(({ id }) => id === listener);
    return {
      Rules: [
        ...rules.map(({ id, actions }, index) => ({
          RuleArn: id,
          Priority: String(index + 1),
          IsDefault: false,
          Conditions: [{ Field: 'path-pattern', PathPatternConfig: { Values: [`/r${index}/*`] } }],
          Actions: actions,
        })),
        ...own.map(({ actions }) => ({ IsDefault: true, Priority: 'default', Actions: actions })),
      ],
    };
  }

  private modify(id: string, actions: unknown): unknown {
    const rule = this.rules.find((one) => one.id === id);
    if (rule === undefined) throw new Error(`there is no rule ${id}`);
    rule.actions = actions as Action[];
    return {};
  }

  private targets(arn: string): unknown {
    const colour = arn === this.place.targetGroups.blue ? 'blue' : 'green';
    const group = this.groups.get(colour);
    const State = this.isUp(group) ? 'healthy' : 'initial';
    return {
      TargetHealthDescriptions: (group?.ids ?? []).map((Id) => ({ Target: { Id }, TargetHealth: { State } })),
    };
  }

  private described(names: readonly string[]): unknown {
    // Amazon EC2 Auto Scaling API reference, DescribeAutoScalingGroups: 50 names, or 100 with MaxRecords.
    atMost(names.length, 50, 'DescribeAutoScalingGroups: names');
    const found = [...this.groups.values()].filter(({ name }) => names.includes(name));
    return {
      AutoScalingGroups: found.map((group) => ({
        AutoScalingGroupName: group.name,
        ...{ MinSize: group.minimum, MaxSize: group.maximum, DesiredCapacity: group.desired },
        SuspendedProcesses: group.suspended.map((ProcessName) => ({ ProcessName })),
        Tags: [{ Key: 'version', Value: group.version }],
        Instances: group.ids.map((InstanceId) => ({
          InstanceId,
          LifecycleState: this.isUp(group) ? 'InService' : 'Pending',
        })),
      })),
    };
  }

  private instances(input: Input): unknown {
    const filters = (input['Filters'] ?? []) as { Values: string[] }[];
    const wanted = filters.flatMap(({ Values }) => Values);
    // Amazon EC2 API reference, "Filter": 200 values.
    for (const { Values } of filters) atMost(Values.length, 200, 'DescribeInstances: values of a filter');
    atMost(wanted.length, PAGE, 'DescribeInstances: instances without another page');
    const Instances = wanted.flatMap((InstanceId) => {
      const version = this.members.get(InstanceId)?.version;
      const Tags = [{ Key: 'version', Value: version }];
      return version === undefined ? [] : [{ InstanceId, ImageId: version, Tags }];
    });
    return { Reservations: [{ Instances }] };
  }

  private statuses(ids: readonly string[]): unknown {
    // Amazon EC2 API reference, DescribeInstanceStatus: 100 explicitly named instances.
    atMost(ids.length, 100, 'DescribeInstanceStatus: ids');
    const status = (id: string) => ({ Status: this.isUp(this.members.get(id)) ? 'ok' : 'initializing' });
    return {
      InstanceStatuses: ids.map((id) => ({
        InstanceId: id,
        InstanceStatus: status(id),
        SystemStatus: status(id),
      })),
    };
  }

  private suspend(input: Input, suspended: boolean): unknown {
    const group = this.groupOf(input);
    const processes = listOf(input, 'ScalingProcesses');
    const others = group.suspended.filter((one) => !processes.includes(one));
    group.suspended = suspended ? [...others, ...processes] : others;
    return {};
  }

  private update(input: Input): unknown {
    const group = this.groupOf(input);
    group.minimum = Number(input['MinSize'] ?? group.minimum);
    return {};
  }

  private groupOf(input: Input): Group {
    const name = textOf(input, 'AutoScalingGroupName');
    const group = [...this.groups.values()].find((one) => one.name === name);
    if (group === undefined) throw new Error(`there is no group ${name}`);
    return group;
  }

  private isUp(group: Group | undefined): boolean {
    return group !== undefined && this.clock.now() - group.launchedAt >= BOOT_MILLISECONDS;
  }
}

function textOf(input: Input, name: string): string {
  const value = input[name];
  return typeof value === 'string' ? value : '';
}

function listOf(input: Input, name: string): string[] {
  return (input[name] ?? []) as string[];
}

/** AWS refuses more, and a simulation that took it would prove nothing. */
function atMost(value: unknown, most: number, what: string): void {
  if (typeof value === 'number' && value > most) throw new Error(`${what}: ${value}, and AWS takes ${most}`);
}
