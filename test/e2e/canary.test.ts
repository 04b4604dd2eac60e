/** Traffic in steps, judged by its own metrics, under load: bad releases go back by themselves, good ones go on. */
import { readFile } from 'node:fs/promises';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import type { LoadResult } from '../../automation/rehearsal/load/types';
import type { JournalRecord } from '../../src/domain/records';
import type { Answer, Program } from '../support/command-line';
import { ENVIRONMENT } from '../support/e2e-project';
import { apps, LiveEnvironment, soleColour } from '../support/e2e';
import { must, until } from '../support/until';

const CANARY = 10;
const LOAD = { requestsPerSecond: 150 };

let live: LiveEnvironment;

beforeAll(async () => {
  live = await LiveEnvironment.live(apps.moody, ({ fleet, deployment }) => {
    Object.assign(fleet, { minimum: 3, maximum: 4 });
    deployment.soakSeconds = 0;
    deployment.strategy = {
      kind: 'canary',
      steps: [
        { weight: CANARY, pauseSeconds: 6 },
        { weight: 50, pauseSeconds: 2 },
      ],
    };
    deployment.growth = { kind: 'proportional', minimum: 1 };
    deployment.analysis = {
      intervalSeconds: 0.5,
      inconclusive: { waitSeconds: 60 },
      checks: [
        { kind: 'error-rate', name: 'errors', limitPercent: 20, windowSeconds: 5, minimumRequests: 30 },
        {
          kind: 'latency',
          name: 'latency',
          percentile: 90,
          minimumRequests: 100,
          comparison: { ratio: 1.5, toleranceSeconds: 0.05 },
        },
        { kind: 'unhealthy-hosts', name: 'hosts' },
      ],
    };
  });
  for (const version of ['2.0.0', '2.0.0-errors', '2.0.0-slow', '2.0.0-wears'])
    await live.bake(version, apps.moody);
});

afterAll(() => live?.dispose());

function explanation({ json }: Answer): string {
  return [json.message, json.reason?.message, ...(json.reason?.details ?? [])].join('\n');
}

/** The steps of a kind that records of a kind are about, without their region. */
function stepsOf(records: readonly JournalRecord[], kind: JournalRecord['kind'], step: string): string[] {
  return records.flatMap((record) => {
    if (record.kind !== kind || !('step' in record) || record.step === null) return [];
    const [name, , percent] = record.step.split(':');
    return name === step ? [percent ?? 'all'] : [];
  });
}

/** What holds for every release that goes back: the numbers are told, and all traffic is where it was. */
async function wentBack(answer: Answer, check: string): Promise<JournalRecord[]> {
  expect(answer.exitCode, answer.stdout + answer.stderr).toBe(4);
  expect(answer.json).toMatchObject({
    outcome: 'rolled-back',
    reason: { code: 'BASCULE_ANALYSIS_FAILED' },
  });
  const text = explanation(answer);
  expect(text).toContain(check);
  // The window and the failed requests of the whole deployment, in numbers.
  expect(text).toMatch(/\d{2}:\d{2}:\d{2}.*\d{2}:\d{2}:\d{2}/);
  expect(text).toMatch(/In the whole deployment \d+ of \d+ requests failed \([\d.]+ %\)/);
  expect(soleColour(await live.forwards())).toBe('green');
  const records = await live.journal(must(answer.json.deployment));
  const failed = must(records.find((record) => record.kind === 'failed'));
  const [undo] = records.filter(({ sequence }) => sequence > failed.sequence);
  // Weights first: nothing comes between the failure and the way back of the latest shift.
  expect(undo).toMatchObject({ kind: 'undoStarted', step: expect.stringMatching(/^shift:/) });
  return records;
}

function onlyBlueFailed({ failures }: LoadResult): void {
  expect(failures.filter(({ target }) => target !== null && !target.includes('blue'))).toEqual([]);
}

async function stopped(): Promise<void> {
  await until(
    () => live.instances('blue'),
    (left) => left.every(({ state }) => state !== 'running' && state !== 'pending'),
  );
}

describe('a release that is healthy on its health path', () => {
  test('and fails requests goes back from its first weight, which bounds the share that failed', async () => {
    const { result: answer, load } = await live.underLoad(() => live.deploy('2.0.0-errors'), LOAD);
    const records = await wentBack(answer, 'errors');
    expect(stepsOf(records, 'failed', 'analyse')).toEqual([String(CANARY)]);
    expect(stepsOf(records, 'started', 'shift')).toEqual([String(CANARY)]);
    expect(load.failed).toBeGreaterThan(0);
    expect(load.failed / load.sent).toBeLessThan(CANARY / 100);
    expect(load.unaccounted).toBe(0);
    onlyBlueFailed(load);
    const report = await readFile(must((answer.json as { report?: string }).report), 'utf8');
    expect(report).toContain('<title>rolled-back: deploy of shop in e2e: 1.0.0 → 2.0.0-errors</title>');
    expect(report).toContain('errors: new colour');
    await stopped();
  });

  test('and is slower goes back from its first weight as well, and no request fails', async () => {
    const { result: answer, load } = await live.underLoad(() => live.deploy('2.0.0-slow'), LOAD);
    const records = await wentBack(answer, 'latency');
    expect(stepsOf(records, 'failed', 'analyse')).toEqual([String(CANARY)]);
    expect(load).toMatchObject({ failed: 0, unaccounted: 0 });
    await stopped();
  });

  test('and degrades only while it soaks goes back from there', async () => {
    await live.change(({ deployment }) => {
      deployment.soakSeconds = 120;
    });
    const { result: answer, load } = await live.underLoad(async () => {
      const all = ['--strategy', 'all-at-once'];
      const program = live.begin('deploy', ENVIRONMENT, '--version', '2.0.0-wears', ...all);
      await program.says(/soak for 120 s/);
      expect(soleColour(await live.forwards())).toBe('blue');
      await live.tell('blue', '/wear-out');
      return live.answerOf(program);
    }, LOAD);
    const records = await wentBack(answer, 'errors');
    expect(stepsOf(records, 'failed', 'soak')).toEqual(['all']);
    onlyBlueFailed(load);
    await live.change(({ deployment }) => {
      deployment.soakSeconds = 0;
    });
    await stopped();
  });
});

describe('a release that does as well as the former one', () => {
  const byHand = ['--strategy', 'canary', '--weights', `${CANARY},50`, '--by-hand'];

  async function running(): Promise<number> {
    return (await live.instances('blue')).filter(({ state }) => state === 'running').length;
  }

  async function weightIs(percent: number): Promise<void> {
    await live.forwardsBecome((forwards) => forwards.every(({ weights }) => weights.blue === percent));
  }

  /** The driver dies without a word; another process goes on with the deployment. */
  async function killed(program: Program): Promise<Program> {
    program.signal('SIGKILL');
    await program.ended;
    await weightIs(CANARY);
    return live.begin('resume', ENVIRONMENT);
  }

  test('goes on at a person’s word from any process, grows with its weight, and survives its driver', async () => {
    const { result: answer, load } = await live.underLoad(async () => {
      const first = live.begin('deploy', ENVIRONMENT, '--version', '2.0.0', ...byHand);
      await first.says(/10 % on blue/);
      await weightIs(CANARY);
      expect(await running()).toBe(1);
      const program = await killed(first);
      await program.says(/10 % on blue/);
      await live.succeeds('advance', ENVIRONMENT);
      await program.says(/50 % on blue/);
      await weightIs(50);
      expect(await running()).toBe(2);
      await live.succeeds('pause', ENVIRONMENT);
      await program.says(/pause/);
      await live.succeeds('advance', ENVIRONMENT, '--full');
      return live.answerOf(program);
    }, LOAD);
    expect(answer.exitCode, answer.stdout + answer.stderr).toBe(0);
    expect(answer.json).toMatchObject({ outcome: 'succeeded', from: '1.0.0', to: '2.0.0' });
    expect(load).toMatchObject({ failed: 0, unaccounted: 0 });
    expect(soleColour(await live.forwards())).toBe('blue');
    expect(await running()).toBe(3);
    const records = await live.journal(must(answer.json.deployment));
    const asked = records.flatMap((record) => (record.kind === 'asked' ? [record.request.kind] : []));
    expect(asked).toEqual(['advance', 'pause', 'advance-full']);
    expect(stepsOf(records, 'verified', 'shift')).toEqual([String(CANARY), '50', 'all']);
  });
});
