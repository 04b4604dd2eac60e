import type { autoscaling } from '@pulumi/aws';
import type { AutoScalingGroup } from '@aws-sdk/client-auto-scaling';
import type { Failure } from '../../model/plugin';
import { nameAtCreation } from '../../model/naming';
import { isUnknown } from '../../rpc/values';
import { awsType, type AwsContext } from '../context';
import { codeOf, ifFound } from '../errors';
import { given } from '../specs';
import { waitForCapacity } from './capacity';
import { GROUP_INPUTS } from './group-inputs';
import { groupTagsOf, settingsOf, stateOf, type GroupArgs } from './group-state';

const SETTINGS = [
  'launchTemplate',
  'mixedInstancesPolicy',
  'availabilityZones',
  'vpcZoneIdentifiers',
  'healthCheckType',
  'healthCheckGracePeriod',
  'defaultCooldown',
  'defaultInstanceWarmup',
  'capacityRebalance',
  'protectFromScaleIn',
  'maxInstanceLifetime',
  'terminationPolicies',
  'instanceMaintenancePolicy',
  'serviceLinkedRoleArn',
] as const;
const SIZES = ['minSize', 'maxSize', 'desiredCapacity'] as const;
const IN_USE = [
  'ResourceInUse',
  'ResourceInUseFault',
  'ScalingActivityInProgress',
  'ScalingActivityInProgressFault',
];

export const group = awsType<autoscaling.GroupArgs, autoscaling.GroupState>({
  token: 'aws:autoscaling/group:Group',
  naming: { property: 'name', prefixProperty: 'namePrefix', maxLength: 255 },
  inputs: GROUP_INPUTS,
  outputs: ['arn', 'predictedCapacity', 'warmPoolSize'],
  check: checkGroup,
  async create(inputs, context) {
    const client = await context.autoscaling();
    const startedAt = Date.now();
    const name = nameAtCreation(inputs.name, inputs.namePrefix, 255);
    await client.createAutoScalingGroup({
      AutoScalingGroupName: name,
      MinSize: inputs.minSize,
      MaxSize: inputs.maxSize,
      ...settingsOf(inputs),
      ...given({ DesiredCapacity: inputs.desiredCapacity }),
      ...(inputs.targetGroupArns?.length ? { TargetGroupARNs: inputs.targetGroupArns } : {}),
      ...(inputs.tags?.length ? { Tags: groupTagsOf(inputs, name) } : {}),
    });
    context.created(name);
    if (inputs.suspendedProcesses?.length) {
      await client.suspendProcesses({
        AutoScalingGroupName: name,
        ScalingProcesses: inputs.suspendedProcesses,
      });
    }
    if (inputs.enabledMetrics?.length) await setMetrics(name, [], inputs, context);
    await waitForCapacity(name, inputs, context, startedAt);
    return name;
  },
  async read(id, context) {
    const facts = await describeGroup(id, context);
    return facts && stateOf(facts, context.region);
  },
  async update(id, update, context) {
    const { old, new: next, changed } = update;
    const startedAt = Date.now();
    const client = await context.autoscaling();
    if (changed('tags')) await setTags(id, old, next, context);
    if (changed(...SETTINGS, ...SIZES)) {
      await client.updateAutoScalingGroup({
        AutoScalingGroupName: id,
        MinSize: next.minSize,
        MaxSize: next.maxSize,
        ...(changed('desiredCapacity') ? given({ DesiredCapacity: next.desiredCapacity }) : {}),
        ...settingsOf(next),
      });
    }
    if (changed('targetGroupArns')) await setTargetGroups(id, old, next, context);
    if (changed('suspendedProcesses')) await setSuspended(id, old, next, context);
    if (changed('enabledMetrics')) await setMetrics(id, old.enabledMetrics ?? [], next, context);
    if (changed(...SIZES)) await waitForCapacity(id, next, context, startedAt);
  },
  async delete(id, state, context) {
    const client = await context.autoscaling();
    const limit = context.timeout || 600;
    if (!state.forceDelete) await drain(id, limit, context);
    await context.until(
      limit,
      async () => {
        try {
          await ifFound(
            client.deleteAutoScalingGroup({
              AutoScalingGroupName: id,
              ForceDelete: state.forceDelete ?? false,
            }),
          );
        } catch (thrown) {
          if (IN_USE.includes(codeOf(thrown))) return undefined;
          if (await describeGroup(id, context)) throw thrown;
        }
        return true as const;
      },
      () => `${id} still has instances or scaling activities`,
    );
    await context.until(
      limit,
      async () => ((await describeGroup(id, context, true)) ? undefined : (true as const)),
      () => `${id} is still being deleted`,
    );
  },
});

/** The desired capacity is left to Auto Scaling: an ignored one is not sent, and new limits move it themselves. */
function checkGroup(inputs: Partial<GroupArgs>): Failure[] {
  const failures: Failure[] = [];
  const fail = (property: string, reason: string) => failures.push({ property, reason });
  const { minSize, maxSize } = inputs;
  if (isNumber(minSize) && isNumber(maxSize) && minSize > maxSize) {
    fail('minSize', `must not be above maxSize (${maxSize}), but is ${minSize}`);
  }
  if (inputs.launchTemplate === undefined && inputs.mixedInstancesPolicy === undefined) {
    fail('launchTemplate', 'one of launchTemplate and mixedInstancesPolicy is required');
  }
  const { launchTemplate } = inputs;
  if (launchTemplate && !isUnknown(launchTemplate) && !launchTemplate.id && !launchTemplate.name)
    fail('launchTemplate', 'id or name is required');
  if (inputs.vpcZoneIdentifiers === undefined && inputs.availabilityZones === undefined) {
    fail('vpcZoneIdentifiers', 'one of vpcZoneIdentifiers and availabilityZones is required');
  }
  return failures;
}

/** Unknown sizes are the engine's markers yet, which are strings. */
function isNumber(value: unknown): value is number {
  return typeof value === 'number';
}

/** The group; undefined when it is gone, or going unless `going` asks for those too. */
async function describeGroup(
  id: string,
  context: AwsContext,
  going = false,
): Promise<AutoScalingGroup | undefined> {
  const client = await context.autoscaling();
  const { AutoScalingGroups } = await client.describeAutoScalingGroups({ AutoScalingGroupNames: [id] });
  const facts = AutoScalingGroups?.[0];
  return facts?.Status !== undefined && !going ? undefined : facts;
}

/** Takes all instances out before the group goes, so that they leave their target groups in good order. */
async function drain(id: string, limit: number, context: AwsContext): Promise<void> {
  const facts = await describeGroup(id, context);
  if (!facts || ((facts.Instances ?? []).length === 0 && facts.MaxSize === 0)) return;
  const client = await context.autoscaling();
  await client.updateAutoScalingGroup({
    AutoScalingGroupName: id,
    MinSize: 0,
    MaxSize: 0,
    DesiredCapacity: 0,
  });
  let left = 0;
  const empty = async (): Promise<true | undefined> => {
    left = (await describeGroup(id, context))?.Instances?.length ?? 0;
    return left === 0 ? true : undefined;
  };
  await context.until(limit, empty, () => `${id} still has ${left} instance(s)`);
}

async function setTags(id: string, old: GroupArgs, next: GroupArgs, context: AwsContext): Promise<void> {
  const client = await context.autoscaling();
  const kept = new Set((next.tags ?? []).map((tag) => tag.key));
  const gone = groupTagsOf(old, id).filter((tag) => !kept.has(tag.Key ?? ''));
  if (gone.length > 0) await client.deleteTags({ Tags: gone });
  if (next.tags?.length) await client.createOrUpdateTags({ Tags: groupTagsOf(next, id) });
}

async function setTargetGroups(
  id: string,
  old: GroupArgs,
  next: GroupArgs,
  context: AwsContext,
): Promise<void> {
  const client = await context.autoscaling();
  const add = without(next.targetGroupArns, old.targetGroupArns);
  const remove = without(old.targetGroupArns, next.targetGroupArns);
  // The new ones first: an instance is never in no group.
  if (add.length > 0) {
    await client.attachLoadBalancerTargetGroups({ AutoScalingGroupName: id, TargetGroupARNs: add });
  }
  if (remove.length > 0) {
    await client.detachLoadBalancerTargetGroups({ AutoScalingGroupName: id, TargetGroupARNs: remove });
  }
}

async function setSuspended(id: string, old: GroupArgs, next: GroupArgs, context: AwsContext): Promise<void> {
  const client = await context.autoscaling();
  const resume = without(old.suspendedProcesses, next.suspendedProcesses);
  const suspend = without(next.suspendedProcesses, old.suspendedProcesses);
  if (resume.length > 0) await client.resumeProcesses({ AutoScalingGroupName: id, ScalingProcesses: resume });
  if (suspend.length > 0)
    await client.suspendProcesses({ AutoScalingGroupName: id, ScalingProcesses: suspend });
}

async function setMetrics(id: string, old: string[], next: GroupArgs, context: AwsContext): Promise<void> {
  const client = await context.autoscaling();
  const disable = without(old, next.enabledMetrics);
  const enable = without(next.enabledMetrics, old);
  if (disable.length > 0)
    await client.disableMetricsCollection({ AutoScalingGroupName: id, Metrics: disable });
  if (enable.length > 0) {
    const Granularity = next.metricsGranularity ?? '1Minute';
    await client.enableMetricsCollection({ AutoScalingGroupName: id, Granularity, Metrics: enable });
  }
}

function without(list: string[] | undefined, others: string[] | undefined): string[] {
  return (list ?? []).filter((item) => !(others ?? []).includes(item));
}
