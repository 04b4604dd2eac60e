import type { lb } from '@pulumi/aws';
import type { TargetGroup } from '@aws-sdk/client-elastic-load-balancing-v2';
import type { Failure } from '../../model/plugin';
import { nameAtCreation } from '../../model/naming';
import { awsType, type AwsContext, type Plain } from '../context';
import { ifFound, unlessInUse } from '../errors';
import { given } from '../specs';
import {
  attributeMap,
  attributesOf,
  elbTags,
  fromAttributes,
  retagElb,
  tagsOfElb,
  type AttributeOf,
} from './common';
import { TARGET_GROUP_INPUTS } from './target-group-inputs';

type Args = Plain<lb.TargetGroupArgs>;
type State = Plain<lb.TargetGroupState>;
type Protocol = 'HTTP' | 'HTTPS';

const ATTRIBUTES: readonly AttributeOf<Args>[] = [
  { input: 'deregistrationDelay', attribute: 'deregistration_delay.timeout_seconds' },
  { input: 'slowStart', attribute: 'slow_start.duration_seconds' },
  { input: 'loadBalancingAlgorithmType', attribute: 'load_balancing.algorithm.type' },
];

export const targetGroup = awsType<lb.TargetGroupArgs, lb.TargetGroupState>({
  token: 'aws:lb/targetGroup:TargetGroup',
  naming: { property: 'name', prefixProperty: 'namePrefix', maxLength: 32 },
  inputs: TARGET_GROUP_INPUTS,
  outputs: ['arn', 'arnSuffix', 'loadBalancerArns'],
  check: checkTargetGroup,
  async create(inputs, context) {
    const client = await context.elb();
    const { TargetGroups } = await client.createTargetGroup({
      Name: nameAtCreation(inputs.name, inputs.namePrefix, 32),
      TargetType: inputs.targetType as 'instance' | 'ip',
      ...given({
        Port: inputs.port,
        Protocol: inputs.protocol as Protocol,
        ProtocolVersion: inputs.protocolVersion,
        VpcId: inputs.vpcId,
      }),
      ...healthCheckCall(inputs.healthCheck, inputs.protocol),
      ...elbTags(context.tags),
    });
    const arn = TargetGroups?.[0]?.TargetGroupArn ?? '';
    context.created(arn);
    const stick = inputs.stickiness ? stickinessAttributes(inputs.stickiness) : [];
    const changed = attributesOf(
      ATTRIBUTES,
      inputs,
      (input) => inputs[input] !== TARGET_GROUP_INPUTS[input]?.default,
    );
    await setAttributes(arn, [...changed, ...stick], context);
    return arn;
  },
  read,
  async update(arn, update, context) {
    const { new: next, changed } = update;
    if (changed('healthCheck')) {
      const call = { TargetGroupArn: arn, ...healthCheckCall(next.healthCheck, next.protocol) };
      await (await context.elb()).modifyTargetGroup(call);
    }
    const attributes = attributesOf(ATTRIBUTES, next, (input) => changed(input));
    if (changed('stickiness'))
      attributes.push(...stickinessAttributes(next.stickiness ?? { type: 'lb_cookie', enabled: false }));
    await setAttributes(arn, attributes, context);
  },
  retag: retagElb,
  async delete(arn, _state, context) {
    const client = await context.elb();
    // Listeners and rules that are deleted at the same time let go of it a little later.
    await context.until(
      context.timeout || 300,
      () =>
        unlessInUse(['ResourceInUse', 'ResourceInUseException'], () =>
          client.deleteTargetGroup({ TargetGroupArn: arn }),
        ),
      () => `${arn} is currently in use by a listener or a rule`,
    );
  },
});

function checkTargetGroup(inputs: Partial<Args>): Failure[] {
  const failures: Failure[] = [];
  for (const property of ['port', 'protocol', 'vpcId'] as const) {
    if (inputs[property] === undefined)
      failures.push({ property, reason: `is required for targets that are ${inputs.targetType}s` });
  }
  const { interval, timeout } = inputs.healthCheck ?? {};
  if (typeof interval === 'number' && typeof timeout === 'number' && timeout >= interval) {
    const reason = `must be smaller than the interval (${interval}), but is ${timeout}`;
    failures.push({ property: 'healthCheck.timeout', reason });
  }
  const { slowStart, loadBalancingAlgorithmType, stickiness } = inputs;
  if (typeof slowStart === 'number' && slowStart !== 0 && slowStart < 30) {
    failures.push({ property: 'slowStart', reason: `must be 0 or between 30 and 900, but is ${slowStart}` });
  }
  if (
    typeof slowStart === 'number' &&
    slowStart > 0 &&
    loadBalancingAlgorithmType === 'least_outstanding_requests'
  ) {
    failures.push({ property: 'slowStart', reason: 'cannot be used with least_outstanding_requests' });
  }
  if (stickiness?.type === 'app_cookie' && !stickiness.cookieName) {
    failures.push({ property: 'stickiness.cookieName', reason: 'is required for app_cookie stickiness' });
  }
  return failures;
}

function healthCheckCall(check: Args['healthCheck'], protocol: string | undefined) {
  if (!check) return {};
  return given({
    HealthCheckEnabled: check.enabled,
    HealthCheckIntervalSeconds: check.interval,
    HealthCheckPath: check.path,
    HealthCheckPort: check.port,
    HealthCheckProtocol: (check.protocol ?? protocol) as Protocol | undefined,
    HealthCheckTimeoutSeconds: check.timeout,
    HealthyThresholdCount: check.healthyThreshold,
    UnhealthyThresholdCount: check.unhealthyThreshold,
    Matcher: check.matcher === undefined ? undefined : { HttpCode: check.matcher },
  });
}

function stickinessAttributes(stickiness: NonNullable<Args['stickiness']>): { Key: string; Value: string }[] {
  const { enabled = true, type, cookieDuration, cookieName } = stickiness;
  const kind = type === 'app_cookie' ? 'app_cookie' : 'lb_cookie';
  return [
    { Key: 'stickiness.enabled', Value: String(enabled) },
    { Key: 'stickiness.type', Value: type },
    ...(cookieDuration === undefined
      ? []
      : [{ Key: `stickiness.${kind}.duration_seconds`, Value: String(cookieDuration) }]),
    ...(cookieName && kind === 'app_cookie'
      ? [{ Key: 'stickiness.app_cookie.cookie_name', Value: cookieName }]
      : []),
  ];
}

async function setAttributes(
  arn: string,
  Attributes: { Key: string; Value: string }[],
  context: AwsContext,
): Promise<void> {
  if (Attributes.length === 0) return;
  await (await context.elb()).modifyTargetGroupAttributes({ TargetGroupArn: arn, Attributes });
}

async function read(arn: string, context: AwsContext): Promise<State | undefined> {
  const client = await context.elb();
  const found = await ifFound(client.describeTargetGroups({ TargetGroupArns: [arn] }));
  const facts = found?.TargetGroups?.[0];
  if (!facts) return undefined;
  const [{ Attributes }, tagsAll] = await Promise.all([
    client.describeTargetGroupAttributes({ TargetGroupArn: arn }),
    tagsOfElb(arn, context),
  ]);
  const attributes = attributeMap(Attributes);
  return {
    ...(fromAttributes(ATTRIBUTES, TARGET_GROUP_INPUTS, attributes) as Partial<State>),
    arn,
    arnSuffix: arn.split(':').at(-1) ?? '',
    name: facts.TargetGroupName,
    port: facts.Port,
    protocol: facts.Protocol,
    ...given({ protocolVersion: facts.ProtocolVersion, ipAddressType: facts.IpAddressType }),
    targetType: facts.TargetType ?? 'instance',
    vpcId: facts.VpcId,
    healthCheck: healthCheckOf(facts),
    stickiness: stickinessOf(attributes),
    loadBalancerArns: facts.LoadBalancerArns ?? [],
    region: context.region,
    tagsAll,
  };
}

export function healthCheckOf(facts: TargetGroup) {
  return {
    enabled: facts.HealthCheckEnabled ?? true,
    healthyThreshold: facts.HealthyThresholdCount ?? 0,
    unhealthyThreshold: facts.UnhealthyThresholdCount ?? 0,
    interval: facts.HealthCheckIntervalSeconds ?? 0,
    timeout: facts.HealthCheckTimeoutSeconds ?? 0,
    path: facts.HealthCheckPath ?? '',
    port: facts.HealthCheckPort ?? '',
    protocol: facts.HealthCheckProtocol ?? '',
    matcher: facts.Matcher?.HttpCode ?? '',
  };
}

export function stickinessOf(attributes: ReadonlyMap<string, string>) {
  const type = attributes.get('stickiness.type') ?? 'lb_cookie';
  const duration = attributes.get(`stickiness.${type}.duration_seconds`);
  return {
    type,
    enabled: attributes.get('stickiness.enabled') === 'true',
    cookieDuration: Number(duration ?? 86400),
    cookieName: attributes.get('stickiness.app_cookie.cookie_name') ?? '',
  };
}
