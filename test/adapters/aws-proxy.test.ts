import { createServer, type Server } from 'node:http';
import { once } from 'node:events';
import type { AddressInfo } from 'node:net';
import { AutoScalingClient, DescribeAutoScalingGroupsCommand } from '@aws-sdk/client-auto-scaling';
import { CloudWatchClient, DescribeAlarmsCommand } from '@aws-sdk/client-cloudwatch';
import { DescribeInstancesCommand, EC2Client } from '@aws-sdk/client-ec2';
import { DeleteObjectCommand, GetObjectCommand, PutObjectCommand, S3Client } from '@aws-sdk/client-s3';
import { ElasticLoadBalancingV2Client, ModifyRuleCommand } from '@aws-sdk/client-elastic-load-balancing-v2';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { PASS, proxiedEnv, startAwsProxy, throttling, type AwsProxy } from '../support/aws-proxy';
import { freePort } from '../support/ports';
import { until } from '../support/until';

interface Seen {
  method: string | undefined;
  url: string | undefined;
  host: string | undefined;
  authorization: string | undefined;
  bytes: number;
}

let target: Server;
let endpoint: string;
let seen: Seen[];
let proxy: AwsProxy;

/** Answers every request alike; what arrived is what the tests look at. */
beforeEach(async () => {
  seen = [];
  target = createServer((request, response) => {
    let bytes = 0;
    request.on('data', (part: Buffer) => (bytes += part.length));
    request.on('end', () => {
      const { method, url, headers } = request;
      seen.push({ method, url, host: headers.host, authorization: headers.authorization, bytes });
      response.writeHead(200, { 'content-type': 'text/xml', etag: '"there"' });
      response.end(method === 'HEAD' ? undefined : '<Answer/>');
    });
  });
  target.listen(await freePort(), '127.0.0.1');
  await once(target, 'listening');
  endpoint = `http://127.0.0.1:${(target.address() as AddressInfo).port}`;
  proxy = await startAwsProxy(endpoint);
});

afterEach(async () => {
  await proxy.close();
  target.closeAllConnections();
  target.close();
});

function options() {
  const credentials = { accessKeyId: 'sandbox', secretAccessKey: 'sandbox' };
  return { endpoint: proxy.url, region: 'us-east-1', credentials, maxAttempts: 1 };
}

const s3 = () => new S3Client({ ...options(), forcePathStyle: true });
const put = (Key: string, Body: string | Buffer = 'x') =>
  s3().send(new PutObjectCommand({ Bucket: 'bucket', Key, Body }));

describe('what is seen of a call', () => {
  it('knows service, action and subject in each protocol', async () => {
    const arn = 'arn:aws:elasticloadbalancing:us-east-1:123456789012:listener-rule/app/shop-e2e';
    await put('environments/e2e/deployments/20261121-085500-abcd/000004.json');
    await s3().send(new GetObjectCommand({ Bucket: 'bucket', Key: 'environments/e2e/lease.json' }));
    await s3().send(
      new DeleteObjectCommand({
        Bucket: 'bucket',
        Key: '.pulumi/locks/organization/bascule/e2e/9b2c1de0-1111-4222-8333-0123456789ab.json',
      }),
    );
    await new AutoScalingClient(options())
      .send(new DescribeAutoScalingGroupsCommand({ AutoScalingGroupNames: ['shop-e2e-green'] }))
      .catch(() => undefined);
    await new EC2Client(options()).send(new DescribeInstancesCommand({})).catch(() => undefined);
    await new CloudWatchClient(options())
      .send(new DescribeAlarmsCommand({ AlarmNames: ['one'] }))
      .catch(() => undefined);
    await new ElasticLoadBalancingV2Client(options())
      .send(new ModifyRuleCommand({ RuleArn: `${arn}/50dc6c495c0c9188/f2f7dc8efc522ab2/9683b2d02a6cabee` }))
      .catch(() => undefined);
    expect(proxy.calls.map(({ label, write, format }) => [label, write ? 'write' : 'read', format])).toEqual([
      ['s3:PutObject environments/e2e/deployments/*/000004.json', 'write', 's3'],
      ['s3:GetObject environments/e2e/lease.json', 'read', 's3'],
      ['s3:DeleteObject .pulumi/locks/organization/bascule/e2e/*.json', 'write', 's3'],
      ['autoscaling:DescribeAutoScalingGroups shop-e2e-green', 'read', 'query'],
      ['ec2:DescribeInstances', 'read', 'ec2'],
      ['cloudwatch:DescribeAlarms', 'read', 'json'],
      ['elbv2:ModifyRule listener-rule/app/shop-e2e/*/*/*', 'write', 'query'],
    ]);
    expect(proxy.calls.map(({ index }) => index)).toEqual([0, 1, 2, 3, 4, 5, 6]);
  });

  it('passes on what was signed, and shows small bodies', async () => {
    await put('a key/with+signs', 'small');
    expect(seen).toHaveLength(1);
    expect(seen[0]).toMatchObject({ method: 'PUT', host: new URL(proxy.url).host, bytes: 5 });
    expect(seen[0]?.url).toContain('/bucket/a%20key/with%2Bsigns');
    expect(seen[0]?.authorization).toContain('Credential=sandbox/');
    expect(proxy.calls[0]).toMatchObject({
      body: 'small',
      userAgent: expect.stringContaining('aws-sdk-js') as string,
    });
  });

  it('passes on a bundle without looking at it', async () => {
    await put('bundle.tgz', Buffer.alloc(9_000_000, 7));
    expect(seen[0]?.bytes).toBe(9_000_000);
    expect(proxy.calls[0]).toMatchObject({ label: 's3:PutObject bundle.tgz', body: '' });
  });

  it('carries many calls at once', async () => {
    await Promise.all(Array.from({ length: 100 }, (_, index) => put(`many/${index}`)));
    expect(seen).toHaveLength(100);
    expect(new Set(proxy.calls.map(({ index }) => index)).size).toBe(100);
  });
});

describe('faults', () => {
  it.each([
    ['s3', () => put('x'), { name: 'SlowDown', status: 503 }],
    [
      'ec2',
      () => new EC2Client(options()).send(new DescribeInstancesCommand({})),
      { name: 'RequestLimitExceeded', status: 503 },
    ],
    [
      'query',
      () => new AutoScalingClient(options()).send(new DescribeAutoScalingGroupsCommand({})),
      { name: 'Throttling', status: 400 },
    ],
    [
      'json',
      () => new CloudWatchClient(options()).send(new DescribeAlarmsCommand({})),
      { name: 'ThrottlingException', status: 400 },
    ],
  ])('words throttling as %s does', async (_protocol, send, expected) => {
    proxy.onBefore = throttling;
    await expect(send()).rejects.toMatchObject({
      name: expected.name,
      $metadata: { httpStatusCode: expected.status },
    });
    expect(seen).toHaveLength(0);
  });

  it('words errors in CBOR where a service is asked in it', async () => {
    proxy.onBefore = () => ({ kind: 'answer', status: 400, code: 'ThrottlingException' });
    const url = `${proxy.url}/service/GraniteServiceVersion20100801/operation/GetMetricData`;
    const answer = await fetch(url, { method: 'POST', headers: { 'smithy-protocol': 'rpc-v2-cbor' } });
    expect(answer.status).toBe(400);
    expect(proxy.calls[0]).toMatchObject({ action: 'GetMetricData', write: false, format: 'cbor' });
    // A map of two; each text after its length, which as a byte looks like a letter.
    const bytes = Buffer.from(await answer.arrayBuffer()).toString('latin1');
    expect(bytes).toBe('\u00a2f__typesThrottlingExceptiongmessagetinjected by the test');
  });

  it('answers an error after the effect', async () => {
    proxy.onAfter = () => ({ kind: 'answer', status: 503, code: 'InternalError' });
    await expect(put('x')).rejects.toMatchObject({ name: 'InternalError' });
    expect(seen).toHaveLength(1);
  });

  it('breaks the connection before the call arrives, and after it took effect', async () => {
    proxy.onBefore = () => ({ kind: 'reset-before' });
    await expect(put('x')).rejects.toMatchObject({ code: 'ECONNRESET' });
    expect(seen).toHaveLength(0);
    proxy.onBefore = () => ({ kind: 'reset-after' });
    await expect(put('x')).rejects.toMatchObject({ code: 'ECONNRESET' });
    expect(seen).toHaveLength(1);
    proxy.onBefore = () => PASS;
    proxy.onAfter = () => ({ kind: 'reset-after' });
    await expect(put('x')).rejects.toMatchObject({ code: 'ECONNRESET' });
    expect(seen).toHaveLength(2);
  });

  it('holds a call until the hook lets it go, before the effect and after it', async () => {
    let letGo = (): void => undefined;
    const held = new Promise<typeof PASS>((resolve) => (letGo = () => resolve(PASS)));
    proxy.onBefore = () => held;
    const first = put('x');
    await until(
      () => Promise.resolve(proxy.calls.length),
      (count) => count === 1,
    );
    expect(seen).toHaveLength(0);
    letGo();
    await first;
    expect(seen).toHaveLength(1);
  });

  it('leaves a caller without an answer until it gives up, and does not outlive it', async () => {
    proxy.onBefore = () => ({ kind: 'hang' });
    const arrived = (calls: number) =>
      until(
        () => Promise.resolve(proxy.calls.length),
        (count) => count === calls,
      );
    const impatient = new AbortController();
    const ask = s3().send(new GetObjectCommand({ Bucket: 'bucket', Key: 'x' }), {
      abortSignal: impatient.signal,
    });
    const refused = expect(ask).rejects.toMatchObject({ name: 'AbortError' });
    await arrived(1);
    impatient.abort();
    await refused;
    expect(seen).toHaveLength(0);
    const asked = put('y').catch((thrown: unknown) => thrown);
    await arrived(2);
    await proxy.close();
    await expect(asked).resolves.toMatchObject({ code: 'ECONNRESET' });
    proxy = await startAwsProxy(endpoint);
  });
});

describe('the environment that goes through the proxy', () => {
  it('has its address wherever the direct one stood', () => {
    const direct = 'http://127.0.0.1:4000';
    const env = {
      AWS_ENDPOINT_URL: direct,
      AWS_ENDPOINT_URL_S3: direct,
      PULUMI_BACKEND_URL: `s3://bucket?endpoint=${direct}&use_path_style=true&region=us-east-1`,
      PATH: '/bin',
    };
    expect(proxiedEnv(env, { url: 'http://127.0.0.1:5000' })).toEqual({
      AWS_ENDPOINT_URL: 'http://127.0.0.1:5000',
      AWS_ENDPOINT_URL_S3: 'http://127.0.0.1:5000',
      PULUMI_BACKEND_URL: 's3://bucket?endpoint=http://127.0.0.1:5000&use_path_style=true&region=us-east-1',
      PATH: '/bin',
    });
    expect(() => proxiedEnv({}, { url: 'http://127.0.0.1:5000' })).toThrow('AWS_ENDPOINT_URL');
  });
});
