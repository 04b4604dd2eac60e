import { isProps, objectsIn, UNKNOWN, type Rule, type Subject } from './rule';

const GROUP = 'aws:autoscaling/group:Group';
const TEMPLATE = 'aws:ec2/launchTemplate:LaunchTemplate';
const TARGETS = 'aws:lb/targetGroup:TargetGroup';

/** What Bascule's stacks make and AWS tags. */
const TAGGED = [
  GROUP,
  TEMPLATE,
  TARGETS,
  'aws:lb/loadBalancer:LoadBalancer',
  'aws:lb/listener:Listener',
  'aws:lb/listenerRule:ListenerRule',
  'aws:ec2/securityGroup:SecurityGroup',
  'aws:vpc/securityGroupIngressRule:SecurityGroupIngressRule',
  'aws:vpc/securityGroupEgressRule:SecurityGroupEgressRule',
  'aws:ec2/vpc:Vpc',
  'aws:ec2/subnet:Subnet',
  'aws:ec2/instance:Instance',
  'aws:ebs/volume:Volume',
  'aws:cloudwatch/metricAlarm:MetricAlarm',
  'aws:iam/role:Role',
  'aws:iam/instanceProfile:InstanceProfile',
  'aws:s3/bucket:Bucket',
];

/** Of everything, and of what there is once for each colour or release. */
const REQUIRED = ['service', 'environment'];
const MORE: Readonly<Record<string, readonly string[]>> = {
  [GROUP]: ['colour', 'version'],
  [TEMPLATE]: ['colour', 'version'],
  [TARGETS]: ['colour'],
};

export const requiredTags: Rule = {
  name: 'required-tags',
  description:
    'Every resource says of which service and environment it is, and those of a fleet its colour and release.',
  severity: 'medium',
  types: TAGGED,
  check(subject) {
    const found = tagsOf(subject);
    if (found === UNKNOWN) return [];
    const missing = [...REQUIRED, ...(MORE[subject.type] ?? [])].filter((key) => !found.has(key));
    return missing.map((key) => `the tag ${key} is missing`);
  },
};

/** The names of tags that have a value. */
function tagsOf({ type, props }: Subject): Set<string> | typeof UNKNOWN {
  const { tags } = props;
  if (tags === UNKNOWN) return UNKNOWN;
  if (type === GROUP)
    return new Set(
      objectsIn(props, 'tags')
        .filter(({ value, propagateAtLaunch }) => value !== '' && propagateAtLaunch !== false)
        .map(({ key }) => String(key)),
    );
  const entries = isProps(tags) ? Object.entries(tags) : [];
  return new Set(entries.filter(([, value]) => value !== '' && value !== null).map(([key]) => key));
}
