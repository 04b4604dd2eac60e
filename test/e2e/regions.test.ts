/**
 * Three regions in waves: a release that is bad in the second one only, and a region that is cut off before, during and
 * after its shift, and is back when a person goes on.
 */
import { afterAll, beforeAll, describe, expect, test, vi } from 'vitest';
import { startLoad, type Load } from '../../automation/rehearsal/load/load';
import type { JournalRecord } from '../../src/domain/records';
import { PASS, startAwsProxy, type AwsCall, type AwsProxy } from '../support/aws-proxy';
import type { Answer } from '../support/command-line';
import { ENVIRONMENT } from '../support/e2e-project';
import type { LiveEnvironment } from '../support/e2e';
import { cutBefore, expecting, heal, liveInRegions, movesTraffic } from '../support/regions';
import { must } from '../support/until';

// Whole deployments, several in a test, beside whatever else the machine does.
vi.setConfig({ testTimeout: 900_000 });

const [FIRST, SECOND, THIRD] = ['eu-west-3', 'eu-central-1', 'us-east-1'] as const;
const BAD = `2.0.0-in-${SECOND}`;
const BAD_IN_THIRD = `2.0.0-in-${THIRD}`;
const GOOD = '3.0.0';

let live: LiveEnvironment;
let proxy: AwsProxy;
/** On the region in which every release is well. */
let load: Load;

beforeAll(async () => {
  live = await liveInRegions([FIRST, SECOND, THIRD], [BAD, BAD_IN_THIRD, GOOD], ({ deployment }) => {
    Object.assign(deployment, { waves: { patienceSeconds: 5 } });
  });
  proxy = await startAwsProxy(live.info.endpoint);
  live.through(proxy);
  // An engine would try each call to a region that is cut off 25 times.
  live.env = { ...live.env, AWS_MAX_ATTEMPTS: '3' };
  const few = { keepAliveConnections: 2, freshConnections: 1, requestsPerSecond: 20 };
  load = await startLoad({ url: await live.url(FIRST), path: '/', ...few });
}, 600_000);

afterAll(async () => {
  const result = await load?.stop();
  await proxy?.close();
  await live?.dispose();
  // Nobody in the region that was well ever noticed anything.
  expect(result?.sent).toBeGreaterThan(100);
  expect(result).toMatchObject({ failed: 0, unaccounted: 0 });
});

/** Every region serves this version, by its own traffic. */
const served = (version: string) =>
  expect(expecting(live, version)).resolves.toEqual({
    exitCode: 0,
    answered: { [FIRST]: 'proven', [SECOND]: 'proven', [THIRD]: 'proven' },
    unknown: [],
  });

const journalOf = (answer: Answer): Promise<JournalRecord[]> => live.journal(must(answer.json.deployment));

/** `shift FIRST`, `undone shift FIRST`, …: what happened to the traffic, in order. */
function moves(records: readonly JournalRecord[]): string[] {
  return records.flatMap((record) => {
    const [kind, region] = 'step' in record ? (record.step?.split(':') ?? []) : [];
    if (kind !== 'shift') return [];
    if (record.kind === 'verified') return [`to ${region}`];
    return record.kind === 'undone' ? [`back in ${region}`] : [];
  });
}

test('a release that is bad in the second region only takes the first one back, and never comes to the third', async () => {
  const answer = await live.deploy(BAD);
  expect(answer.exitCode, answer.stderr).toBe(4);
  expect(answer.json.message).toContain('back on 1.0.0');
  const records = await journalOf(answer);
  expect(moves(records)).toEqual([`to ${FIRST}`, `to ${SECOND}`, `back in ${SECOND}`, `back in ${FIRST}`]);
  expect(records.some((record) => 'step' in record && record.step?.includes(THIRD))).toBe(false);
  await served('1.0.0');
});

describe('a region that is cut off', () => {
  /** A deployment that the cut befalls: what is told of it, and that the others do not wait for it. */
  async function deployCut(
    version: string,
    cut: (call: AwsCall) => boolean,
    answered: Record<string, string>,
  ): Promise<void> {
    cutBefore(live, proxy, SECOND, cut);
    const answer = await live.deploy(version);
    proxy.onBefore = () => PASS;
    expect(answer.exitCode, answer.stderr).toBe(5);
    expect(answer.json.reason).toMatchObject({ code: 'BASCULE_REGION_UNREACHABLE' });
    expect(answer.json.reason?.message).toContain(`${SECOND} is unknown`);
    expect(await expecting(live, '1.0.0')).toEqual({ exitCode: 3, answered, unknown: [SECOND] });
    await heal(live, SECOND);
  }

  async function goesOn(command: 'resume' | 'abort', exitCode: number): Promise<void> {
    const answer = await live.run(command, ENVIRONMENT);
    expect(answer.exitCode, answer.stderr).toBe(exitCode);
  }

  const isBroughtUp =
    (where: string) =>
    ({ service, write, region }: AwsCall): boolean =>
      service === 'ec2' && write && region === where;

  test('before its shift is unknown; the others go back, and so does it when it is there again', async () => {
    const answered = { [FIRST]: 'proven', [SECOND]: '1.0.0', [THIRD]: 'proven' };
    await deployCut(GOOD, isBroughtUp(SECOND), answered);
    await goesOn('resume', 4);
    await served('1.0.0');
  });

  test('after its shift goes back later, when another one has failed', async () => {
    const answered = { [FIRST]: 'proven', [SECOND]: BAD_IN_THIRD, [THIRD]: 'proven' };
    await deployCut(BAD_IN_THIRD, isBroughtUp(THIRD), answered);
    await goesOn('abort', 4);
    await served('1.0.0');
  });

  test('during its shift goes back alone where the others are to stay, and then resume goes on', async () => {
    await live.change(({ deployment }) => {
      Object.assign(deployment, { waves: { patienceSeconds: 5, onFailure: 'leave' } });
    });
    const answered = { [FIRST]: GOOD, [SECOND]: '1.0.0', [THIRD]: 'proven' };
    await deployCut(GOOD, movesTraffic(SECOND), answered);
    // What is open in the region is ended first; going on is for a person to say again.
    await goesOn('resume', 5);
    await goesOn('resume', 0);
    await served(GOOD);
  });
});
