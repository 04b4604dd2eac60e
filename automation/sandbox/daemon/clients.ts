import type { CloudWatchClient } from '@aws-sdk/client-cloudwatch';
import type { S3Client } from '@aws-sdk/client-s3';
import { SANDBOX_KEY, SANDBOX_REGION } from '../lifecycle/settings';

/** Marks the daemon's own calls, so that the control plane can tell them from those of its users. */
const USER_AGENT = 'bascule-sandbox-daemon';

interface Credentials {
  accessKeyId: string;
  secretAccessKey: string;
  sessionToken?: string;
}

const OWN: Credentials = { accessKeyId: SANDBOX_KEY, secretAccessKey: SANDBOX_KEY };

/** SDK clients of the control plane for any of its regions and accounts, each made once. */
export class Clients {
  private readonly made = new Map<string, Promise<{ destroy(): void }>>();

  s3(endpoint: string, region: string): Promise<S3Client> {
    return this.once(`s3 ${endpoint} ${region}`, async () => {
      const { S3Client } = await import('@aws-sdk/client-s3');
      // The control plane finds a bucket in whatever account it is, so the own credentials do.
      return new S3Client({ ...common(endpoint, region, OWN), forcePathStyle: true });
    });
  }

  cloudWatch(endpoint: string, region: string, account: string): Promise<CloudWatchClient> {
    return this.once(`cloudwatch ${endpoint} ${region} ${account}`, async () => {
      const { CloudWatchClient } = await import('@aws-sdk/client-cloudwatch');
      // The SDK compresses large requests, which is lost time on the way to the same machine.
      const disableRequestCompression = true;
      return new CloudWatchClient({
        ...common(endpoint, region, await credentialsFor(endpoint, account)),
        disableRequestCompression,
      });
    });
  }

  close(): void {
    for (const client of this.made.values())
      void client.then((made) => made.destroy()).catch(() => undefined);
    this.made.clear();
  }

  private once<T extends { destroy(): void }>(key: string, make: () => Promise<T>): Promise<T> {
    const known = this.made.get(key) as Promise<T> | undefined;
    if (known) return known;
    const made = make();
    this.made.set(key, made);
    // A control plane that was away when it was needed must not be remembered as broken.
    made.catch(() => this.made.delete(key));
    return made;
  }
}

function common(endpoint: string, region: string, credentials: Credentials) {
  return { endpoint, region, credentials, customUserAgent: USER_AGENT, maxAttempts: 1 };
}

/** Credentials that act in an account: a role of another account is assumed as a user of AWS would do it. */
async function credentialsFor(endpoint: string, account: string): Promise<Credentials> {
  const { STSClient, AssumeRoleCommand, GetCallerIdentityCommand } = await import('@aws-sdk/client-sts');
  const sts = new STSClient(common(endpoint, SANDBOX_REGION, OWN));
  try {
    if ((await sts.send(new GetCallerIdentityCommand({}))).Account === account) return OWN;
    const { Credentials: given } = await sts.send(
      new AssumeRoleCommand({
        RoleArn: `arn:aws:iam::${account}:role/bascule-deploy`,
        RoleSessionName: 'bascule-sandbox-daemon',
      }),
    );
    if (!given?.AccessKeyId || !given.SecretAccessKey)
      throw new Error(`account ${account} gave no credentials`);
    return {
      accessKeyId: given.AccessKeyId,
      secretAccessKey: given.SecretAccessKey,
      ...(given.SessionToken === undefined ? {} : { sessionToken: given.SessionToken }),
    };
  } finally {
    sts.destroy();
  }
}
