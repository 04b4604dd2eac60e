import * as http from 'node:http';
import * as net from 'node:net';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { Bench, Cleanup, forward, freePort, group, LB, rule, send, until } from './support';

const cleanup = new Cleanup();
let bench: Bench;
afterEach(() => cleanup.run());

/** A target that speaks raw TCP: `answer` sees each request on a connection with its number. */
async function rawTarget(
  answer: (socket: net.Socket, request: string, count: number) => void,
): Promise<void> {
  const sockets = new Set<net.Socket>();
  const server = net.createServer((socket) => {
    sockets.add(socket);
    let count = 0;
    let text = '';
    socket.on('error', () => undefined);
    socket.on('data', (chunk) => {
      text += chunk.toString('latin1');
      if (!text.includes('\r\n\r\n')) return;
      const request = text;
      text = '';
      if (request.includes('GET /health')) return socket.end('HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n');
      count += 1;
      return answer(socket, request, count);
    });
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  cleanup.add(() => {
    for (const socket of sockets) socket.destroy();
    server.close();
  });
  bench.processes.set('i-1', { port: (server.address() as net.AddressInfo).port });
  await bench.apply([rule('default', forward({ a: 1 }))], [group('a', ['i-1'])]);
  await bench.healthy('a', 'i-1');
}

const OK = 'HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok';

beforeEach(async () => {
  bench = await Bench.open(cleanup);
});

describe('a kept connection that the target closes', () => {
  it.each(['GET', 'PUT'])('does not fail a %s: it goes out again on a fresh connection', async (method) => {
    let connections = 0;
    await rawTarget((socket, _request, count) => {
      // Every connection answers once and is reset by the second request: the race, each time it can be.
      if (count === 1) {
        connections += 1;
        socket.write(OK);
      } else socket.resetAndDestroy();
    });
    for (let round = 0; round < 20; round += 1) {
      expect((await send(bench.port, { method, body: method === 'PUT' ? 'body' : undefined })).body).toBe(
        'ok',
      );
    }
    expect(connections).toBe(20);
    expect(bench.plane.drainMetrics()[0]).toMatchObject({ requestCount: 20, elb5xx: 0, connectionErrors: 0 });
  });

  it('sends the whole body again', async () => {
    const bodies: string[] = [];
    await rawTarget((socket, request, count) => {
      if (count > 1) return void socket.resetAndDestroy();
      bodies.push(request.split('\r\n\r\n')[1] ?? '');
      return void socket.write(OK);
    });
    for (const body of ['first', 'second']) await send(bench.port, { method: 'PUT', body });
    await until('both bodies', () => bodies.length === 2);
    expect(bodies).toEqual(['first', 'second']);
  });

  it('answers 502 to a POST, which must not happen twice', async () => {
    let posts = 0;
    await rawTarget((socket, _request, count) => {
      posts += 1;
      if (count === 1) socket.write(OK);
      else socket.resetAndDestroy();
    });
    expect((await send(bench.port, { method: 'POST', body: 'a' })).status).toBe(200);
    expect((await send(bench.port, { method: 'POST', body: 'b' })).status).toBe(502);
    expect(posts).toBe(2);
  });
});

describe('a target that fails', () => {
  it('answers 502 when it resets a fresh connection, and does not ask again', async () => {
    let requests = 0;
    await rawTarget((socket) => {
      requests += 1;
      socket.resetAndDestroy();
    });
    const reply = await send(bench.port);
    expect(reply.status).toBe(502);
    expect(reply.body).toContain('502 Bad Gateway');
    expect(requests).toBe(1);
    expect(bench.plane.drainMetrics()[0]).toMatchObject({ requestCount: 1, elb5xx: 1, connectionErrors: 0 });
  });

  it.each([
    ['what is not HTTP', 'hello?\r\n\r\n'],
    ['a status there is not', 'HTTP/1.1 007 Bond\r\nContent-Length: 0\r\n\r\n'],
    ['another protocol unasked', 'HTTP/1.1 101 Switching\r\nConnection: Upgrade\r\nUpgrade: x\r\n\r\n'],
  ])('answers 502 to %s', async (_name, answer) => {
    await rawTarget((socket) => socket.write(answer));
    expect((await send(bench.port)).status).toBe(502);
    expect(bench.plane.openRequests()).toBe(0);
  });

  it.each([
    ['of known length', 'Content-Length: 100\r\n\r\npart'],
    ['in chunks', 'Transfer-Encoding: chunked\r\n\r\n4\r\npart\r\n'],
  ])('ends the client connection when a response %s breaks off', async (_name, rest) => {
    await rawTarget((socket) => socket.write(`HTTP/1.1 200 OK\r\n${rest}`, () => socket.destroy()));
    await expect(send(bench.port)).rejects.toThrow(/aborted|socket hang up/);
  });

  it('answers 502 and counts a connection error when nothing listens', async () => {
    bench.processes.set('i-1', { port: await freePort() });
    await bench.apply([rule('default', forward({ a: 1 }))], [group('a', ['i-1'])]);
    expect((await send(bench.port)).status).toBe(502);
    expect(bench.plane.drainMetrics()).toEqual([
      expect.objectContaining({ loadBalancerArn: LB, targetGroupArn: 'a', connectionErrors: 1, elb5xx: 1 }),
    ]);
  });

  it('answers 504 when nothing comes within the idle timeout, however long the request is open', async () => {
    bench.loadBalancer.idleTimeoutSeconds = 0.3;
    await rawTarget(() => undefined);
    const started = Date.now();
    expect((await send(bench.port)).status).toBe(504);
    expect(Date.now() - started).toBeGreaterThanOrEqual(250);
  });
});

it('keeps the client connection after a target answered and did not read the rest of the body', async () => {
  let blocked: net.Socket | undefined;
  await rawTarget((socket, request) => {
    if (request.startsWith('GET')) return void socket.write(OK);
    blocked = socket.pause();
  });
  const agent = new http.Agent({ keepAlive: true, maxSockets: 1 });
  cleanup.add(() => agent.destroy());
  // More than all the buffers on the way hold.
  const reply = send(bench.port, { agent, method: 'POST', body: 'x'.repeat(60_000_000) });
  await until('the target has stopped reading', () => blocked !== undefined);
  const [client] = Object.values(agent.sockets).flatMap((sockets) => sockets ?? []);
  let written = -1;
  let still = 0;
  await until('no more of the body gets through', () => {
    still = client?.bytesWritten === written ? still + 1 : 0;
    written = client?.bytesWritten ?? 0;
    return still > 20;
  });
  blocked?.write('HTTP/1.1 413 Too Large\r\nContent-Length: 0\r\n\r\n');
  expect((await reply).status).toBe(413);
  expect((await send(bench.port, { agent })).body).toBe('ok');
});

it('outlives clients that break off at any moment', async () => {
  await rawTarget((socket) => {
    socket.write('HTTP/1.1 200 OK\r\nContent-Length: 300000\r\n\r\n');
    for (let piece = 0; piece < 30; piece += 1) setTimeout(() => socket.write('x'.repeat(10_000)), piece);
  });
  const heads = [
    'GET / HTTP/1.1\r\nHost: a\r\n\r\n',
    'POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 1000\r\n\r\nsome of it',
    'GET / HTTP/1.1\r\nHost: a\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\nmore',
    'GET / HTTP/1.1\r\nHost: a\r\nConnection: Upgrade\r\nUpgrade: h2c\r\n\r\n',
    'GET / HTT',
  ];
  const clients = Array.from({ length: 200 }, async (_value, index) => {
    const socket = net.connect(bench.port, '127.0.0.1');
    socket.on('error', () => undefined);
    socket.write(heads[index % heads.length] ?? '');
    // Different moments, from before the request has arrived to the middle of the response.
    await new Promise((resolve) => setTimeout(resolve, index / 5));
    socket.resetAndDestroy();
  });
  await Promise.all(clients);
  await until('nothing under way', () => bench.plane.openRequests() === 0);
  expect((await send(bench.port)).body).toHaveLength(300_000);
});

it('ends the request to the target when the client goes away', async () => {
  let closed = false;
  await rawTarget((socket) => socket.on('close', () => (closed = true)));
  const request = http.get(bench.url(), { agent: false });
  request.on('error', () => undefined);
  await until('the request is under way', () => bench.plane.openRequests('i-1') === 1);
  request.destroy();
  await until('the target sees the end', () => closed);
  expect(bench.plane.openRequests()).toBe(0);
});

it('answers nobody in a region whose traffic is cut off, and everybody when it is healed', async () => {
  const waiting: net.Socket[] = [];
  await rawTarget((socket, request) => {
    if (request.startsWith('GET /slow')) waiting.push(socket);
    else socket.write(OK);
  });
  const cut = (region: string, traffic: boolean) => {
    bench.state.cuts = [{ region, traffic }];
    return bench.reapply();
  };
  await cut('eu-west-3', false);
  await cut('eu-central-1', true);
  expect((await send(bench.port)).body).toBe('ok');
  const underWay = send(bench.port, { path: '/slow' });
  const broken = expect(underWay).rejects.toMatchObject({ code: 'ECONNRESET' });
  await until('the request is under way', () => waiting.length === 1);
  await cut('eu-west-3', true);
  await broken;
  await expect(send(bench.port)).rejects.toMatchObject({ code: 'ECONNRESET' });
  await cut('eu-west-3', false);
  expect((await send(bench.port)).body).toBe('ok');
});
