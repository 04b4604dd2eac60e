/** The rules of the policy pack: each on what it must refuse and what it must let pass. */
import { describe, expect, it } from 'vitest';
import { UNKNOWN, type Member, type Props, type Subject } from '../../policy/rule';
import { RULES, STACK_RULES } from '../../policy/rules';

const TEMPLATE = 'aws:ec2/launchTemplate:LaunchTemplate';
const INSTANCE = 'aws:ec2/instance:Instance';
const INGRESS = 'aws:vpc/securityGroupIngressRule:SecurityGroupIngressRule';
const EGRESS = 'aws:vpc/securityGroupEgressRule:SecurityGroupEgressRule';
const GROUP = 'aws:ec2/securityGroup:SecurityGroup';
const OLD_RULE = 'aws:ec2/securityGroupRule:SecurityGroupRule';
const LISTENER = 'aws:lb/listener:Listener';
const TARGETS = 'aws:lb/targetGroup:TargetGroup';
const FLEET = 'aws:autoscaling/group:Group';
const BALANCER = 'aws:lb/loadBalancer:LoadBalancer';
const BUCKET = 'aws:s3/bucket:Bucket';

function problems(rule: string, { type, name = 'x', props }: Partial<Subject> & { type: string }): string[] {
  const found = RULES.find((one) => one.name === rule);
  if (found === undefined) throw new Error(`no rule ${rule}`);
  return found.types.includes(type) ? found.check({ type, name, props: props ?? {} }) : [];
}

type Case = [rule: string, what: string, type: string, props: Props];

const device = (encrypted: unknown) => ({ deviceName: '/dev/xvda', ebs: { encrypted } });
const health = { enabled: true, interval: 10, timeout: 5, unhealthyThreshold: 2 };
const tagList = (...keys: string[]) => keys.map((key) => ({ key, value: 'x', propagateAtLaunch: true }));

const REFUSED: Case[] = [
  ['imdsv2-required', 'a template that says nothing', TEMPLATE, {}],
  ['imdsv2-required', 'tokens as an option', TEMPLATE, { metadataOptions: { httpTokens: 'optional' } }],
  ['imdsv2-required', 'a single instance', INSTANCE, { metadataOptions: {} }],
  ['encrypted-volumes', 'a template that leaves it to the image', TEMPLATE, {}],
  ['encrypted-volumes', 'a root volume in the clear', TEMPLATE, { blockDeviceMappings: [device('false')] }],
  [
    'encrypted-volumes',
    'a second volume in the clear',
    TEMPLATE,
    { blockDeviceMappings: [device('true'), device(undefined)] },
  ],
  ['encrypted-volumes', 'a volume', 'aws:ebs/volume:Volume', { size: 8 }],
  ['encrypted-volumes', 'an instance', INSTANCE, { rootBlockDevice: { volumeSize: 8 } }],
  ['encrypted-images', 'a copy of an image', 'aws:ec2/amiCopy:AmiCopy', { encrypted: false }],
  ['encrypted-images', 'a copy of a snapshot', 'aws:ebs/snapshotCopy:SnapshotCopy', {}],
  ['no-public-instances', 'a template that leaves it to the subnet', TEMPLATE, {}],
  [
    'no-public-instances',
    'a public interface',
    TEMPLATE,
    { networkInterfaces: [{ associatePublicIpAddress: 'true' }] },
  ],
  ['no-public-instances', 'a public instance', INSTANCE, { associatePublicIpAddress: true }],
  ['no-public-instances', 'an address of an instance', 'aws:ec2/eip:Eip', { instance: 'i-1' }],
  ['no-open-ingress', 'the test listener', INGRESS, { cidrIpv4: '0.0.0.0/0', fromPort: 8443, toPort: 8443 }],
  ['no-open-ingress', 'everyone by IPv6', INGRESS, { cidrIpv6: '::/0' }],
  [
    'no-open-ingress',
    'a rule inside a group',
    GROUP,
    { ingress: [{ cidrBlocks: ['10.0.0.0/8', '0.0.0.0/0'], fromPort: 22, toPort: 22, protocol: 'tcp' }] },
  ],
  ['no-open-ingress', 'a rule of the older kind', OLD_RULE, { type: 'ingress', ipv6CidrBlocks: ['::/0'] }],
  ['no-open-egress', 'every port', EGRESS, { cidrIpv4: '0.0.0.0/0', ipProtocol: '-1' }],
  [
    'no-open-egress',
    'many ports',
    EGRESS,
    { cidrIpv4: '0.0.0.0/0', ipProtocol: 'tcp', fromPort: 1, toPort: 65535 },
  ],
  ['tls-policy', "AWS's default", LISTENER, { protocol: 'HTTPS' }],
  ['tls-policy', 'TLS 1.0', LISTENER, { protocol: 'HTTPS', sslPolicy: 'ELBSecurityPolicy-2016-08' }],
  [
    'tls-policy',
    'TLS 1.1',
    LISTENER,
    { protocol: 'HTTPS', sslPolicy: 'ELBSecurityPolicy-TLS13-1-1-2021-06' },
  ],
  ['target-health', 'no delay', TARGETS, { deregistrationDelay: 0, healthCheck: health }],
  [
    'target-health',
    'a sick target that is noticed late',
    TARGETS,
    { deregistrationDelay: 60, healthCheck: { ...health, interval: 30, unhealthyThreshold: 10 } },
  ],
  ['target-health', 'no health check', TARGETS, { healthCheck: { ...health, enabled: false } }],
  ['target-health', 'a timeout over the interval', TARGETS, { healthCheck: { ...health, timeout: 10 } }],
  ['fleet-health', "EC2's health checks", FLEET, { targetGroupArns: ['arn'], healthCheckType: 'EC2' }],
  [
    'fleet-health',
    'no time to start',
    FLEET,
    { targetGroupArns: ['arn'], healthCheckType: 'ELB', healthCheckGracePeriod: 0 },
  ],
  ['two-zones', 'one subnet of a fleet', FLEET, { vpcZoneIdentifiers: ['subnet-1'] }],
  ['two-zones', 'one subnet, twice', FLEET, { vpcZoneIdentifiers: ['subnet-1', 'subnet-1'] }],
  ['two-zones', 'one subnet of a load balancer', BALANCER, { subnets: ['subnet-1'] }],
  ['required-tags', 'no tags', BALANCER, {}],
  ['required-tags', 'an empty tag', BALANCER, { tags: { service: 'shop', environment: '' } }],
  [
    'required-tags',
    'a fleet without its release',
    FLEET,
    { tags: tagList('service', 'environment', 'colour') },
  ],
];

const PASSED: Case[] = [
  ['imdsv2-required', 'tokens', TEMPLATE, { metadataOptions: { httpTokens: 'required' } }],
  ['imdsv2-required', 'no metadata at all', INSTANCE, { metadataOptions: { httpEndpoint: 'disabled' } }],
  ['encrypted-volumes', 'encrypted ones', TEMPLATE, { blockDeviceMappings: [device('true'), device(true)] }],
  ['encrypted-volumes', 'what is not known yet', TEMPLATE, { blockDeviceMappings: UNKNOWN }],
  ['encrypted-images', 'an encrypted copy', 'aws:ec2/amiCopy:AmiCopy', { encrypted: true }],
  [
    'no-public-instances',
    'a private interface',
    TEMPLATE,
    { networkInterfaces: [{ associatePublicIpAddress: 'false' }] },
  ],
  ['no-public-instances', 'an address of a NAT gateway', 'aws:ec2/eip:Eip', { domain: 'vpc' }],
  ['no-open-ingress', 'named addresses', INGRESS, { cidrIpv4: '203.0.113.0/24' }],
  [
    'no-open-egress',
    'HTTPS to everywhere',
    EGRESS,
    { cidrIpv4: '0.0.0.0/0', fromPort: 443, toPort: 443, ipProtocol: 'tcp' },
  ],
  ['no-open-egress', 'every port of a network', EGRESS, { cidrIpv4: '10.0.0.0/8', ipProtocol: '-1' }],
  ['tls-policy', 'plain HTTP', LISTENER, { protocol: 'HTTP' }],
  [
    'tls-policy',
    'TLS 1.2 and 1.3',
    LISTENER,
    { protocol: 'HTTPS', sslPolicy: 'ELBSecurityPolicy-TLS13-1-2-2021-06' },
  ],
  [
    'tls-policy',
    'FIPS',
    LISTENER,
    { protocol: 'HTTPS', sslPolicy: 'ELBSecurityPolicy-TLS13-1-3-FIPS-2023-04' },
  ],
  ['target-health', "AWS's defaults", TARGETS, {}],
  ['target-health', "Bascule's defaults", TARGETS, { deregistrationDelay: 300, healthCheck: health }],
  ['fleet-health', 'a group without a load balancer', FLEET, {}],
  ['two-zones', 'two subnets', FLEET, { vpcZoneIdentifiers: ['subnet-1', 'subnet-2'] }],
  ['two-zones', 'subnets that are not known yet', BALANCER, { subnets: [UNKNOWN, UNKNOWN] }],
  ['required-tags', 'those of Bascule', BALANCER, { tags: { service: 'shop', environment: 'production' } }],
  [
    'required-tags',
    'those of a fleet',
    FLEET,
    { tags: tagList('service', 'environment', 'colour', 'version') },
  ],
];

describe('a rule for single resources', () => {
  it.each(REFUSED)('%s refuses %s', (rule, _what, type, props) => {
    expect(problems(rule, { type, props })).not.toEqual([]);
  });

  it.each(PASSED)('%s lets pass %s', (rule, _what, type, props) => {
    expect(problems(rule, { type, props })).toEqual([]);
  });

  it('lets the production listener and its redirect be open, and no other of that name', () => {
    const props = { cidrIpv4: '0.0.0.0/0', fromPort: 443, toPort: 443 };
    const named = (name: string) => problems('no-open-ingress', { type: INGRESS, name, props });
    expect(named('production-from-0.0.0.0/0.eu-west-3')).toEqual([]);
    expect(named('redirect-from-0.0.0.0/0.eu-west-3')).toEqual([]);
    expect(named('test-from-0.0.0.0/0.eu-west-3')).toHaveLength(1);
  });

  it('is tried on something that it refuses, each of them', () => {
    expect([...new Set(REFUSED.map(([rule]) => rule))].sort()).toEqual(RULES.map(({ name }) => name).sort());
  });
});

function refusedOf(rule: string, members: Partial<Member>[]): string[] {
  const found = STACK_RULES.find((one) => one.name === rule);
  if (found === undefined) throw new Error(`no rule ${rule}`);
  const whole = members.map((one): Member => ({
    type: '',
    name: '',
    urn: '',
    props: {},
    sources: {},
    ...one,
  }));
  return found.checkAll(whole).map(({ urn }) => urn);
}

describe('a rule for a whole stack', () => {
  const balancer: Partial<Member> = {
    type: BALANCER,
    urn: 'balancer',
    props: { securityGroups: [UNKNOWN] },
    sources: { securityGroups: ['group'] },
  };
  const production: Partial<Member> = {
    type: LISTENER,
    name: 'production.eu-west-3',
    props: { port: 443, loadBalancerArn: UNKNOWN, defaultActions: [{ type: 'forward' }] },
    sources: { loadBalancerArn: ['balancer'] },
  };
  const rule = (port: number, group: string): Partial<Member> => ({
    type: INGRESS,
    urn: 'rule',
    name: 'production-from-0.0.0.0/0.eu-west-3',
    props: { cidrIpv4: '0.0.0.0/0', fromPort: port, toPort: port, securityGroupId: UNKNOWN },
    sources: { securityGroupId: [group] },
  });
  const other = (name: string, port: number, type: string): Partial<Member> => ({
    ...production,
    name,
    props: { port, defaultActions: [{ type }] },
  });

  it('knows the production listener by its port and load balancer', () => {
    const open = (...members: Partial<Member>[]) =>
      refusedOf('open-for-clients-only', [balancer, production, ...members]);
    expect(open(rule(443, 'group'))).toEqual([]);
    expect(open(rule(443, 'instances'))).toEqual(['rule']);
    expect(open(rule(8443, 'group'))).toEqual(['rule']);
    expect(open(rule(8443, 'group'), other('test.eu-west-3', 8443, 'forward'))).toEqual(['rule']);
    expect(open(rule(80, 'group'), other('redirect.eu-west-3', 80, 'redirect'))).toEqual([]);
  });

  it('wants a bucket to say its key, itself or beside it', () => {
    const bucket: Partial<Member> = { type: BUCKET, urn: 'bucket', props: { bucket: 'acme' } };
    const type = 'aws:s3/bucketServerSideEncryptionConfiguration:BucketServerSideEncryptionConfiguration';
    expect(refusedOf('encrypted-buckets', [bucket])).toEqual(['bucket']);
    expect(refusedOf('encrypted-buckets', [bucket, { type, props: { bucket: 'another' } }])).toEqual([
      'bucket',
    ]);
    expect(refusedOf('encrypted-buckets', [bucket, { type, props: { bucket: 'acme' } }])).toEqual([]);
    expect(refusedOf('encrypted-buckets', [bucket, { type, sources: { bucket: ['bucket'] } }])).toEqual([]);
    const own = { ...bucket, props: { serverSideEncryptionConfiguration: { rule: {} } } };
    expect(refusedOf('encrypted-buckets', [own])).toEqual([]);
  });

  it('counts the zones of a fleet, where they are known', () => {
    const fleet = (...availabilityZones: string[]) => [
      { type: FLEET, urn: 'fleet', props: { availabilityZones } },
    ];
    expect(refusedOf('two-zones-in-fact', fleet('eu-west-3a'))).toEqual(['fleet']);
    expect(refusedOf('two-zones-in-fact', fleet('eu-west-3a', 'eu-west-3b'))).toEqual([]);
    expect(refusedOf('two-zones-in-fact', fleet())).toEqual([]);
  });
});
