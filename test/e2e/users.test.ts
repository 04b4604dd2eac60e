/** What becomes of users: those who are pinned to a colour, those who stay connected; and of a fleet without room. */
import {
  DescribeListenersCommand,
  DescribeLoadBalancersCommand,
} from '@aws-sdk/client-elastic-load-balancing-v2';
import path from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { WebSocket } from 'ws';
import { clearFaults, injectFaults } from '../../automation/sandbox/lifecycle/inject';
import type { Program } from '../support/command-line';
import { ENVIRONMENT } from '../support/e2e-project';
import { LiveEnvironment, soleColour } from '../support/e2e';
import { alsoAs } from '../support/releases';
import { must } from '../support/until';

const APP = path.join(__dirname, '..', 'support', 'apps', 'lingering');
const CANARY = 20;

let live: LiveEnvironment;
let url: string;
const sockets: WebSocket[] = [];

beforeAll(async () => {
  live = await LiveEnvironment.live(APP, (settings) => {
    Object.assign(settings.targets, {
      // More than the slow request takes, so that it is never the limit that ends it.
      deregistrationDelaySeconds: 6,
      stickiness: { kind: 'load-balancer-cookie', durationSeconds: 600 },
      groupStickiness: { enabled: true, durationSeconds: 600 },
    });
    Object.assign(settings.deployment, { openConnections: { periodSeconds: 1 } });
  });
  await alsoAs(live, '1.0.0', ['2.0.0']);
  url = await live.url();
});

afterAll(async () => {
  for (const socket of sockets) socket.terminate();
  await live?.dispose();
});

/** A client that keeps its cookies. */
class Browser {
  private readonly cookies = new Map<string, string>();

  /** The version that answers. */
  async version(pathname = '/'): Promise<string> {
    const cookie = [...this.cookies].map(([name, value]) => `${name}=${value}`).join('; ');
    const answer = await fetch(`${url}${pathname}`, { headers: cookie === '' ? {} : { cookie } });
    await answer.text();
    for (const line of answer.headers.getSetCookie()) {
      const [, name, value] = must(/^([^=]+)=([^;]*)/.exec(line));
      this.cookies.set(must(name), must(value));
    }
    return answer.status === 200 ? must(answer.headers.get('x-version')) : `HTTP ${answer.status}`;
  }
}

const browsers = (count: number): Browser[] => Array.from({ length: count }, () => new Browser());

/** How many of the browsers are answered by each version. */
async function answers(all: readonly Browser[]): Promise<Record<string, number>> {
  const counts: Record<string, number> = {};
  for (const version of await Promise.all(all.map((one) => one.version())))
    counts[version] = (counts[version] ?? 0) + 1;
  return counts;
}

/** The target groups that the listener on a port names. */
async function named(port: number): Promise<string[]> {
  const elb = live.elb();
  const { LoadBalancers } = await elb.send(new DescribeLoadBalancersCommand({}));
  const LoadBalancerArn = must(LoadBalancers?.[0]?.LoadBalancerArn);
  const { Listeners = [] } = await elb.send(new DescribeListenersCommand({ LoadBalancerArn }));
  const action = Listeners.find((one) => one.Port === port)?.DefaultActions?.[0];
  expect(action?.ForwardConfig?.TargetGroupStickinessConfig?.Enabled).toBe(true);
  const groups = action?.ForwardConfig?.TargetGroups ?? [];
  return groups.map((group) => must(/-(blue|green)\//.exec(group.TargetGroupArn ?? '')?.[1])).sort();
}

/** Another process aborts the deployment, and ends as its driver does. */
async function turnedBack(driver: Program): Promise<void> {
  const [abort, driven] = await Promise.all([live.run('abort', ENVIRONMENT), live.answerOf(driver)]);
  for (const { exitCode, json, stdout, stderr } of [abort, driven]) {
    expect(exitCode, stdout + stderr).toBe(4);
    expect(json).toMatchObject({ outcome: 'rolled-back', reason: { code: 'BASCULE_ABORTED' } });
    expect(json.reason?.message).toMatch(/^Aborted on request of \S+ on /);
  }
  expect(driven.json.deployment).toBe(abort.json.deployment);
  const nothing = await live.run('advance', ENVIRONMENT);
  expect(nothing.exitCode).toBe(2);
  expect(nothing.json.error?.code).toBe('BASCULE_NOTHING_RUNNING');
}

test('a deployment that AWS has no room for is refused with AWS’s numbers, and nothing is begun', async () => {
  await injectFaults({ folder: live.info.folder }, [{ kind: 'quota', code: 'L-1216C47A', value: 7 }]);
  try {
    const before = await live.instances();
    const answer = await live.deploy('2.0.0');
    expect(answer.exitCode, answer.stdout).toBe(2);
    expect(answer.json.error).toMatchObject({
      code: 'BASCULE_QUOTA_VCPU',
      message: expect.stringMatching(/2 more t3\.small need 4 vCPUs; 4 of 7 are in use \(L-1216C47A/),
    });
    expect(await live.instances()).toEqual(before);
  } finally {
    await clearFaults({ folder: live.info.folder });
  }
});

test('who is pinned stays while both colours have weight, and follows at once on the way back', async () => {
  const old = browsers(4);
  expect(await answers(old)).toEqual({ '1.0.0': 4 });
  const byHand = ['--strategy', 'canary', '--weights', String(CANARY), '--by-hand'];
  const program = live.begin('deploy', ENVIRONMENT, '--version', '2.0.0', ...byHand);
  await program.says(/20 % on blue/);
  await live.forwardsBecome((forwards) => forwards.every(({ weights }) => weights.blue === CANARY));
  expect(program.stderr).toMatch(/preflight: .*2 more instance\(s\).*launching is allowed/);
  // The weights are for those who come without a cookie; they stay where they were sent.
  expect(await answers(old)).toEqual({ '1.0.0': 4 });
  const fresh = browsers(20);
  const shares = await answers(fresh);
  expect(shares).toEqual({ '1.0.0': 16, '2.0.0': 4 });
  expect(await answers(fresh)).toEqual(shares);
  await turnedBack(program);
  expect(await answers([...old, ...fresh])).toEqual({ '1.0.0': 24 });
  // Only the test listener names the idle colour, and through it its health goes on being checked.
  expect(await named(8080)).toEqual(['green']);
  expect(await named(8081)).toEqual(['blue', 'green']);
});

test('a cutover takes the pinned along; what is under way drains, and what is open at the limit is counted', async () => {
  await live.change((settings) => {
    Object.assign(settings.deployment, { retire: { when: 'after', afterSeconds: 0 } });
  });
  const old = browsers(4);
  expect(await answers(old)).toEqual({ '1.0.0': 4 });
  for (let index = 0; index < 2; index += 1) {
    const socket = new WebSocket(url.replace('http:', 'ws:'));
    sockets.push(socket);
    await new Promise((resolve, reject) => socket.once('open', resolve).once('error', reject));
  }
  const closed = Promise.all(
    sockets.map(
      (socket) => new Promise<number>((resolve) => socket.once('close', () => resolve(Date.now()))),
    ),
  );
  const program = live.begin('deploy', ENVIRONMENT, '--version', '2.0.0');
  await program.says(/health gate of blue/);
  const slow = must(old[0]).version('/slow');
  const answer = await live.answerOf(program);
  expect(answer.exitCode, answer.stdout + answer.stderr).toBe(0);
  expect(await slow).toBe('1.0.0');
  expect(soleColour(await live.forwards())).toBe('blue');
  expect(await answers([...old, ...browsers(2)])).toEqual({ '2.0.0': 6 });
  const records = await live.journal(must(answer.json.deployment));
  const retire = records.flatMap((one) => ('step' in one && one.step?.startsWith('retire:') ? [one] : []));
  const verified = must(retire.find((one) => one.kind === 'verified'));
  expect(verified).toMatchObject({ facts: { openAtLimit: 2 } });
  expect(answer.stderr).toMatch(/2 connection\(s\) were still open when draining ended .*cut off/);
  // Not before the former colour was let go, and its time to drain was over.
  const begun = must(retire.find((one) => one.kind === 'started')).at;
  for (const at of await closed) expect(at).toBeGreaterThanOrEqual(begun + 6_000);
});
