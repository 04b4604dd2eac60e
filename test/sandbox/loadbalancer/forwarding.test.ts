import * as http from 'node:http';
import * as net from 'node:net';
import { createHash, randomBytes } from 'node:crypto';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { Bench, Cleanup, forward, group, instance, rule, send, until } from './support';

type Handler = (request: http.IncomingMessage, response: http.ServerResponse) => boolean;

const cleanup = new Cleanup();
let bench: Bench;
afterEach(() => cleanup.run());

/** One healthy target behind the listener. */
async function serve(handle: Handler): Promise<void> {
  bench = await Bench.open(cleanup);
  await bench.run(cleanup, ['i-1'], handle);
  bench.state.instances = [instance('i-1', { colour: 'green', version: '2.0.0' })];
  await bench.apply([rule('default', forward({ a: 1 }))], [group('a', ['i-1'])]);
  await bench.healthy('a', 'i-1');
}

/** Answers with what arrived. */
const echo: Handler = (request, response) => {
  const hash = createHash('sha256');
  let bytes = 0;
  request.on('data', (chunk: Buffer) => {
    hash.update(chunk);
    bytes += chunk.length;
  });
  request.on('end', () => {
    const seen = { method: request.method, url: request.url, headers: request.headers, bytes };
    response.end(JSON.stringify({ ...seen, sha256: hash.digest('hex') }));
  });
  return true;
};

describe('headers and paths', () => {
  beforeEach(() => serve(echo));

  it('hands the path on as it came and names the target in a header', async () => {
    const reply = await send(bench.port, { path: '/a/../b/%2e%2e/c?x=1&y=%20' });
    expect(JSON.parse(reply.body)).toMatchObject({ method: 'GET', url: '/a/../b/%2e%2e/c?x=1&y=%20' });
    expect(reply.headers['x-bascule-target']).toBe('i-1;green;2.0.0');
  });

  it('adds the forwarding headers and drops those of the hop', async () => {
    const reply = await send(bench.port, {
      headers: {
        Host: 'shop.example.com',
        Connection: 'close, X-Private',
        'X-Private': 'secret',
        'Keep-Alive': 'timeout=3',
        TE: 'trailers',
        'Proxy-Authorization': 'Basic x',
        'X-Forwarded-For': '203.0.113.7',
        'X-Forwarded-Proto': 'forged',
        'X-Amzn-Trace-Id': 'Root=1-67891233-abcdef012345678912345678',
      },
    });
    const { headers } = JSON.parse(reply.body) as { headers: Record<string, string> };
    expect(headers).toMatchObject({
      host: 'shop.example.com',
      'x-forwarded-for': '203.0.113.7, 127.0.0.1',
      'x-forwarded-proto': 'http',
      'x-forwarded-port': String(bench.port),
      connection: 'keep-alive',
    });
    expect(headers['x-amzn-trace-id']).toMatch(
      /^Self=1-[0-9a-f]{8}-[0-9a-f]{24};Root=1-67891233-abcdef012345678912345678$/,
    );
    for (const name of ['x-private', 'keep-alive', 'te', 'proxy-authorization']) {
      expect(headers).not.toHaveProperty(name);
    }
  });

  it('makes a trace id where none came', async () => {
    const { headers } = JSON.parse((await send(bench.port)).body) as { headers: Record<string, string> };
    expect(headers['x-amzn-trace-id']).toMatch(/^Root=1-[0-9a-f]{8}-[0-9a-f]{24}$/);
  });

  it.each(['GET', 'DELETE', 'POST', 'PUT'])('hands on %s without a body, of no length', async (method) => {
    const reply = await send(bench.port, { method });
    const seen = JSON.parse(reply.body) as { bytes: number; headers: Record<string, string> };
    expect(seen.bytes).toBe(0);
    expect(seen.headers).not.toHaveProperty('transfer-encoding');
  });

  it('hands a chunked body of a DELETE on', async () => {
    const headers = { 'Transfer-Encoding': 'chunked' };
    const reply = await send(bench.port, { method: 'DELETE', headers, body: 'abc' });
    expect(JSON.parse(reply.body)).toMatchObject({ bytes: 3 });
  });

  it('takes an offer of another protocol for an ordinary request, body and kept connection included', async () => {
    const agent = new http.Agent({ keepAlive: true, maxSockets: 1 });
    cleanup.add(() => agent.destroy());
    const headers = { Connection: 'Upgrade, HTTP2-Settings', Upgrade: 'h2c', 'HTTP2-Settings': 'AAMAAABk' };
    for (const body of ['first', 'the second']) {
      const reply = await send(bench.port, { method: 'POST', agent, headers, body });
      const seen = JSON.parse(reply.body) as { bytes: number; headers: Record<string, string> };
      expect(seen.bytes).toBe(body.length);
      expect(seen.headers).not.toHaveProperty('upgrade');
    }
  });

  it('answers 400 to what is not HTTP', async () => {
    const socket = net.connect(bench.port, '127.0.0.1');
    let text = '';
    socket.on('data', (chunk) => (text += chunk.toString()));
    socket.write('NONSENSE\r\n\r\n');
    await new Promise((resolve) => socket.on('close', resolve));
    expect(text).toMatch(/^HTTP\/1\.1 400 Bad Request\r\n/);
  });
});

describe('bodies', () => {
  it('takes a large upload whole, with and without a known length', async () => {
    await serve(echo);
    const body = randomBytes(24 * 1024 * 1024);
    const sha256 = createHash('sha256').update(body).digest('hex');
    for (const headers of [{ 'Content-Length': String(body.length) }, { 'Transfer-Encoding': 'chunked' }]) {
      const reply = await fetchBody('POST', headers, body);
      expect(JSON.parse(reply)).toMatchObject({ bytes: body.length, sha256 });
    }
  });

  it('brings a large response whole to a slow reader', async () => {
    const body = randomBytes(24 * 1024 * 1024);
    await serve((_request, response) => {
      response.end(body);
      return true;
    });
    const hash = createHash('sha256');
    await new Promise<void>((resolve, reject) => {
      http.get(bench.url(), { agent: false }, (response) => {
        response.on('data', (chunk: Buffer) => {
          hash.update(chunk);
          response.pause();
          setImmediate(() => response.resume());
        });
        response.on('end', resolve);
        response.on('error', reject);
      });
    });
    expect(hash.digest('hex')).toBe(createHash('sha256').update(body).digest('hex'));
  });

  it('streams both ways at once: each piece is answered before the next is sent', async () => {
    await serve((request, response) => {
      response.writeHead(200, { 'Content-Type': 'text/event-stream' });
      response.flushHeaders();
      request.on('data', (chunk: Buffer) => response.write(`got ${chunk.toString()};`));
      request.on('end', () => response.end());
      return true;
    });
    const request = http.request(bench.url(), { method: 'POST', agent: false });
    request.flushHeaders();
    const response = await new Promise<http.IncomingMessage>((resolve) => request.on('response', resolve));
    let text = '';
    response.on('data', (chunk: Buffer) => (text += chunk.toString()));
    for (const piece of ['one', 'two', 'three']) {
      request.write(piece);
      await until(`answer to ${piece}`, () => text.endsWith(`got ${piece};`));
    }
    request.end();
    await new Promise((resolve) => response.on('end', resolve));
    expect(text).toBe('got one;got two;got three;');
  });

  it('answers HEAD without a body and keeps the connection usable', async () => {
    await serve((_request, response) => {
      response.setHeader('Content-Length', '5');
      response.end('hello');
      return true;
    });
    const agent = new http.Agent({ keepAlive: true, maxSockets: 1 });
    cleanup.add(() => agent.destroy());
    const head = await send(bench.port, { method: 'HEAD', agent });
    expect(head).toMatchObject({ status: 200, body: '', headers: { 'content-length': '5' } });
    expect((await send(bench.port, { agent })).body).toBe('hello');
  });

  it('answers 100-continue at once and hands the body on', async () => {
    await serve(echo);
    const request = http.request(bench.url(), {
      method: 'PUT',
      agent: false,
      headers: { Expect: '100-continue' },
    });
    request.flushHeaders();
    await new Promise((resolve) => request.on('continue', resolve));
    request.end('body');
    const response = await new Promise<http.IncomingMessage>((resolve) => request.on('response', resolve));
    let text = '';
    for await (const chunk of response) text += String(chunk);
    expect(JSON.parse(text)).toMatchObject({ bytes: 4 });
    expect((JSON.parse(text) as { headers: object }).headers).not.toHaveProperty('expect');
  });

  it('keeps the client connection after a target refused a body it had not read', async () => {
    await serve((request, response) => {
      if (request.url !== '/refuse') return false;
      response.writeHead(413).end('too large');
      return true;
    });
    const agent = new http.Agent({ keepAlive: true, maxSockets: 1 });
    cleanup.add(() => agent.destroy());
    const body = 'x'.repeat(200_000);
    expect((await send(bench.port, { agent, method: 'POST', path: '/refuse', body })).status).toBe(413);
    expect((await send(bench.port, { agent })).status).toBe(200);
  });
});

async function fetchBody(method: string, headers: http.OutgoingHttpHeaders, body: Buffer): Promise<string> {
  const request = http.request(bench.url(), { method, headers, agent: false });
  request.end(body);
  const response = await new Promise<http.IncomingMessage>((resolve, reject) => {
    request.on('response', resolve);
    request.on('error', reject);
  });
  let text = '';
  for await (const chunk of response) text += String(chunk);
  return text;
}
