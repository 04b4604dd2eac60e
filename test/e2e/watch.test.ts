/** A deployment seen, held and taken back from other processes: in a terminal, and on a page in a real browser. */
import type { Page } from 'playwright-core';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { openBrowser, type OpenBrowser } from '../support/browser';
import type { Program } from '../support/command-line';
import { ENVIRONMENT } from '../support/e2e-project';
import { apps, LiveEnvironment, soleColour } from '../support/e2e';
import { must } from '../support/until';

let live: LiveEnvironment;
let opened: OpenBrowser;

beforeAll(async () => {
  live = await LiveEnvironment.live(apps.service, ({ deployment }) => {
    deployment.strategy = { kind: 'canary', steps: [{ weight: 10, byHand: true }] };
    deployment.analysis = {
      intervalSeconds: 1,
      checks: [{ kind: 'unhealthy-hosts', name: 'hosts' }],
    };
  });
  await live.bake('2.0.0', apps.service);
  opened = await openBrowser();
});

afterAll(async () => {
  await opened?.close();
  await live?.dispose();
});

async function atTheWeight(version: string): Promise<Program> {
  const program = live.begin('deploy', ENVIRONMENT, '--version', version);
  await program.says(/10 % on \w+.*…/);
  return program;
}

async function pageOf(watching: Program): Promise<Page> {
  await watching.says(/The page is at http:\S+/);
  const address = must(/The page is at (http:\S+)/.exec(watching.stderr)?.[1]);
  expect(new URL(address).hostname).toBe('127.0.0.1');
  const page = await (await opened.browser.newContext({ locale: 'en-GB' })).newPage();
  await page.goto(address);
  return page;
}

test('is watched in the terminal and on the page, held, and let go on by the page’s buttons', async () => {
  const driver = await atTheWeight('2.0.0');
  const terminal = live.begin('watch', ENVIRONMENT);
  const watching = live.begin('watch', ENVIRONMENT, '--web');
  const page = await pageOf(watching);
  const press = (name: string) => page.getByRole('button', { name, exact: true }).click();

  await page.getByRole('img', { name: '2 routes: blue 10, green 90' }).waitFor();
  expect(await page.locator('#steps [aria-current=step]').textContent()).toContain('10 % on blue');
  expect(await page.locator('[data-colour=blue] .instances .good').count()).toBe(2);
  await page.locator('[data-check=hosts] figcaption', { hasText: 'limit 0' }).waitFor();
  await terminal.says(/weights \[[^\]]+\]: blue 10, green 90 on 2 routes/);
  await terminal.says(/check hosts: pass: 0 unhealthy host/);

  await press('Pause');
  await page.locator('#outcome', { hasText: 'paused' }).waitFor();
  await driver.says(/asked: pause/);
  expect((await live.forwards()).map(({ weights }) => weights)).toEqual(
    Array(2).fill({ blue: 10, green: 90 }),
  );
  await press('Advance');
  await page.locator('#outcome', { hasText: 'succeeded' }).waitFor();
  await page.getByText('This is how it was when bascule watch ended.').waitFor();
  expect(await page.getByRole('img', { name: '2 routes: blue 100, green 0' }).count()).toBe(1);

  for (const program of [driver, terminal, watching]) {
    const answer = await live.answerOf(program);
    expect(answer.exitCode, answer.stdout + answer.stderr).toBe(0);
    expect(answer.json).toMatchObject({ outcome: 'succeeded', to: '2.0.0' });
  }
  expect(terminal.stderr).toMatch(/✓ i-[0-9a-f]+: InService.*version 2\.0\.0/);
  expect(terminal.stderr).toMatch(/weights \[[^\]]+\]: blue 100, green 0 on 2 routes/);
});

test('is aborted from another process, which ends as the deployment does', async () => {
  const driver = await atTheWeight('1.0.0');
  const terminal = live.begin('watch', ENVIRONMENT);
  await terminal.says(/10 % on green/);
  const aborting = await live.run('abort', ENVIRONMENT);
  expect(aborting.exitCode, aborting.stdout + aborting.stderr).toBe(4);
  expect(aborting.json).toMatchObject({ outcome: 'rolled-back', reason: { code: 'BASCULE_ABORTED' } });
  expect(aborting.json.reason?.message).toMatch(/^Aborted on request of \S+ on /);
  const driven = await live.answerOf(driver);
  expect(driven.exitCode, driven.stdout + driven.stderr).toBe(4);
  expect(driven.json.deployment).toBe(aborting.json.deployment);
  const watched = await live.answerOf(terminal);
  expect(watched).toMatchObject({ exitCode: 0, json: { outcome: 'rolled-back' } });
  expect(soleColour(await live.forwards())).toBe('blue');

  const nothing = await live.run('advance', ENVIRONMENT);
  expect(nothing.exitCode).toBe(2);
  expect(nothing.json.error?.code).toBe('BASCULE_NOTHING_RUNNING');
});
