/** Everything an environment consists of, in words that are the same whichever colour and release is live. */
import {
  DescribeAutoScalingGroupsCommand,
  DescribePoliciesCommand,
  type AutoScalingGroup,
} from '@aws-sdk/client-auto-scaling';
import {
  DescribeImagesCommand,
  DescribeInstancesCommand,
  DescribeLaunchTemplatesCommand,
  DescribeLaunchTemplateVersionsCommand,
  DescribeSecurityGroupsCommand,
} from '@aws-sdk/client-ec2';
import {
  DescribeListenersCommand,
  DescribeLoadBalancersCommand,
  DescribeRulesCommand,
  DescribeTargetGroupsCommand,
  DescribeTargetHealthCommand,
  type Action,
  type Listener,
} from '@aws-sdk/client-elastic-load-balancing-v2';
import { GetObjectCommand, ListObjectsV2Command } from '@aws-sdk/client-s3';
import { COLOURS, otherColour, type Colour } from '../../src/domain/colour';
import { ENVIRONMENT } from './e2e-project';
import type { LiveEnvironment } from './e2e';
import { must } from './until';

/** What each release is to the deployment under test: `from`, `to` or `other`. */
export type Roles = Record<string, string>;

/** Lines that say all that there is; the same lines are the same world. */
export type WorldLines = string[];

const KEYS = /^environments\/e2e\/(lease\.json|log\/|deployments\/([\w-]+\/)?)$/;

export async function worldOf(live: LiveEnvironment, roles: Roles): Promise<WorldLines> {
  const [stored, ...regions] = await Promise.all([
    storedIn(live),
    ...live.regions.map((region) => regionOf({ live, region })),
  ]);
  const colour = await liveColour(live);
  const inRoles = (line: string): string =>
    line
      .replace(/\b(blue|green)\b/g, (one) => (one === colour ? 'live' : 'idle'))
      .replace(/(?<![\d.])[123]\.0\.0(?![\d./])/g, (version) => roles[version] ?? 'other');
  return [...regions.flat(), ...stored].map(inRoles).sort();
}

/** One region of an environment. */
interface Place {
  live: LiveEnvironment;
  region: string;
}

async function regionOf(place: Place): Promise<string[]> {
  const lines = await Promise.all([routesOf(place), fleetsOf(place), namesOf(place)]);
  return lines.flat().map((line) => `${place.region}: ${line}`);
}

/** A world in which some regions are as in another one; what no region has is taken from the first. */
export function mixed(world: WorldLines, other: WorldLines, regions: readonly string[]): WorldLines {
  const isOfThem = (line: string): boolean => regions.some((region) => line.includes(region));
  return [...world.filter((line) => !isOfThem(line)), ...other.filter(isOfThem)].sort();
}

/** The one colour with all of the traffic. */
export async function liveColour(live: LiveEnvironment): Promise<Colour> {
  const weights = (await live.forwards()).map((forward) => forward.weights);
  const [sole, ...more] = COLOURS.filter((colour) => weights.some((one) => one[colour] > 0));
  if (more.length > 0) throw new Error(`traffic is shared: ${JSON.stringify(weights)}`);
  return must(sole, 'a live colour');
}

/** Whether something comes or goes: an instance, a target. */
export const isMoving = (lines: WorldLines): boolean =>
  lines.some((line) => /(shutting-down|pending) \(|draining|initial|Terminating|Pending/.test(line));

/** What one world has and the other has not. */
export function differences(expected: WorldLines, found: WorldLines): string[] {
  return [
    ...expected.filter((line) => !found.includes(line)).map((line) => `missing: ${line}`),
    ...found.filter((line) => !expected.includes(line)).map((line) => `left over: ${line}`),
  ];
}

async function routesOf(place: Place): Promise<string[]> {
  const elb = place.live.elb(place.region);
  const { LoadBalancers = [] } = await elb.send(new DescribeLoadBalancersCommand({}));
  const ofEach = LoadBalancers.map(async ({ LoadBalancerArn }) => {
    const { Listeners = [] } = await elb.send(new DescribeListenersCommand({ LoadBalancerArn }));
    return (await Promise.all(Listeners.map((listener) => routesOfListener(place, listener)))).flat();
  });
  return (await Promise.all(ofEach)).flat();
}

async function routesOfListener({ live, region }: Place, { ListenerArn, Port }: Listener): Promise<string[]> {
  const { Rules = [] } = await live.elb(region).send(new DescribeRulesCommand({ ListenerArn }));
  return Rules.map(({ Priority, Actions = [] }) => `route ${Port} ${Priority}: ${actionsOf(Actions)}`);
}

function actionsOf(actions: Action[]): string {
  const groups = actions.flatMap(({ ForwardConfig }) => ForwardConfig?.TargetGroups ?? []);
  return groups
    .map(({ TargetGroupArn = '', Weight }) => `${/-(blue|green)\//.exec(TargetGroupArn)?.[1]} ${Weight}`)
    .sort((one, other) => Number(other.split(' ')[1]) - Number(one.split(' ')[1]))
    .join(', ');
}

async function fleetsOf(place: Place): Promise<string[]> {
  const client = place.live.autoScaling(place.region);
  const { AutoScalingGroups = [] } = await client.send(new DescribeAutoScalingGroupsCommand({}));
  return (await Promise.all(AutoScalingGroups.map((group) => fleetOf(place, group)))).flat();
}

async function fleetOf(place: Place, group: AutoScalingGroup): Promise<string[]> {
  const tags = Object.fromEntries((group.Tags ?? []).map(({ Key, Value }) => [Key, Value]));
  const name = `fleet ${group.AutoScalingGroupName}`;
  const targets = (group.TargetGroupARNs ?? []).map(async (arn) => {
    const { TargetHealthDescriptions = [] } = await place.live
      .elb(place.region)
      .send(new DescribeTargetHealthCommand({ TargetGroupArn: arn }));
    const states = TargetHealthDescriptions.map(({ TargetHealth }) => TargetHealth?.State ?? '').sort();
    return `${name} targets: ${states.join(', ')}`;
  });
  return [
    `${name} capacity: ${group.MinSize} to ${group.MaxSize}, ${group.DesiredCapacity} wanted`,
    `${name} suspended: ${(group.SuspendedProcesses ?? [])
      .map(({ ProcessName }) => ProcessName)
      .sort()
      .join(', ')}`,
    `${name} tags: ${tags['colour']} ${tags['version']}`,
    `${name} launches: ${await imageOf(place, group)}`,
    `${name} instances: ${(group.Instances ?? [])
      .map((one) => one.LifecycleState)
      .sort()
      .join(', ')}`,
    ...(await Promise.all(targets)),
  ];
}

/** The release of the image that new instances would be started from. */
async function imageOf({ live, region }: Place, group: AutoScalingGroup): Promise<string> {
  const ec2 = live.ec2(region);
  const { LaunchTemplateId, Version = '$Latest' } = must(group.LaunchTemplate, 'the launch template');
  const { LaunchTemplateVersions } = await ec2.send(
    new DescribeLaunchTemplateVersionsCommand({ LaunchTemplateId, Versions: [Version] }),
  );
  const ImageId = must(LaunchTemplateVersions?.[0]?.LaunchTemplateData?.ImageId);
  const { Images } = await ec2.send(new DescribeImagesCommand({ Owners: ['self'], ImageIds: [ImageId] }));
  return must(Images?.[0]?.Tags?.find(({ Key }) => Key === 'version')?.Value);
}

/** One line for each resource: what is there twice, or should not be there, is a line more. */
async function namesOf({ live, region }: Place): Promise<string[]> {
  const [ec2, elb, autoScaling] = [live.ec2(region), live.elb(region), live.autoScaling(region)];
  const [templates, security, balancers, targetGroups, instances, policies] = await Promise.all([
    ec2.send(new DescribeLaunchTemplatesCommand({})),
    ec2.send(new DescribeSecurityGroupsCommand({})),
    elb.send(new DescribeLoadBalancersCommand({})),
    elb.send(new DescribeTargetGroupsCommand({})),
    ec2.send(new DescribeInstancesCommand({})),
    autoScaling.send(new DescribePoliciesCommand({})),
  ]);
  const running = (instances.Reservations ?? [])
    .flatMap(({ Instances = [] }) => Instances)
    .filter(({ State }) => State?.Name !== 'terminated')
    .map(({ State, Tags = [] }) => {
      const tag = (name: string) => Tags.find(({ Key }) => Key === name)?.Value;
      return `${tag('colour')} ${tag('version')} ${State?.Name}`;
    });
  return numbered([
    ...(templates.LaunchTemplates ?? []).map((one) => `launch template ${one.LaunchTemplateName}`),
    ...(security.SecurityGroups ?? []).map((one) => `security group ${one.GroupName}`),
    ...(balancers.LoadBalancers ?? []).map((one) => `load balancer ${one.LoadBalancerName}`),
    ...(targetGroups.TargetGroups ?? []).map((one) => `target group ${one.TargetGroupName}`),
    ...(policies.ScalingPolicies ?? []).map((one) => `scaling policy ${one.PolicyName}`),
    ...running.map((one) => `instance ${one}`),
  ]);
}

/** Tells lines of the same words apart, so that a second one counts. */
function numbered(lines: string[]): string[] {
  const counts = new Map<string, number>();
  return lines.sort().map((line) => {
    const count = (counts.get(line) ?? 0) + 1;
    counts.set(line, count);
    return `${line} (${count})`;
  });
}

/** The bucket: Pulumi's stacks and locks, the lease, and keys that nobody should have written. */
async function storedIn(live: LiveEnvironment): Promise<string[]> {
  const [stacks, locks, own, journals] = await Promise.all([
    keysOf(live, '.pulumi/stacks/', true),
    keysOf(live, '.pulumi/locks/', true),
    keysOf(live, `environments/${ENVIRONMENT}/`),
    keysOf(live, `environments/${ENVIRONMENT}/deployments/`),
  ]);
  const strange = [...own, ...journals].filter((key) => !KEYS.test(key));
  const lease = JSON.parse(await textOf(live, `environments/${ENVIRONMENT}/lease.json`)) as {
    released: boolean;
  };
  const checkpoints = stacks.filter((key) => key.endsWith('.json'));
  const states = await Promise.all(checkpoints.map(async (key) => stackLines(key, await textOf(live, key))));
  return [
    ...states.flat(),
    ...locks.map((key) => `lock ${key}`),
    ...strange.map((key) => `strange object ${key}`),
    `lease released: ${lease.released}`,
  ];
}

interface Checkpoint {
  checkpoint: {
    latest: null | {
      resources?: { urn: string; delete?: boolean }[];
      pending_operations?: { type: string; resource: { urn: string } }[];
    };
  };
}

function stackLines(key: string, text: string): string[] {
  const name = `stack ${key.split('/').at(-1)}`;
  const { latest } = (JSON.parse(text) as Checkpoint).checkpoint;
  return numbered([
    ...(latest?.resources ?? []).map(
      (one) => `${name} has ${one.urn}${one.delete === true ? ', to be deleted' : ''}`,
    ),
    ...(latest?.pending_operations ?? []).map((one) => `${name} pending: ${one.type} ${one.resource.urn}`),
  ]);
}

/** Keys below a prefix; only down to the next slash unless `deep`. */
async function keysOf(live: LiveEnvironment, Prefix: string, deep = false): Promise<string[]> {
  const s3 = live.s3();
  const keys: string[] = [];
  let ContinuationToken: string | undefined;
  do {
    const Delimiter = deep ? undefined : '/';
    const page = await s3.send(
      new ListObjectsV2Command({ Bucket: live.info.bucket, Prefix, Delimiter, ContinuationToken }),
    );
    keys.push(...(page.Contents ?? []).map(({ Key }) => must(Key)));
    keys.push(...(page.CommonPrefixes ?? []).map((one) => must(one.Prefix)));
    ContinuationToken = page.NextContinuationToken;
  } while (ContinuationToken !== undefined);
  return keys;
}

/** Every deployment that has a journal. */
export async function deploymentsOf(live: LiveEnvironment): Promise<string[]> {
  const folders = await keysOf(live, `environments/${ENVIRONMENT}/deployments/`);
  return folders.map((folder) => must(folder.split('/').at(-2)));
}

async function textOf(live: LiveEnvironment, Key: string): Promise<string> {
  const { Body } = await live.s3().send(new GetObjectCommand({ Bucket: live.info.bucket, Key }));
  return must(await Body?.transformToString());
}

/** What the idle colour has: what a deployment finds when it begins. */
export async function idleState(
  live: LiveEnvironment,
): Promise<{ colour: Colour; kind: 'absent' | 'empty' | 'warm'; version: string | undefined }> {
  const colour = otherColour(await liveColour(live));
  const { AutoScalingGroups = [] } = await live.autoScaling().send(new DescribeAutoScalingGroupsCommand({}));
  const group = AutoScalingGroups.find((one) =>
    one.Tags?.some(({ Key, Value }) => Key === 'colour' && Value === colour),
  );
  const version = group?.Tags?.find(({ Key }) => Key === 'version')?.Value;
  if (group === undefined) return { colour, kind: 'absent', version };
  return { colour, kind: group.DesiredCapacity === 0 ? 'empty' : 'warm', version };
}
