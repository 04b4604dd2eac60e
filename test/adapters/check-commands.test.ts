import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { LocalCheckCommands } from '../../src/adapters/check-commands';
import type { CommandCheck } from '../../src/domain/analysis/check';
import { groupIsAlive, signalGroup } from '../../automation/sandbox/lifecycle/processes';
import { until } from '../support/until';

const commands = new LocalCheckCommands();
const never = new AbortController().signal;

/** A command of this Node, so that it is the same on each machine. */
function script(text: string, timeoutSeconds = 30): CommandCheck {
  return { kind: 'command', command: [process.execPath, '-e', text], timeoutSeconds };
}

describe('a check command', () => {
  it('gets the facts as JSON on stdin, and is answered by its exit code and its output', async () => {
    const echo = script(
      `let text = ''; process.stdin.on('data', (part) => (text += part)).on('end', () => {
        console.log('version ' + JSON.parse(text).version); console.error('done'); process.exitCode = 2; });`,
    );
    const answer = await commands.run(echo, { version: '1.2.3' }, never);
    expect(answer.ending).toEqual({ kind: 'exited', code: 2 });
    expect(answer.output).toContain('version 1.2.3\n');
    expect(answer.output).toContain('done\n');
  });

  it('need not read its input', async () => {
    const facts = { much: 'x'.repeat(1_000_000) };
    const answer = await commands.run(script('process.exit(0)'), facts, never);
    expect(answer.ending).toEqual({ kind: 'exited', code: 0 });
  });

  it('is remembered by the end of what it printed', async () => {
    const answer = await commands.run(
      script(`process.stdout.write('a'.repeat(50_000) + 'the end')`),
      {},
      never,
    );
    expect(answer.output).toMatch(/^a+the end$/);
    expect(answer.output.length).toBe(1000);
  });

  it('that cannot be started says why', async () => {
    const missing: CommandCheck = { kind: 'command', command: ['/no/such/command'], timeoutSeconds: 5 };
    expect((await commands.run(missing, {}, never)).ending).toMatchObject({ kind: 'not-started' });
    const odd: CommandCheck = { kind: 'command', command: ['a\0b'], timeoutSeconds: 5 };
    expect((await commands.run(odd, {}, never)).ending).toMatchObject({ kind: 'not-started' });
  });

  it('that somebody else ends is not an answer', async () => {
    const answer = await commands.run(script(`process.kill(process.pid, 'SIGKILL')`), {}, never);
    expect(answer.ending).toEqual({ kind: 'killed', signal: 'SIGKILL' });
  });

  it('that does not end in time is ended, whether it wants or not', async () => {
    const stubborn = script(`process.on('SIGTERM', () => {}); setInterval(() => {}, 1000)`, 1);
    expect((await commands.run(stubborn, {}, never)).ending).toEqual({ kind: 'timed-out' });
  });
});

describe('what a check command started', () => {
  let folder: string;
  let file: string;
  beforeEach(async () => {
    folder = await mkdtemp(path.join(tmpdir(), 'bascule-check-'));
    file = path.join(folder, 'pid');
  });
  afterEach(async () => {
    const group = Number(await readFile(file, 'utf8').catch(() => '0'));
    if (group > 0) signalGroup(group, 'SIGKILL');
    await rm(folder, { recursive: true, force: true });
  });

  /** Starts a child that holds its output open and ignores SIGTERM, and writes down their group. */
  const parent = (then: string): string => `
    require('node:child_process').spawn(process.execPath,
      ['-e', "process.on('SIGTERM', () => {}); setInterval(() => {}, 1000)"], { stdio: 'inherit' });
    require('node:fs').writeFileSync(${JSON.stringify(file)} + '.new', String(process.pid));
    require('node:fs').renameSync(${JSON.stringify(file)} + '.new', ${JSON.stringify(file)});
    ${then}`;

  const started = (): Promise<number> =>
    until(
      async () => Number(await readFile(file, 'utf8').catch(() => '0')),
      (group) => group > 0,
    );

  const ended = (group: number): Promise<boolean> =>
    until(
      () => groupIsAlive(group),
      (alive) => !alive,
    );

  it('ends with it when nobody waits for it any more', async () => {
    const leaving = new AbortController();
    const running = commands.run(script(parent('setInterval(() => {}, 1000)')), {}, leaving.signal);
    const group = await started();
    leaving.abort();
    expect((await running).ending.kind).toBe('killed');
    await ended(group);
  });

  it('does not keep its answer back, nor outlive it', async () => {
    const answer = await commands.run(script(parent('process.exit(1)')), {}, never);
    expect(answer.ending).toEqual({ kind: 'exited', code: 1 });
    const group = await started();
    await ended(group);
  });
});
