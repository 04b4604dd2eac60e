import { AutoScalingClient } from '@aws-sdk/client-auto-scaling';
import { CloudWatchClient } from '@aws-sdk/client-cloudwatch';
import { EC2Client } from '@aws-sdk/client-ec2';
import { ElasticLoadBalancingV2Client } from '@aws-sdk/client-elastic-load-balancing-v2';
import { S3Client } from '@aws-sdk/client-s3';
import { STSClient } from '@aws-sdk/client-sts';
import { awsError } from './aws-errors';
import { TokenBucket } from './token-bucket';

/** The clients of one region. This is the one file that constructs them. */
export interface AwsClients {
  region: string;
  autoScaling: AutoScalingClient;
  cloudWatch: CloudWatchClient;
  ec2: EC2Client;
  elb: ElasticLoadBalancingV2Client;
  s3: S3Client;
  sts: STSClient;
}

const byRegion = new Map<string, AwsClients>();
const counts = new Map<string, number>();

/** How often each API call was made by this process, for example `elbv2:ModifyRule`. */
export function callCounts(): Record<string, number> {
  return Object.fromEntries([...counts].sort());
}

export function resetCallCounts(): void {
  counts.clear();
}

/** Attempts of one call: with the SDK's exponential back-off and jitter this bears a throttling burst of some ten seconds. */
const ATTEMPTS = 8;

/**
 * The clients of a region, made once. They honour AWS_ENDPOINT_URL and the usual credentials; S3 is asked by
 * path when the endpoint is not AWS's own, because bucket names are no hosts there.
 */
export function createClients(region: string): AwsClients {
  // Part of the key: a sandbox may be started, and its endpoint set, while this process runs.
  const endpoint = process.env['AWS_ENDPOINT_URL_S3'] ?? process.env['AWS_ENDPOINT_URL'];
  const key = `${region} ${endpoint ?? ''}`;
  const existing = byRegion.get(key);
  if (existing !== undefined) return existing;
  const config = {
    region,
    maxAttempts: ATTEMPTS,
    requestHandler: {
      connectionTimeout: 5_000,
      requestTimeout: 30_000,
      httpAgent: { keepAlive: true, maxSockets: 64 },
      httpsAgent: { keepAlive: true, maxSockets: 64 },
    },
  };
  const forcePathStyle = endpoint !== undefined;
  const clients: AwsClients = {
    region,
    autoScaling: observed('autoscaling', new AutoScalingClient(config)),
    cloudWatch: observed('cloudwatch', new CloudWatchClient(config)),
    ec2: observed('ec2', new EC2Client(config)),
    elb: observed('elbv2', new ElasticLoadBalancingV2Client(config), new TokenBucket(40, 10)),
    s3: observed('s3', new S3Client({ ...config, forcePathStyle, followRegionRedirects: true })),
    sts: observed('sts', new STSClient(config)),
  };
  byRegion.set(key, clients);
  return clients;
}

interface Observable {
  middlewareStack: {
    add(middleware: unknown, options: { step: 'initialize'; name: string }): void;
  };
}

type Next = (args: unknown) => Promise<unknown>;

/**
 * Counts each call, tells a person what AWS's errors mean, and keeps reads within the rate that elbv2 allows
 * an account: 40 tokens, 10 more a second (Elastic Load Balancing user guide, API throttling).
 */
function observed<C extends Observable>(service: string, client: C, reads?: TokenBucket): C {
  client.middlewareStack.add(
    (next: Next, context: { commandName?: string }) => async (args: unknown) => {
      const action = (context.commandName ?? 'Unknown').replace(/Command$/, '');
      const call = `${service}:${action}`;
      counts.set(call, (counts.get(call) ?? 0) + 1);
      if (reads !== undefined && action.startsWith('Describe')) await reads.take();
      try {
        return await next(args);
      } catch (thrown) {
        throw awsError(thrown, call);
      }
    },
    { step: 'initialize', name: 'basculeObserved' },
  );
  return client;
}
