import { afterEach, beforeEach, expect, it } from 'vitest';
import { Counter } from '../../../automation/sandbox/loadbalancer/metrics';
import { Bench, Cleanup, forward, group, LB, rule, send } from './support';

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
      target4xx: 1,
      target5xx: 1,
      elb5xx: 0,
      connectionErrors: 0,
      activeConnections: 0,
    });
    expect(sample?.responseTimes).toHaveLength(5);
    for (const seconds of sample?.responseTimes ?? []) expect(seconds).toBeGreaterThan(0);
    for (const seconds of sample?.responseTimes ?? []) expect(seconds).toBeLessThan(5);
  }
  expect(samples.find((one) => one.targetGroupArn === 'empty')).toMatchObject({ requestCount: 0, elb5xx: 1 });
  expect(bench.plane.drainMetrics()).toEqual([]);
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
