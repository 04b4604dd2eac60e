/**
 * Traffic in steps, judged by its own metrics, under load: bad releases go back by themselves, good ones go on. And
 * a deployment seen, held and let go on from other processes: in a terminal, and on a page in a real browser.
 */
import { readFile } from 'node:fs/promises';
import type { Page } from 'playwright-core';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import type { LoadResult } from '../../automation/rehearsal/load/types';
import type { JournalRecord } from '../../src/domain/records';
import { openBrowser, type OpenBrowser } from '../support/browser';
import type { Answer, Program } from '../support/command-line';
import { ENVIRONMENT } from '../support/e2e-project';
import { apps, LiveEnvironment, soleColour } from '../support/e2e';
import { alsoAs } from '../support/releases';
import { must, until } from '../support/until';

const CANARY = 10;
const LOAD = { requestsPerSecond: 150 };

let live: LiveEnvironment;
let opened: OpenBrowser;

beforeAll(async () => {
  const browser = openBrowser();
  browser.catch(() => undefined);
  live = await LiveEnvironment.live(apps.moody, ({ fleet, deployment }) => {
    Object.assign(fleet, { minimum: 3, maximum: 4 });
    deployment.soakSeconds = 0;
    deployment.strategy = { kind: 'canary', steps: [{ weight: CANARY, pauseSeconds: 6 }] };
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
  await alsoAs(live, '1.0.0', ['2.0.0-errors', '2.0.0-slow', '2.0.0-wears']);
  opened = await browser;
});

afterAll(async () => {
  await opened?.close();
  await live?.dispose();
});

/** All that a person is told on standard output, of whatever field. */
function explanation({ json }: Answer): string {
  return [json.message, json.reason?.message, ...(json.reason?.details ?? [])].join('\n');
}

/** The weights of the steps of a kind that records of a kind are about. */
function weightsOf(records: readonly JournalRecord[], kind: JournalRecord['kind'], step: string): string[] {
  return records.flatMap((record) => {
    if (record.kind !== kind || !('step' in record) || record.step === null) return [];
    const [name, , percent] = record.step.split(':');
    return name === step ? [percent ?? 'all'] : [];
  });
}

/** What holds for every release that goes back: the numbers are told, and all traffic is where it was. */
async function wentBack(answer: Answer, told: RegExp[]): Promise<JournalRecord[]> {
  expect(answer.exitCode, answer.stdout + answer.stderr).toBe(4);
  expect(answer.json).toMatchObject({
    outcome: 'rolled-back',
    reason: { code: 'BASCULE_ANALYSIS_FAILED' },
  });
  const text = explanation(answer);
  for (const part of told) expect(text).toMatch(part);
  expect(text).toMatch(/\(\d\d:\d\d:\d\d to \d\d:\d\d:\d\d UTC\)/);
  expect(soleColour(await live.forwards())).toBe('green');
  const records = await live.journal(must(answer.json.deployment));
  const failed = must(records.find((record) => record.kind === 'failed'));
  const [undo] = records.filter(({ sequence }) => sequence > failed.sequence);
  // Weights first: nothing comes between the failure and the way back of the latest shift.
  expect(undo).toMatchObject({ kind: 'undoStarted', step: expect.stringMatching(/^shift:/) });
  return records;
}

/** What a person reads of the whole deployment, in numbers: failed, of all, and the greatest weight. */
function cost(answer: Answer): { failed: number; all: number; most: number } {
  const text = explanation(answer);
  const told =
    /In the whole deployment (\d+) of (\d+) requests failed \([\d.]+ %\) .*; \S+ had at most (\d+) % of the traffic/;
  const [, failed, all, most] = must(told.exec(text), `the cost in ${text}`);
  return { failed: Number(failed), all: Number(all), most: Number(most) };
}

function onlyBlueFailed({ failures }: LoadResult): void {
  expect(failures.filter(({ target }) => target !== null && !target.includes('blue'))).toEqual([]);
}

async function running(): Promise<number> {
  return (await live.instances('blue')).filter(({ state }) => state === 'running').length;
}

/** Whatever a failed release had is gone before the next one comes. */
const stopped = () => until(running, (left) => left === 0);

async function weightIs(percent: number): Promise<void> {
  await live.forwardsBecome((forwards) => forwards.every(({ weights }) => weights.blue === percent));
}

describe('a release that is healthy on its health path', () => {
  test('and fails requests goes back from its first weight, which bounds the share that failed', async () => {
    const { result: answer, load } = await live.underLoad(() => live.deploy('2.0.0-errors'), LOAD);
    const records = await wentBack(answer, [
      /The check errors failed at 10 % on blue in \S+: \d+ of \d+ requests \((7|8)[\d.]* %\) failed on the new colour, over the limit of 20 %/,
      /^new colour: (7|8)[\d.]* %, limit 20 %$/m,
      /^\d\d:\d\d:\d\d to \d\d:\d\d:\d\d UTC: \d+ of \d+ requests failed on the new colour$/m,
    ]);
    expect(weightsOf(records, 'failed', 'analyse')).toEqual([String(CANARY)]);
    expect(weightsOf(records, 'started', 'shift')).toEqual([String(CANARY)]);
    const { failed, all, most } = cost(answer);
    expect(failed).toBeGreaterThan(0);
    expect(failed / all).toBeLessThan(CANARY / 100);
    expect(most).toBe(CANARY);
    // And as whoever asked saw it.
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
    const records = await wentBack(answer, [
      /The check latency failed at 10 % on blue in \S+: p90 is at least \d+ ms on the new colour and at most [\d.]+ ms on the old one/,
      /^p90 against the old colour: \d+ ms, limit [\d.]+ ms$/m,
    ]);
    expect(weightsOf(records, 'failed', 'analyse')).toEqual([String(CANARY)]);
    expect(cost(answer)).toMatchObject({ failed: 0, most: CANARY });
    expect(load).toMatchObject({ failed: 0, unaccounted: 0 });
    await stopped();
  });
});

describe('a release that does as well as the former one', () => {
  /** The driver dies without a word; another process goes on with the deployment. */
  async function killed(program: Program): Promise<Program> {
    program.signal('SIGKILL');
    await program.ended;
    await weightIs(CANARY);
    return live.begin('resume', ENVIRONMENT);
  }

  async function pageOf(watching: Program): Promise<Page> {
    await watching.says(/The page is at http:\S+/);
    const address = must(/The page is at (http:\S+)/.exec(watching.stderr)?.[1]);
    expect(new URL(address).hostname).toBe('127.0.0.1');
    const page = await (await opened.browser.newContext()).newPage();
    await page.goto(address);
    return page;
  }

  /** What the page shows at the first weight; it holds the deployment there, and lets it go on. */
  async function heldOnThePage(page: Page, driver: Program): Promise<void> {
    const press = (name: string) => page.getByRole('button', { name, exact: true }).click();
    await page.getByRole('img', { name: '2 routes: blue 10, green 90' }).waitFor();
    expect(await page.locator('#steps [aria-current=step]').textContent()).toContain('10 % on blue');
    await page.locator('[data-colour=blue] .instances .good').waitFor();
    expect(await page.locator('[data-colour=green] .instances .good').count()).toBe(3);
    await page.locator('[data-check=hosts] figcaption', { hasText: 'limit 0' }).waitFor();
    await press('Pause');
    await page.locator('#outcome', { hasText: 'paused' }).waitFor();
    await driver.says(/asked: pause/);
    await weightIs(CANARY);
    await press('Advance');
  }

  /** The strategy of this one: a weight until a person goes on, one that ends by itself, one until a person does. */
  async function inThreeSteps(): Promise<void> {
    await live.change(({ deployment }) => {
      deployment.strategy = {
        kind: 'canary',
        steps: [
          { weight: CANARY, byHand: true },
          { weight: 20, pauseSeconds: 2 },
          { weight: 30, byHand: true },
        ],
      };
      deployment.soakSeconds = 120;
    });
  }

  test('goes on, grows with its weight, outlives its driver; once it degrades in the soak it goes back', async () => {
    await inThreeSteps();
    const watchers: Program[] = [];
    const { result: answer, load } = await live.underLoad(async () => {
      const first = live.begin('deploy', ENVIRONMENT, '--version', '2.0.0-wears');
      await first.says(/10 % on blue/);
      await weightIs(CANARY);
      expect(await running()).toBe(1);
      const driver = await killed(first);
      await driver.says(/10 % on blue/);
      const [terminal, watching] = [
        live.begin('watch', ENVIRONMENT),
        live.begin('watch', ENVIRONMENT, '--web'),
      ];
      watchers.push(terminal, watching);
      const page = await pageOf(watching);
      await terminal.says(/weights \[[^\]]+\]: blue 10, green 90 on 2 routes/);
      await heldOnThePage(page, driver);
      await driver.says(/30 % on blue/);
      await weightIs(30);
      expect(await running()).toBe(1);
      await live.succeeds('advance', ENVIRONMENT, '--full');
      await driver.says(/soak for 120 s/);
      expect(soleColour(await live.forwards())).toBe('blue');
      expect(await running()).toBe(3);
      await live.tell('blue', '/wear-out');
      const ended = await live.answerOf(driver);
      await page.locator('#outcome', { hasText: 'rolled-back' }).waitFor();
      await page.getByText('This is how it was when bascule watch ended.').waitFor();
      expect(await page.getByRole('img', { name: '2 routes: blue 0, green 100' }).count()).toBe(1);
      return ended;
    }, LOAD);

    const records = await wentBack(answer, [
      // A look while it begins to degrade finds it worse than the old one was, before it is over the limit.
      /The check errors failed in the soak on blue in \S+: \d+ of \d+ requests \([\d.]+ %\) failed on the new colour, (over the limit of 20 %|0 of \d+ requests \(0 %\) on the old colour before: more than chance explains)/,
      /^new colour: [\d.]+ %, limit 20 %$/m,
      /^\d\d:\d\d:\d\d to \d\d:\d\d:\d\d UTC: \d+ of \d+ requests failed on the new colour$/m,
    ]);
    expect(weightsOf(records, 'failed', 'soak')).toEqual(['all']);
    expect(cost(answer)).toMatchObject({ most: 100 });
    onlyBlueFailed(load);
    // Each weight was reached once, whoever's process it was; the one without a person ended by its checks alone.
    expect(weightsOf(records, 'verified', 'shift')).toEqual([String(CANARY), '20', '30', 'all']);
    const asked = records.flatMap((record) => (record.kind === 'asked' ? [record.request.kind] : []));
    expect(asked).toEqual(['pause', 'advance', 'advance-full']);
    const verdicts = records.flatMap((record) =>
      record.kind === 'assessed' && record.step.startsWith('analyse:') ? record.assessments : [],
    );
    expect(verdicts.filter(({ assessment }) => assessment.verdict === 'fail')).toEqual([]);

    for (const watcher of watchers) {
      const seen = await live.answerOf(watcher);
      expect(seen, seen.stderr).toMatchObject({ exitCode: 0, json: { outcome: 'rolled-back' } });
    }
    expect(watchers[0]?.stderr).toMatch(/check errors: pass: \d+ of \d+ requests/);
    expect(watchers[0]?.stderr).toMatch(/✓ i-[0-9a-f]+: InService.*version 2\.0\.0-wears/);
    expect(watchers[0]?.stderr).toMatch(/weights \[[^\]]+\]: blue 0, green 100 on 2 routes/);
  });
});
