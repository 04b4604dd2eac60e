/** Releases that must not become live: whatever is wrong with them, traffic is not touched. */
import { afterAll, beforeAll, expect, test } from 'vitest';
import { apps, LiveEnvironment, type Forward } from '../support/e2e';
import type { Answer } from '../support/command-line';
import { ENVIRONMENT } from '../support/e2e-project';
import { until } from '../support/until';

let live: LiveEnvironment;
let forwards: Forward[];
let liveIds: string[];

beforeAll(async () => {
  live = await LiveEnvironment.live(apps.service);
  forwards = await live.forwards();
  liveIds = (await live.instances('green')).map(({ id }) => id);
  expect(liveIds).toHaveLength(2);
});

afterAll(() => live?.dispose());

/** Deploys under load and checks what holds for every refusal. */
async function refused(work: () => Promise<Answer>): Promise<Answer> {
  const { result, load } = await live.underLoad(work);
  expect(result.exitCode, result.stdout + result.stderr).toBe(3);
  expect(result.json.outcome).toBe('failed');
  expect(result.json.message).toContain(`${ENVIRONMENT} still runs 1.0.0; no traffic was moved.`);
  expect(load.sent).toBeGreaterThan(100);
  expect(load).toMatchObject({ failed: 0, unaccounted: 0, byVersion: { '1.0.0 green': load.completed } });
  expect(await live.forwards()).toEqual(forwards);
  expect((await live.instances('green')).map(({ id }) => id)).toEqual(liveIds);
  // What was brought up for it is let go.
  await until(
    () => live.instances('blue'),
    (left) => left.every(({ state }) => state !== 'running' && state !== 'pending'),
  );
  return result;
}

function explanation({ json }: Answer): string {
  return [json.reason?.message, ...(json.reason?.details ?? [])].join('\n');
}

test('one that crashes at boot, with its last words', async () => {
  await live.bake('2.0.0-crashes', apps.crashes);
  const answer = await refused(() => live.deploy('2.0.0-crashes'));
  const text = explanation(answer);
  expect(['BASCULE_RELEASE_CRASHES', 'BASCULE_GATE_TIMEOUT']).toContain(answer.json.reason?.code);
  expect(text).toMatch(/^i-[0-9a-f]+: \w+, status checks impaired, target \w+ \((Elb|Target)\.\w+: /m);
  expect(text).toContain('| Error: DATABASE_URL is not set');
});

test('one that answers 500 on its health path, with the reason of the load balancer', async () => {
  await live.bake('2.0.0-unhealthy', apps.unhealthy);
  const answer = await refused(() => live.deploy('2.0.0-unhealthy'));
  const text = explanation(answer);
  expect(['BASCULE_RELEASE_CRASHES', 'BASCULE_GATE_TIMEOUT']).toContain(answer.json.reason?.code);
  expect(text).toMatch(
    /^i-[0-9a-f]+: \w+, status checks \w+, target unhealthy \(Target\.ResponseCodeMismatch.*500/m,
  );
  expect(text).toContain('| warning: the connection to the database pool is exhausted');
});

test('one that fails its smoke test', async () => {
  await live.bake('2.0.0', apps.service);
  await live.change((settings) => {
    settings.deployment.smoke.requests = [{ path: '/health', bodyContains: '"version":"9.9.9"' }];
  });
  const answer = await refused(() => live.deploy('2.0.0'));
  expect(answer.json.reason?.code).toBe('BASCULE_SMOKE_FAILED');
  expect(explanation(answer)).toMatch(/GET \/health.*9\.9\.9/s);
  await live.change((settings) => {
    settings.deployment.smoke.requests = [{ path: '/health', bodyContains: '"version":"2.0.0"' }];
  });
});

test('one for which AWS has no capacity, at once and in its own words', async () => {
  await live.sandbox('inject', 'capacity-error');
  const answer = await refused(() => live.deploy('2.0.0'));
  await live.sandbox('inject', 'none');
  expect(answer.json.reason?.code).toBe('BASCULE_LAUNCH_FAILED');
  expect(explanation(answer)).toMatch(/sufficient .*capacity/i);
  const gate = answer.json.steps?.find(({ step }) => step.startsWith('health gate'));
  expect(gate?.phase).toBe('failed');
  // The gate's own deadline is 60 s: no waiting mends this.
  expect((gate?.endedAt ?? Infinity) - (gate?.startedAt ?? 0)).toBeLessThan(60_000);
});

test('one whose deployment is stopped with Ctrl-C while its gate is shut', async () => {
  await live.change((settings) => {
    settings.deployment.healthGate.consecutive = 100;
  });
  const answer = await refused(async () => {
    const program = live.begin('deploy', ENVIRONMENT, '--version', '2.0.0');
    await program.says(/waits for 2 of 2 healthy/);
    program.signal('SIGINT');
    return live.answerOf(program);
  });
  expect(answer.json.reason).toMatchObject({ code: 'BASCULE_STOPPED' });
  expect(answer.stderr).toMatch(/Stopping at the next safe point: .*health gate of blue/);
  await live.change((settings) => {
    settings.deployment.healthGate.consecutive = 2;
  });
});

test('after all of which a sound release is deployed as if nothing had been', async () => {
  const { result, load } = await live.underLoad(() => live.deploy('2.0.0'));
  expect(result.exitCode, result.stdout + result.stderr).toBe(0);
  expect(load).toMatchObject({ failed: 0, unaccounted: 0 });
  expect(Object.keys(load.byVersion).sort()).toEqual(['1.0.0 green', '2.0.0 blue']);
  expect((await live.status()).regions[0]?.live).toBe('blue');
});
