import { createServer, type IncomingMessage, type RequestListener, type Server } from 'node:http';
import { createServer as createSecureServer } from 'node:https';
import type { AddressInfo } from 'node:net';
import { generate } from 'selfsigned';
import { afterEach, describe, expect, it } from 'vitest';
import { HttpProber } from '../../src/adapters/prober';

const servers: Server[] = [];

afterEach(async () => {
  for (const server of servers.splice(0)) {
    server.closeAllConnections();
    await new Promise((resolve) => server.close(resolve));
  }
});

async function listening(server: Server, scheme = 'http'): Promise<string> {
  servers.push(server);
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  return `${scheme}://127.0.0.1:${(server.address() as AddressInfo).port}`;
}

const serve = (listener: RequestListener) => listening(createServer(listener));
const request = { path: '/', method: 'GET', headers: {}, timeoutSeconds: 5 };

describe('HttpProber', () => {
  it('tells status, headers and body, and follows no redirect', async () => {
    const seen: IncomingMessage[] = [];
    const url = await serve((message, response) => {
      seen.push(message);
      response.writeHead(302, { location: '/elsewhere', 'x-version': '2.0.0' }).end('moved');
    });
    const answer = await new HttpProber('shop.example.com').request(url, {
      ...request,
      path: '//odd/path?q=1',
      headers: { 'x-probe': 'yes' },
    });
    expect(answer).toMatchObject({
      kind: 'answered',
      status: 302,
      body: 'moved',
      headers: { location: '/elsewhere', 'x-version': '2.0.0' },
    });
    expect(seen.map((one) => one.url)).toEqual(['//odd/path?q=1']);
    expect(seen[0]?.headers).toMatchObject({ host: 'shop.example.com', 'x-probe': 'yes' });
  });

  it('sends method, body and the host of the request itself', async () => {
    const url = await serve((message, response) => {
      let text = '';
      message.on('data', (part: Buffer) => (text += part.toString()));
      message.on('end', () => response.end(`${message.method} ${message.headers.host} ${text}`));
    });
    const order = { ...request, method: 'POST', body: 'order', host: 'api.example.com' };
    expect(await new HttpProber('shop.example.com').request(url, order)).toMatchObject({
      body: 'POST api.example.com order',
    });
  });

  it('opens a connection for each request', async () => {
    const ports = new Set<number | undefined>();
    const url = await serve((message, response) => {
      ports.add(message.socket.remotePort);
      response.end();
    });
    const prober = new HttpProber();
    for (let count = 0; count < 3; count += 1) await prober.request(url, request);
    expect(ports.size).toBe(3);
  });

  it.each<[string, RequestListener]>([
    ['an answer that never begins', () => undefined],
    ['a body that never ends', (_, response) => void response.write('beginning')],
  ])('gives up on %s', async (_what, listener) => {
    const answer = await new HttpProber().request(await serve(listener), { ...request, timeoutSeconds: 0.2 });
    expect(answer).toMatchObject({ kind: 'no-answer', reason: expect.stringContaining('within 0.2 s') });
    expect(answer.milliseconds).toBeLessThan(3000);
  });

  it('says of a broken body, and of a refused connection, that there is no answer', async () => {
    const url = await serve((_, response) => {
      response.writeHead(200, { 'content-length': '100' });
      response.write('part', () => response.socket?.destroy());
    });
    expect(await new HttpProber().request(url, request)).toMatchObject({ kind: 'no-answer' });
    const server = createServer();
    const closed = await listening(server);
    await new Promise((resolve) => server.close(resolve));
    expect(await new HttpProber().request(closed, request)).toMatchObject({
      kind: 'no-answer',
      reason: expect.stringContaining('ECONNREFUSED'),
    });
  });

  it('keeps no more of a body than a check can need', async () => {
    const url = await serve((_, response) => void response.end(Buffer.alloc(3 * 1024 * 1024, 'x')));
    const answer = await new HttpProber().request(url, request);
    expect(answer.kind === 'answered' && answer.body.length).toBeLessThanOrEqual(1024 * 1024);
  });

  it('checks the certificate against the domain, not against the load balancer’s name', async () => {
    const pems = await generate([{ name: 'commonName', value: 'shop.example.com' }]);
    const names: unknown[] = [];
    const server = createSecureServer(
      { key: pems.private, cert: pems.cert, SNICallback: (name, done) => (names.push(name), done(null)) },
      (_, response) => void response.end('secret'),
    );
    const url = await listening(server, 'https');
    const answer = await new HttpProber('shop.example.com:8443').request(url, request);
    expect(names).toEqual(['shop.example.com']);
    expect(answer).toMatchObject({ kind: 'no-answer', reason: expect.stringMatching(/self-signed/) });
  });
});
