import * as net from 'node:net';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { assess, INITIAL, matches } from '../../../automation/sandbox/loadbalancer/health-assessment';
import { Bench, Cleanup, forward, freePort, group, instance, rule, send, until } from './support';

const THRESHOLDS = { healthyThreshold: 3, unhealthyThreshold: 2, matcher: '200-299' };
const PASS = { kind: 'answered', status: 204 } as const;
const FAIL = { kind: 'answered', status: 500 } as const;

describe('assess', () => {
  const after = (...seen: Parameters<typeof assess>[1][]) =>
    seen.reduce((memory, one) => assess(memory, one, THRESHOLDS), INITIAL).state;

  it('makes a new target healthy after one success', () => {
    expect(after(PASS)).toBe('healthy');
    expect(after(FAIL, PASS)).toBe('healthy');
  });

  it('keeps to the thresholds after that', () => {
    expect(after(FAIL)).toBe('initial');
    expect(after(FAIL, FAIL)).toBe('unhealthy');
    expect(after(PASS, FAIL)).toBe('healthy');
    expect(after(PASS, FAIL, PASS, FAIL)).toBe('healthy');
    expect(after(PASS, FAIL, FAIL)).toBe('unhealthy');
    expect(after(FAIL, FAIL, PASS, PASS)).toBe('unhealthy');
    expect(after(FAIL, FAIL, PASS, PASS, FAIL, PASS, PASS)).toBe('unhealthy');
    expect(after(FAIL, FAIL, PASS, PASS, PASS)).toBe('healthy');
  });

  it('keeps the reason of the last failure', () => {
    const unhealthy = assess(assess(INITIAL, FAIL, THRESHOLDS), { kind: 'timeout' }, THRESHOLDS);
    expect(unhealthy.truth).toMatchObject({ reason: 'Target.Timeout', description: 'Request timed out' });
    expect(assess(unhealthy, FAIL, THRESHOLDS).truth).toEqual({
      state: 'unhealthy',
      reason: 'Target.ResponseCodeMismatch',
      description: 'Health checks failed with these codes: [500]',
    });
  });

  it.each([
    ['200', 200, true],
    ['200', 204, false],
    ['200,202', 202, true],
    ['200-299', 299, true],
    ['200-299,404', 404, true],
    ['200-299', 301, false],
  ])('matcher %s, status %i: %s', (matcher, status, expected) => {
    expect(matches(matcher, status)).toBe(expected);
  });
});

describe('health checks', () => {
  const cleanup = new Cleanup();
  let bench: Bench;
  const truth = (id: string) => bench.plane.targetHealth()['a']?.[id];
  const named = [rule('default', forward({ other: 1, a: 0 }))];

  beforeEach(async () => {
    bench = await Bench.open(cleanup);
  });
  afterEach(() => cleanup.run());

  it('checks a group that is named with weight 0, and not one that is not named', async () => {
    await bench.run(cleanup, ['i-1']);
    await bench.apply([rule('default', forward({ other: 1 }))], [group('a', ['i-1'])]);
    expect(truth('i-1')).toMatchObject({ state: 'unused', reason: 'Target.NotInUse' });
    await bench.apply(named);
    expect(truth('i-1')).toMatchObject({ state: 'initial', reason: 'Elb.InitialHealthChecking' });
    await bench.healthy('a', 'i-1');
    expect(truth('i-1')).toEqual({ state: 'healthy', reason: null, description: null });
    await bench.apply([rule('default', forward({ other: 1 }))]);
    expect(truth('i-1')).toMatchObject({ state: 'unused' });
  });

  it('makes the first check at once, whatever the interval', async () => {
    await bench.run(cleanup, ['i-1']);
    await bench.apply(named, [group('a', ['i-1'], {}, { intervalSeconds: 300 })]);
    await bench.healthy('a', 'i-1');
  });

  it('says by which code a target fails, calls back, and takes it in again after the threshold', async () => {
    const [process] = await bench.run(cleanup, ['i-1']);
    let calls = 0;
    bench.plane.onHealthChange(() => (calls += 1));
    await bench.apply(named, [group('a', ['i-1'], {}, { matcher: '200,204' })]);
    await bench.healthy('a', 'i-1');
    expect(calls).toBe(1);
    if (process) process.health = 500;
    await until('unhealthy', () => truth('i-1')?.state === 'unhealthy');
    expect(calls).toBe(2);
    expect(truth('i-1')).toMatchObject({
      reason: 'Target.ResponseCodeMismatch',
      description: 'Health checks failed with these codes: [500]',
    });
    if (process) process.health = 204;
    await bench.healthy('a', 'i-1');
    expect(calls).toBe(3);
  });

  it('tells a timeout from a refused connection', async () => {
    const sockets = new Set<net.Socket>();
    const silent = net.createServer((socket) => sockets.add(socket.on('error', () => undefined)));
    cleanup.add(() => sockets.forEach((socket) => socket.destroy()));
    await new Promise<void>((resolve) => silent.listen(0, '127.0.0.1', resolve));
    cleanup.add(() => silent.close());
    bench.processes.set('i-silent', { port: (silent.address() as net.AddressInfo).port });
    bench.processes.set('i-refused', { port: await freePort() });
    const check = { timeoutSeconds: 0.1, intervalSeconds: 0.15 };
    await bench.apply(named, [group('a', ['i-silent', 'i-refused'], {}, check)]);
    // A refusal that comes late on a busy machine is a timeout once, and not the next time.
    await until('both unhealthy, each for its own reason', () =>
      ['i-silent', 'i-refused'].every(
        (id) =>
          truth(id)?.state === 'unhealthy' &&
          truth(id)?.reason === (id === 'i-silent' ? 'Target.Timeout' : 'Target.FailedHealthChecks'),
      ),
    );
    expect(truth('i-silent')).toMatchObject({ description: 'Request timed out' });
    expect(truth('i-refused')).toMatchObject({ description: 'Health checks failed' });
  });

  it('takes a path that cannot be requested for a failure', async () => {
    await bench.run(cleanup, ['i-1']);
    await bench.apply(named, [group('a', ['i-1'], {}, { path: '/a path\n' })]);
    await until('unhealthy', () => truth('i-1')?.reason === 'Target.FailedHealthChecks');
  });

  it('keeps a target without a process initial, then lets it fail, and checks it when it gets one', async () => {
    await bench.apply(named, [group('a', ['i-1'])]);
    expect(truth('i-1')?.state).toBe('initial');
    await until('unhealthy', () => truth('i-1')?.state === 'unhealthy');
    expect(truth('i-1')?.reason).toBe('Target.FailedHealthChecks');
    await bench.run(cleanup, ['i-1']);
    await bench.reapply();
    await bench.healthy('a', 'i-1');
  });

  it('does not check a stopped instance, nor send it requests', async () => {
    await bench.run(cleanup, ['i-1', 'i-2']);
    bench.state.instances = [instance('i-1'), { ...instance('i-2'), state: 'stopped' }];
    await bench.apply([rule('default', forward({ a: 1 }))], [group('a', ['i-1', 'i-2'])]);
    await bench.healthy('a', 'i-1');
    expect(truth('i-2')).toMatchObject({ state: 'unused', reason: 'Target.InvalidState' });
    for (let round = 0; round < 4; round += 1) expect((await send(bench.port)).body).toBe('i-1');
  });

  it('sends requests to healthy targets in turn, and to all when none is healthy', async () => {
    const processes = await bench.run(cleanup, ['i-1', 'i-2', 'i-3']);
    await bench.apply([rule('default', forward({ a: 1 }))], [group('a', ['i-1', 'i-2', 'i-3'])]);
    await bench.healthy('a', 'i-1', 'i-2', 'i-3');
    const served = async (count: number) => {
      const bodies: string[] = [];
      for (let round = 0; round < count; round += 1) bodies.push((await send(bench.port)).body);
      return bodies.sort();
    };
    expect(await served(6)).toEqual(['i-1', 'i-1', 'i-2', 'i-2', 'i-3', 'i-3']);
    if (processes[0]) processes[0].health = 503;
    await until('i-1 unhealthy', () => truth('i-1')?.state === 'unhealthy');
    expect(await served(4)).toEqual(['i-2', 'i-2', 'i-3', 'i-3']);
    for (const process of processes) process.health = 503;
    await until('all unhealthy', () => ['i-2', 'i-3'].every((id) => truth(id)?.state === 'unhealthy'));
    expect(await served(6)).toEqual(['i-1', 'i-1', 'i-2', 'i-2', 'i-3', 'i-3']);
  });

  it('sends no further check after it was closed', async () => {
    let checks = 0;
    const [process] = await bench.run(cleanup, ['i-1']);
    process?.server.on('request', () => (checks += 1));
    await bench.apply(named, [group('a', ['i-1'], {}, { intervalSeconds: 0.01 })]);
    await until('some checks', () => checks > 3);
    await bench.plane.close();
    const atClose = checks;
    // Longer than ten intervals; a timer that was left would have struck by then.
    await new Promise((resolve) => setTimeout(resolve, 150));
    expect(checks).toBeLessThanOrEqual(atClose + 1);
  });
});
