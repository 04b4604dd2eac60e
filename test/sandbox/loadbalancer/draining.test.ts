import type { ServerResponse } from 'node:http';
import { afterEach, describe, expect, it } from 'vitest';
import type { TargetGroupState } from '../../../automation/sandbox/contract';
import { Bench, Cleanup, forward, group, rule, send, until, type Process } from './support';

const cleanup = new Cleanup();
let bench: Bench;
let processes: Process[];
let waiting: ServerResponse[] = [];
const rules = [rule('default', forward({ a: 1 }))];

async function start(delaySeconds: number): Promise<void> {
  waiting = [];
  bench = await Bench.open(cleanup);
  processes = await bench.run(cleanup, ['i-1', 'i-2'], (request, response) => {
    if (request.url === '/slow') waiting.push(response);
    return request.url === '/slow';
  });
  const attributes = { 'deregistration_delay.timeout_seconds': String(delaySeconds) };
  await bench.apply(rules, [group('a', ['i-1', 'i-2'], attributes)]);
  await bench.healthy('a', 'i-1', 'i-2');
}

function a(): TargetGroupState {
  return bench.state.targetGroups[0] as TargetGroupState;
}

async function deregister(id: string): Promise<void> {
  for (const target of a().targets) if (target.id === id) target.deregisteredAt = Date.now();
  await bench.reapply();
}

/** A slow request that is certain to be with i-1. */
async function slowOnFirst(): Promise<Promise<{ status: number; body: string }>[]> {
  const requests = [send(bench.port, { path: '/slow' }), send(bench.port, { path: '/slow' })];
  await until('both slow requests have arrived', () => waiting.length === 2);
  expect(bench.plane.openRequests('i-1')).toBe(1);
  return requests;
}

afterEach(() => cleanup.run());

describe('a deregistered target', () => {
  it('gets no new request, finishes those under way, and fails none', async () => {
    await start(300);
    const slow = await slowOnFirst();
    await deregister('i-1');
    expect(bench.plane.targetHealth()['a']?.['i-1']).toMatchObject({
      state: 'draining',
      reason: 'Target.DeregistrationInProgress',
    });
    for (let round = 0; round < 10; round += 1) expect((await send(bench.port)).body).toBe('i-2');
    for (const response of waiting) response.end('done');
    for (const reply of await Promise.all(slow)) expect(reply).toMatchObject({ status: 200, body: 'done' });
    expect(bench.plane.openRequests()).toBe(0);
    expect(bench.health('a', 'i-1')).toBe('draining');
  });

  it('loses what is still under way when the delay is over', async () => {
    await start(0.3);
    const slow = await slowOnFirst();
    await deregister('i-1');
    await deregister('i-2');
    const started = Date.now();
    for (const reply of await Promise.all(slow)) expect(reply.status).toBe(502);
    expect(Date.now() - started).toBeGreaterThanOrEqual(200);
    expect(bench.log.join('\n')).toContain('deregistration delay of 0.3 s is over');
    expect((await send(bench.port)).status).toBe(503);
  });

  it('still finishes its requests when it, or its group, disappears before the delay is over', async () => {
    await start(300);
    const slow = await slowOnFirst();
    await deregister('i-1');
    a().targets = a().targets.filter((target) => target.id !== 'i-1');
    await bench.reapply();
    expect(bench.plane.openRequests('i-1')).toBe(1);
    await bench.apply([], []);
    expect(bench.plane.openRequests()).toBe(2);
    for (const response of waiting) response.end('done');
    for (const reply of await Promise.all(slow)) expect(reply.body).toBe('done');
    expect(bench.plane.targetHealth()).toEqual({});
  });

  it('starts anew when it is registered again', async () => {
    await start(300);
    await deregister('i-1');
    for (const target of a().targets) target.deregisteredAt = null;
    a().healthCheck.intervalSeconds = 300;
    await bench.reapply();
    expect(bench.health('a', 'i-1')).toBe('initial');
    await bench.healthy('a', 'i-1');
    const bodies = [(await send(bench.port)).body, (await send(bench.port)).body].sort();
    expect(bodies).toEqual(['i-1', 'i-2']);
  });

  it('has no connection left as soon as its last request is done', async () => {
    await start(300);
    const slow = await slowOnFirst();
    await Promise.all(Array.from({ length: 10 }, () => send(bench.port)));
    expect(processes[0]?.connections).toBeGreaterThan(1);
    await deregister('i-1');
    await until('only the slow request is left', () => processes[0]?.connections === 1, 700);
    for (const response of waiting) response.end('done');
    await Promise.all(slow);
    // Sooner than a connection that is kept would be given up.
    await until('no connection is left', () => processes[0]?.connections === 0, 700);
  });
});

it('finishes requests under way on a listener that is taken away, then ends the connection', async () => {
  await start(300);
  const slow = await slowOnFirst();
  bench.loadBalancer.listeners = [];
  await bench.reapply();
  await expect(send(bench.port)).rejects.toThrow('ECONNREFUSED');
  for (const response of waiting) response.end('done');
  for (const reply of await Promise.all(slow)) expect(reply).toMatchObject({ body: 'done' });
});
