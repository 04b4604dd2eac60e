import { SANDBOX_BUCKET, SANDBOX_KEY, SANDBOX_REGION } from './settings';

/**
 * Makes what every sandbox has from the start: its bucket and the region's default VPC. Safe to repeat.
 * The SDK is loaded here and not above, so that `status` and `env` do not pay for it.
 */
export async function layFoundation(endpoint: string): Promise<void> {
  const config = {
    endpoint,
    region: SANDBOX_REGION,
    credentials: { accessKeyId: SANDBOX_KEY, secretAccessKey: SANDBOX_KEY },
    customUserAgent: 'bascule-sandbox',
  };
  await Promise.all([ensureBucket(config), ensureDefaultVpc(config)]);
}

/** Reads the SDK's many files while the control plane comes up, which takes as long. */
export function preloadFoundation(): void {
  // What cannot be loaded is reported where it is needed.
  Promise.all([import('@aws-sdk/client-s3'), import('@aws-sdk/client-ec2')]).catch(() => undefined);
}

interface ClientConfig {
  endpoint: string;
  region: string;
  credentials: { accessKeyId: string; secretAccessKey: string };
  customUserAgent: string;
}

async function ensureBucket(config: ClientConfig): Promise<void> {
  const { S3Client, CreateBucketCommand, BucketAlreadyOwnedByYou } = await import('@aws-sdk/client-s3');
  const s3 = new S3Client({ ...config, forcePathStyle: true });
  try {
    await s3.send(
      new CreateBucketCommand({
        Bucket: SANDBOX_BUCKET,
        CreateBucketConfiguration: { LocationConstraint: SANDBOX_REGION },
      }),
    );
  } catch (problem) {
    if (!(problem instanceof BucketAlreadyOwnedByYou)) throw problem;
  } finally {
    s3.destroy();
  }
}

async function ensureDefaultVpc(config: ClientConfig): Promise<void> {
  const { EC2Client, CreateDefaultVpcCommand, DescribeVpcsCommand } = await import('@aws-sdk/client-ec2');
  const ec2 = new EC2Client(config);
  try {
    const defaults = { Filters: [{ Name: 'is-default', Values: ['true'] }] };
    const { Vpcs = [] } = await ec2.send(new DescribeVpcsCommand(defaults));
    if (Vpcs.length === 0) await ec2.send(new CreateDefaultVpcCommand({}));
  } finally {
    ec2.destroy();
  }
}
