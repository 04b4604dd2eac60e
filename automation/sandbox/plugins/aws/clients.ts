import type { AutoScaling } from '@aws-sdk/client-auto-scaling';
import type { CloudWatch } from '@aws-sdk/client-cloudwatch';
import type { EC2 } from '@aws-sdk/client-ec2';
import type { ElasticLoadBalancingV2 } from '@aws-sdk/client-elastic-load-balancing-v2';
import type { IAM } from '@aws-sdk/client-iam';
import type { S3 } from '@aws-sdk/client-s3';
import type { STS } from '@aws-sdk/client-sts';
import type { AwsSettings } from './settings';

/** As the official provider: 25 unless AWS_MAX_ATTEMPTS says otherwise. */
const ATTEMPTS = Number(process.env.AWS_MAX_ATTEMPTS) || 25;

interface ClientOptions {
  region: string;
  maxAttempts: number;
  endpoint?: string;
  credentials?: { accessKeyId: string; secretAccessKey: string; sessionToken?: string };
  profile?: string;
}

/**
 * SDK clients, one for each service and region, loaded when first used: a plugin that only answers a preview
 * loads none. Without an endpoint in the configuration the SDK takes AWS_ENDPOINT_URL.
 */
export class Clients {
  private readonly made = new Map<string, Promise<unknown>>();

  constructor(private readonly settings: AwsSettings) {}

  ec2(region: string): Promise<EC2> {
    return this.client('ec2', region, async (o) => new (await import('@aws-sdk/client-ec2')).EC2(o));
  }

  elb(region: string): Promise<ElasticLoadBalancingV2> {
    return this.client('elbv2', region, async (o) => {
      const sdk = await import('@aws-sdk/client-elastic-load-balancing-v2');
      return new sdk.ElasticLoadBalancingV2(o);
    });
  }

  autoscaling(region: string): Promise<AutoScaling> {
    return this.client('autoscaling', region, async (o) => {
      return new (await import('@aws-sdk/client-auto-scaling')).AutoScaling(o);
    });
  }

  cloudwatch(region: string): Promise<CloudWatch> {
    return this.client(
      'cloudwatch',
      region,
      async (o) => new (await import('@aws-sdk/client-cloudwatch')).CloudWatch(o),
    );
  }

  iam(region: string): Promise<IAM> {
    return this.client('iam', region, async (o) => new (await import('@aws-sdk/client-iam')).IAM(o));
  }

  s3(region: string): Promise<S3> {
    const forcePathStyle = this.settings.s3UsePathStyle || this.endpoint('s3') !== undefined;
    return this.client(
      's3',
      region,
      async (o) => new (await import('@aws-sdk/client-s3')).S3({ ...o, forcePathStyle }),
    );
  }

  sts(region: string): Promise<STS> {
    return this.client('sts', region, async (o) => new (await import('@aws-sdk/client-sts')).STS(o));
  }

  private client<T>(
    service: string,
    region: string,
    make: (options: ClientOptions) => Promise<T>,
  ): Promise<T> {
    const key = `${service} ${region}`;
    const made = this.made.get(key) ?? make(this.options(service, region));
    this.made.set(key, made);
    return made as Promise<T>;
  }

  private options(service: string, region: string): ClientOptions {
    const { credentials, profile, endpoints } = this.settings;
    const endpoint = endpoints[service];
    return {
      region,
      maxAttempts: ATTEMPTS,
      ...(endpoint === undefined ? {} : { endpoint }),
      ...(credentials ? { credentials } : {}),
      ...(profile === undefined ? {} : { profile }),
    };
  }

  private endpoint(service: string): string | undefined {
    return this.settings.endpoints[service] ?? process.env.AWS_ENDPOINT_URL;
  }
}
