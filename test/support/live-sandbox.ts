/** A whole sandbox of a test's own: control plane, daemon, real instances; nothing of it outlives the test. */
import { createHash } from 'node:crypto';
import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import * as tar from 'tar';
import {
  DescribeSubnetsCommand,
  EC2Client,
  RegisterImageCommand,
  RunInstancesCommand,
  TerminateInstancesCommand,
} from '@aws-sdk/client-ec2';
import {
  CreateListenerCommand,
  CreateLoadBalancerCommand,
  CreateTargetGroupCommand,
  ElasticLoadBalancingV2Client,
  ModifyTargetGroupAttributesCommand,
  RegisterTargetsCommand,
} from '@aws-sdk/client-elastic-load-balancing-v2';
import { PutObjectCommand, S3Client } from '@aws-sdk/client-s3';
import { ensurePython } from '../../automation/engine';
import {
  startSandbox,
  stopSandbox,
  sandboxStatus,
  SANDBOX_BUCKET,
  SANDBOX_REGION,
  type SandboxInfo,
  type SandboxStatus,
  type StartOptions,
} from '../../automation/sandbox';
import type { InstanceStatus } from '../../automation/sandbox/lifecycle/status';
import { markedProcesses } from '../../automation/sandbox/lifecycle/processes';
import { freePort } from './ports';
import { must, until } from './until';

/** The Python that has the control plane's packages; it is installed when it is not there yet. */
export async function sandboxPython(): Promise<string> {
  return (await ensurePython()).python;
}

const APPS = path.join(__dirname, 'apps');
const credentials = { accessKeyId: 'sandbox', secretAccessKey: 'sandbox' };

export interface Balancer {
  url: string;
  arn: string;
  targetGroup: string;
  targetGroupName: string;
}

export class LiveSandbox {
  readonly lines: string[] = [];

  private constructor(
    readonly folder: string,
    public info: SandboxInfo,
  ) {}

  static async start(more: Pick<StartOptions, 'buildMachine' | 'accounts'> = {}): Promise<LiveSandbox> {
    const folder = await mkdtemp(path.join(tmpdir(), 'bascule-sandbox-'));
    try {
      return new LiveSandbox(folder, await startIn(folder, more));
    } catch (problem) {
      await discard(folder);
      throw problem;
    }
  }

  /** Starts it once more, as a person would whose sandbox lost a part. */
  async startAgain(more: Pick<StartOptions, 'buildMachine' | 'accounts'> = {}): Promise<SandboxInfo> {
    this.info = await startIn(this.folder, more);
    return this.info;
  }

  stop() {
    return stopSandbox({ folder: this.folder });
  }

  status(): Promise<SandboxStatus> {
    return sandboxStatus({ folder: this.folder });
  }

  async dispose(): Promise<void> {
    await discard(this.folder);
  }

  /** Every process of the sandbox that lives, whatever started it. */
  processes(): Promise<number[]> {
    return markedProcesses(this.info.folder);
  }

  async part(name: SandboxStatus['parts'][number]['name']): Promise<number> {
    const { parts } = await this.status();
    return must(parts.find((part) => part.name === name)?.pid, `pid of the ${name}`);
  }

  async instance(id: string): Promise<InstanceStatus> {
    return must(
      (await this.status()).instances.find((one) => one.id === id),
      `instance ${id}`,
    );
  }

  options(region = SANDBOX_REGION) {
    return { endpoint: this.info.endpoint, region, credentials };
  }

  ec2 = () => new EC2Client(this.options());
  elb = () => new ElasticLoadBalancingV2Client(this.options());
  s3 = () => new S3Client({ ...this.options(), forcePathStyle: true });

  /** Packs one of test/support/apps into the bucket and registers an image of it. */
  async bake(app: string, version: string, tags: Record<string, string> = {}): Promise<string> {
    const file = path.join(this.folder, `${app}-${version}.tar.gz`);
    await tar.c({ gzip: true, cwd: path.join(APPS, app), file, portable: true }, ['.']);
    const body = await readFile(file);
    const Key = `releases/${app}/${version}.tar.gz`;
    await this.s3().send(new PutObjectCommand({ Bucket: SANDBOX_BUCKET, Key, Body: body }));
    return this.register(`${app}-${version}`, {
      service: app,
      version,
      'bascule:bundle': `s3://${SANDBOX_BUCKET}/${Key}`,
      'bascule:sha256': createHash('sha256').update(body).digest('hex'),
      ...tags,
    });
  }

  async register(Name: string, tags: Record<string, string>): Promise<string> {
    const Tags = Object.entries(tags).map(([Key, Value]) => ({ Key, Value }));
    const image = { Name, TagSpecifications: [{ ResourceType: 'image' as const, Tags }] };
    return must((await this.ec2().send(new RegisterImageCommand(image))).ImageId);
  }

  async run(image: string, tags: Record<string, string> = {}, userData?: string): Promise<string> {
    const Tags = Object.entries(tags).map(([Key, Value]) => ({ Key, Value }));
    const { Instances } = await this.ec2().send(
      new RunInstancesCommand({
        ImageId: image,
        InstanceType: 't3.small',
        MinCount: 1,
        MaxCount: 1,
        UserData: userData === undefined ? undefined : Buffer.from(userData).toString('base64'),
        TagSpecifications: Tags.length > 0 ? [{ ResourceType: 'instance', Tags }] : [],
      }),
    );
    return must(Instances?.[0]?.InstanceId);
  }

  async terminate(id: string): Promise<void> {
    await this.ec2().send(new TerminateInstancesCommand({ InstanceIds: [id] }));
  }

  /** Waits until an instance's process is in a state. */
  reaches(id: string, process: InstanceStatus['process']): Promise<InstanceStatus> {
    return until(
      () => this.instance(id),
      (one) => one.process === process,
    );
  }

  /** A load balancer with one target group that has the given instances. */
  async balance(name: string, instances: string[]): Promise<Balancer> {
    const elb = this.elb();
    const { Subnets = [] } = await this.ec2().send(new DescribeSubnetsCommand({}));
    const { TargetGroups } = await elb.send(
      new CreateTargetGroupCommand({
        Name: `${name}-blue`,
        Protocol: 'HTTP',
        Port: 80,
        VpcId: must(Subnets[0]?.VpcId),
        HealthCheckPath: '/health',
        HealthCheckIntervalSeconds: 5,
        HealthCheckTimeoutSeconds: 2,
        HealthyThresholdCount: 2,
        UnhealthyThresholdCount: 2,
      }),
    );
    const targetGroup = must(TargetGroups?.[0]?.TargetGroupArn);
    const drain = { Key: 'deregistration_delay.timeout_seconds', Value: '1' };
    await elb.send(
      new ModifyTargetGroupAttributesCommand({ TargetGroupArn: targetGroup, Attributes: [drain] }),
    );
    const subnets = Subnets.slice(0, 2).map(({ SubnetId }) => must(SubnetId));
    const { LoadBalancers } = await elb.send(new CreateLoadBalancerCommand({ Name: name, Subnets: subnets }));
    const balancer = must(LoadBalancers?.[0]);
    const arn = must(balancer.LoadBalancerArn);
    const port = await freePort();
    await elb.send(
      new CreateListenerCommand({
        LoadBalancerArn: arn,
        Protocol: 'HTTP',
        Port: port,
        DefaultActions: [{ Type: 'forward', TargetGroupArn: targetGroup }],
      }),
    );
    const Targets = instances.map((Id) => ({ Id }));
    if (Targets.length > 0) {
      await elb.send(new RegisterTargetsCommand({ TargetGroupArn: targetGroup, Targets }));
    }
    return { url: `http://${balancer.DNSName}:${port}`, arn, targetGroup, targetGroupName: `${name}-blue` };
  }
}

async function startIn(
  folder: string,
  more: Pick<StartOptions, 'buildMachine' | 'accounts'> = {},
): Promise<SandboxInfo> {
  return startSandbox({
    ...more,
    folder,
    python: await sandboxPython(),
    engineFolder: undefined,
    log: () => undefined,
  });
}

async function discard(folder: string): Promise<void> {
  await stopSandbox({ folder });
  await rm(folder, { recursive: true, force: true });
}

/** One request, and what came back. */
export async function get(url: string): Promise<{ status: number; body: Record<string, unknown> }> {
  const answer = await fetch(url, { signal: AbortSignal.timeout(10_000) });
  const text = await answer.text();
  try {
    return { status: answer.status, body: JSON.parse(text) as Record<string, unknown> };
  } catch {
    return { status: answer.status, body: { text } };
  }
}
