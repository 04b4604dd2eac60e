import type { Socket } from 'node:net';
import { afterEach, describe, expect, it } from 'vitest';
import { Generator } from '../../automation/rehearsal/load/generator';
import { Ledger } from '../../automation/rehearsal/load/ledger';
import { resolveLoadOptions } from '../../automation/rehearsal/load/options';
import type { LoadOptions, LoadResult } from '../../automation/rehearsal/load/types';
import { countingServer, listen, rawServer, response, type TestServer } from './servers';

const cleanups: (() => Promise<void>)[] = [];
afterEach(async () => {
  for (const cleanup of cleanups.splice(0).reverse()) await cleanup();
});

async function serve(server: Parameters<typeof listen>[0]): Promise<TestServer> {
  const running = await listen(server);
  cleanups.push(() => running.close());
  return running;
}

/** Runs load until `enough` says so, then stops it in good order. */
async function run(options: LoadOptions, enough: (so: LoadResult) => boolean): Promise<LoadResult> {
  const generator = new Generator(resolveLoadOptions(options));
  const ledger = new Ledger();
  let stopped: Promise<void> | null = null;
  cleanups.push(() => (stopped ??= generator.stop()));
  const now = (): LoadResult => {
    ledger.apply(generator.takeDelta());
    return ledger.result() as LoadResult;
  };
  const deadline = Date.now() + 50_000;
  while (!enough(now())) {
    if (Date.now() > deadline) throw new Error(`Not enough after 50 s: ${JSON.stringify(now())}`);
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
  await (stopped ??= generator.stop());
  return now();
}

const ONE: Omit<LoadOptions, 'url'> = {
  keepAliveConnections: 1,
  freshConnections: 0,
  requestsPerSecond: 200,
};

function expectAccounted(result: LoadResult): void {
  expect(result.sent).toBe(result.completed + result.failed);
  expect(result.inFlight).toBe(0);
  expect(result.unaccounted).toBe(0);
  const perBucket = result.buckets.reduce(
    (sum, bucket) => sum + bucket.failed + Object.values(bucket.byVersion).reduce((a, b) => a + b, 0),
    0,
  );
  expect(perBucket).toBe(result.sent);
}

describe('a service that answers', () => {
  it('counts exactly what the server served, over all kinds of connection, and names the versions', async () => {
    let version = '1.0.0';
    const { server, served } = countingServer(() => `i-1;blue;${version}`);
    const { url } = await serve(server);
    const result = await run(
      { url, slow: { path: '/slow?seconds=3', connections: 2 }, requestsPerSecond: 400 },
      (so) => {
        if (so.completed > 200) version = '1.1.0';
        return so.completed > 400;
      },
    );
    expectAccounted(result);
    expect(result.failed).toBe(0);
    expect(result.completed).toBe(served());
    expect(Object.keys(result.byVersion).sort()).toEqual(['1.0.0 blue', '1.1.0 blue']);
    for (const kind of ['keep-alive', 'fresh', 'slow'] as const) {
      expect(result.byKind[kind].completed).toBeGreaterThan(0);
    }
    expect(result.byKind.slow.longestMilliseconds).toBeGreaterThanOrEqual(2_999);
    // Slow requests are slow on purpose and must not spoil the latencies of the quick ones.
    expect(result.latency.max).toBeLessThan(result.byKind.slow.longestMilliseconds);
    expect(result.buckets.some((bucket) => bucket.slowInFlight === 2)).toBe(true);
  });

  it('opens a connection of its own for each fresh request and only for those', async () => {
    const { server } = countingServer(() => 'i-1;blue;1.0.0');
    let connections = 0;
    server.on('connection', () => connections++);
    const { url } = await serve(server);
    const result = await run(
      { url, keepAliveConnections: 3, freshConnections: 2, requestsPerSecond: 300 },
      (so) => so.completed > 150,
    );
    expect(result.failed).toBe(0);
    expect(connections).toBe(3 + result.byKind.fresh.sent);
  });

  it('keeps the rate, spread over time and not in bursts', async () => {
    const { server } = countingServer(() => 'i-1;blue;1.0.0');
    const { url } = await serve(server);
    const result = await run({ url, requestsPerSecond: 300 }, (so) => so.sent > 600);
    const seconds = (result.endedAt - result.startedAt) / 1000;
    expect(result.sent / seconds).toBeGreaterThan(200);
    expect(result.sent / seconds).toBeLessThan(320);
    // A burst at the beginning of each second would leave gaps of most of a second.
    expect(result.longestGapMilliseconds).toBeLessThan(500 + result.generatorStallMilliseconds);
  });

  it('lets requests in flight finish when it is stopped', async () => {
    const { server, served } = countingServer(() => 'i-1;green;2.0.0');
    const { url } = await serve(server);
    const slow = { path: '/slow?seconds=5', connections: 3 };
    const result = await run({ url, ...ONE, slow }, (so) => so.byKind.slow.sent === 3);
    expectAccounted(result);
    expect(result.failed).toBe(0);
    expect(result.byKind.slow.completed).toBe(3);
    expect(result.completed).toBe(served());
    // The wait for them is no gap: nothing was sent that could have been answered.
    expect(result.longestGapMilliseconds).toBeLessThan(4_500);
  });

  it('takes Connection: close as the end of a connection, not as a failure', async () => {
    const { url } = await serve(rawServer((_, socket) => socket.end(response('bye', ['Connection: close']))));
    const result = await run({ url, ...ONE }, (so) => so.completed >= 30);
    expectAccounted(result);
    expect(result.failed).toBe(0);
  });

  it('takes the end of the connection as the end of a body without a length', async () => {
    const { url } = await serve(rawServer((_, socket) => socket.end('HTTP/1.1 200 OK\r\n\r\nall of it')));
    const result = await run({ url, ...ONE }, (so) => so.completed >= 20);
    expectAccounted(result);
    expect(result.failed).toBe(0);
  });

  it('counts nothing as failed when an idle connection is closed between two requests', async () => {
    const { url } = await serve(
      rawServer((request, socket) => {
        socket.write(response('ok'));
        if (request % 3 === 0) setTimeout(() => socket.end(), 20);
        if (request % 3 === 1)
          setTimeout(() => socket.end('HTTP/1.1 408 Request Timeout\r\nContent-Length: 0\r\n\r\n'), 20);
      }),
    );
    const result = await run({ url, ...ONE, requestsPerSecond: 10 }, (so) => so.completed >= 12);
    expectAccounted(result);
    expect(result.failed).toBe(0);
  });
});

/** Every third request gets `trouble`, the others a whole response; so the generator must recover each time. */
function troubledServer(trouble: (socket: Socket) => void): ReturnType<typeof rawServer> {
  return rawServer((request, socket) => {
    if (request % 3 === 0) trouble(socket);
    else socket.write(response('fine', ['x-bascule-target: i-1;blue;1.0.0']));
  });
}

const HALF_SIZED = 'HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\nhalf';
const HALF_CHUNKED = 'HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n4\r\nhalf\r\n';
const HALF_HEAD = 'HTTP/1.1 200 OK\r\nContent-Le';
const cutAfter = (text: string) => (socket: Socket) => void socket.end(text);
const resetAfter = (text: string) => (socket: Socket) =>
  // Once the bytes are out, so that the reset comes in the middle of what the client reads.
  void socket.write(text, () => setTimeout(() => socket.resetAndDestroy(), 5));

const TROUBLES: [name: string, trouble: (socket: Socket) => void, reason: RegExp][] = [
  ['FIN before any byte', (socket) => void socket.end(), /^connection closed before any response$/],
  ['FIN within the headers', cutAfter(HALF_HEAD), /^connection closed before any response$/],
  ['FIN within a body of known length', cutAfter(HALF_SIZED), /closed before the response was complete$/],
  ['FIN within a chunked body', cutAfter(HALF_CHUNKED), /closed before the response was complete$/],
  ['RST before any byte', (socket) => void socket.resetAndDestroy(), /^connection failed: ECONNRESET$/],
  ['RST within a body', resetAfter(HALF_SIZED), /^connection failed: ECONNRESET$/],
  ['RST within a chunked body', resetAfter(HALF_CHUNKED), /^connection failed: ECONNRESET$/],
  ['status 500', (socket) => void socket.write(response('', [], '500 No')), /^status 500$/],
  ['status 503', (socket) => void socket.write(response('', [], '503 No')), /^status 503$/],
  ['status 404', (socket) => void socket.write(response('', [], '404 No')), /^status 404$/],
  ['no HTTP at all', (socket) => void socket.write('SSH-2.0-hello\r\n'), /^malformed response/],
];

describe.each(['keep-alive', 'fresh', 'slow'] as const)('trouble on a %s connection', (kind) => {
  // Slow requests are half a second apart at least, so for them one trouble of each sort has to do.
  const troubles = kind === 'slow' ? TROUBLES.filter((_, index) => index % 4 === 0) : TROUBLES;
  it.each(troubles)('counts %s as failed, once, and goes on', async (_, trouble, reason) => {
    const { url } = await serve(troubledServer(trouble));
    const options: LoadOptions = {
      url,
      requestsPerSecond: 200,
      keepAliveConnections: kind === 'keep-alive' ? 1 : 0,
      freshConnections: kind === 'fresh' ? 1 : 0,
      ...(kind === 'slow' ? { slow: { path: '/slow', connections: 1 } } : {}),
    };
    const rounds = kind === 'slow' ? 1 : 4;
    const result = await run(options, (so) => so.sent >= 3 * rounds + 1 && so.inFlight === 0);
    expectAccounted(result);
    // One client, so every third request it sent met the trouble.
    expect(result.failed).toBe(Math.floor(result.sent / 3));
    for (const failure of result.failures) {
      expect(failure.reason).toMatch(reason);
      expect(failure.kind).toBe(kind);
    }
    expect(result.byVersion['1.0.0 blue']).toBe(result.completed);
  });
});

describe('silence', () => {
  it('counts a request without an answer as timed out', async () => {
    const { url } = await serve(troubledServer(() => undefined));
    const result = await run({ url, ...ONE, timeoutSeconds: 1 }, (so) => so.failed >= 2);
    expectAccounted(result);
    expect(result.failures[0]?.reason).toBe('no complete response within 1 s');
    expect(result.failures[0]?.durationMilliseconds).toBeGreaterThanOrEqual(990);
    expect(result.longestGapMilliseconds).toBeGreaterThanOrEqual(990);
  });

  it('counts a response that stops in the middle as timed out', async () => {
    const { url } = await serve(troubledServer((socket) => void socket.write(HALF_CHUNKED)));
    const result = await run({ url, ...ONE, timeoutSeconds: 1 }, (so) => so.failed >= 2);
    expectAccounted(result);
    expect(result.failuresByReason).toEqual({ 'no complete response within 1 s': result.failed });
  });

  it('counts refused connections, at the rate asked for and no faster', async () => {
    const { url, close } = await listen(countingServer(() => '').server);
    await close();
    const result = await run(
      { url, ...ONE, requestsPerSecond: 50 },
      (so) => so.failed > 20 && so.endedAt - so.startedAt > 1000,
    );
    const seconds = (result.endedAt - result.startedAt) / 1000;
    expectAccounted(result);
    expect(result.completed).toBe(0);
    expect(result.failed / seconds).toBeLessThan(70);
    expect(Object.keys(result.failuresByReason)).toEqual(['connection failed: ECONNREFUSED']);
    // An outage that does not end is the longest gap even though no success ends it.
    expect(result.longestGapMilliseconds).toBeGreaterThanOrEqual(1000);
  });
});

describe('options', () => {
  it('lets 404 pass where only server errors count', async () => {
    const { url } = await serve(rawServer((_, socket) => socket.write(response('', [], '404 Not Found'))));
    const result = await run({ url, ...ONE, failOn: 'server-error' }, (so) => so.completed >= 5);
    expect(result.failed).toBe(0);
  });

  it.each([
    [{ url: 'nowhere' }, /'nowhere' is not an http or https URL/],
    [{ url: 'http://h', requestsPerSecond: 0 }, /requestsPerSecond is 0/],
    [{ url: 'http://h', keepAliveConnections: 1.5 }, /keepAliveConnections is 1.5/],
    [{ url: 'http://h', keepAliveConnections: 0, freshConnections: 0 }, /no connection of any kind/],
  ])('refuses %j', (options, message) => {
    expect(() => resolveLoadOptions(options)).toThrow(message);
  });
});
