import type { AutoScaling } from '@aws-sdk/client-auto-scaling';
import type { CloudWatch } from '@aws-sdk/client-cloudwatch';
import type { EC2 } from '@aws-sdk/client-ec2';
import type { ElasticLoadBalancingV2 } from '@aws-sdk/client-elastic-load-balancing-v2';
import type { IAM } from '@aws-sdk/client-iam';
import type { S3 } from '@aws-sdk/client-s3';
import type { STS } from '@aws-sdk/client-sts';
import { setTimeout as delay } from 'node:timers/promises';
import type * as pulumi from '@pulumi/pulumi';
import type { ResourceType } from '../model/schema';
import type { Clients } from './clients';

/** A provider's argument or state type with all inputs as plain values. */
export type Plain<T> = { [K in keyof T]: pulumi.Unwrap<T[K]> };

/** A resource type of the aws plugin. `Args` and `State` are the official SDK's own types. */
export type AwsType<Args, State> = ResourceType<Plain<Args>, Plain<State>, AwsContext>;

/** Lets the compiler hold a table against the official SDK's argument and state types. */
export function awsType<Args, State>(type: AwsType<Args, State>): AwsType<Args, State> {
  return type;
}

/** The region's services, for the operations of one resource. */
export class AwsContext {
  constructor(
    private readonly clients: Clients,
    readonly region: string,
    /** The account's id; asked of STS at most once for a plugin's lifetime. */
    readonly account: () => Promise<string>,
    /** Aborted when the engine wants everything to end. */
    readonly signal: AbortSignal,
  ) {}

  get partition(): string {
    if (this.region.startsWith('cn-')) return 'aws-cn';
    return this.region.startsWith('us-gov-') ? 'aws-us-gov' : 'aws';
  }

  ec2(): Promise<EC2> {
    return this.clients.ec2(this.region);
  }

  elb(): Promise<ElasticLoadBalancingV2> {
    return this.clients.elb(this.region);
  }

  autoscaling(): Promise<AutoScaling> {
    return this.clients.autoscaling(this.region);
  }

  cloudwatch(): Promise<CloudWatch> {
    return this.clients.cloudwatch(this.region);
  }

  iam(): Promise<IAM> {
    return this.clients.iam(this.region);
  }

  s3(): Promise<S3> {
    return this.clients.s3(this.region);
  }

  sts(): Promise<STS> {
    return this.clients.sts(this.region);
  }

  async arn(service: string, resource: string): Promise<string> {
    return `arn:${this.partition}:${service}:${this.region}:${await this.account()}:${resource}`;
  }

  /**
   * Asks again until `attempt` gives something, at growing intervals from a tenth of a second, so that what is
   * ready at once costs one call. Fails after `seconds` with what `late` says.
   */
  async until<T>(seconds: number, attempt: () => Promise<T | undefined>, late: () => string): Promise<T> {
    const deadline = Date.now() + seconds * 1000;
    for (let pause = 100; ; pause = Math.min(pause * 1.5, 2000)) {
      const answer = await attempt();
      if (answer !== undefined) return answer;
      if (this.signal.aborted) throw new Error(`interrupted: ${late()}`);
      if (Date.now() >= deadline) throw new Error(late());
      await delay(Math.min(pause, Math.max(deadline - Date.now(), 1)));
    }
  }
}
