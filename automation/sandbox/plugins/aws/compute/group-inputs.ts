import type { autoscaling } from '@pulumi/aws';
import type { InputSpec, InputTable } from '../../model/schema';
import type { Plain } from '../context';
import { ARN, as, FLAG, REGION, STRING, STRINGS } from '../specs';

const PROCESSES = [
  'Launch',
  'Terminate',
  'AddToLoadBalancer',
  'AlarmNotification',
  'AZRebalance',
  'HealthCheck',
  'InstanceRefresh',
  'ReplaceUnhealthy',
  'ScheduledActions',
];

export const MIXED_INSTANCES: InputSpec = {
  type: 'object',
  fields: {
    instancesDistribution: {
      type: 'object',
      computed: true,
      fields: {
        onDemandAllocationStrategy: {
          type: 'string',
          oneOf: ['prioritized', 'lowest-price'],
          computed: true,
        },
        onDemandBaseCapacity: { type: 'integer', min: 0, computed: true },
        onDemandPercentageAboveBaseCapacity: { type: 'integer', min: 0, max: 100, computed: true },
        spotAllocationStrategy: { type: 'string', computed: true },
        spotInstancePools: { type: 'integer', min: 0, computed: true },
        spotMaxPrice: STRING,
      },
    },
    launchTemplate: {
      type: 'object',
      required: true,
      fields: {
        launchTemplateSpecification: {
          type: 'object',
          required: true,
          fields: {
            launchTemplateId: as(STRING, { computed: true }),
            launchTemplateName: as(STRING, { computed: true }),
            version: { type: 'string', computed: true },
          },
        },
        overrides: {
          type: 'list',
          items: { type: 'object', fields: { instanceType: STRING, weightedCapacity: STRING } },
        },
      },
    },
  },
};

const LAUNCH_TEMPLATE: InputSpec = {
  type: 'object',
  conflictsWith: ['mixedInstancesPolicy'],
  fields: {
    id: { type: 'string', computed: true },
    name: { type: 'string', computed: true },
    version: { type: 'string', computed: true },
  },
};

const TAG: InputSpec = {
  type: 'object',
  fields: {
    key: { type: 'string', required: true, minLength: 1, maxLength: 128 },
    value: { type: 'string', required: true, maxLength: 256 },
    propagateAtLaunch: { type: 'boolean', required: true },
  },
};

const SIZE: InputSpec = { type: 'integer', min: 0 };

export const GROUP_INPUTS: InputTable<Plain<autoscaling.GroupArgs>> = {
  name: {
    type: 'string',
    replace: true,
    computed: true,
    maxLength: 255,
    pattern: [/^[^:]*$/, 'not contain a colon'],
    conflictsWith: ['namePrefix'],
  },
  namePrefix: { type: 'string', replace: true, computed: true, maxLength: 229 },
  minSize: as(SIZE, { required: true }),
  maxSize: as(SIZE, { required: true }),
  desiredCapacity: as(SIZE, { computed: true }),
  launchTemplate: LAUNCH_TEMPLATE,
  mixedInstancesPolicy: MIXED_INSTANCES,
  availabilityZones: as(STRINGS, { computed: true, conflictsWith: ['vpcZoneIdentifiers'] }),
  vpcZoneIdentifiers: as(STRINGS, { computed: true }),
  targetGroupArns: { type: 'set', items: ARN, computed: true },
  healthCheckType: { type: 'string', oneOf: ['EC2', 'ELB', 'EBS', 'VPC_LATTICE'], computed: true },
  healthCheckGracePeriod: { type: 'integer', min: 0, default: 300 },
  defaultCooldown: { type: 'integer', min: 0, computed: true },
  defaultInstanceWarmup: { type: 'integer', min: 0, max: 7200, computed: true },
  capacityRebalance: FLAG,
  protectFromScaleIn: as(FLAG, { default: false }),
  maxInstanceLifetime: { type: 'integer', min: 0, max: 31536000 },
  terminationPolicies: { type: 'list', items: STRING },
  enabledMetrics: STRINGS,
  metricsGranularity: { type: 'string', oneOf: ['1Minute'], default: '1Minute' },
  suspendedProcesses: { type: 'set', items: { type: 'string', oneOf: PROCESSES } },
  instanceMaintenancePolicy: {
    type: 'object',
    fields: {
      minHealthyPercentage: { type: 'integer', required: true, min: -1, max: 100 },
      maxHealthyPercentage: { type: 'integer', required: true, min: -1, max: 200 },
    },
  },
  serviceLinkedRoleArn: as(ARN, { computed: true }),
  tags: { type: 'set', items: TAG },
  forceDelete: as(FLAG, { default: false }),
  ignoreFailedScalingActivities: as(FLAG, { default: false }),
  waitForCapacityTimeout: {
    type: 'string',
    default: '10m',
    pattern: [/^(0|(\d+(\.\d+)?(ms|s|m|h))+)$/, "be a duration such as '10m', or '0' for no waiting"],
  },
  minElbCapacity: SIZE,
  waitForElbCapacity: SIZE,
  region: REGION,
};
