import { DescribeAlarmsCommand } from '@aws-sdk/client-cloudwatch';
import { DescribeSubnetsCommand, RunInstancesCommand } from '@aws-sdk/client-ec2';
import { DescribeAccountLimitsCommand } from '@aws-sdk/client-elastic-load-balancing-v2';
import type { EnvironmentConfig } from '../domain/config';
import { BasculeError, messageOf } from '../domain/errors';
import {
  known,
  unknown,
  type Known,
  type LaunchAnswer,
  type PreflightReading,
  type Subnet,
} from '../domain/preflight';
import type { Preflight, PreflightQuestion, RegionOutputs, ServiceOutputs } from '../ports';
import { createClients, type AwsClients } from './aws';
import { awsErrorName } from './aws-errors';
import { readVcpus } from './vcpus';

/** As long as one answer is waited for: nothing has begun yet, and what is not known refuses nothing. */
const PATIENCE_MS = 15_000;

/** EC2's answers that a launch with the same parameters would get as well, whoever asks. */
const REFUSALS = /^(VcpuLimitExceeded|InstanceLimitExceeded|OptInRequired|PendingVerification|Blocked)$/;

/** Asks AWS what it would let a new fleet have. */
export class AwsPreflight implements Preflight {
  constructor(
    private readonly config: Pick<EnvironmentConfig, 'fleet' | 'tags' | 'service'>,
    private readonly outputs: ServiceOutputs,
  ) {}

  async read(question: PreflightQuestion): Promise<PreflightReading> {
    const { region } = question;
    const clients = createClients(region);
    const place = this.outputs.regions[region];
    if (place === undefined) throw new Error(`the service stack has no region ${region}`);
    const { instanceTypes } = this.config.fleet;
    const [vcpus, subnets, targets, launch, alarms] = await Promise.all([
      readVcpus(clients, instanceTypes, attempt),
      attempt((abortSignal) => readSubnets(clients, place.instanceSubnetIds, abortSignal)),
      attempt((abortSignal) => readTargetLimits(clients, abortSignal)),
      // Even a launch that is not to be carried out is one that IAM must allow.
      question.readOnly === true ? null : this.readLaunch(clients, place, question),
      attempt((abortSignal) => readAlarms(clients, question.alarms, abortSignal)),
    ]);
    return { region, vcpus, subnets, targets, launch, alarms };
  }

  /**
   * A launch that EC2 is told not to carry out, as the launch template would have it. Auto Scaling checks the
   * same permission of whoever points a group at a template (Amazon EC2 Auto Scaling user guide, "Control
   * Amazon EC2 launch template usage").
   */
  private async readLaunch(
    { ec2 }: AwsClients,
    { instanceSubnetIds, instanceSecurityGroupId, instanceProfileName }: RegionOutputs,
    { imageId, version, colour }: PreflightQuestion,
  ): Promise<Known<LaunchAnswer>> {
    const { service, tags, fleet } = this.config;
    const { environment } = this.outputs;
    const all = { ...tags, service, environment, colour, version };
    const Tags = Object.entries(all).map(([Key, Value]) => ({ Key, Value }));
    const command = new RunInstancesCommand({
      DryRun: true,
      MinCount: 1,
      MaxCount: 1,
      ImageId: imageId,
      ...(fleet.instanceTypes[0] === undefined ? {} : { InstanceType: fleet.instanceTypes[0] as never }),
      IamInstanceProfile: { Name: instanceProfileName },
      MetadataOptions: { HttpTokens: 'required', HttpEndpoint: 'enabled' },
      NetworkInterfaces: [
        {
          DeviceIndex: 0,
          AssociatePublicIpAddress: false,
          Groups: [instanceSecurityGroupId],
          ...(instanceSubnetIds[0] === undefined ? {} : { SubnetId: instanceSubnetIds[0] }),
        },
      ],
      TagSpecifications: [
        { ResourceType: 'instance', Tags },
        { ResourceType: 'volume', Tags },
      ],
    });
    return attempt((abortSignal) =>
      ec2.send(command, { abortSignal }).then((): LaunchAnswer => ({ kind: 'allowed' }), launchAnswerOf),
    );
  }
}

/** @throws what says nothing about whether a launch is possible. */
function launchAnswerOf(thrown: unknown): LaunchAnswer {
  if (awsErrorName(thrown) === 'DryRunOperation') return { kind: 'allowed' };
  if (thrown instanceof BasculeError && thrown.code === 'BASCULE_AWS_DENIED') {
    // The rest is encoded, and only for whoever may decode it.
    const said = messageOf(thrown.cause).split(/\s*Encoded authorization failure message/)[0] ?? '';
    return { kind: 'denied', said };
  }
  if (REFUSALS.test(awsErrorName(thrown))) return { kind: 'refused', said: messageOf(thrown) };
  throw thrown;
}

/** An answer of AWS's, or why there was none. Only what concerns the right to go on at all is thrown. */
export async function attempt<T>(work: (signal: AbortSignal) => Promise<T>): Promise<Known<T>> {
  const signal = AbortSignal.timeout(PATIENCE_MS);
  try {
    return known(await work(signal));
  } catch (thrown) {
    if (thrown instanceof BasculeError && !thrown.code.startsWith('BASCULE_AWS_')) throw thrown;
    return unknown(signal.aborted ? `no answer within ${PATIENCE_MS / 1000} s` : messageOf(thrown));
  }
}

async function readSubnets({ ec2 }: AwsClients, ids: string[], abortSignal: AbortSignal): Promise<Subnet[]> {
  const answer = await ec2.send(new DescribeSubnetsCommand({ SubnetIds: ids }), { abortSignal });
  const subnets = (answer.Subnets ?? []).flatMap(({ SubnetId, AvailabilityZone, AvailableIpAddressCount }) =>
    AvailableIpAddressCount === undefined
      ? []
      : [{ id: SubnetId ?? '', zone: AvailabilityZone ?? '', free: AvailableIpAddressCount }],
  );
  if (subnets.length < ids.length) throw new Error('AWS did not describe all of them');
  return subnets;
}

async function readTargetLimits(
  { elb }: AwsClients,
  abortSignal: AbortSignal,
): Promise<{ perGroup: number | null; perLoadBalancer: number | null }> {
  const limits = new Map<string, number>();
  let Marker: string | undefined;
  do {
    const page = await elb.send(new DescribeAccountLimitsCommand(Marker === undefined ? {} : { Marker }), {
      abortSignal,
    });
    for (const { Name, Max } of page.Limits ?? []) limits.set(Name ?? '', Number(Max));
    Marker = page.NextMarker === '' ? undefined : page.NextMarker;
  } while (Marker !== undefined);
  return {
    perGroup: limits.get('targets-per-target-group') ?? null,
    perLoadBalancer: limits.get('targets-per-application-load-balancer') ?? null,
  };
}

/** DescribeAlarms takes 100 names at once; a check names few. */
async function readAlarms(
  { cloudWatch }: AwsClients,
  names: string[],
  abortSignal: AbortSignal,
): Promise<{ name: string; state: string | null }[]> {
  if (names.length === 0) return [];
  const states = new Map<string, string>();
  for (let from = 0; from < names.length; from += 100) {
    const answer = await cloudWatch.send(
      new DescribeAlarmsCommand({
        AlarmNames: names.slice(from, from + 100),
        AlarmTypes: ['MetricAlarm', 'CompositeAlarm'],
        MaxRecords: 100,
      }),
      { abortSignal },
    );
    for (const { AlarmName, StateValue } of [
      ...(answer.MetricAlarms ?? []),
      ...(answer.CompositeAlarms ?? []),
    ])
      states.set(AlarmName ?? '', StateValue ?? '');
  }
  return names.map((name) => ({ name, state: states.get(name) ?? null }));
}
