/** Starts the sandbox's control plane for a test, and plays the daemon towards it. */
import { spawn, type ChildProcess } from 'node:child_process';
import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { AutoScalingClient } from '@aws-sdk/client-auto-scaling';
import { CloudWatchClient } from '@aws-sdk/client-cloudwatch';
import {
  CreateLaunchTemplateCommand,
  DescribeSubnetsCommand,
  EC2Client,
  RegisterImageCommand,
} from '@aws-sdk/client-ec2';
import {
  CreateListenerCommand,
  CreateLoadBalancerCommand,
  CreateTargetGroupCommand,
  ElasticLoadBalancingV2Client,
  ModifyTargetGroupAttributesCommand,
} from '@aws-sdk/client-elastic-load-balancing-v2';
import { IAMClient } from '@aws-sdk/client-iam';
import { S3Client } from '@aws-sdk/client-s3';
import { STSClient } from '@aws-sdk/client-sts';

import { ensurePython } from '../../automation/engine/python';
import type {
  Fault,
  InstanceTruth,
  RegionCut,
  SandboxState,
  TargetTruth,
  TruthReport,
} from '../../automation/sandbox/contract';
import { must, until } from '../support/until';

const launcher = path.resolve(__dirname, '../../automation/sandbox/moto/launcher.py');
const credentials = { accessKeyId: 'AKIAIOSFODNN7EXAMPLE', secretAccessKey: 'test' };

export const healthy: TargetTruth = { state: 'healthy', reason: null, description: null };

export function runningProcess(port: number, over: Partial<InstanceTruth> = {}): InstanceTruth {
  const base = { exitCode: null, signal: null, pid: 4242, logFile: '/nonexistent' };
  return { host: '127.0.0.1', port, process: 'running', ...base, ...over };
}

export class Plane {
  private child: ChildProcess | undefined;
  private readonly clients: { destroy(): void }[] = [];
  port = 0;
  log = '';

  private constructor(readonly folder: string) {}

  static async start(): Promise<Plane> {
    const plane = new Plane(await mkdtemp(path.join(tmpdir(), 'bascule-plane-')));
    await plane.launch();
    return plane;
  }

  get url(): string {
    return `http://127.0.0.1:${this.port}`;
  }

  /** Starts the process; after `kill` it comes back on the port it had. */
  async launch(): Promise<void> {
    await rm(path.join(this.folder, 'control-plane.json'), { force: true });
    const args = [launcher, '--port', String(this.port), '--state', this.folder];
    const { python } = await ensurePython();
    const child = spawn(python, args, {
      stdio: ['ignore', 'ignore', 'pipe'],
    });
    child.stderr.on('data', (chunk: Buffer) => (this.log += chunk.toString()));
    this.child = child;
    this.port = await until(
      async () => {
        if (child.exitCode !== null) throw new Error(`control plane exited ${child.exitCode}: ${this.log}`);
        const text = await readFile(path.join(this.folder, 'control-plane.json'), 'utf8').catch(() => 'null');
        return (JSON.parse(text) as { port: number } | null)?.port ?? 0;
      },
      (port) => port > 0,
      // Python compiles and imports moto first, which a busy machine makes slow.
      90,
    );
  }

  async end(signal: NodeJS.Signals): Promise<number | null> {
    const child = this.child;
    if (!child || child.exitCode !== null || child.signalCode !== null) return null;
    const exited = new Promise<number | null>((resolve) => child.once('exit', resolve));
    child.kill(signal);
    return await exited;
  }

  async dispose(): Promise<void> {
    this.clients.forEach((client) => client.destroy());
    await this.end('SIGKILL');
    await rm(this.folder, { recursive: true, force: true });
  }

  private keep<T extends { destroy(): void }>(client: T): T {
    this.clients.push(client);
    return client;
  }

  private options(region: string, attempts = 1) {
    return { endpoint: this.url, region, credentials, maxAttempts: attempts };
  }

  ec2 = (region = 'eu-west-3') => this.keep(new EC2Client(this.options(region)));
  asg = (region = 'eu-west-3') => this.keep(new AutoScalingClient(this.options(region)));
  elb = (region = 'eu-west-3') => this.keep(new ElasticLoadBalancingV2Client(this.options(region)));
  iam = (region = 'eu-west-3') => this.keep(new IAMClient(this.options(region)));
  sts = (region = 'eu-west-3') => this.keep(new STSClient(this.options(region)));
  cloudWatch = (region = 'eu-west-3') => this.keep(new CloudWatchClient(this.options(region)));
  s3 = (region = 'eu-west-3') => this.keep(new S3Client({ ...this.options(region), forcePathStyle: true }));

  async state(query = ''): Promise<SandboxState> {
    return (await (await fetch(`${this.url}/_bascule/state${query}`)).json()) as SandboxState;
  }

  private async post(route: string, body: unknown): Promise<void> {
    const response = await fetch(`${this.url}/_bascule/${route}`, {
      method: 'POST',
      body: JSON.stringify(body),
    });
    if (response.status !== 204) throw new Error(`${route}: ${response.status} ${await response.text()}`);
  }

  truth = (report: Partial<TruthReport>) => this.post('truth', { instances: {}, targets: {}, ...report });
  faults = (faults: Fault[]) => this.post('faults', faults);
  found = (accounts: string[]) => this.post('accounts', { accounts, region: 'eu-west-3' });
  cut = (cuts: RegionCut[]) => this.post('regions', cuts);

  /** Says of every running instance, and of every target, the same. */
  async observeAll(instance: Partial<InstanceTruth> = {}, target: TargetTruth = healthy): Promise<void> {
    const state = await this.state();
    const running = state.instances.filter((one) => one.state === 'running');
    const instances = Object.fromEntries(
      running.map((one, i) => [one.id, runningProcess(9000 + i, instance)]),
    );
    const targets = Object.fromEntries(
      state.targetGroups.map((group) => [
        group.arn,
        Object.fromEntries(group.targets.map((one) => [one.id, target])),
      ]),
    );
    await this.truth({ instances, targets });
  }

  async subnets(region?: string): Promise<{ ids: string[]; vpc: string }> {
    const { Subnets = [] } = await this.ec2(region).send(new DescribeSubnetsCommand({}));
    return { ids: Subnets.slice(0, 2).map((one) => must(one.SubnetId)), vpc: must(Subnets[0]?.VpcId) };
  }

  /** An image with a release in it and a launch template on that image. */
  async template(version: string, region?: string): Promise<{ image: string; template: string }> {
    const ec2 = this.ec2(region);
    const tags = { service: 'shop', version, 'bascule:bundle': `s3://releases/shop-${version}.tar.gz` };
    const { ImageId } = await ec2.send(
      new RegisterImageCommand({
        Name: `shop-${version}`,
        TagSpecifications: [
          { ResourceType: 'image', Tags: Object.entries(tags).map(([Key, Value]) => ({ Key, Value })) },
        ],
      }),
    );
    const image = must(ImageId);
    const { LaunchTemplate } = await ec2.send(
      new CreateLaunchTemplateCommand({
        LaunchTemplateName: `shop-${version}`,
        LaunchTemplateData: {
          ImageId: image,
          InstanceType: 't3.small',
          TagSpecifications: [{ ResourceType: 'instance', Tags: [{ Key: 'from', Value: 'template' }] }],
        },
      }),
    );
    return { image, template: must(LaunchTemplate?.LaunchTemplateId) };
  }

  /** A load balancer with two target groups; the first has all the weight of its one listener. */
  async balancer(name: string, drainSeconds = 1): Promise<Balancer> {
    const elb = this.elb();
    const { ids, vpc } = await this.subnets();
    const groups: string[] = [];
    for (const colour of ['blue', 'green']) {
      const { TargetGroups } = await elb.send(
        new CreateTargetGroupCommand({ Name: `${name}-${colour}`, Protocol: 'HTTP', Port: 80, VpcId: vpc }),
      );
      const arn = must(TargetGroups?.[0]?.TargetGroupArn);
      groups.push(arn);
      const attributes = [{ Key: 'deregistration_delay.timeout_seconds', Value: String(drainSeconds) }];
      await elb.send(new ModifyTargetGroupAttributesCommand({ TargetGroupArn: arn, Attributes: attributes }));
    }
    const created = await elb.send(new CreateLoadBalancerCommand({ Name: name, Subnets: ids }));
    const balancer = must(created.LoadBalancers?.[0]);
    const [blue, green] = groups as [string, string];
    const { Listeners } = await elb.send(
      new CreateListenerCommand({
        LoadBalancerArn: balancer.LoadBalancerArn,
        Protocol: 'HTTP',
        Port: 18080,
        DefaultActions: [forward(blue, 100, green, 0)],
      }),
    );
    return {
      arn: must(balancer.LoadBalancerArn),
      address: must(balancer.DNSName),
      listener: must(Listeners?.[0]?.ListenerArn),
      blue,
      green,
    };
  }
}

export interface Balancer {
  arn: string;
  address: string;
  listener: string;
  blue: string;
  green: string;
}

export function forward(blue: string, blueWeight: number, green: string, greenWeight: number) {
  const TargetGroups = [
    { TargetGroupArn: blue, Weight: blueWeight },
    { TargetGroupArn: green, Weight: greenWeight },
  ];
  return { Type: 'forward' as const, ForwardConfig: { TargetGroups } };
}
