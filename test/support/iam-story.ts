/** The commands of each use, run once in a sandbox, and every call to AWS that they made. */
import path from 'node:path';
import { CloudWatchClient, PutMetricAlarmCommand, SetAlarmStateCommand } from '@aws-sdk/client-cloudwatch';
import {
  CreateKeyPairCommand,
  CreateSecurityGroupCommand,
  CreateVolumeCommand,
  DescribeRouteTablesCommand,
  DescribeTagsCommand,
  RegisterImageCommand,
} from '@aws-sdk/client-ec2';
import type { PolicyDocument } from '../../src/domain/iam/document';
import { USES, type Use } from '../../src/domain/iam/policy';
import { startAwsProxy, type AwsCall, type AwsProxy } from './aws-proxy';
import type { Answer, Program } from './command-line';
import { ENVIRONMENT, SERVICE, type Settings } from './e2e-project';
import { apps, LiveEnvironment } from './e2e';

/** The uses, and a bake once more as Packer does it, for what `bascule iam` prints follows the configuration. */
export const RECORDED = [...USES, 'bake by Packer'] as const;
export type Recorded = (typeof RECORDED)[number];

export interface Recording {
  region: string;
  /** As `bascule iam` printed them. */
  policies: Record<Recorded, PolicyDocument>;
  calls: Record<Recorded, AwsCall[]>;
  /** Of EC2's resources by their id, as they were while the environment was up. */
  tags: ReadonlyMap<string, Record<string, string>>;
}

/** The sandbox's. */
export const ACCOUNT = '123456789012';

const ALARM = 'watched-by-the-test';

/** Everything is on that makes a command ask AWS for more. */
function everything(settings: Settings): void {
  Object.assign(settings, {
    account: ACCOUNT,
    network: { kind: 'new', zones: 2, natGateways: 'single' },
    alarms: { enabled: true },
    tags: { team: 'shop' },
    approvals: [
      { name: 'lead', before: 'start', approvers: [`arn:aws:iam::${ACCOUNT}:user/*`], notRequester: false },
    ],
  });
  Object.assign(settings.fleet, { minimum: 1, maximum: 2, targetTracking: { metric: 'cpu', target: 50 } });
  Object.assign(settings.deployment, {
    soakSeconds: 0,
    strategy: { kind: 'canary', steps: [{ weight: 50, byHand: true }] },
    growth: { kind: 'proportional', minimum: 1 },
    analysis: {
      intervalSeconds: 0.5,
      inconclusive: { waitSeconds: 60 },
      checks: [
        { kind: 'error-rate', name: 'errors', limitPercent: 20, windowSeconds: 5, minimumRequests: 30 },
        { kind: 'alarms', name: 'alarms', names: [ALARM] },
      ],
    },
  });
}

/** Where images are copied to beside the region of the environment. */
const OTHER_REGION = 'eu-north-1';

type Proxies = Record<Recorded, AwsProxy>;

/** Runs the commands of each use through a proxy of its own, so that each call belongs to one. */
class Story {
  constructor(
    readonly live: LiveEnvironment,
    private readonly proxies: Proxies,
  ) {}

  begin(use: Recorded, command: string, ...args: string[]): Program {
    this.live.through(this.proxies[use]);
    return this.live.begin(command, ...args);
  }

  /** Runs `bascule …` to its end as part of a use. */
  async run(use: Recorded, command: string, ...args: string[]): Promise<Answer> {
    const answer = await this.live.answerOf(this.begin(use, command, ...args));
    return succeeded(command, answer);
  }

  async pulumi(use: Recorded | null, ...args: string[]): Promise<void> {
    this.live.through(use === null ? undefined : this.proxies[use]);
    const { exitCode, output } = await this.live.pulumi(...args);
    if (exitCode !== 0) throw new Error(`pulumi ${args.join(' ')}: ${output}`);
  }

  async policy(use: Use, recorded: Recorded = use): Promise<PolicyDocument> {
    const { stdout } = await this.run(recorded, 'iam', ENVIRONMENT, '--for', use);
    return JSON.parse(stdout) as PolicyDocument;
  }

  async tags(): Promise<Map<string, Record<string, string>>> {
    const found = new Map<string, Record<string, string>>();
    for (const region of [this.live.region, OTHER_REGION]) {
      const { Tags = [] } = await this.live.ec2(region).send(new DescribeTagsCommand({}));
      for (const { ResourceId = '', Key = '', Value = '' } of Tags)
        found.set(ResourceId, { ...found.get(ResourceId), [Key]: Value });
    }
    const ec2 = this.live.ec2();
    // An association has no tags: IAM looks at those of its route table.
    const { RouteTables = [] } = await ec2.send(new DescribeRouteTablesCommand({}));
    for (const { RouteTableId = '', Associations = [] } of RouteTables)
      for (const { RouteTableAssociationId = '' } of Associations)
        found.set(RouteTableAssociationId, found.get(RouteTableId) ?? {});
    return found;
  }
}

function succeeded(command: string, answer: Answer): Answer {
  if (answer.exitCode === 0) return answer;
  throw new Error(`${command} ended with ${answer.exitCode}:\n${answer.stderr}\n${answer.stdout}`);
}

async function forEachUse<U extends Recorded, T>(
  uses: readonly U[],
  work: (use: U) => Promise<T>,
): Promise<Record<U, T>> {
  const all = await Promise.all(uses.map(async (use) => [use, await work(use)] as const));
  return Object.fromEntries(all) as Record<U, T>;
}

export async function recordEverything(): Promise<Recording> {
  const live = await LiveEnvironment.start(everything, { buildMachine: true });
  const proxies = await forEachUse(RECORDED, () => startAwsProxy(live.info.endpoint));
  try {
    await bakeEverywhere(live);
    const story = new Story(live, proxies);
    const policies = await forEachUse(USES, (use) => story.policy(use));
    await setUp(story);
    await story.run('bake', 'bake', '3.0.0', '--app', apps.crashes);
    const [byPacker] = await Promise.all([packed(story), deployments(story)]);
    await story.run('prune', 'images');
    await story.run('prune', 'images', 'prune', '--keep', '0', '--older-than', '0', '--no-dry-run');
    const tags = await story.tags();
    await story.run('up', 'down', ENVIRONMENT, '--yes');
    await otherNetwork(story);
    const calls = await forEachUse(RECORDED, (use) => Promise.resolve(proxies[use].calls));
    return { region: live.region, policies: { ...policies, 'bake by Packer': byPacker }, calls, tags };
  } finally {
    await live.dispose();
    await forEachUse(RECORDED, (use) => proxies[use].close());
  }
}

/** Images are copied, encrypted with keys of our own, and shared. */
function bakeEverywhere(live: LiveEnvironment): Promise<void> {
  const regions = [live.region, OTHER_REGION];
  const key = (region: string) => `arn:aws:kms:${region}:${ACCOUNT}:key/1234abcd-12ab-34cd-56ef-1234567890ab`;
  const kmsKeys = Object.fromEntries(regions.map((region) => [region, key(region)]));
  return live.changeImages({ regions, kmsKeys, shareWith: ['222222222222'] });
}

/** A bake by Packer, after another one that was killed. */
async function packed(story: Story): Promise<PolicyDocument> {
  await story.live.changeImages({ builder: 'packer' });
  const policy = await story.policy('bake', 'bake by Packer');
  await Promise.all([leftImage(story.live), leftOfPacker(story.live)]);
  await story.run('bake by Packer', 'bake', '4.0.0', '--app', apps.service);
  return policy;
}

const BAKING = [
  { Key: 'bascule:baking', Value: SERVICE },
  { Key: 'bascule:bake', Value: 'killed' },
];

async function leftImage(live: LiveEnvironment): Promise<void> {
  const TagSpecifications = (['image', 'snapshot'] as const).map((ResourceType) => ({
    ResourceType,
    Tags: BAKING,
  }));
  await live.ec2().send(new RegisterImageCommand({ Name: 'left', TagSpecifications }));
}

async function leftOfPacker(live: LiveEnvironment): Promise<void> {
  const tagged = <T extends string>(ResourceType: T) => ({
    TagSpecifications: [{ ResourceType, Tags: BAKING }],
  });
  const ec2 = live.ec2();
  const zone = { AvailabilityZone: `${live.region}a`, Size: 1 };
  await ec2.send(new CreateVolumeCommand({ ...zone, ...tagged('volume') }));
  await ec2.send(new CreateKeyPairCommand({ KeyName: 'packer_left', ...tagged('key-pair') }));
  const group = { GroupName: 'packer_left', Description: 'left' };
  await ec2.send(new CreateSecurityGroupCommand({ ...group, ...tagged('security-group') }));
}

async function setUp(story: Story): Promise<void> {
  await leftImage(story.live);
  await Promise.all([
    story.run('up', 'up', ENVIRONMENT),
    story.run('bake', 'bake', '1.0.0', '--app', apps.service),
    quietAlarm(story.live),
  ]);
  await Promise.all([
    approved(story, '1.0.0').then((program) => story.live.answerOf(program)),
    story.run('bake', 'bake', '2.0.0', '--app', apps.service),
  ]);
}

/** A deployment that somebody has approved. */
async function approved(story: Story, version: string): Promise<Program> {
  const program = story.begin('deploy', 'deploy', ENVIRONMENT, '--version', version);
  await program.says(/waits for the approval/);
  await story.run('approve', 'approve', ENVIRONMENT, '--comment', 'test');
  return program;
}

/** An alarm that is there and quiet, for a check to look at. */
async function quietAlarm(live: LiveEnvironment): Promise<void> {
  const credentials = { accessKeyId: 'sandbox', secretAccessKey: 'sandbox' };
  const client = new CloudWatchClient({ endpoint: live.info.endpoint, region: live.region, credentials });
  await client.send(
    new PutMetricAlarmCommand({
      AlarmName: ALARM,
      Namespace: 'test',
      MetricName: 'nothing',
      Statistic: 'Sum',
      Period: 60,
      EvaluationPeriods: 1,
      Threshold: 1,
      ComparisonOperator: 'GreaterThanThreshold',
    }),
  );
  await client.send(new SetAlarmStateCommand({ AlarmName: ALARM, StateValue: 'OK', StateReason: 'test' }));
}

async function deployments(story: Story): Promise<void> {
  await story.live.underLoad(async () => {
    await thereAndBack(story);
    await change(story);
    await givenUp(story);
  });
  const report = path.join(story.live.folder, 'report.html');
  await Promise.all([
    story.run('deploy', 'freeze', ENVIRONMENT, '--reason', 'test', '--until', '1h'),
    story.run('deploy', 'history', ENVIRONMENT),
    story.run('deploy', 'report', ENVIRONMENT, '--out', report),
  ]);
  await story.run('deploy', 'thaw', ENVIRONMENT);
}

/** A deployment that is previewed, whose driver dies on its way, that is gone on with, and then taken back. */
async function thereAndBack(story: Story): Promise<void> {
  await Promise.all([
    story.run('preview', 'preview', ENVIRONMENT, '--version', '2.0.0'),
    story.pulumi('preview', 'preview', '-s', ENVIRONMENT),
  ]);
  const killed = await approved(story, '2.0.0');
  await killed.says(/50 % on/);
  await story.run('deploy', 'status', ENVIRONMENT);
  killed.signal('SIGKILL');
  await killed.ended;
  const resumed = story.begin('deploy', 'resume', ENVIRONMENT);
  await resumed.says(/50 % on/);
  await story.run('deploy', 'advance', ENVIRONMENT);
  succeeded('resume', await story.live.answerOf(resumed));
  await story.run('deploy', 'rollback', ENVIRONMENT);
  await story.run('deploy', 'retire', ENVIRONMENT);
}

/** What people change in the settings of an environment that is up, and apply by hand. */
async function change(story: Story): Promise<void> {
  await story.live.change((settings) => {
    settings.rules = [
      { name: 'api', priority: 20, paths: ['/api/v1/*'] },
      { name: 'news', priority: 30, paths: ['/news/*'] },
    ];
    settings.listeners.test = { port: 8082, allowedCidrs: ['127.0.0.0/8'] };
    settings.targets.healthCheck.path = '/';
    Object.assign(settings, {
      network: { kind: 'new', zones: 2, natGateways: 'one-per-zone' },
      loadBalancer: { idleTimeoutSeconds: 90 },
      alarms: { enabled: true, latencySeconds: 9 },
      tags: { owner: 'shop' },
    });
    Reflect.deleteProperty(settings.fleet, 'targetTracking');
  });
  await story.pulumi('up', 'up', '-s', ENVIRONMENT, '--yes', '--skip-preview');
}

async function givenUp(story: Story): Promise<void> {
  const { live } = story;
  const aborted = await approved(story, '2.0.0');
  await aborted.says(/50 % on/);
  await story.run('deploy', 'pause', ENVIRONMENT);
  await live.answerOf(story.begin('deploy', 'abort', ENVIRONMENT));
  await aborted.ended;
  // Its instances end at once, and what they said is looked at.
  await live.answerOf(await approved(story, '3.0.0'));
}

/** A network that is not made but found is asked for otherwise, of a stack that is there and has nothing yet. */
async function otherNetwork(story: Story): Promise<void> {
  await story.live.change((settings) => {
    settings.network = { kind: 'default' };
  });
  await story.pulumi(null, 'stack', 'init', ENVIRONMENT);
  await story.pulumi('preview', 'preview', '-s', ENVIRONMENT);
}
