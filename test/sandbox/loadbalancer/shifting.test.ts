import * as http from 'node:http';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { Bench, Cleanup, forward, group, rule, send, until } from './support';

const cleanup = new Cleanup();
let bench: Bench;

/** Requests to /slow wait until the test lets them go. */
let waiting: http.ServerResponse[] = [];

beforeEach(async () => {
  waiting = [];
  bench = await Bench.open(cleanup);
  await bench.run(cleanup, ['i-b1', 'i-b2', 'i-g1', 'i-g2'], (request, response) => {
    if (request.url === '/slow') waiting.push(response);
    return request.url === '/slow';
  });
  const groups = [group('blue', ['i-b1', 'i-b2']), group('green', ['i-g1', 'i-g2'])];
  await bench.apply([rule('default', forward({ blue: 100, green: 0 }))], groups);
  await bench.healthy('blue', 'i-b1', 'i-b2');
  await bench.healthy('green', 'i-g1', 'i-g2');
});
afterEach(() => cleanup.run());

const colour = (body: string) => (body.startsWith('i-g') ? 'green' : 'blue');

/** Clients that send one request after another, on kept and on fresh connections, until they are stopped. */
class Load {
  readonly failures: string[] = [];
  readonly answered: { startedAt: number; colour: string }[] = [];
  private running = true;
  private readonly clients: Promise<void>[];
  private readonly agent = new http.Agent({ keepAlive: true });

  constructor(clients: number) {
    this.clients = Array.from({ length: clients }, (_value, index) => this.client(index % 4 !== 0));
  }

  async stop(): Promise<void> {
    this.running = false;
    await Promise.all(this.clients);
    this.agent.destroy();
  }

  private async client(kept: boolean): Promise<void> {
    for (let round = 0; this.running; round += 1) {
      const startedAt = performance.now();
      const method = round % 5 === 0 ? 'POST' : 'GET';
      const body = method === 'POST' ? 'x'.repeat(500) : undefined;
      try {
        const reply = await send(bench.port, { method, body, agent: kept ? this.agent : false });
        if (reply.status !== 200) this.failures.push(`${method}: ${reply.status}`);
        this.answered.push({ startedAt, colour: colour(reply.body) });
      } catch (error) {
        this.failures.push(`${method}: ${String(error)}`);
      }
    }
  }
}

describe('a change of weights', () => {
  it('holds for the next request, on kept connections too, and fails none under load', async () => {
    const load = new Load(16);
    let shiftedAt = 0;
    try {
      for (let shift = 0; shift < 10; shift += 1) {
        const green = shift % 2 === 0;
        const applied = bench.apply([
          rule('default', forward({ blue: green ? 0 : 100, green: green ? 100 : 0 })),
        ]);
        shiftedAt = performance.now();
        await applied;
        const sent = load.answered.length;
        await until('more requests', () => load.answered.length > sent + 200);
        const late = load.answered.filter((one) => one.startedAt > shiftedAt);
        expect(late.filter((one) => one.colour !== (green ? 'green' : 'blue'))).toEqual([]);
      }
    } finally {
      await load.stop();
    }
    expect(load.failures).toEqual([]);
    expect(load.answered.length).toBeGreaterThan(2000);
  });

  it('gives each colour its share', async () => {
    await bench.apply([rule('default', forward({ blue: 75, green: 25 }))]);
    const bodies = await Promise.all(Array.from({ length: 80 }, async () => (await send(bench.port)).body));
    expect(bodies.filter((body) => colour(body) === 'green')).toHaveLength(20);
    for (const id of ['i-b1', 'i-b2']) expect(bodies.filter((body) => body === id)).toHaveLength(30);
  });

  it('leaves requests that are under way with the former colour', async () => {
    const slow = send(bench.port, { path: '/slow' });
    await until('the slow request has arrived', () => waiting.length === 1);
    await bench.apply([rule('default', forward({ blue: 0, green: 100 }))]);
    expect(colour((await send(bench.port)).body)).toBe('green');
    expect(bench.plane.openRequests()).toBe(1);
    waiting[0]?.end('from blue');
    expect((await slow).body).toBe('from blue');
  });

  it('goes on through a hundred changes of rules on the same kept connection', async () => {
    const agent = new http.Agent({ keepAlive: true, maxSockets: 1 });
    const ports = new Set<number | undefined>();
    agent.on('free', (socket: { localPort?: number }) => ports.add(socket.localPort));
    try {
      for (let round = 0; round < 100; round += 1) {
        const rules = [rule('default', forward(round % 2 ? { blue: 1, green: 0 } : { blue: 0, green: 1 }))];
        if (round % 3 === 0)
          rules.unshift(rule('5', forward({ blue: 1 }), [{ Field: 'path-pattern', Values: ['/x'] }]));
        await bench.apply(rules);
        expect(colour((await send(bench.port, { agent })).body)).toBe(round % 2 ? 'blue' : 'green');
      }
    } finally {
      agent.destroy();
    }
    expect(ports.size).toBe(1);
  });
});
