/** Marks in a bucket and messages to a topic of the real control plane. */
import { CreateBucketCommand, type S3Client } from '@aws-sdk/client-s3';
import { CreateTopicCommand, SNSClient, SubscribeCommand } from '@aws-sdk/client-sns';
import { once } from 'node:events';
import http from 'node:http';
import { json } from 'node:stream/consumers';
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest';
import { systemClock } from '../../src/adapters/clock';
import { S3Deliveries } from '../../src/adapters/deliveries';
import { Objects } from '../../src/adapters/objects';
import { TopicChannel } from '../../src/adapters/topic';
import { NOTIFICATION_EVENTS } from '../../src/domain/notifications';
import { notice } from '../support/notices';
import { freePort } from '../support/ports';
import { must, until } from '../support/until';
import { Plane } from './moto-plane';

const region = 'eu-west-3';
let plane: Plane;
let s3: S3Client;

beforeAll(async () => {
  plane = await Plane.start();
  s3 = plane.s3();
  const where = { LocationConstraint: region } as const;
  await s3.send(new CreateBucketCommand({ Bucket: 'releases', CreateBucketConfiguration: where }));
});

afterAll(async () => {
  vi.unstubAllEnvs();
  await plane.dispose();
});

describe('what was delivered', () => {
  const deliveries = (): S3Deliveries =>
    new S3Deliveries(new Objects(s3, 'releases'), 'production', systemClock);

  it('is known from a deployment on, however often it is marked', async () => {
    const old = notice({ deployment: '20260101-000000-0000', id: '20260101-000000-0000/12' });
    for (const one of [old, notice(), notice()]) await deliveries().mark(one, 'mail');
    await deliveries().mark(notice({ sequence: 3 }), 'chat');
    await deliveries().complete(notice().deployment);
    await deliveries().complete(notice().deployment);
    expect(await deliveries().since('20261121-000000-0000')).toEqual(
      new Map([['20261121-101500-1a2b', new Set(['12-mail', '3-chat', 'complete'])]]),
    );
    expect((await deliveries().since(old.deployment)).get(old.deployment)).toEqual(new Set(['12-mail']));
  });
});

describe('a topic', () => {
  it('gets subject, text and what subscriptions filter by', async () => {
    const got: Record<string, unknown>[] = [];
    const port = await freePort();
    const server = http.createServer((request, response) => {
      void json(request).then((body) => {
        got.push(body as Record<string, unknown>);
        response.end();
      });
    });
    server.listen(port, '127.0.0.1');
    await once(server, 'listening');
    const credentials = { accessKeyId: 'AKIAIOSFODNN7EXAMPLE', secretAccessKey: 'test' };
    const sns = new SNSClient({ region, endpoint: plane.url, credentials });
    vi.stubEnv('AWS_ENDPOINT_URL', plane.url);
    vi.stubEnv('AWS_ACCESS_KEY_ID', credentials.accessKeyId);
    vi.stubEnv('AWS_SECRET_ACCESS_KEY', credentials.secretAccessKey);
    try {
      const { TopicArn } = await sns.send(new CreateTopicCommand({ Name: 'releases' }));
      const topicArn = must(TopicArn);
      const Endpoint = `http://127.0.0.1:${port}`;
      const Attributes = { FilterPolicy: JSON.stringify({ event: ['approval-needed'] }) };
      await sns.send(new SubscribeCommand({ TopicArn: topicArn, Protocol: 'http', Endpoint, Attributes }));
      const events = [...NOTIFICATION_EVENTS];
      const channel = new TopicChannel({ kind: 'sns', name: 'topic', topicArn, events });
      await channel.send(
        notice({ event: 'failed', title: 'not for this one' }),
        new AbortController().signal,
      );
      await channel.send(notice(), new AbortController().signal);
      const message = must(
        await until(
          () => Promise.resolve(got.find((one) => one['Type'] === 'Notification')),
          (one) => one !== undefined,
        ),
      );
      expect(message['Subject']).toBe('production: the deployment of 2.0.0 waits for approval release');
      expect(message['Message']).toContain('bascule approve production');
    } finally {
      sns.destroy();
      server.closeAllConnections();
      server.close();
    }
  });
});
