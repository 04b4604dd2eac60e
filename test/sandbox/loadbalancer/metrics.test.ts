import { afterEach, beforeEach, expect, it } from 'vitest';
import { Counter } from '../../../automation/sandbox/loadbalancer/metrics';
import { Bench, Cleanup, forward, group, LB, rule, send, until } from './support';

const cleanup = new Cleanup();
let bench: Bench;

beforeEach(async () => {
  bench = await Bench.open(cleanup);
  await bench.run(cleanup, ['i-1', 'i-2'], (request, response) => {
    if (request.method === 'HEAD') return false;
    response.statusCode = Number(request.headers['x-status'] ?? 200);
    return false;
  });
  const empty = rule('1', forward({ empty: 1 }), [{ Field: 'path-pattern', Values: ['/empty'] }]);
  const rules = [empty, rule('default', forward({ a: 1, b: 1 }))];
  await bench.apply(rules, [group('a', ['i-1']), group('b', ['i-2']), group('empty', [])]);
  await bench.healthy('a', 'i-1');
  await bench.healthy('b', 'i-2');
});
afterEach(() => cleanup.run());

it('counts by target group and starts anew each time', async () => {
  for (const status of ['200', '200', '204', '204', '404', '404', '500', '503', '302', '302']) {
    await send(bench.port, { headers: { 'x-status': status } });
  }
  await send(bench.port, { path: '/empty' });
  const samples = bench.plane.drainMetrics();
  expect(samples.map((sample) => sample.targetGroupArn).sort()).toEqual(['a', 'b', 'empty']);
  for (const arn of ['a', 'b']) {
    const sample = samples.find((one) => one.targetGroupArn === arn);
    expect(sample).toMatchObject({
      loadBalancerArn: LB,
      requestCount: 5,
      target2xx: 2,
      target3xx: 1,
      target4xx: 1,
      target5xx: 1,
      elb5xx: 0,
      connectionErrors: 0,
      newConnections: 1,
      activeConnections: 0,
    });
    expect(sample?.responseTimes).toHaveLength(5);
    for (const seconds of sample?.responseTimes ?? []) expect(seconds).toBeGreaterThan(0);
    for (const seconds of sample?.responseTimes ?? []) expect(seconds).toBeLessThan(5);
  }
  expect(samples.find((one) => one.targetGroupArn === 'empty')).toMatchObject({ requestCount: 0, elb5xx: 1 });
  expect(bench.plane.drainMetrics()).toEqual([]);
});

it('counts connections, and those that are open once a minute', async () => {
  let minutes = 0;
  const counted = await Bench.open(cleanup, { now: () => minutes * 60_000 });
  let answer: (() => void) | undefined;
  await counted.run(cleanup, ['i-1'], (request, response) => {
    if (request.url !== '/slow') return false;
    answer = () => response.end('at last');
    return true;
  });
  await counted.apply([rule('default', forward({ a: 1 }))], [group('a', ['i-1'])]);
  await counted.healthy('a', 'i-1');
  expect(counted.plane.drainConnections()).toEqual([]);
  minutes = 1;
  const slow = send(counted.port, { path: '/slow' });
  await until('the slow request at its target', () => answer !== undefined);
  // The client's connection, and the one to the target.
  const sample = { loadBalancerArn: LB, at: 60_000, newFromClients: 1, active: 2 };
  expect(counted.plane.drainConnections()).toEqual([sample]);
  expect(counted.plane.drainConnections()).toEqual([]);
  minutes = 2;
  expect(counted.plane.drainConnections()).toEqual([{ ...sample, at: 120_000, newFromClients: 0 }]);
  answer?.();
  await slow;
  await send(counted.port);
  expect(counted.plane.drainConnections()).toEqual([
    { loadBalancerArn: LB, at: 120_000, newFromClients: 1, active: null },
  ]);
});

it('keeps at most 10,000 response times, those of the end of the interval too', () => {
  const counter = new Counter('lb', 'a');
  for (let index = 0; index < 40_000; index += 1) counter.targetAnswered(200, index);
  const times = counter.take(0, 0)?.responseTimes ?? [];
  expect(times).toHaveLength(10_000);
  const late = times.filter((time) => time >= 20_000).length;
  expect(late).toBeGreaterThan(4_500);
  expect(late).toBeLessThan(5_500);
});
