/** An environment of a test's own in a sandbox of its own, worked on by the real command line. */
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { AutoScalingClient } from '@aws-sdk/client-auto-scaling';
import { EC2Client } from '@aws-sdk/client-ec2';
import {
  DescribeListenersCommand,
  DescribeLoadBalancersCommand,
  DescribeRulesCommand,
  ElasticLoadBalancingV2Client,
  ModifyListenerCommand,
  ModifyRuleCommand,
  type Action,
} from '@aws-sdk/client-elastic-load-balancing-v2';
import { GetObjectCommand, ListObjectsV2Command, S3Client } from '@aws-sdk/client-s3';
import { ensureEngine, ensurePython } from '../../automation/engine';
import type { EnvironmentStatus } from '../../automation/operations/status';
import { startLoad, type Load } from '../../automation/rehearsal/load/load';
import type { LoadResult } from '../../automation/rehearsal/load/types';
import { sandboxEnv, sandboxStatus, startSandbox, stopSandbox, withoutAws } from '../../automation/sandbox';
import type { SandboxInfo, StartOptions } from '../../automation/sandbox';
import type { InstanceStatus } from '../../automation/sandbox/lifecycle/status';
import type { Colour } from '../../src/domain/colour';
import type { JournalRecord } from '../../src/domain/records';
import { proxiedEnv, type AwsProxy } from './aws-proxy';
import { BASCULE, documentOf, Program, type Answer, type Document } from './command-line';
import { changeImageSettings, changeSettings, ENVIRONMENT, writeProject, type Settings } from './e2e-project';
import { must, until } from './until';

const APPS = path.join(__dirname, 'apps');
const EXAMPLES = path.resolve(__dirname, '../../examples');

/** Applications that releases are baked of. */
export const apps = {
  service: path.join(EXAMPLES, 'service'),
  crashes: path.join(EXAMPLES, 'broken', 'crashes'),
  unhealthy: path.join(EXAMPLES, 'broken', 'unhealthy'),
  fickle: path.join(APPS, 'fickle'),
  regional: path.join(APPS, 'regional'),
  moody: path.join(APPS, 'moody'),
};

export class LiveEnvironment {
  private readonly programs: Program[] = [];
  private readonly loads: Load[] = [];
  /** What programs get that are begun from now on. */
  env: NodeJS.ProcessEnv;

  private constructor(
    /** Holds the sandbox and the project. */
    readonly folder: string,
    readonly info: SandboxInfo,
    private readonly direct: NodeJS.ProcessEnv,
    /** Of the environment when the project was written, the one with the bucket first. */
    readonly regions: readonly string[],
  ) {
    this.env = direct;
  }

  /** Starts a sandbox and writes the project; the environment itself is not up yet. */
  static async start(
    change?: (settings: Settings) => void,
    options: Pick<StartOptions, 'buildMachine' | 'accounts'> = {},
  ): Promise<LiveEnvironment> {
    const folder = await mkdtemp(path.join(tmpdir(), 'bascule-e2e-'));
    const sandbox = path.join(folder, 'sandbox');
    try {
      const engine = await ensureEngine();
      const { python } = await ensurePython();
      const info = await startSandbox({
        folder: sandbox,
        python,
        engineFolder: engine.folder,
        log: () => undefined,
        ...options,
      });
      const project = path.join(folder, 'project');
      let regions: readonly string[] = [];
      await writeProject({ folder: project, bucket: info.bucket, region: info.region }, (settings) => {
        change?.(settings);
        regions = settings.regions;
      });
      const own = { BASCULE_ENGINE_FOLDER: engine.folder, BASCULE_SANDBOX_PYTHON: python, CI: 'true' };
      const env = { ...withoutAws(process.env), ...sandboxEnv(info), ...own };
      return new LiveEnvironment(folder, info, env, regions);
    } catch (problem) {
      await stopSandbox({ folder: sandbox });
      await rm(folder, { recursive: true, force: true });
      throw problem;
    }
  }

  /** As start, with the environment up and a first release live. */
  static async live(app: string, change?: (settings: Settings) => void): Promise<LiveEnvironment> {
    const environment = await LiveEnvironment.start(change);
    try {
      await Promise.all([environment.succeeds('up', ENVIRONMENT), environment.bake('1.0.0', app)]);
      await environment.succeeds('deploy', ENVIRONMENT, '--version', '1.0.0');
      return environment;
    } catch (problem) {
      await environment.dispose();
      throw problem;
    }
  }

  /** Ends everything that the test began, also what it left half-way. */
  async dispose(): Promise<void> {
    await Promise.allSettled(this.loads.map((load) => load.stop()));
    for (const program of this.programs) program.signal('SIGKILL');
    await Promise.allSettled(this.programs.map((program) => program.ended));
    await stopSandbox({ folder: this.info.folder });
    await rm(this.folder, { recursive: true, force: true });
  }

  /** Programs begun from now on call AWS through the proxy; without one, directly. The tests' own clients always do. */
  through(proxy?: Pick<AwsProxy, 'url'>): void {
    this.env = proxy === undefined ? this.direct : proxiedEnv(this.direct, proxy);
  }

  get project(): string {
    return path.join(this.folder, 'project');
  }

  get region(): string {
    return this.info.region;
  }

  /** Starts `bascule …` and does not wait for it. */
  begin(...args: string[]): Program {
    const program = new Program(process.execPath, [BASCULE, ...args, '--json', '--project', this.project], {
      env: this.env,
      cwd: this.folder,
    });
    this.programs.push(program);
    return program;
  }

  async answerOf<T = Document>(program: Program): Promise<Answer<T>> {
    const ended = await program.ended;
    return { ...ended, json: documentOf<T>(ended) };
  }

  /** Runs `bascule … --json --project …` to its end. */
  run<T = Document>(...args: string[]): Promise<Answer<T>> {
    return this.answerOf<T>(this.begin(...args));
  }

  /** As run, for what has to succeed before the test can begin. */
  async succeeds<T = Document>(...args: string[]): Promise<Answer<T>> {
    const answer = await this.run<T>(...args);
    if (answer.exitCode === 0) return answer;
    throw new Error(
      `bascule ${args.join(' ')} ended with ${answer.exitCode}:\n${answer.stderr}\n${answer.stdout}`,
    );
  }

  bake(version: string, app: string): Promise<Answer> {
    return this.succeeds('bake', version, '--app', app);
  }

  deploy(version: string, ...more: string[]): Promise<Answer> {
    return this.run('deploy', ENVIRONMENT, '--version', version, ...more);
  }

  /** Runs `pulumi …` in the project's folder, as a person does by hand. */
  async pulumi(...args: string[]): Promise<{ exitCode: number | null; output: string }> {
    const program = new Program('pulumi', [...args, '--non-interactive', '--color', 'never'], {
      env: this.env,
      cwd: this.project,
    });
    this.programs.push(program);
    const { exitCode, stdout, stderr } = await program.ended;
    return { exitCode, output: `${stdout}${stderr}` };
  }

  /** Runs `bascule sandbox …` for this sandbox. */
  async sandbox(...args: string[]): Promise<Document> {
    const command = [BASCULE, 'sandbox', ...args, '--json', '--folder', this.info.folder];
    const program = new Program(process.execPath, command, { env: this.env });
    this.programs.push(program);
    const { exitCode, json } = await this.answerOf(program);
    if (exitCode !== 0) throw new Error(`sandbox ${args.join(' ')}: ${JSON.stringify(json)}`);
    return json;
  }

  change(change: (settings: Settings) => void): Promise<void> {
    return changeSettings(this.project, change);
  }

  changeImages(change: Parameters<typeof changeImageSettings>[1]): Promise<void> {
    return changeImageSettings(this.project, change);
  }

  async status(): Promise<EnvironmentStatus> {
    return (await this.succeeds<EnvironmentStatus>('status', ENVIRONMENT)).json;
  }

  /** The instances whose processes run, by the sandbox's own account. */
  async instances(colour?: Colour): Promise<InstanceStatus[]> {
    const { instances } = await sandboxStatus({ folder: this.info.folder });
    return instances.filter((one) => colour === undefined || one.colour === colour);
  }

  /** Sends a request to every instance of a colour itself, past the load balancer. */
  async tell(colour: Colour, pathname: string): Promise<void> {
    const running = (await this.instances(colour)).filter((one) => one.process === 'running');
    if (running.length === 0) throw new Error(`${colour} has no running instance to tell ${pathname}`);
    await Promise.all(
      running.map(({ address }) => fetch(`http://${must(address)}${pathname}`, { method: 'POST' })),
    );
  }

  private clientOptions(region = this.region) {
    const credentials = { accessKeyId: 'sandbox', secretAccessKey: 'sandbox' };
    return { endpoint: this.info.endpoint, region, credentials };
  }

  elb = (region?: string) => new ElasticLoadBalancingV2Client(this.clientOptions(region));
  ec2 = (region?: string) => new EC2Client(this.clientOptions(region));
  autoScaling = (region?: string) => new AutoScalingClient(this.clientOptions(region));
  s3 = () => new S3Client({ ...this.clientOptions(), forcePathStyle: true });

  /** The production listener's address. */
  async url(region?: string): Promise<string> {
    const { LoadBalancers } = await this.elb(region).send(new DescribeLoadBalancersCommand({}));
    return `http://${must(LoadBalancers?.[0]?.DNSName)}:8080`;
  }

  /** The forward actions of the production listener: of its rules, then of its default action. */
  async forwards(region?: string): Promise<Forward[]> {
    const elb = this.elb(region);
    const { LoadBalancers } = await elb.send(new DescribeLoadBalancersCommand({}));
    const { Listeners } = await elb.send(
      new DescribeListenersCommand({ LoadBalancerArn: must(LoadBalancers?.[0]?.LoadBalancerArn) }),
    );
    const listener = must(
      Listeners?.find(({ Port }) => Port === 8080)?.ListenerArn,
      'the production listener',
    );
    const { Rules = [] } = await elb.send(new DescribeRulesCommand({ ListenerArn: listener }));
    return Rules.map((rule) => {
      const kind = rule.IsDefault === true ? 'default' : 'rule';
      const action = must(rule.Actions?.find(({ Type }) => Type === 'forward'));
      const id = kind === 'default' ? listener : must(rule.RuleArn);
      return { id, kind, action, weights: weightsOf(action) };
    });
  }

  /** What a person does in the console: gives one route other weights, past Bascule. */
  async moveByHand(kind: Forward['kind'], weights: Record<Colour, number>): Promise<void> {
    const { id, action } = must((await this.forwards()).find((forward) => forward.kind === kind));
    const groups = must(action.ForwardConfig?.TargetGroups).map((group) => ({
      ...group,
      Weight: weights[colourOf(group.TargetGroupArn)],
    }));
    const Actions: Action[] = [
      { Type: 'forward', Order: 1, ForwardConfig: { ...action.ForwardConfig, TargetGroups: groups } },
    ];
    const elb = this.elb();
    if (kind === 'default')
      await elb.send(new ModifyListenerCommand({ ListenerArn: id, DefaultActions: Actions }));
    else await elb.send(new ModifyRuleCommand({ RuleArn: id, Actions }));
  }

  /** The journal of a deployment, read from the bucket as it lies there. */
  async journal(
    deployment: string,
    environment: string = ENVIRONMENT,
    Bucket = this.info.bucket,
  ): Promise<JournalRecord[]> {
    const s3 = this.s3();
    const Prefix = `environments/${environment}/deployments/${deployment}/`;
    const { Contents = [] } = await s3.send(new ListObjectsV2Command({ Bucket, Prefix }));
    const records = await Promise.all(
      Contents.map(async ({ Key }) => {
        const { Body } = await s3.send(new GetObjectCommand({ Bucket, Key }));
        return JSON.parse(must(await Body?.transformToString())) as JournalRecord;
      }),
    );
    return records.sort((one, other) => one.sequence - other.sequence);
  }

  /** Requests to the production listener over kept and fresh connections, until the work is done. */
  async underLoad<T>(
    work: (load: Load) => Promise<T>,
    options: { failOn?: 'server-error'; requestsPerSecond?: number } = {},
  ): Promise<{ result: T; load: LoadResult }> {
    const load = await startLoad({
      url: await this.url(),
      path: '/',
      keepAliveConnections: 6,
      freshConnections: 2,
      requestsPerSecond: 60,
      ...options,
    });
    this.loads.push(load);
    const result = await work(load);
    return { result, load: await load.stop() };
  }

  /** Waits until every route of the production listener is as asked for. */
  forwardsBecome(passes: (forwards: Forward[]) => boolean, seconds?: number): Promise<Forward[]> {
    return until(() => this.forwards(), passes, seconds);
  }
}

export interface Forward {
  id: string;
  kind: 'default' | 'rule';
  action: Action;
  weights: Record<Colour, number>;
}

function colourOf(targetGroupArn: string | undefined): Colour {
  return must(/-(blue|green)\//.exec(must(targetGroupArn))?.[1], `a colour in ${targetGroupArn}`) as Colour;
}

function weightsOf(action: Action): Record<Colour, number> {
  const weights = { blue: 0, green: 0 };
  for (const group of action.ForwardConfig?.TargetGroups ?? [])
    weights[colourOf(group.TargetGroupArn)] = group.Weight ?? 0;
  return weights;
}

/** The one colour that every route gives all its weight. */
export function soleColour(forwards: readonly Forward[]): Colour | undefined {
  const colours = new Set(
    forwards.map(({ weights }) => {
      if (weights.blue > 0 && weights.green > 0) return undefined;
      return weights.green > 0 ? 'green' : weights.blue > 0 ? 'blue' : undefined;
    }),
  );
  return colours.size === 1 ? [...colours][0] : undefined;
}
