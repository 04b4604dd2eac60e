import type { autoscaling } from '@pulumi/aws';
import type {
  AutoScalingGroup,
  CreateAutoScalingGroupType,
  LaunchTemplateSpecification,
  MixedInstancesPolicy,
  Tag,
} from '@aws-sdk/client-auto-scaling';
import type { Plain } from '../context';
import { fromAws, toAws, type Spelling } from '../shapes';
import { given } from '../specs';
import { MIXED_INSTANCES } from './group-inputs';

export type GroupArgs = Plain<autoscaling.GroupArgs>;
export type GroupState = Plain<autoscaling.GroupState>;

/** Property names that differ from AWS's by more than their first letter. */
const SPELLING: Spelling = { names: {} };

/** The settings that CreateAutoScalingGroup and UpdateAutoScalingGroup share. */
export type Settings = Omit<CreateAutoScalingGroupType, 'AutoScalingGroupName' | 'MinSize' | 'MaxSize'>;

export function settingsOf(inputs: GroupArgs): Settings {
  return given({
    LaunchTemplate: inputs.launchTemplate && templateOf(inputs.launchTemplate),
    MixedInstancesPolicy: inputs.mixedInstancesPolicy && policyOf(inputs.mixedInstancesPolicy),
    AvailabilityZones: nonEmpty(inputs.availabilityZones),
    VPCZoneIdentifier: nonEmpty(inputs.vpcZoneIdentifiers)?.join(','),
    HealthCheckType: inputs.healthCheckType,
    HealthCheckGracePeriod: inputs.healthCheckGracePeriod,
    DefaultCooldown: inputs.defaultCooldown,
    DefaultInstanceWarmup: inputs.defaultInstanceWarmup,
    CapacityRebalance: inputs.capacityRebalance,
    NewInstancesProtectedFromScaleIn: inputs.protectFromScaleIn,
    MaxInstanceLifetime: inputs.maxInstanceLifetime,
    TerminationPolicies: inputs.terminationPolicies,
    ServiceLinkedRoleARN: inputs.serviceLinkedRoleArn,
    InstanceMaintenancePolicy:
      inputs.instanceMaintenancePolicy &&
      toAws<CreateAutoScalingGroupType['InstanceMaintenancePolicy']>(
        { type: 'object' },
        inputs.instanceMaintenancePolicy,
      ),
  });
}

function templateOf({
  id,
  name,
  version,
}: NonNullable<GroupArgs['launchTemplate']>): LaunchTemplateSpecification {
  // AWS takes the id or the name; reading a group gives both.
  const which = id ? { LaunchTemplateId: id } : { LaunchTemplateName: name };
  return { ...which, ...given({ Version: version }) };
}

function policyOf(policy: NonNullable<GroupArgs['mixedInstancesPolicy']>): MixedInstancesPolicy {
  const made = toAws<MixedInstancesPolicy>(MIXED_INSTANCES, policy, SPELLING);
  const specification = made.LaunchTemplate?.LaunchTemplateSpecification;
  if (specification?.LaunchTemplateId) delete specification.LaunchTemplateName;
  return made;
}

export function groupTagsOf(inputs: Pick<GroupArgs, 'tags'>, group: string): Tag[] {
  return (inputs.tags ?? []).map(({ key, value, propagateAtLaunch }) => ({
    ResourceId: group,
    ResourceType: 'auto-scaling-group',
    Key: key,
    Value: value,
    PropagateAtLaunch: propagateAtLaunch,
  }));
}

export function stateOf(facts: AutoScalingGroup, region: string): GroupState {
  const template = facts.LaunchTemplate;
  return {
    arn: facts.AutoScalingGroupARN,
    name: facts.AutoScalingGroupName,
    minSize: facts.MinSize,
    maxSize: facts.MaxSize,
    desiredCapacity: facts.DesiredCapacity,
    ...given({
      launchTemplate: template && {
        id: template.LaunchTemplateId,
        name: template.LaunchTemplateName,
        version: template.Version,
      },
      mixedInstancesPolicy:
        facts.MixedInstancesPolicy &&
        fromAws<GroupState['mixedInstancesPolicy']>(MIXED_INSTANCES, facts.MixedInstancesPolicy, SPELLING),
      defaultInstanceWarmup: facts.DefaultInstanceWarmup,
      maxInstanceLifetime: facts.MaxInstanceLifetime,
      capacityRebalance: facts.CapacityRebalance,
      instanceMaintenancePolicy: facts.InstanceMaintenancePolicy && {
        minHealthyPercentage: facts.InstanceMaintenancePolicy.MinHealthyPercentage ?? 0,
        maxHealthyPercentage: facts.InstanceMaintenancePolicy.MaxHealthyPercentage ?? 0,
      },
    }),
    availabilityZones: facts.AvailabilityZones,
    vpcZoneIdentifiers: (facts.VPCZoneIdentifier ?? '').split(',').filter((subnet) => subnet !== ''),
    targetGroupArns: facts.TargetGroupARNs ?? [],
    healthCheckType: facts.HealthCheckType,
    healthCheckGracePeriod: facts.HealthCheckGracePeriod ?? 0,
    defaultCooldown: facts.DefaultCooldown,
    protectFromScaleIn: facts.NewInstancesProtectedFromScaleIn ?? false,
    // AWS answers its default policy for none, and the official provider shows that as none.
    terminationPolicies: (facts.TerminationPolicies ?? []).filter(
      (policy, _at, all) => all.length > 1 || policy !== 'Default',
    ),
    enabledMetrics: (facts.EnabledMetrics ?? []).map(
      (metric) => metric.Metric ?? '',
    ) as GroupState['enabledMetrics'],
    suspendedProcesses: (facts.SuspendedProcesses ?? []).map((process) => process.ProcessName ?? ''),
    serviceLinkedRoleArn: facts.ServiceLinkedRoleARN ?? '',
    tags: (facts.Tags ?? [])
      .filter((tag) => !tag.Key?.startsWith('aws:'))
      .map((tag) => ({
        key: tag.Key ?? '',
        value: tag.Value ?? '',
        propagateAtLaunch: tag.PropagateAtLaunch ?? false,
      })),
    predictedCapacity: 0,
    warmPoolSize: 0,
    region,
  };
}

function nonEmpty(list: string[] | undefined): string[] | undefined {
  return list && list.length > 0 ? list : undefined;
}
