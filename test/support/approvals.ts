/** People with roles of their own in a sandbox, and what its bucket refuses to everybody else. */
import { PutBucketPolicyCommand, S3Client } from '@aws-sdk/client-s3';
import { AssumeRoleCommand, STSClient } from '@aws-sdk/client-sts';
import type { Answer, Document, Program } from './command-line';
import type { LiveEnvironment } from './e2e';
import { must } from './until';

/** A session of a role. */
export interface Acting {
  /** For programs. */
  env: Record<string, string>;
  /** For clients of the test's own. */
  s3(): S3Client;
}

/** Assumes a role of the sandbox's, as a person of that name. */
export async function actAs(
  { endpoint, region }: { endpoint: string; region: string },
  roleArn: string,
  name: string,
): Promise<Acting> {
  const anybody = { accessKeyId: 'sandbox', secretAccessKey: 'sandbox' };
  const sts = new STSClient({ endpoint, region, credentials: anybody });
  const { Credentials } = await sts.send(new AssumeRoleCommand({ RoleArn: roleArn, RoleSessionName: name }));
  const { AccessKeyId = '', SecretAccessKey = '', SessionToken = '' } = must(Credentials);
  const credentials = {
    accessKeyId: AccessKeyId,
    secretAccessKey: SecretAccessKey,
    sessionToken: SessionToken,
  };
  return {
    env: {
      AWS_ACCESS_KEY_ID: AccessKeyId,
      AWS_SECRET_ACCESS_KEY: SecretAccessKey,
      AWS_SESSION_TOKEN: SessionToken,
    },
    s3: () => new S3Client({ endpoint, region, credentials, forcePathStyle: true }),
  };
}

/** Starts `bascule …` with the credentials of a session. */
export function beginAs(live: LiveEnvironment, { env }: Acting, ...args: string[]): Program {
  const own = live.env;
  live.env = { ...own, ...env };
  try {
    return live.begin(...args);
  } finally {
    live.env = own;
  }
}

export function runAs<T = Document>(
  live: LiveEnvironment,
  acting: Acting,
  ...args: string[]
): Promise<Answer<T>> {
  return live.answerOf<T>(beginAs(live, acting, ...args));
}

/** Gives a bucket the policy that `bascule iam --for approve --bucket-policy` prints for an environment. */
export async function applyBucketPolicy(
  live: LiveEnvironment,
  environment: string,
  bucket: string,
): Promise<void> {
  const { stdout } = await live.succeeds('iam', environment, '--for', 'approve', '--bucket-policy');
  await live.s3().send(new PutBucketPolicyCommand({ Bucket: bucket, Policy: stdout }));
}
