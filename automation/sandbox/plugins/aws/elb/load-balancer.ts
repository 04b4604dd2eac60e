import type { lb } from '@pulumi/aws';
import type { LoadBalancer } from '@aws-sdk/client-elastic-load-balancing-v2';
import type { Failure } from '../../model/plugin';
import type { InputTable } from '../../model/schema';
import { nameAtCreation } from '../../model/naming';
import { awsType, type AwsContext, type Plain } from '../context';
import { ifFound, unlessInUse } from '../errors';
import { as, FLAG, given, REGION, STRING, STRINGS, TAGS } from '../specs';
import {
  attributeMap,
  attributesOf,
  ELB_NAME,
  ELB_NAME_PREFIX,
  elbTags,
  fromAttributes,
  retagElb,
  tagsOfElb,
  type AttributeOf,
} from './common';

type Args = Plain<lb.LoadBalancerArgs>;
type State = Plain<lb.LoadBalancerState>;

const INPUTS: InputTable<Args> = {
  name: ELB_NAME,
  namePrefix: ELB_NAME_PREFIX,
  loadBalancerType: { type: 'string', oneOf: ['application'], default: 'application', replace: true },
  internal: { type: 'boolean', replace: true, computed: true },
  ipAddressType: { type: 'string', oneOf: ['ipv4', 'dualstack'], computed: true },
  subnets: as(STRINGS, { computed: true }),
  securityGroups: as(STRINGS, { computed: true }),
  idleTimeout: { type: 'integer', min: 1, max: 4000, default: 60 },
  clientKeepAlive: { type: 'integer', min: 60, max: 604800, default: 3600 },
  enableDeletionProtection: as(FLAG, { default: false }),
  enableHttp2: as(FLAG, { default: true }),
  dropInvalidHeaderFields: as(FLAG, { default: false }),
  preserveHostHeader: as(FLAG, { default: false }),
  enableTlsVersionAndCipherSuiteHeaders: as(FLAG, { default: false }),
  enableXffClientPort: as(FLAG, { default: false }),
  enableWafFailOpen: as(FLAG, { default: false }),
  desyncMitigationMode: {
    type: 'string',
    oneOf: ['monitor', 'defensive', 'strictest'],
    default: 'defensive',
  },
  xffHeaderProcessingMode: { type: 'string', oneOf: ['append', 'preserve', 'remove'], default: 'append' },
  accessLogs: {
    type: 'object',
    fields: { bucket: as(STRING, { required: true }), prefix: STRING, enabled: as(FLAG, { default: false }) },
  },
  region: REGION,
  tags: TAGS,
};

const ATTRIBUTES: readonly AttributeOf<Args>[] = [
  { input: 'idleTimeout', attribute: 'idle_timeout.timeout_seconds' },
  { input: 'clientKeepAlive', attribute: 'client_keep_alive.seconds' },
  { input: 'enableDeletionProtection', attribute: 'deletion_protection.enabled' },
  { input: 'enableHttp2', attribute: 'routing.http2.enabled' },
  { input: 'dropInvalidHeaderFields', attribute: 'routing.http.drop_invalid_header_fields.enabled' },
  { input: 'preserveHostHeader', attribute: 'routing.http.preserve_host_header.enabled' },
  {
    input: 'enableTlsVersionAndCipherSuiteHeaders',
    attribute: 'routing.http.x_amzn_tls_version_and_cipher_suite.enabled',
  },
  { input: 'enableXffClientPort', attribute: 'routing.http.xff_client_port.enabled' },
  { input: 'enableWafFailOpen', attribute: 'waf.fail_open.enabled' },
  { input: 'desyncMitigationMode', attribute: 'routing.http.desync_mitigation_mode' },
  { input: 'xffHeaderProcessingMode', attribute: 'routing.http.xff_header_processing.mode' },
];

export const loadBalancer = awsType<lb.LoadBalancerArgs, lb.LoadBalancerState>({
  token: 'aws:lb/loadBalancer:LoadBalancer',
  naming: { property: 'name', prefixProperty: 'namePrefix', maxLength: 32 },
  inputs: INPUTS,
  outputs: ['arn', 'arnSuffix', 'dnsName', 'vpcId', 'zoneId'],
  check: checkSubnets,
  async create(inputs, context) {
    const client = await context.elb();
    const { LoadBalancers } = await client.createLoadBalancer({
      Name: nameAtCreation(inputs.name, inputs.namePrefix, 32),
      Type: 'application',
      Scheme: inputs.internal ? 'internal' : 'internet-facing',
      ...given({
        Subnets: inputs.subnets,
        SecurityGroups: inputs.securityGroups,
        IpAddressType: inputs.ipAddressType as 'ipv4' | 'dualstack' | undefined,
      }),
      ...elbTags(context.tags),
    });
    const arn = LoadBalancers?.[0]?.LoadBalancerArn ?? '';
    context.created(arn);
    // A new load balancer has the defaults, so only what differs from them needs a call.
    await setAttributes(arn, inputs, (input) => inputs[input] !== INPUTS[input]?.default, context);
    await untilActive(arn, context.timeout || 600, context);
    return arn;
  },
  read,
  async update(arn, update, context) {
    const client = await context.elb();
    const { new: next, changed } = update;
    if (changed('securityGroups') && next.securityGroups) {
      await client.setSecurityGroups({ LoadBalancerArn: arn, SecurityGroups: next.securityGroups });
    }
    if (changed('subnets') && next.subnets) {
      await client.setSubnets({ LoadBalancerArn: arn, Subnets: next.subnets });
    }
    if (changed('ipAddressType') && next.ipAddressType) {
      const IpAddressType = next.ipAddressType as 'ipv4' | 'dualstack';
      await client.setIpAddressType({ LoadBalancerArn: arn, IpAddressType });
    }
    await setAttributes(arn, next, (input) => changed(input), context);
  },
  retag: retagElb,
  async delete(arn, _state, context) {
    const client = await context.elb();
    await context.until(
      context.timeout || 600,
      () => unlessInUse(['ResourceInUse'], () => client.deleteLoadBalancer({ LoadBalancerArn: arn })),
      () => `${arn} is still in use`,
    );
  },
});

function checkSubnets(inputs: Partial<Args>): Failure[] {
  const { subnets } = inputs;
  if (subnets === undefined) return [{ property: 'subnets', reason: 'is required' }];
  return Array.isArray(subnets) && subnets.length < 2
    ? [
        {
          property: 'subnets',
          reason: 'at least two subnets in two different Availability Zones are required',
        },
      ]
    : [];
}

async function describe(arn: string, context: AwsContext): Promise<LoadBalancer | undefined> {
  const found = await ifFound((await context.elb()).describeLoadBalancers({ LoadBalancerArns: [arn] }));
  return found?.LoadBalancers?.[0];
}

async function untilActive(arn: string, seconds: number, context: AwsContext): Promise<void> {
  const active = async (): Promise<true | undefined> => {
    const state = (await describe(arn, context))?.State;
    if (state?.Code === 'failed') throw new Error(`${arn} failed: ${state.Reason ?? 'no reason given'}`);
    return state?.Code === 'active' || state?.Code === 'active_impaired' ? true : undefined;
  };
  await context.until(seconds, active, () => `${arn} is not active yet`);
}

async function setAttributes(
  arn: string,
  inputs: Args,
  when: (input: keyof Args) => boolean,
  context: AwsContext,
): Promise<void> {
  const attributes = attributesOf(ATTRIBUTES, inputs, when);
  if (when('accessLogs')) attributes.push(...accessLogAttributes(inputs.accessLogs));
  if (attributes.length === 0) return;
  await (await context.elb()).modifyLoadBalancerAttributes({ LoadBalancerArn: arn, Attributes: attributes });
}

function accessLogAttributes(logs: Args['accessLogs']): { Key: string; Value: string }[] {
  if (!logs) return [{ Key: 'access_logs.s3.enabled', Value: 'false' }];
  return [
    { Key: 'access_logs.s3.enabled', Value: String(logs.enabled ?? false) },
    { Key: 'access_logs.s3.bucket', Value: logs.bucket },
    { Key: 'access_logs.s3.prefix', Value: logs.prefix ?? '' },
  ];
}

async function read(arn: string, context: AwsContext): Promise<State | undefined> {
  const facts = await describe(arn, context);
  if (!facts) return undefined;
  const client = await context.elb();
  const [{ Attributes }, tagsAll] = await Promise.all([
    client.describeLoadBalancerAttributes({ LoadBalancerArn: arn }),
    tagsOfElb(arn, context),
  ]);
  const attributes = attributeMap(Attributes);
  return {
    ...(fromAttributes(ATTRIBUTES, INPUTS, attributes) as Partial<State>),
    arn,
    arnSuffix: arn.split(':loadbalancer/')[1] ?? '',
    name: facts.LoadBalancerName,
    internal: facts.Scheme === 'internal',
    loadBalancerType: facts.Type,
    ipAddressType: facts.IpAddressType ?? 'ipv4',
    securityGroups: facts.SecurityGroups ?? [],
    subnets: (facts.AvailabilityZones ?? []).map((zone) => zone.SubnetId ?? ''),
    ...(attributes.get('access_logs.s3.bucket')
      ? {
          accessLogs: {
            bucket: attributes.get('access_logs.s3.bucket') ?? '',
            prefix: attributes.get('access_logs.s3.prefix') ?? '',
            enabled: attributes.get('access_logs.s3.enabled') === 'true',
          },
        }
      : {}),
    dnsName: facts.DNSName,
    vpcId: facts.VpcId,
    zoneId: facts.CanonicalHostedZoneId,
    region: context.region,
    tagsAll,
  };
}
