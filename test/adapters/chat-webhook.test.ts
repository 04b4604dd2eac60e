/** Webhooks against a server on this machine: what is sent, how it is signed, and what errors must not tell. */
import { createHmac } from 'node:crypto';
import { once } from 'node:events';
import { readFile } from 'node:fs/promises';
import http from 'node:http';
import path from 'node:path';
import { text } from 'node:stream/consumers';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it, vi } from 'vitest';
import { WebhookChannel } from '../../src/adapters/chat-webhook';
import { systemClock } from '../../src/adapters/clock';
import type { WebhookSettings } from '../../src/domain/config';
import { NOTIFICATION_EVENTS } from '../../src/domain/notifications';
import { failure, patient } from '../support/channels';
import { notice } from '../support/notices';
import { freePort } from '../support/ports';
import { must } from '../support/until';

interface Got {
  url: string;
  headers: http.IncomingHttpHeaders;
  body: string;
}

let got: Got[];
let answer: (response: http.ServerResponse) => void;
let base: string;
const server = http.createServer((request, response) => {
  void text(request).then((body) => {
    got.push({ url: request.url ?? '', headers: request.headers, body });
    answer(response);
  });
});

beforeAll(async () => {
  const port = await freePort();
  server.listen(port, '127.0.0.1');
  await once(server, 'listening');
  base = `http://127.0.0.1:${port}`;
});

afterAll(() => {
  server.closeAllConnections();
  server.close();
});

beforeEach(() => {
  got = [];
  answer = (response) => response.writeHead(200).end('ok');
});

afterEach(() => vi.unstubAllEnvs());

function channel(change: Partial<WebhookSettings>): WebhookChannel {
  const events = [...NOTIFICATION_EVENTS];
  const settings: WebhookSettings = { kind: 'webhook', name: 'chat', format: 'json', events, ...change };
  return new WebhookChannel(settings, systemClock);
}

describe('a webhook', () => {
  it('gets all of it as JSON, signed so that docs/notifications.md can verify it', async () => {
    vi.stubEnv('HOOK_KEY', 'a key of the receiver’s');
    await channel({ url: `${base}/hook`, secretVariable: 'HOOK_KEY' }).send(notice(), patient());
    const { headers, body } = must(got[0]);
    const [, time, sum] = must(/^t=(\d+),v1=([0-9a-f]{64})$/.exec(String(headers['x-bascule-signature'])));
    expect(sum).toBe(createHmac('sha256', 'a key of the receiver’s').update(`${time}.${body}`).digest('hex'));
    expect(Math.abs(Date.now() / 1000 - Number(time))).toBeLessThan(60);
    expect(JSON.parse(body)).toMatchObject({
      format: 1,
      id: '20261121-101500-1a2b/12',
      event: 'approval-needed',
      environment: 'production',
      changeSet: {
        from: '1.9.3',
        to: '2.0.0',
        message: 'Prices with <tax> & "round" numbers',
        commitCount: 3,
      },
    });
  });

  it('is verified by what docs/notifications.md shows, and nothing else is', async () => {
    vi.stubEnv('HOOK_KEY', 'key');
    await channel({ url: base, secretVariable: 'HOOK_KEY' }).send(notice(), patient());
    const { headers, body } = must(got[0]);
    const docs = await readFile(path.resolve(__dirname, '../../docs/notifications.md'), 'utf8');
    const code = must(/```js\n([\s\S]*?)```/.exec(docs)?.[1]);
    const { isFromBascule } = (await import(
      /* @vite-ignore */ `data:text/javascript,${encodeURIComponent(code)}`
    )) as { isFromBascule(header: unknown, body: string, key: string): boolean };
    const header = headers['x-bascule-signature'];
    expect(isFromBascule(header, body, 'key')).toBe(true);
    expect(isFromBascule(header, body, 'another')).toBe(false);
    expect(isFromBascule(header, `${body} `, 'key')).toBe(false);
    expect(isFromBascule(String(header).replace(/t=\d+/, 't=1'), body, 'key')).toBe(false);
    expect(isFromBascule(undefined, body, 'key')).toBe(false);
  });

  it('is not signed where no key is configured', async () => {
    await channel({ url: base }).send(notice(), patient());
    expect(must(got[0]).headers).not.toHaveProperty('x-bascule-signature');
  });

  it('is found by a variable, whose value no error tells', async () => {
    vi.stubEnv('HOOK', `${base}/services/T000/B000/verysecret`);
    answer = (response) => response.writeHead(404).end('no such hook: verysecret');
    const message = await failure(
      channel({ urlVariable: 'HOOK', format: 'slack' }).send(notice(), patient()),
    );
    expect(must(got[0]).url).toBe('/services/T000/B000/verysecret');
    expect(message).toMatch(/^127\.0\.0\.1:\d+ answered 404$/);
  });

  it('that nobody listens to is told without its path', async () => {
    vi.stubEnv('HOOK', `http://127.0.0.1:${await freePort()}/verysecret`);
    const message = await failure(channel({ urlVariable: 'HOOK' }).send(notice(), patient()));
    expect(message).toContain('ECONNREFUSED');
    expect(message).not.toContain('verysecret');
  });

  it.each([
    ['is not set', undefined, 'the environment variable HOOK is not set'],
    ['holds something else', 'verysecret', 'the environment variable HOOK holds no http:// or https:// URL'],
    [
      'holds another protocol',
      'file:///verysecret',
      'the environment variable HOOK holds no http:// or https:// URL',
    ],
  ])('says which variable %s, and never what it holds', async (_, value, expected) => {
    vi.stubEnv('HOOK', value);
    expect(await failure(channel({ urlVariable: 'HOOK' }).send(notice(), patient()))).toBe(expected);
  });

  it('is not followed anywhere else', async () => {
    answer = (response) => response.writeHead(302, { location: `${base}/elsewhere` }).end();
    expect(await failure(channel({ url: `${base}/hook` }).send(notice(), patient()))).toContain(
      'answered 302',
    );
    expect(got.map(({ url }) => url)).toEqual(['/hook']);
  });

  it('that hangs is left when it is told to', async () => {
    const leaving = new AbortController();
    answer = () => leaving.abort();
    expect(await failure(channel({ url: base }).send(notice(), leaving.signal))).toContain('aborted');
  });
});

describe('a chat', () => {
  it('gets blocks as Slack takes them', async () => {
    await channel({ url: base, format: 'slack' }).send(notice(), patient());
    const body = JSON.parse(must(got[0]).body) as { text: string; blocks: { type: string }[] };
    expect(body.text).toBe('production: the deployment of 2.0.0 waits for approval release');
    expect(body.blocks.map(({ type }) => type)).toContain('header');
    expect(JSON.stringify(body)).toContain('Show the tax on &lt;b&gt;every&lt;/b&gt; page');
    expect(JSON.stringify(body)).toContain('bascule approve production');
  });

  it('gets an adaptive card as Teams takes it', async () => {
    await channel({ url: base, format: 'teams' }).send(notice(), patient());
    const body = JSON.parse(must(got[0]).body) as {
      type: string;
      attachments: { contentType: string; content: { type: string; version: string } }[];
    };
    expect(body.type).toBe('message');
    expect(must(body.attachments[0])).toMatchObject({
      contentType: 'application/vnd.microsoft.card.adaptive',
      content: { type: 'AdaptiveCard', version: '1.4' },
    });
  });
});
