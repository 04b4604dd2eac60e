import type { autoscaling } from '@pulumi/aws';
import type { ScalingPolicy, TargetTrackingConfiguration } from '@aws-sdk/client-auto-scaling';
import type { InputSpec } from '../../model/schema';
import { awsType, type AwsContext, type Plain } from '../context';
import { codeOf, isNotFound } from '../errors';
import { fromAws, toAws } from '../shapes';
import { as, FLAG, given, REGION, STRING } from '../specs';

type Args = Plain<autoscaling.PolicyArgs>;
type State = Plain<autoscaling.PolicyState>;

const TRACKING: InputSpec = {
  type: 'object',
  fields: {
    targetValue: { type: 'number', required: true },
    disableScaleIn: as(FLAG, { default: false }),
    predefinedMetricSpecification: {
      type: 'object',
      conflictsWith: ['customizedMetricSpecification'],
      fields: {
        predefinedMetricType: {
          type: 'string',
          required: true,
          oneOf: [
            'ASGAverageCPUUtilization',
            'ASGAverageNetworkIn',
            'ASGAverageNetworkOut',
            'ALBRequestCountPerTarget',
          ],
        },
        resourceLabel: STRING,
      },
    },
    customizedMetricSpecification: {
      type: 'object',
      fields: {
        metricDimensions: {
          type: 'list',
          items: { type: 'object', fields: { name: STRING, value: STRING } },
        },
        metricName: STRING,
        namespace: STRING,
        statistic: STRING,
        unit: STRING,
      },
    },
  },
};

const ADJUSTMENTS = ['ChangeInCapacity', 'ExactCapacity', 'PercentChangeInCapacity'];

export const policy = awsType<autoscaling.PolicyArgs, autoscaling.PolicyState>({
  token: 'aws:autoscaling/policy:Policy',
  naming: { property: 'name', maxLength: 255 },
  inputs: {
    name: { type: 'string', replace: true, maxLength: 255 },
    autoscalingGroupName: as(STRING, { required: true, replace: true }),
    policyType: {
      type: 'string',
      oneOf: ['SimpleScaling', 'StepScaling', 'TargetTrackingScaling'],
      default: 'SimpleScaling',
      replace: true,
    },
    adjustmentType: { type: 'string', oneOf: ADJUSTMENTS },
    cooldown: { type: 'integer', min: 0 },
    enabled: as(FLAG, { default: true }),
    estimatedInstanceWarmup: { type: 'integer', min: 0 },
    scalingAdjustment: { type: 'integer', conflictsWith: ['targetTrackingConfiguration'] },
    targetTrackingConfiguration: TRACKING,
    region: REGION,
  },
  outputs: ['arn'],
  check(inputs) {
    const { policyType } = inputs;
    if (policyType === 'StepScaling') {
      return [
        { property: 'policyType', reason: "the sandbox has no step scaling; use 'TargetTrackingScaling'" },
      ];
    }
    const needed =
      policyType === 'TargetTrackingScaling' ? 'targetTrackingConfiguration' : 'scalingAdjustment';
    return inputs[needed] === undefined
      ? [{ property: needed, reason: `is required for ${policyType}` }]
      : [];
  },
  async create(inputs, context) {
    await put(inputs.name ?? '', inputs, context);
    return inputs.name ?? '';
  },
  async read(id, context, known) {
    // An import gives `<group>/<policy>`, as the official provider wants it.
    const [first = '', second] = id.split('/');
    const facts = await find(known.autoscalingGroupName ?? first, second ?? first, context);
    return facts && stateOf(facts, context.region);
  },
  async update(id, update, context) {
    await put(id, update.new, context);
  },
  async delete(id, state, context) {
    const client = await context.autoscaling();
    try {
      await client.deletePolicy({ AutoScalingGroupName: state.autoscalingGroupName, PolicyName: id });
    } catch (thrown) {
      // AWS says ValidationError when the policy or its group is gone.
      const gone =
        isNotFound(thrown) ||
        (codeOf(thrown) === 'ValidationError' && /not found|not exist/i.test(String(thrown)));
      if (!gone) throw thrown;
    }
  },
});

async function put(name: string, inputs: Args, context: AwsContext): Promise<void> {
  const tracking = inputs.targetTrackingConfiguration;
  await (
    await context.autoscaling()
  ).putScalingPolicy({
    AutoScalingGroupName: inputs.autoscalingGroupName,
    PolicyName: name,
    PolicyType: inputs.policyType,
    ...given({
      AdjustmentType: inputs.adjustmentType,
      Cooldown: inputs.cooldown,
      Enabled: inputs.enabled,
      EstimatedInstanceWarmup: inputs.estimatedInstanceWarmup,
      ScalingAdjustment: inputs.scalingAdjustment,
      TargetTrackingConfiguration: tracking && toAws<TargetTrackingConfiguration>(TRACKING, tracking),
    }),
  });
}

async function find(group: string, name: string, context: AwsContext): Promise<ScalingPolicy | undefined> {
  const client = await context.autoscaling();
  const { ScalingPolicies } = await client.describePolicies({
    AutoScalingGroupName: group,
    PolicyNames: [name],
  });
  return ScalingPolicies?.[0];
}

function stateOf(facts: ScalingPolicy, region: string): State {
  return {
    arn: facts.PolicyARN,
    name: facts.PolicyName,
    autoscalingGroupName: facts.AutoScalingGroupName,
    policyType: facts.PolicyType,
    enabled: facts.Enabled ?? true,
    ...given({
      adjustmentType: facts.AdjustmentType,
      cooldown: facts.Cooldown,
      estimatedInstanceWarmup: facts.EstimatedInstanceWarmup,
      scalingAdjustment: facts.ScalingAdjustment,
      targetTrackingConfiguration:
        facts.TargetTrackingConfiguration &&
        fromAws<State['targetTrackingConfiguration']>(TRACKING, facts.TargetTrackingConfiguration),
    }),
    region,
  };
}
