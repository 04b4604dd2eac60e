import { setTimeout as delay } from 'node:timers/promises';
import { AutoScalingClient } from '@aws-sdk/client-auto-scaling';
import { CloudWatchClient } from '@aws-sdk/client-cloudwatch';
import { EC2Client } from '@aws-sdk/client-ec2';
import { ElasticLoadBalancingV2Client } from '@aws-sdk/client-elastic-load-balancing-v2';
import type { IAMClient } from '@aws-sdk/client-iam';
import type { ServiceQuotasClient } from '@aws-sdk/client-service-quotas';
import { S3Client } from '@aws-sdk/client-s3';
import type { SNSClient } from '@aws-sdk/client-sns';
import type { SSMClient } from '@aws-sdk/client-ssm';
import { STSClient } from '@aws-sdk/client-sts';
import { checkAnswer, type HttpAnswer } from './aws-answers';
import type { Access } from '../domain/config/access';
import { accessInUse, accessKey, credentialsOf } from './access';
import { hasExpired, type Credentials } from './aws-credentials';
import { awsError, isThrottling } from './aws-errors';
import { isRead, ratesOf } from './aws-rates';
import { BoundedRetries, CALL_LIMITS, type CallLimits } from './aws-retries';
import type { TokenBucket } from './token-bucket';
import { guarded } from './write-guard';

/** The clients of one region. This is the one file that constructs them. */
export interface AwsClients {
  readonly region: string;
  readonly autoScaling: AutoScalingClient;
  readonly cloudWatch: CloudWatchClient;
  readonly ec2: EC2Client;
  readonly elb: ElasticLoadBalancingV2Client;
  readonly s3: S3Client;
  readonly sts: STSClient;
}

const byRegion = new Map<string, AwsClients>();
const counts = new Map<string, number>();
const retries = new Map<string, number>();

/** How often each API call was made by this process, for example `elbv2:ModifyRule`. */
export function callCounts(): Record<string, number> {
  return Object.fromEntries([...counts].sort());
}

/** How often each API call had to be sent again. */
export function retryCounts(): Record<string, number> {
  return Object.fromEntries([...retries].sort());
}

export function resetCallCounts(): void {
  counts.clear();
  retries.clear();
}

/**
 * The clients of a region, made once for each access; without one, for the access of the command's environment.
 * They honour AWS_ENDPOINT_URL; S3 is asked by path when the endpoint is not AWS's own, because bucket names are
 * no hosts there.
 */
export function createClients(region: string, access: Access | undefined = accessInUse()): AwsClients {
  // Part of the key: a sandbox may be started, and its endpoint set, while this process runs.
  const endpoint = process.env['AWS_ENDPOINT_URL_S3'] ?? process.env['AWS_ENDPOINT_URL'];
  const key = `${region} ${endpoint ?? ''} ${accessKey(access)}`;
  const clients =
    byRegion.get(key) ??
    constructClients(region, endpoint !== undefined, CALL_LIMITS, credentialsOf(access, region));
  byRegion.set(key, clients);
  return clients;
}

/** As createClients, each time anew and within limits of the caller's own. */
export function constructClients(
  region: string,
  forcePathStyle: boolean,
  limits: CallLimits,
  credentials: Credentials = credentialsOf(undefined),
): AwsClients {
  const { attempts, attemptMilliseconds } = limits;
  const config = {
    region,
    credentials: credentials.provide,
    maxAttempts: attempts,
    retryStrategy: new BoundedRetries(limits),
    requestHandler: {
      connectionTimeout: Math.min(5_000, attemptMilliseconds),
      requestTimeout: attemptMilliseconds,
      // Without it the SDK only warns, and a call that hangs hangs for ever.
      throwOnRequestTimeout: true,
      socketTimeout: attemptMilliseconds,
      httpAgent: { keepAlive: true, maxSockets: 64 },
      httpsAgent: { keepAlive: true, maxSockets: 64 },
    },
  };
  const watched = <C extends object>(service: string, client: C): C => observed(service, client, credentials);
  // Each when it is first asked for, and loaded then (automation/cli/deferred.ts): few commands need them all.
  const autoScaling = once(() => guarded(watched('autoscaling', new AutoScalingClient(config))));
  const cloudWatch = once(() => watched('cloudwatch', new CloudWatchClient(config)));
  const ec2 = once(() => guarded(watched('ec2', new EC2Client(config))));
  const elb = once(() => guarded(watched('elbv2', new ElasticLoadBalancingV2Client(config))));
  const s3 = once(() =>
    watched('s3', new S3Client({ ...config, forcePathStyle, followRegionRedirects: true })),
  );
  const sts = once(() => watched('sts', new STSClient(config)));
  return {
    region,
    get autoScaling() {
      return autoScaling();
    },
    get cloudWatch() {
      return cloudWatch();
    },
    get ec2() {
      return ec2();
    },
    get elb() {
      return elb();
    },
    get s3() {
      return s3();
    },
    get sts() {
      return sts();
    },
  };
}

function once<T extends object>(make: () => T): () => T {
  let made: T | undefined;
  return () => (made ??= make());
}

/** A client for IAM, loaded only where it is asked for: every command would pay for it, and few need it. */
export async function createIamClient(region: string): Promise<IAMClient> {
  const { IAMClient } = await import('@aws-sdk/client-iam');
  const retryStrategy = new BoundedRetries(CALL_LIMITS);
  const credentials = credentialsOf(accessInUse(), region);
  const config = { region, credentials: credentials.provide, retryStrategy };
  return observed('iam', new IAMClient(config), credentials);
}

/** A client for Service Quotas, loaded only where it is asked for. */
export async function createQuotasClient(region: string): Promise<ServiceQuotasClient> {
  const { ServiceQuotasClient } = await import('@aws-sdk/client-service-quotas');
  const retryStrategy = new BoundedRetries(CALL_LIMITS);
  const credentials = credentialsOf(accessInUse(), region);
  const config = { region, credentials: credentials.provide, retryStrategy };
  return observed('servicequotas', new ServiceQuotasClient(config), credentials);
}

/** A client for Systems Manager, loaded only where it is asked for. */
export async function createSystemsManagerClient(region: string): Promise<SSMClient> {
  const { SSMClient } = await import('@aws-sdk/client-ssm');
  const retryStrategy = new BoundedRetries(CALL_LIMITS);
  const { attemptMilliseconds } = CALL_LIMITS;
  const requestHandler = { requestTimeout: attemptMilliseconds, throwOnRequestTimeout: true };
  const credentials = credentialsOf(accessInUse(), region);
  const config = { region, credentials: credentials.provide, retryStrategy, requestHandler };
  return guarded(observed('ssm', new SSMClient(config), credentials));
}

/** A client for SNS, loaded only where it is asked for. What it writes is no change of the environment. */
export async function createTopicsClient(region: string): Promise<SNSClient> {
  const { SNSClient } = await import('@aws-sdk/client-sns');
  const retryStrategy = new BoundedRetries(CALL_LIMITS);
  const { attemptMilliseconds } = CALL_LIMITS;
  const requestHandler = { requestTimeout: attemptMilliseconds, throwOnRequestTimeout: true };
  const credentials = credentialsOf(accessInUse(), region);
  const config = { region, credentials: credentials.provide, retryStrategy, requestHandler };
  return observed('sns', new SNSClient(config), credentials);
}

type Next = (args: unknown) => Promise<{ response: unknown }>;
interface Context {
  commandName?: string;
}

interface Observable {
  middlewareStack: {
    add(
      middleware: (next: Next, context: Context) => Next,
      options: { step: string; priority?: string; name: string },
    ): void;
  };
}

const actionOf = (context: Context): string => (context.commandName ?? 'Unknown').replace(/Command$/, '');

/** Watches a client's calls: whole calls, each of their attempts, and each answer before the SDK reads it. */
function observed<C extends object>(service: string, client: C, credentials: Credentials): C {
  const { middlewareStack } = client as unknown as Observable;
  const rates = ratesOf(service, process.env['AWS_ENDPOINT_URL'] !== undefined);
  middlewareStack.add(
    (next, context) => (args) => wholeCall(`${service}:${actionOf(context)}`, credentials, () => next(args)),
    {
      step: 'initialize',
      name: 'basculeCall',
    },
  );
  middlewareStack.add(
    (next, context) => (args) => {
      const action = actionOf(context);
      const rate = isRead(action) ? rates.reads : rates.writes;
      return oneAttempt(`${service}:${action}`, rate, args, () => next(args));
    },
    // Later than the SDK's own retries, which have high priority in this step.
    { step: 'finalizeRequest', priority: 'normal', name: 'basculeAttempt' },
  );
  middlewareStack.add(
    (next, context) => async (args) => {
      const result = await next(args);
      await checkAnswer(service, actionOf(context), result.response as HttpAnswer);
      return result;
    },
    // Between the connection and the SDK's reading of the answer.
    { step: 'deserialize', priority: 'low', name: 'basculeAnswer' },
  );
  return client;
}

/** How often a call is made again with credentials read anew, after AWS said that they have expired. */
const RENEWALS = 3;

/** Counts the call, renews expired credentials, and tells a person what AWS's errors mean. */
async function wholeCall<T>(call: string, credentials: Credentials, send: () => Promise<T>): Promise<T> {
  counts.set(call, (counts.get(call) ?? 0) + 1);
  for (let renewals = 0; ; renewals += 1) {
    try {
      return await send();
    } catch (thrown) {
      // From out here, because the SDK signs all attempts of a call with the same credentials.
      if (!hasExpired(thrown) || renewals === RENEWALS) throw awsError(thrown, call);
      await delay(500 * 2 ** renewals);
      countRetry(call);
      credentials.renew();
    }
  }
}

/** Waits for its turn, and tells the others when AWS says that there were too many. */
async function oneAttempt<T>(
  call: string,
  rate: TokenBucket,
  args: unknown,
  send: () => Promise<T>,
): Promise<T> {
  if (!isFirst(args)) countRetry(call);
  await rate.take();
  try {
    return await send();
  } catch (thrown) {
    if (isThrottling(thrown)) rate.refused();
    throw thrown;
  }
}

/** The SDK numbers the attempts for AWS: `amz-sdk-request: attempt=2; max=10`. */
function isFirst(args: unknown): boolean {
  const { request } = args as { request?: { headers?: Record<string, string> } };
  return /^attempt=1;/.test(request?.headers?.['amz-sdk-request'] ?? 'attempt=1;');
}

function countRetry(call: string): void {
  retries.set(call, (retries.get(call) ?? 0) + 1);
}
