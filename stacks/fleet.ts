import * as pulumi from '@pulumi/pulumi';
import * as aws from './aws';
import type { Colour } from '../src/domain/colour';
import {
  FLEET_KEY,
  fleetName,
  fleetStackName,
  parseEnvironment,
  parseFleetStack,
  type EnvironmentConfig,
  type FleetStackConfig,
} from '../src/domain/config';
import { isAllowed, type Guard, type LookPlace } from '../src/domain/guard';
import { protectedAsAWhole, refuseHarm, showLive } from './guard';
import { launchTemplateFor } from './launch-template';
import { findReleaseImage, type ReleaseImage } from './release';
import type { RegionOutputs } from './service';
import { accepted, environmentPlace, outputsOf, scopeOf, stackSetting, tagsOf, type Scope } from './settings';

/** Which fleet a stack is. */
export interface FleetPlace {
  environment: string;
  region: string;
  colour: Colour;
}

/** All that the resources of one fleet are made from. */
export interface Fleet extends FleetPlace {
  /** Name of its Auto Scaling group and its launch template. */
  name: string;
  scope: Scope;
  /** What the driver decided. */
  decided: FleetStackConfig;
  /** What the service stack made in this region. */
  service: RegionOutputs;
  /** Whether the engine refuses to delete or replace it. */
  protect: boolean;
}

/**
 * One colour in one region: launch template and Auto Scaling group. A Pulumi program: returns the stack's
 * outputs. Only version and capacity are its own settings; all else is what the service stack last applied.
 * Without a guard it neither reads what is live nor refuses anything.
 */
export async function fleetProgram(place: FleetPlace, guard?: Guard): Promise<Record<string, unknown>> {
  const decided = decidedFor(place);
  const { config, service } = await appliedService(place);
  const scope = scopeOf(place.environment, config, place.region);
  const name = fleetName(config.service, place.environment, place.colour);
  const protect = config.protection && !isAllowed(decided);
  const fleet: Fleet = { ...place, name, scope, decided, service, protect };
  const image = await findReleaseImage(
    {
      service: config.service,
      version: decided.version,
      region: place.region,
      owners: config.fleet.imageOwners,
    },
    scope.provider,
  );
  const live = guard === undefined ? {} : { live: await guarded(fleet, image.id, guard) };
  const { template, group } = protectedAsAWhole('fleet', protect, () => madeOf(fleet, image));
  return {
    ...live,
    autoScalingGroupName: group.name,
    launchTemplateId: template.id,
    imageId: image.id,
    version: decided.version,
    colour: place.colour,
    region: place.region,
  };
}

function madeOf(fleet: Fleet, image: ReleaseImage) {
  const template = launchTemplateFor(fleet, image);
  const group = groupOf(fleet, template);
  trackLoad(fleet, group);
  return { template, group };
}

/** Which colour is live; throws when this one is, or is the only healthy one, and what is wanted would harm it. */
async function guarded(fleet: Fleet, imageId: string, guard: Guard): Promise<string> {
  const { region, colour, environment, decided } = fleet;
  const look = lookPlace(fleet);
  const live = await showLive(guard, look);
  if (!guard.refuses) return live;
  const stack = fleetStackName(environment, region, colour);
  const applied = await outputsOf(stack, ['version', 'imageId']);
  const change = {
    stack,
    region,
    colour,
    applied: { version: textOf(applied['version']), imageId: textOf(applied['imageId']) },
    wanted: { ...decided, imageId },
  };
  await refuseHarm(guard, look, change, decided);
  return live;
}

function lookPlace({ region, environment, scope, service }: Fleet): LookPlace {
  const { productionListenerArn, testListenerArn, targetGroups } = service;
  const name = (colour: Colour): string => fleetName(scope.config.service, environment, colour);
  const groups = { blue: name('blue'), green: name('green') };
  return { region, productionListenerArn, testListenerArn, targetGroups, groups };
}

function textOf(value: unknown): string | undefined {
  return typeof value === 'string' ? value : undefined;
}

function decidedFor({ environment, region, colour }: FleetPlace): FleetStackConfig {
  const stack = fleetStackName(environment, region, colour);
  const setting = stackSetting(FLEET_KEY);
  if (setting === undefined) {
    throw new pulumi.RunError(
      `The stack ${stack} does not know which release it runs: ${FLEET_KEY} is not set. Deployments set it.\n` +
        `  Next: bascule deploy ${environment} --version <version>`,
    );
  }
  return accepted(parseFleetStack(setting), `Pulumi.${stack}.yaml: ${FLEET_KEY}`);
}

/** What the service stack last applied, so that no setting stands twice. */
async function appliedService({
  environment,
  region,
}: FleetPlace): Promise<{ config: EnvironmentConfig; service: RegionOutputs }> {
  const outputs = await outputsOf(environment, ['config', 'regions']);
  const raw = outputs['config'];
  const service = (outputs['regions'] as Record<string, RegionOutputs> | undefined)?.[region];
  if (raw === undefined || service === undefined) {
    throw new pulumi.RunError(
      `The service of ${environment} is not there in ${region}: its stack has no outputs for that region.\n` +
        `  Next: bascule up ${environment}`,
    );
  }
  return { config: accepted(parseEnvironment(environment, raw), environmentPlace(environment)), service };
}

function groupOf(fleet: Fleet, template: aws.ec2.LaunchTemplate): aws.autoscaling.Group {
  const { scope, decided, service, name, region, colour } = fleet;
  const { healthGraceSeconds } = scope.config.fleet;
  const { deregistrationDelaySeconds } = scope.config.targets;
  const tags = tagsOf(scope, name, { colour, version: decided.version });
  return new aws.autoscaling.Group(
    'fleet',
    {
      region,
      name,
      minSize: decided.minimum,
      maxSize: decided.maximum,
      desiredCapacity: decided.desired,
      vpcZoneIdentifiers: service.instanceSubnetIds,
      targetGroupArns: [service.targetGroups[colour]],
      healthCheckType: 'ELB',
      healthCheckGracePeriod: healthGraceSeconds,
      // The driver watches the instances, with a deadline and reasons; Pulumi would only wait.
      waitForCapacityTimeout: '0',
      ...launching(fleet, template),
      tags: Object.entries(tags).map(([key, value]) => ({ key, value, propagateAtLaunch: true })),
    },
    {
      provider: scope.provider,
      // Auto Scaling and the driver know how many instances are right; an ordinary `pulumi up` does not. Nor does
      // it know what a deployment, or a person, has suspended.
      ignoreChanges: ['desiredCapacity', 'suspendedProcesses'],
      // Instances drain before they go, which can take the whole deregistration delay.
      customTimeouts: { delete: `${deregistrationDelaySeconds + 900}s` },
      protect: fleet.protect,
    },
  );
}

/** One instance type comes from the template; several are an order of preference, all on demand. */
function launching(
  { scope }: Fleet,
  template: aws.ec2.LaunchTemplate,
): Pick<aws.autoscaling.GroupArgs, 'launchTemplate' | 'mixedInstancesPolicy'> {
  const { instanceTypes } = scope.config.fleet;
  const version = pulumi.interpolate`${template.latestVersion}`;
  if (instanceTypes.length === 1) return { launchTemplate: { id: template.id, version } };
  return {
    mixedInstancesPolicy: {
      instancesDistribution: {
        onDemandAllocationStrategy: 'prioritized',
        onDemandPercentageAboveBaseCapacity: 100,
      },
      launchTemplate: {
        launchTemplateSpecification: { launchTemplateId: template.id, version },
        overrides: instanceTypes.map((instanceType) => ({ instanceType })),
      },
    },
  };
}

function trackLoad(fleet: Fleet, group: aws.autoscaling.Group): void {
  const { targetTracking, healthGraceSeconds } = fleet.scope.config.fleet;
  if (targetTracking === undefined) return;
  const metric =
    targetTracking.metric === 'cpu'
      ? { predefinedMetricType: 'ASGAverageCPUUtilization' }
      : {
          predefinedMetricType: 'ALBRequestCountPerTarget',
          resourceLabel: requestLabel(fleet.service, fleet.colour),
        };
  void new aws.autoscaling.Policy(
    'target-tracking',
    {
      region: fleet.region,
      name: `${fleet.name}-${targetTracking.metric}`,
      autoscalingGroupName: group.name,
      policyType: 'TargetTrackingScaling',
      estimatedInstanceWarmup: healthGraceSeconds,
      targetTrackingConfiguration: {
        predefinedMetricSpecification: metric,
        targetValue: targetTracking.target,
      },
    },
    { provider: fleet.scope.provider },
  );
}

/** `app/<load balancer>/<id>/targetgroup/<target group>/<id>`, as Auto Scaling names the pair. */
function requestLabel(service: RegionOutputs, colour: Colour): string {
  const balancer = service.loadBalancerArn.split(':loadbalancer/')[1] ?? '';
  const group = service.targetGroups[colour].split(':').at(-1) ?? '';
  return `${balancer}/${group}`;
}
