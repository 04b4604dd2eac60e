/**
 * What IAM would ask for a call: each action with the resource and the facts that conditions look at, as the AWS
 * Service Authorization Reference has them. An API call and the action that allows it are not always named alike.
 */
import type { AwsCall } from './aws-proxy';

export interface Permission {
  action: string;
  resource: string;
  /** The condition keys that the call fills in. */
  context: Record<string, string>;
}

/** Where the calls were made, and what conditions see of what is there. */
export interface Place {
  /** Of calls that are not signed. */
  region: string;
  account: string;
  /** Name of the role that instances get. */
  role: string;
  /** Of EC2's resources, by id. */
  tags: ReadonlyMap<string, Record<string, string>>;
}

export function permissionsOf(call: AwsCall, everywhere: Place): Permission[] {
  const place = call.region === '' ? everywhere : { ...everywhere, region: call.region };
  switch (call.service) {
    case 's3':
      return s3(call);
    case 'ec2':
      return ec2(call, place);
    case 'elbv2':
      return balancing(call, place);
    case 'autoscaling':
      return scaling(call, place);
    case 'iam':
      return identity(call, place);
    case 'cloudwatch':
      return metrics(call, place);
    case 'servicequotas':
      return [permission('servicequotas:GetServiceQuota', arn(place, 'servicequotas', 'ec2/L-1216C47A'))];
    case 'ssm':
      return commands(call, place);
    case 'sts':
      return [permission(`sts:${call.action}`, '*')];
    default:
      throw new Error(`what does IAM ask for ${call.label}?`);
  }
}

function permission(action: string, resource: string, context: Record<string, string> = {}): Permission {
  return { action, resource, context };
}

function arn({ region, account }: Place, service: string, resource: string): string {
  return `arn:aws:${service}:${region}:${account}:${resource}`;
}

const READS = /^(Describe|Get|List)/;

/** S3 API reference, "Permissions" of each operation. */
const S3_ACTIONS: Record<string, string[]> = {
  HeadBucket: ['ListBucket'],
  ListObjects: ['ListBucket'],
  HeadObject: ['GetObject'],
  GetObject: ['GetObject'],
  GetObjectTagging: ['GetObjectTagging'],
  PutObject: ['PutObject'],
  PutTaggedObject: ['PutObject', 'PutObjectTagging'],
  CreateMultipartUpload: ['PutObject'],
  UploadPart: ['PutObject'],
  CompleteMultipartUpload: ['PutObject'],
  DeleteObject: ['DeleteObject'],
  CopyObject: ['PutObject', 'GetObject'],
};

function s3(call: AwsCall): Permission[] {
  const { pathname } = new URL(call.path, 'http://s3');
  const object = decodeURIComponent(pathname).replace(/^\//, '').replace(/\/$/, '');
  const actions = S3_ACTIONS[call.action];
  if (actions === undefined) throw new Error(`what does IAM ask for s3:${call.action}?`);
  return actions.map((action) => permission(`s3:${action}`, `arn:aws:s3:::${object}`));
}

const EC2_TYPES: Record<string, string> = {
  ami: 'image',
  eipalloc: 'elastic-ip',
  i: 'instance',
  igw: 'internet-gateway',
  key: 'key-pair',
  lt: 'launch-template',
  nat: 'natgateway',
  rtb: 'route-table',
  rtbassoc: 'route-table',
  sg: 'security-group',
  sgr: 'security-group-rule',
  snap: 'snapshot',
  subnet: 'subnet',
  vol: 'volume',
  vpc: 'vpc',
};

/** What a call makes, beside what it names. */
const EC2_MADE: Record<string, string[]> = {
  AllocateAddress: ['elastic-ip'],
  AuthorizeSecurityGroupEgress: ['security-group-rule'],
  AuthorizeSecurityGroupIngress: ['security-group-rule'],
  CopyImage: ['image', 'snapshot'],
  CreateImage: ['image', 'snapshot'],
  CreateInternetGateway: ['internet-gateway'],
  CreateLaunchTemplate: ['launch-template'],
  CreateNatGateway: ['natgateway'],
  CreateRouteTable: ['route-table'],
  CreateSecurityGroup: ['security-group'],
  CreateSubnet: ['subnet'],
  CreateVpc: ['vpc'],
  RunInstances: ['instance', 'network-interface', 'volume'],
};

/** Parts of another resource, which alone is asked about. */
const OF_ANOTHER: Record<string, string[]> = {
  RevokeSecurityGroupEgress: ['security-group-rule'],
  RevokeSecurityGroupIngress: ['security-group-rule'],
};

/** Named for what instances will be like one day, not for what the call works on. */
const NOT_WORKED_ON =
  /^(LaunchTemplateData|Filter|IpPermissions|SecurityGroupRule\.\d+\.SecurityGroupRule\.)/;

/** Reading that AWS lets be limited to what is read. */
const READS_OF_ONE = new Set(['DescribeVpcAttribute', 'GetConsoleOutput']);

function ec2(call: AwsCall, place: Place): Permission[] {
  const action = `ec2:${call.action}`;
  if (READS.test(call.action) && !READS_OF_ONE.has(call.action)) return [permission(action, '*')];
  const form = [...new URLSearchParams(call.body)];
  const made = (EC2_MADE[call.action] ?? []).flatMap((type) => {
    const resource = ec2Arn(place, type, 'new');
    const tags = requestTags(form, type);
    const tagging = { ...tags, 'ec2:CreateAction': call.action };
    return [
      permission(action, resource, tags),
      ...(Object.keys(tags).length === 0 ? [] : [permission('ec2:CreateTags', resource, tagging)]),
    ];
  });
  const own = call.action === 'CreateTags' ? plainTags(form) : {};
  const named = form.flatMap(([name, value]) => {
    // Of all that has a name beside its id, this alone is named in its ARN.
    if (name === 'KeyName') return [permission(action, ec2Arn(place, 'key-pair', value))];
    const [, prefix = ''] = /^([a-z]+)-[0-9a-f]{8,}$/.exec(value) ?? [];
    const type = EC2_TYPES[prefix];
    if (type === undefined || NOT_WORKED_ON.test(name)) return [];
    if (OF_ANOTHER[call.action]?.includes(type) === true) return [];
    const context = { ...own, ...labelled('ResourceTag', place.tags.get(value) ?? {}) };
    return [permission(action, ec2Arn(place, type, value), context)];
  });
  // A bake's instances have no role; those of fleets get theirs by the template.
  const roled = form.some(
    ([name, value]) => value !== '' && /^(LaunchTemplate|IamInstanceProfile)\./.test(name),
  );
  const passed = call.action === 'RunInstances' && roled ? [passRole(place)] : [];
  const all = [...made, ...named, ...passed];
  if (all.length === 0) throw new Error(`what does ${call.label} work on? ${call.body}`);
  return all;
}

function ec2Arn(place: Place, type: string, id: string): string {
  const whose = type === 'image' || type === 'snapshot' ? { ...place, account: '' } : place;
  return arn(whose, 'ec2', `${type}/${id}`);
}

function labelled(kind: 'RequestTag' | 'ResourceTag', tags: Record<string, string>): Record<string, string> {
  return Object.fromEntries(Object.entries(tags).map(([key, value]) => [`aws:${kind}/${key}`, value]));
}

type Form = [string, string][];

/** `TagSpecification.1.ResourceType=vpc&TagSpecification.1.Tag.1.Key=service&TagSpecification.1.Tag.1.Value=shop` */
function requestTags(form: Form, type: string): Record<string, string> {
  const specification = form.find(
    ([name, value]) => /^TagSpecification\.\d+\.ResourceType$/.test(name) && value === type,
  );
  if (specification === undefined) return {};
  const prefix = specification[0].replace('ResourceType', '');
  const own = form.flatMap(([name, value]): Form =>
    name.startsWith(prefix) ? [[name.slice(prefix.length), value]] : [],
  );
  return plainTags(own);
}

/** `Tag.1.Key=service&Tag.1.Value=shop` */
function plainTags(form: Form): Record<string, string> {
  const values = new Map(form);
  const tags = form.flatMap(([name, key]) =>
    /^Tag\.\d+\.Key$/.test(name) ? [[key, values.get(name.replace('Key', 'Value')) ?? '']] : [],
  );
  return labelled('RequestTag', Object.fromEntries(tags) as Record<string, string>);
}

function passRole(place: Place): Permission {
  const resource = `arn:aws:iam::${place.account}:role/${place.role}`;
  return permission('iam:PassRole', resource, { 'iam:PassedToService': 'ec2.amazonaws.com' });
}

/** Parameters that name what a call works on; target groups in actions of a rule are none. */
const BALANCING_SUBJECT =
  /^(LoadBalancerArn|ListenerArn|RuleArn|TargetGroupArn|ResourceArns\.member\.\d+|RulePriorities\.member\.\d+\.RuleArn)$/;

function balancing(call: AwsCall, place: Place): Permission[] {
  const action = `elasticloadbalancing:${call.action}`;
  if (READS.test(call.action)) return [permission(action, '*')];
  const form = new URLSearchParams(call.body);
  const of = (resource: string): string => arn(place, 'elasticloadbalancing', resource);
  const subjects = [...form].flatMap(([name, value]) => (BALANCING_SUBJECT.test(name) ? [value] : []));
  const [parent = ''] = subjects;
  const name = form.get('Name') ?? '';
  const made: Record<string, string> = {
    CreateLoadBalancer: of(`loadbalancer/app/${name}/new`),
    CreateTargetGroup: of(`targetgroup/${name}/new`),
    CreateListener: `${parent.replace(':loadbalancer/', ':listener/')}/new`,
    CreateRule: `${parent.replace(':listener/', ':listener-rule/')}/new`,
  };
  const own = made[call.action];
  const worked = subjects.length > 0 ? subjects : [own ?? ''];
  const tagged = own !== undefined && form.has('Tags.member.1.Key');
  return [
    ...worked.map((one) => permission(action, one)),
    ...(tagged ? [permission('elasticloadbalancing:AddTags', own)] : []),
  ];
}

/** Auto Scaling lets only those use a template who may launch by it and pass its role. */
function scaling(call: AwsCall, place: Place): Permission[] {
  const action = `autoscaling:${call.action}`;
  if (READS.test(call.action)) return [permission(action, '*')];
  const form = [...new URLSearchParams(call.body)];
  const names = form.flatMap(([name, value]) =>
    /^(AutoScalingGroupName|Tags\.member\.\d+\.ResourceId)$/.test(name) ? [value] : [],
  );
  const templates = form.flatMap(([name, value]) => (/LaunchTemplateId$/.test(name) ? [value] : []));
  return [
    ...[...new Set(names)].map((name) =>
      permission(action, arn(place, 'autoscaling', `autoScalingGroup:0:autoScalingGroupName/${name}`)),
    ),
    ...templates.flatMap((id) => [
      permission(
        'ec2:RunInstances',
        ec2Arn(place, 'launch-template', id),
        labelled('ResourceTag', place.tags.get(id) ?? {}),
      ),
      passRole(place),
    ]),
  ];
}

function identity(call: AwsCall, place: Place): Permission[] {
  const form = new URLSearchParams(call.body);
  const role = form.get('RoleName');
  const profile = form.get('InstanceProfileName');
  const own = profile === null ? `role/${role}` : `instance-profile/${profile}`;
  const policy = form.get('PolicyArn');
  const context: Record<string, string> = policy === null ? {} : { 'iam:PolicyARN': policy };
  const asked = permission(`iam:${call.action}`, `arn:aws:iam::${place.account}:${own}`, context);
  const tagging = { CreateRole: 'iam:TagRole', CreateInstanceProfile: 'iam:TagInstanceProfile' };
  const tagged = form.has('Tags.member.1.Key') ? tagging[call.action as keyof typeof tagging] : undefined;
  return [
    asked,
    ...(tagged === undefined ? [] : [{ ...asked, action: tagged }]),
    ...(call.action === 'AddRoleToInstanceProfile' ? [passRole(place)] : []),
  ];
}

/** Systems Manager looks at the tags of instances by a key of its own (user guide, "Restricting Run Command access"). */
function commands(call: AwsCall, place: Place): Permission[] {
  const action = `ssm:${call.action}`;
  if (READS.test(call.action)) return [permission(action, '*')];
  const { DocumentName, InstanceIds } = JSON.parse(call.body) as {
    DocumentName: string;
    InstanceIds: string[];
  };
  return [
    permission(action, arn({ ...place, account: '' }, 'ssm', `document/${DocumentName}`)),
    ...InstanceIds.map((id) => {
      const tags = Object.entries(place.tags.get(id) ?? {});
      const context = Object.fromEntries(tags.map(([key, value]) => [`ssm:resourceTag/${key}`, value]));
      return permission(action, ec2Arn(place, 'instance', id), context);
    }),
  ];
}

function metrics(call: AwsCall, place: Place): Permission[] {
  const action = `cloudwatch:${call.action}`;
  if (/^(Describe|Get)/.test(call.action)) return [permission(action, '*')];
  // The calls are in a binary format in which texts stand as they are.
  const [name = ''] = /[\w-]+-(?:blue|green)-(?:5xx|latency)/.exec(call.body) ?? [];
  const alarm = arn(place, 'cloudwatch', `alarm:${name}`);
  const tagged = call.action === 'PutMetricAlarm' && call.body.includes('Tags');
  return [permission(action, alarm), ...(tagged ? [permission('cloudwatch:TagResource', alarm)] : [])];
}
