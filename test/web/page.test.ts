/** The live page in a real browser: what it shows, and who may press its buttons. */
import { createServer, type Server } from 'node:http';
import type { BrowserContext, Page } from 'playwright-core';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { PageServer } from '../../automation/web/server';
import { BasculeError } from '../../src/domain/errors';
import type { RequestKind } from '../../src/domain/request';
import { openBrowser, type OpenBrowser } from '../support/browser';
import { freePort } from '../support/ports';
import { aView } from '../support/views';

let opened: OpenBrowser;
let context: BrowserContext;
let page: Page;
let server: PageServer;
let wishes: RequestKind[];
/** What went wrong in the page: errors of its scripts, and all that its policy refused. */
let complaints: string[];
let answer: (wish: RequestKind) => Promise<string>;

beforeAll(async () => {
  opened = await openBrowser();
});

afterAll(() => opened?.close());

beforeEach(async () => {
  wishes = [];
  complaints = [];
  answer = async (wish) => `asked: ${wish}`;
  server = await PageServer.start({
    port: await freePort(),
    ask: async (wish) => {
      wishes.push(wish);
      return answer(wish);
    },
  });
  context = await opened.browser.newContext({ locale: 'en-GB', viewport: { width: 1280, height: 900 } });
  page = await context.newPage();
  page.on('pageerror', (error) => complaints.push(error.message));
  page.on('console', (message) => {
    if (message.type() === 'error') complaints.push(message.text());
  });
});

afterEach(async () => {
  await context.close();
  await server.close();
});

const button = (name: string) => page.getByRole('button', { name, exact: true });
const said = () => page.locator('#said');

describe('the live page', () => {
  it('shows steps, weights, each instance and each check with its value and its limit', async () => {
    server.show(aView());
    await page.goto(server.url);
    await page.getByRole('heading', { name: '1.0.0 → 2.0.0' }).waitFor();
    expect(await page.locator('#outcome').textContent()).toBe('under way');
    const now = page.locator('#steps [aria-current=step]');
    expect(await now.textContent()).toMatch(
      /5 % on green for 300 s.*min \d+ s left\s*until a person goes on/,
    );
    await page.getByRole('img', { name: '2 routes: blue 95, green 5' }).waitFor();
    expect(await page.locator('.share b').allTextContents()).toEqual(['blue 95 %, green 5 %']);
    expect(await page.locator('.instances .good').allTextContents()).toHaveLength(2);
    expect(await page.locator('.instances .bad').allTextContents()).toEqual([
      'i-bad: InService, target unhealthy',
    ]);
    const check = page.locator('[data-check=errors]');
    expect(await check.locator('.badge').textContent()).toBe('pass');
    expect(await check.locator('figcaption').textContent()).toBe('failed share: 1 %, limit 5 %');
    expect(await check.locator('canvas').count()).toBe(1);
    expect(complaints).toEqual([]);
  });

  it('goes on by itself, and keeps what it shows when the watching ends', async () => {
    server.show(aView());
    await page.goto(server.url);
    await page.locator('[data-check=errors]').waitFor();
    const [first] = aView().checks;
    const failed = { ...first!, verdict: 'fail' as const, failures: 1, reason: 'it fails 80 %' };
    server.show(aView({ checks: [failed], trouble: 'errors failed', can: [] }));
    await page.getByText('it fails 80 %').waitFor();
    expect(await page.locator('[data-check=errors] .badge').textContent()).toBe('fail');
    server.show(aView({ outcome: 'rolled-back', message: 'back on 1.0.0', closedAt: Date.now(), can: [] }));
    await server.close();
    await page.getByText('This is how it was when bascule watch ended.').waitFor();
    expect(await page.locator('#outcome').textContent()).toBe('rolled-back');
    for (const name of ['Advance', 'Advance to the end', 'Pause', 'Abort'])
      expect(await button(name).isDisabled(), name).toBe(true);
    expect(complaints).toEqual([]);
  });

  it('shows a text of the world as text', async () => {
    const trap = '<img src=x onerror="document.title=1"><script>document.title=2</script>';
    server.show(aView({ trouble: trap, to: trap }));
    await page.goto(server.url);
    await page.locator('.notice', { hasText: trap }).waitFor();
    expect(await page.locator('#live img[src], #live script').count()).toBe(0);
    expect(complaints).toEqual([]);
  });

  it('does not mind a browser whose language is no language', async () => {
    await page.addInitScript(
      `Object.defineProperty(Navigator.prototype, 'language', { get: () => 'en-US@posix' });`,
    );
    server.show(aView());
    await page.goto(server.url);
    await page.locator('[data-check=errors] canvas').waitFor();
    expect(complaints).toEqual([]);
  });

  it('hands on what its buttons ask for, and says what came of it', async () => {
    server.show(aView());
    await page.goto(server.url);
    for (const [name, wish] of [
      ['Pause', 'pause'],
      ['Advance', 'advance'],
      ['Advance to the end', 'advance-full'],
    ] as const) {
      await button(name).click();
      await page.getByText(`asked: ${wish}`, { exact: true }).waitFor();
    }
    expect(wishes).toEqual(['pause', 'advance', 'advance-full']);
    answer = () =>
      Promise.reject(new BasculeError({ code: 'BASCULE_GOING_BACK', message: 'too late', next: '' }));
    await button('Pause').click();
    await page.getByText('too late').waitFor();
    expect(await said().getAttribute('class')).toContain('wrong');
  });

  it('aborts only once a person said yes', async () => {
    server.show(aView());
    await page.goto(server.url);
    await button('Abort').click();
    await page.getByText('All its traffic goes back to 1.0.0.').waitFor();
    await button('No').click();
    await page.locator('dialog').waitFor({ state: 'hidden' });
    expect(wishes).toEqual([]);
    await button('Abort').click();
    await button('Yes, go back').click();
    await page.getByText('asked: abort').waitFor();
    expect(wishes).toEqual(['abort']);
  });

  it('offers only what can be asked', async () => {
    server.show(aView({ can: ['pause', 'abort'] }));
    await page.goto(server.url);
    await page.locator('#steps li').first().waitFor();
    expect(await button('Advance').isDisabled()).toBe(true);
    expect(await button('Pause').isDisabled()).toBe(false);
  });
});

describe('another site in the same browser', () => {
  let foreign: Server;
  let origin: string;

  beforeEach(async () => {
    const port = await freePort();
    foreign = createServer((_, response) => {
      response.writeHead(200, { 'content-type': 'text/html' });
      response.end('<!doctype html><title>another site</title>');
    });
    await new Promise<void>((resolve) => foreign.listen(port, '127.0.0.1', resolve));
    origin = `http://localhost:${port}`;
    server.show(aView());
    // The person has the page open, and its cookie with it.
    await page.goto(server.url);
    await page.locator('#steps li').first().waitFor();
  });

  afterEach(async () => {
    foreign.closeAllConnections();
    await new Promise((resolve) => foreign.close(resolve));
  });

  const target = () => new URL(server.url).origin;

  it('cannot press a button by a form or by a script', async () => {
    const other = await context.newPage();
    await other.goto(origin);
    const sent = await other.evaluate(async (place) => {
      const send = (init: RequestInit) =>
        fetch(`${place}/ask`, {
          method: 'POST',
          credentials: 'include',
          body: '{"wish":"abort"}',
          ...init,
        }).then(
          (response) => response.type,
          () => 'refused',
        );
      return [
        await send({ mode: 'no-cors' }),
        await send({ headers: { 'content-type': 'application/json', 'x-bascule-token': 'guess' } }),
      ];
    }, target());
    // The first one is sent, and its answer is nobody’s to read; the second is not even sent.
    expect(sent).toEqual(['refused', 'refused']);
    const answered = other.waitForResponse((response) => response.url() === `${target()}/ask`);
    await other.setContent(
      `<form method="post" enctype="text/plain" action="${target()}/ask"><input name='{"wish":"abort","x":"' value='"}'></form>`,
    );
    await other.evaluate('document.forms[0].submit()');
    expect((await answered).status()).toBe(403);
    expect(wishes).toEqual([]);
  });

  it('can neither read the page nor show it in a frame', async () => {
    const other = await context.newPage();
    await other.goto(origin);
    const read = await other.evaluate(
      (place) =>
        fetch(place, { credentials: 'include' }).then(
          () => 'read',
          () => 'refused',
        ),
      target(),
    );
    expect(read).toBe('refused');
    const framed = other.waitForEvent('console', (message) => message.text().includes('frame'));
    await other.evaluate(
      `const frame = document.createElement('iframe');
       frame.src = ${JSON.stringify(target())};
       document.body.append(frame);`,
    );
    await framed;
    expect(await other.frameLocator('iframe').locator('#steps').count()).toBe(0);
  });
});

describe('somebody else on this machine', () => {
  it('sees nothing without the key, whatever name the host is called by', async () => {
    server.show(aView());
    const { origin, port } = new URL(server.url);
    const statuses = await Promise.all(
      ['/', '/events', '/?key=guess'].map(async (path) => (await fetch(`${origin}${path}`)).status),
    );
    expect(statuses).toEqual([403, 403, 403]);
    const asked = await fetch(`${origin}/ask`, { method: 'POST', body: '{"wish":"abort"}' });
    expect(asked.status).toBe(403);
    expect((await fetch(`http://localhost:${port}/`)).status).toBe(403);
    expect(wishes).toEqual([]);
  });

  it('is told at once when the port is taken', async () => {
    const port = Number(new URL(server.url).port);
    await expect(PageServer.start({ port, ask: answer })).rejects.toMatchObject({
      code: 'BASCULE_PORT_TAKEN',
    });
  });
});
