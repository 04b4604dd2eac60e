import { readFile } from 'node:fs/promises';
import { CloudWatchClient, GetMetricStatisticsCommand } from '@aws-sdk/client-cloudwatch';
import { StartInstancesCommand, StopInstancesCommand } from '@aws-sdk/client-ec2';
import { DescribeTargetHealthCommand } from '@aws-sdk/client-elastic-load-balancing-v2';
import { GetConsoleOutputCommand } from '@aws-sdk/client-ec2';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { SANDBOX_BUCKET } from '../../automation/sandbox';
import { get, LiveSandbox } from '../support/live-sandbox';
import { must, until } from '../support/until';

describe('instances of the sandbox', () => {
  let sandbox: LiveSandbox;
  beforeAll(async () => {
    sandbox = await LiveSandbox.start();
  });
  afterAll(async () => sandbox.dispose());

  const outputOf = async (id: string) => readFile(must((await sandbox.instance(id)).logFile), 'utf8');

  it('runs the release of the image and tells it who it is', async () => {
    const image = await sandbox.bake('hello', '1.0.0');
    const tags = { service: 'shop', environment: 'staging', colour: 'blue', version: '1.0.0' };
    const userData = '#!/bin/sh\n#bascule:environment {"GREETING":"bonjour","WORKERS":4,"PORT":"1"}\n';
    const id = await sandbox.run(image, tags, userData);
    const { address, pid } = await sandbox.reaches(id, 'running');
    const answer = await until<{ status: number; body: Record<string, unknown> }>(
      () => get(`http://${address}/env`).catch(() => ({ status: 0, body: {} })),
      ({ status }) => status === 200,
    );
    expect(answer.body).toMatchObject({ version: '1.0.0', colour: 'blue', instance: id, pid });
    expect(answer.body['environment']).toMatchObject({
      BASCULE_SERVICE: 'shop',
      BASCULE_ENVIRONMENT: 'staging',
      BASCULE_REGION: 'eu-west-3',
      GREETING: 'bonjour',
      WORKERS: '4',
      PORT: must(address).split(':')[1],
      AWS_ENDPOINT_URL: sandbox.info.endpoint,
    });
    // What is set in the shell that started the sandbox must not reach a machine.
    expect(answer.body['environment']).not.toHaveProperty('NODE_OPTIONS');
    expect(answer.body['environment']).not.toHaveProperty('VITEST');

    await sandbox.terminate(id);
    await until(
      async () => (await sandbox.processes()).includes(must(pid)),
      (alive) => !alive,
    );
  });

  it('leaves a process that crashes at boot ended, with its output and exit code', async () => {
    const id = await sandbox.run(await sandbox.bake('crash', '1.0.0'));
    await sandbox.reaches(id, 'exited');
    expect(await outputOf(id)).toContain('the database password is missing');
    expect(await outputOf(id)).toContain('its process ended with exit code 1');
    const console = await until(
      () => sandbox.ec2().send(new GetConsoleOutputCommand({ InstanceId: id })),
      ({ Output }) => Output !== undefined && Output !== '',
    );
    const text = Buffer.from(must(console.Output), 'base64').toString('utf8');
    expect(text).toContain('the database password is missing');
  });

  it.each([
    ['no bundle', {}, 'has no tag bascule:bundle'],
    [
      'a bundle that does not exist',
      { 'bascule:bundle': `s3://${SANDBOX_BUCKET}/nowhere.tar.gz` },
      'does not exist',
    ],
    [
      'a bucket that does not exist',
      { 'bascule:bundle': 's3://no-such-bucket/nowhere.tar.gz' },
      'does not exist',
    ],
    ['an address of another kind', { 'bascule:bundle': 'https://example.org/a.tar.gz' }, 'no s3:// address'],
  ])('says why an image with %s runs nothing', async (name, tags, reason) => {
    const id = await sandbox.run(await sandbox.register(`without-${name.replaceAll(' ', '-')}`, tags));
    await sandbox.reaches(id, 'exited');
    expect(await outputOf(id)).toContain(reason);
  });

  it('refuses a bundle that is not the one that was baked', async () => {
    const image = await sandbox.bake('hello', '6.6.6', { 'bascule:sha256': '0'.repeat(64) });
    const id = await sandbox.run(image);
    await sandbox.reaches(id, 'exited');
    expect(await outputOf(id)).toContain('is not the one that was baked');
  });

  it('serves healthy instances, takes a killed one out, and does not start it again', async () => {
    const image = await sandbox.bake('hello', '2.0.0');
    const [one, two] = await Promise.all([sandbox.run(image), sandbox.run(image)]);
    const { url, targetGroup } = await sandbox.balance('shop', [one, two]);
    const health = async (): Promise<Record<string, string | undefined>> => {
      const answer = await sandbox
        .elb()
        .send(new DescribeTargetHealthCommand({ TargetGroupArn: targetGroup }));
      return Object.fromEntries(
        (answer.TargetHealthDescriptions ?? []).map(({ Target, TargetHealth }) => [
          Target?.Id ?? '',
          TargetHealth?.State,
        ]),
      );
    };
    await until(health, (states) => states[one] === 'healthy' && states[two] === 'healthy');
    const seen = new Set<unknown>();
    for (let request = 0; request < 20; request += 1) seen.add((await get(url)).body['instance']);
    expect(seen).toEqual(new Set([one, two]));

    const killed = must((await sandbox.instance(one)).pid);
    process.kill(killed, 'SIGKILL');
    await sandbox.reaches(one, 'exited');
    await until(health, (states) => states[one] === 'unhealthy' && states[two] === 'healthy');
    for (let request = 0; request < 10; request += 1) {
      expect(await get(url)).toMatchObject({ status: 200, body: { instance: two } });
    }
    expect(await outputOf(one)).toContain('its process ended with SIGKILL');
    expect((await sandbox.instance(one)).process).toBe('exited');
  });

  it('publishes what the load balancer counted to CloudWatch', async () => {
    const id = await sandbox.run(await sandbox.bake('hello', '3.0.0'));
    const { url, arn, targetGroup } = await sandbox.balance('counted', [id]);
    await until(
      () => get(url),
      ({ status }) => status === 200,
    );
    const before = await sum('RequestCount');
    for (let request = 0; request < 25; request += 1) await get(url);
    await until(
      () => sum('RequestCount'),
      (count) => count >= before + 25,
    );
    expect(await sum('HTTPCode_Target_2XX_Count')).toBeGreaterThanOrEqual(25);
    expect(await sum('HTTPCode_Target_5XX_Count')).toBe(0);
    expect(await sum('TargetResponseTime')).toBeGreaterThan(0);
    await until(
      () => sum('HealthyHostCount'),
      (count) => count > 0,
    );

    async function sum(MetricName: string): Promise<number> {
      const cloudWatch = new CloudWatchClient(sandbox.options());
      const { Datapoints = [] } = await cloudWatch.send(
        new GetMetricStatisticsCommand({
          Namespace: 'AWS/ApplicationELB',
          MetricName,
          Dimensions: [
            { Name: 'LoadBalancer', Value: arn.slice(arn.indexOf('app/')) },
            { Name: 'TargetGroup', Value: targetGroup.slice(targetGroup.indexOf('targetgroup/')) },
          ],
          StartTime: new Date(Date.now() - 600_000),
          EndTime: new Date(Date.now() + 60_000),
          Period: 60,
          Statistics: ['Sum'],
        }),
      );
      return Datapoints.reduce((total, { Sum = 0 }) => total + Sum, 0);
    }
  });

  it('runs a machine anew that was stopped and started', async () => {
    const id = await sandbox.run(await sandbox.bake('hello', '4.0.0'));
    const first = await sandbox.reaches(id, 'running');
    await sandbox.ec2().send(new StopInstancesCommand({ InstanceIds: [id] }));
    await sandbox.reaches(id, 'absent');
    expect(await sandbox.processes()).not.toContain(first.pid);
    await sandbox.ec2().send(new StartInstancesCommand({ InstanceIds: [id] }));
    const second = await sandbox.reaches(id, 'running');
    expect(second.pid).not.toBe(first.pid);
  });
});
