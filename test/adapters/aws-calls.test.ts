import { once } from 'node:events';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { DescribeAutoScalingGroupsCommand } from '@aws-sdk/client-auto-scaling';
import { GetMetricStatisticsCommand } from '@aws-sdk/client-cloudwatch';
import { DescribeRulesCommand, ModifyRuleCommand } from '@aws-sdk/client-elastic-load-balancing-v2';
import { GetObjectCommand, ListObjectsV2Command, PutObjectCommand } from '@aws-sdk/client-s3';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { constructClients, resetCallCounts, retryCounts, type AwsClients } from '../../src/adapters/aws';
import { awsErrorName, awsErrorStatus } from '../../src/adapters/aws-errors';
import { freePort } from '../support/ports';

type Reaction = (response: ServerResponse, request: IncomingMessage) => void;

const LIMITS = { attempts: 10, totalMilliseconds: 30_000, attemptMilliseconds: 3000 };
const FEW = { ...LIMITS, attempts: 3 };

let server: Server;
let script: Reaction[];
let requests: IncomingMessage[];
let folder: string;
const before = { ...process.env };
/** Not the SDK's own switches. */
const OURS = /^AWS_(?!SDK_)/;

/** Each request gets the next reaction; the last one stays for all that follow. */
beforeEach(async () => {
  script = [];
  requests = [];
  resetCallCounts();
  server = createServer((request, response) => {
    requests.push(request);
    request.resume();
    request.on('end', () =>
      ((script.length > 1 ? script.shift() : script[0]) as Reaction)(response, request),
    );
  });
  const port = await freePort();
  server.listen(port, '127.0.0.1');
  await once(server, 'listening');
  folder = await mkdtemp(path.join(tmpdir(), 'bascule-aws-'));
  for (const name of Object.keys(process.env)) if (OURS.test(name)) delete process.env[name];
  Object.assign(process.env, {
    AWS_ENDPOINT_URL: `http://127.0.0.1:${port}`,
    AWS_SHARED_CREDENTIALS_FILE: path.join(folder, 'credentials'),
    AWS_CONFIG_FILE: path.join(folder, 'config'),
    AWS_EC2_METADATA_DISABLED: 'true',
  });
  await haveKey('FIRST');
});

afterEach(async () => {
  server.closeAllConnections();
  server.close();
  for (const name of Object.keys(process.env)) if (OURS.test(name)) delete process.env[name];
  Object.assign(process.env, before);
  await rm(folder, { recursive: true, force: true });
});

const haveKey = (key: string) =>
  writeFile(
    path.join(folder, 'credentials'),
    `[default]\naws_access_key_id = ${key}\naws_secret_access_key = secret\n`,
  );

function answer(status: number, body: string, headers: Record<string, string> = {}): Reaction {
  return (response) => response.writeHead(status, headers).end(body);
}

const error = (status: number, code: string): Reaction =>
  answer(status, `<ErrorResponse><Error><Code>${code}</Code><Message>no</Message></Error></ErrorResponse>`);
const reset: Reaction = (response) => response.socket?.resetAndDestroy();
const hang: Reaction = () => undefined;
const breaksOff: Reaction = (response) => {
  response.writeHead(200, { 'content-length': 10_000, etag: '"1"' });
  response.write('<DescribeAutoScalingGroupsResponse>', () => response.socket?.resetAndDestroy());
};
const page = '<html><body>Welcome to the network</body></html>';

const groups = answer(
  200,
  '<DescribeAutoScalingGroupsResponse><DescribeAutoScalingGroupsResult><AutoScalingGroups><member><AutoScalingGroupName>shop</AutoScalingGroupName></member></AutoScalingGroups></DescribeAutoScalingGroupsResult></DescribeAutoScalingGroupsResponse>',
);
const modified = answer(200, '<ModifyRuleResponse><ModifyRuleResult/></ModifyRuleResponse>');

const clients = (limits = LIMITS): AwsClients => constructClients('eu-west-3', true, limits);

async function groupNames(limits = LIMITS): Promise<(string | undefined)[]> {
  const read = await clients(limits).autoScaling.send(new DescribeAutoScalingGroupsCommand({}));
  return (read.AutoScalingGroups ?? []).map((group) => group.AutoScalingGroupName);
}

const signedWith = () =>
  requests.map(({ headers }) => /Credential=(\w+)\//.exec(headers.authorization ?? '')?.[1]);

describe('a call that fails for the moment', () => {
  it.each<[string, Reaction]>([
    ['throttling', error(400, 'Throttling')],
    ['another word for throttling', error(503, 'RequestLimitExceeded')],
    ['a server error', error(500, 'InternalFailure')],
    ['an overloaded service', error(503, 'ServiceUnavailable')],
    ['a gateway that gives up', answer(502, '')],
    ['the page of a gateway', answer(504, page)],
    ['a page instead of an answer', answer(200, page)],
    ['an empty answer', answer(200, '')],
    ['a connection that is reset', reset],
    ['an answer that breaks off', breaksOff],
    ['an answer that does not come', hang],
    ['another change under way', error(400, 'ScalingActivityInProgress')],
    ['contention', error(500, 'ResourceContention')],
  ])('is made again after %s', async (_what, reaction) => {
    script = [reaction, reaction, groups];
    await expect(groupNames()).resolves.toEqual(['shop']);
    expect(requests).toHaveLength(3);
    expect(retryCounts()).toEqual({ 'autoscaling:DescribeAutoScalingGroups': 2 });
  });

  it('does not give up the other calls when many fail at once', async () => {
    const each = Array.from({ length: 60 }, (_, index) => index);
    script = [...each.map(() => reset), modified];
    const { elb } = clients();
    await Promise.all(each.map((index) => elb.send(new ModifyRuleCommand({ RuleArn: `rule/${index}` }))));
    expect(requests).toHaveLength(120);
  });
});

describe('a call that fails for good', () => {
  it.each<[string, Reaction, string]>([
    ['throttling', error(400, 'ThrottlingException'), 'BASCULE_AWS_THROTTLED'],
    ['server errors', error(503, 'ServiceUnavailable'), 'BASCULE_AWS_FAILED'],
    ['pages', answer(200, page), 'BASCULE_AWS_FAILED'],
    ['empty answers', answer(200, ''), 'BASCULE_AWS_FAILED'],
    ['resets', reset, 'BASCULE_AWS_UNREACHABLE'],
    ['answers that break off', breaksOff, 'BASCULE_AWS_UNREACHABLE'],
    ['silence', hang, 'BASCULE_AWS_UNREACHABLE'],
    ['changes under way', error(400, 'ScalingActivityInProgress'), 'BASCULE_AWS_FAILED'],
  ])('ends within its limits when there are only %s', async (_what, reaction, code) => {
    script = [reaction];
    await expect(groupNames(FEW)).rejects.toMatchObject({ code });
    expect(requests).toHaveLength(FEW.attempts);
  });

  it('makes no attempt after its time is over', async () => {
    script = [hang];
    const short = { attempts: 100, totalMilliseconds: 700, attemptMilliseconds: 300 };
    await expect(groupNames(short)).rejects.toMatchObject({ code: 'BASCULE_AWS_UNREACHABLE' });
    expect(requests.length).toBeLessThanOrEqual(3);
  });

  it.each<[string, Reaction, string]>([
    ['AWS denies it', error(403, 'AccessDenied'), 'BASCULE_AWS_DENIED'],
    ['the keys are wrong', error(403, 'InvalidClientTokenId'), 'BASCULE_AWS_CREDENTIALS'],
    ['a gateway refuses it', answer(403, page), 'BASCULE_AWS_FAILED'],
  ])('is made once when %s', async (_what, reaction, code) => {
    script = [reaction];
    await expect(groupNames()).rejects.toMatchObject({ code });
    expect(requests).toHaveLength(1);
  });
});

describe('credentials that expired', () => {
  it('are read anew, and the call is made with the new ones', async () => {
    const { elb } = clients();
    script = [modified];
    await elb.send(new ModifyRuleCommand({ RuleArn: 'rule/1' }));
    await haveKey('SECOND');
    script = [error(403, 'ExpiredToken'), modified];
    await elb.send(new ModifyRuleCommand({ RuleArn: 'rule/1' }));
    expect(signedWith()).toEqual(['FIRST', 'FIRST', 'SECOND']);
  });

  it('end the call after a few attempts when there are no new ones', async () => {
    script = [error(403, 'ExpiredToken')];
    await expect(groupNames()).rejects.toMatchObject({ code: 'BASCULE_AWS_CREDENTIALS' });
    expect(requests).toHaveLength(4);
  });
});

describe('each protocol', () => {
  it.each<[string, (aws: AwsClients) => Promise<unknown>]>([
    ['elbv2', ({ elb }) => elb.send(new DescribeRulesCommand({ ListenerArn: 'listener' }))],
    ['cloudwatch', ({ cloudWatch }) => cloudWatch.send(metric)],
    ['s3 list', ({ s3 }) => s3.send(new ListObjectsV2Command({ Bucket: 'bucket' }))],
    ['s3 get', ({ s3 }) => s3.send(new GetObjectCommand({ Bucket: 'bucket', Key: 'key' }))],
    ['s3 put', ({ s3 }) => s3.send(new PutObjectCommand({ Bucket: 'bucket', Key: 'key', Body: 'x' }))],
  ])('takes neither a page nor nothing for an answer of %s', async (_service, send) => {
    for (const body of [page, '']) {
      script = [answer(200, body, { 'content-type': 'text/html' })];
      await expect(send(clients(FEW))).rejects.toMatchObject({ code: 'BASCULE_AWS_FAILED' });
    }
  });

  it('reads an object to its end within the attempt', async () => {
    script = [breaksOff, answer(200, 'all of it', { etag: '"1"' })];
    const { Body } = await clients().s3.send(new GetObjectCommand({ Bucket: 'bucket', Key: 'key' }));
    await expect(Body?.transformToString()).resolves.toBe('all of it');
  });

  it('leaves what S3 says of a condition or a missing object to who asked', async () => {
    const { s3 } = clients();
    const xml = (code: string) => `<Error><Code>${code}</Code><Message>no</Message></Error>`;
    script = [answer(412, xml('PreconditionFailed'))];
    const put = new PutObjectCommand({ Bucket: 'bucket', Key: 'key', Body: 'x', IfNoneMatch: '*' });
    expect(awsErrorStatus(await s3.send(put).catch((thrown: unknown) => thrown))).toBe(412);
    script = [answer(404, xml('NoSuchKey'))];
    const get = new GetObjectCommand({ Bucket: 'bucket', Key: 'key' });
    expect(awsErrorName(await s3.send(get).catch((thrown: unknown) => thrown))).toBe('NoSuchKey');
    expect(requests).toHaveLength(2);
  });

  it('asks again when S3 is at another conditional write of the same object', async () => {
    const conflict = '<Error><Code>ConditionalRequestConflict</Code><Message>no</Message></Error>';
    script = [answer(409, conflict), answer(200, '', { etag: '"1"' })];
    const put = new PutObjectCommand({ Bucket: 'bucket', Key: 'key', Body: 'x', IfNoneMatch: '*' });
    await expect(clients().s3.send(put)).resolves.toMatchObject({ ETag: '"1"' });
    expect(requests).toHaveLength(2);
  });
});

const metric = new GetMetricStatisticsCommand({
  Namespace: 'AWS/ApplicationELB',
  MetricName: 'RequestCount',
  StartTime: new Date(0),
  EndTime: new Date(60_000),
  Period: 60,
});
