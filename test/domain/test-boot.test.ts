import { execFile, spawn } from 'node:child_process';
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { createServer } from 'node:http';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { promisify } from 'node:util';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { consoleEnd, judgeConsole, testBootIn } from '../../src/domain/test-boot';
import { userDataOf } from '../../src/domain/user-data';
import { freePort } from '../support/ports';
import { until } from '../support/until';

const userData = (timeoutSeconds: number, where = '/health') =>
  userDataOf({
    service: 'shop',
    environment: 'test-boot',
    colour: 'blue',
    version: '1.0.0',
    region: 'eu-west-3',
    port: 8080,
    variables: {},
    testBoot: { path: where, timeoutSeconds },
  });

describe('the part of the user data that tests an image', () => {
  let folder: string;
  let output: string;
  beforeEach(async () => {
    folder = await mkdtemp(path.join(tmpdir(), 'bascule-test-boot-'));
    output = path.join(folder, 'console');
    await writeFile(output, 'the application printed this\n');
  });
  afterEach(() => rm(folder, { recursive: true, force: true }));

  const environment = (port: number) => ({
    PATH: process.env['PATH'],
    PORT: String(port),
    BASCULE_CONSOLE: output,
  });
  const run = (port: number, text: string) =>
    promisify(execFile)('/bin/sh', ['-c', testBootIn(text) ?? 'exit 9'], { env: environment(port) });

  /** Asks an application that answers everything with a status. */
  async function answering<T>(
    status: number,
    work: (port: number, asked: string[]) => Promise<T>,
  ): Promise<T> {
    const asked: string[] = [];
    const server = createServer((request, response) => {
      asked.push(request.url ?? '');
      response.writeHead(status).end();
    });
    const port = await freePort();
    await new Promise<void>((resolve) => server.listen(port, '127.0.0.1', resolve));
    try {
      return await work(port, asked);
    } finally {
      server.close();
    }
  }

  it('passes when the path answers with 2xx', async () => {
    const asked = await answering(204, async (port, paths) => {
      await run(port, userData(5, "/he'alth?a=$b"));
      return paths;
    });
    expect(asked).toEqual(["/he'alth?a=$b"]);
    expect(judgeConsole(await readFile(output, 'utf8'))).toEqual({ kind: 'passed' });
  });

  it('fails with the last answer when its time is over', async () => {
    await answering(500, (port) => run(port, userData(1)));
    expect(judgeConsole(await readFile(output, 'utf8'))).toMatchObject({
      kind: 'failed',
      why: expect.stringMatching(/^http:\/\/127\.0\.0\.1:\d+\/health answers with 500 after 1 s$/) as string,
      lines: ['the application printed this'],
    });
  });

  it('fails when nobody listens, and at once when the application is said to have ended', async () => {
    const port = await freePort();
    await run(port, userData(1));
    expect(judgeConsole(await readFile(output, 'utf8'))).toMatchObject({
      kind: 'failed',
      why: `http://127.0.0.1:${port}/health does not answer after 1 s`,
    });
    await writeFile(output, '');
    const text = testBootIn(userData(3600)) ?? '';
    const child = spawn('/bin/sh', ['-c', text.replace('while :', 'echo up; while :')], {
      detached: true,
      env: environment(port),
      stdio: ['ignore', 'pipe', 'ignore'],
    });
    await new Promise((resolve) => child.stdout.once('data', resolve));
    process.kill(-(child.pid ?? 0), 'SIGTERM');
    const verdict = await until(
      async () => judgeConsole(await readFile(output, 'utf8')),
      ({ kind }) => kind !== 'open',
    );
    expect(verdict).toMatchObject({
      kind: 'failed',
      why: `the application ended before http://127.0.0.1:${port}/health answered with 2xx`,
    });
  });

  it('is told apart from the rest, which ends the machine in any case', () => {
    const text = userData(300);
    expect(text).toContain('\nshutdown -h +25 ');
    expect(testBootIn(text)).not.toContain('shutdown');
    expect(text.indexOf('systemctl enable --now shop.service')).toBeLessThan(
      text.indexOf('#bascule:test-boot'),
    );
    expect(testBootIn('#!/bin/sh\n')).toBeUndefined();
    expect(testBootIn(null)).toBeUndefined();
  });
});

describe('what a console says of the test', () => {
  it('says nothing until the verdict is there', () => {
    expect(judgeConsole('')).toEqual({ kind: 'open' });
    expect(judgeConsole('booting\nbascule-test-boot: ')).toEqual({ kind: 'open' });
  });

  it('is read although the kernel writes between it, with the lines of the application', () => {
    const text = [
      '[    1.0] kernel: noise\r',
      'bascule-test-boot| Error: no database\r',
      'bascule-test-boot|     at main\r',
      '[   20.1] audit: bascule-test-boot: failed the application ended 3 times\r',
      'later',
    ].join('\n');
    expect(judgeConsole(text)).toEqual({
      kind: 'failed',
      why: 'the application ended 3 times',
      lines: ['Error: no database', '    at main'],
    });
  });

  it('shows its end where there is no verdict', () => {
    const text = Array.from({ length: 100 }, (_, index) => `line ${index}`).join('\n');
    expect(consoleEnd(text)).toHaveLength(40);
    expect(consoleEnd(text).at(-1)).toBe('line 99');
  });
});
