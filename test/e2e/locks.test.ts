/** Who may work on an environment: leases of processes that are killed, paused or alive, and freezes. */
import { GetObjectCommand, PutObjectCommand } from '@aws-sdk/client-s3';
import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest';
import type { EventEntry, HistoryEntry } from '../../automation/operations/history';
import type { LeaseState } from '../../src/domain/lease';
import { startAwsProxy } from '../support/aws-proxy';
import type { Document, Program } from '../support/command-line';
import { ENVIRONMENT } from '../support/e2e-project';
import { apps, LiveEnvironment, soleColour } from '../support/e2e';
import { alsoAs } from '../support/releases';
import { must, until } from '../support/until';

const LEASE_KEY = `environments/${ENVIRONMENT}/lease.json`;
/** A gate that stays shut for a quarter of an hour, and one that opens after some looks. */
const SHUT = { consecutive: 100, intervalSeconds: 9, timeoutSeconds: 1200 };
const SLOW = { consecutive: 20, intervalSeconds: 0.5, timeoutSeconds: 60 };
const QUICK = { ...SLOW, consecutive: 2 };

let live: LiveEnvironment;

beforeAll(async () => {
  live = await LiveEnvironment.live(apps.service);
  await alsoAs(live, '1.0.0', ['2.0.0']);
});

afterAll(() => live?.dispose());
afterEach(() => live?.through());

function setGate(gate: typeof SHUT): Promise<void> {
  return live.change((settings) => {
    settings.deployment.healthGate = gate;
  });
}

/** Begins a deployment and waits until its gate is shut. */
async function atTheGate(gate: typeof SHUT): Promise<Program> {
  await setGate(gate);
  const program = live.begin('deploy', ENVIRONMENT, '--version', '2.0.0', '--force');
  await program.says(/health gate of \w+/);
  await setGate(QUICK);
  return program;
}

async function killedAtTheGate(gate: typeof SHUT): Promise<void> {
  const program = await atTheGate(gate);
  program.signal('SIGKILL');
  await program.ended;
}

async function lease(): Promise<LeaseState> {
  const { Body } = await live.s3().send(new GetObjectCommand({ Bucket: live.info.bucket, Key: LEASE_KEY }));
  return JSON.parse(must(await Body?.transformToString())) as LeaseState;
}

/** Writes the lease as another machine, or another time, would have left it. */
async function changeLease(change: Partial<LeaseState>): Promise<void> {
  const Body = JSON.stringify({ ...(await lease()), ...change });
  await live.s3().send(new PutObjectCommand({ Bucket: live.info.bucket, Key: LEASE_KEY, Body }));
}

interface Told extends Document {
  open?: string | null;
  next?: string;
}
const unlock = (...more: string[]) => live.run<Told>('unlock', ENVIRONMENT, ...more);
const kindsOf = async (deployment: string): Promise<string[]> =>
  (await live.journal(deployment)).map(({ kind }) => kind);

describe('unlock', () => {
  test('has nothing to do where nobody holds the environment', async () => {
    const answer = await unlock();
    expect(answer.exitCode, answer.stdout).toBe(0);
    expect(answer.json).toMatchObject({ outcome: 'not-held', open: null });
  });

  test('is refused while a deployment runs, with who that is and what would prove it gone', async () => {
    const program = await atTheGate(SHUT);
    const answer = await unlock();
    expect(answer.exitCode, answer.stdout).toBe(6);
    const { code, message, details, next } = must(answer.json.error);
    expect(code).toBe('BASCULE_HELD');
    expect(message).toMatch(
      /held by \S+ on \S+ \(process \d+\) since \S+, deployment \S+, at: health gate of/,
    );
    expect(message).toContain(`(process ${program.pid})`);
    expect(details.join('\n')).toContain(`or when process ${program.pid} ends, which runs on this machine`);
    expect(next).toContain(`bascule unlock ${ENVIRONMENT} --insist --reason`);
    const wordless = await unlock('--insist');
    expect({ exitCode: wordless.exitCode, code: wordless.json.error?.code }).toEqual({
      exitCode: 2,
      code: 'BASCULE_USAGE',
    });
    program.signal('SIGINT');
    expect((await program.ended).exitCode).toBe(3);
  });

  test('takes the lease of a deployment that was killed, which then goes on', async () => {
    await killedAtTheGate(SLOW);
    const { holder, open } = await live.status();
    expect(holder?.gone).toMatch(/process \d+ on \S+, which held it, does not run any more/);
    expect(open).toMatchObject({ running: false, torn: null });
    const refused = await live.deploy('2.0.0');
    expect(refused.exitCode, refused.stdout).toBe(6);
    expect(refused.json.error?.next).toMatch(/bascule resume e2e.*bascule abort e2e.*bascule unlock e2e/);
    const deployment = must(open).deployment;
    const answer = await unlock();
    expect(answer.exitCode, answer.stdout).toBe(0);
    expect(answer.json).toMatchObject({ outcome: 'unlocked', open: deployment });
    expect(answer.json.next).toMatch(/bascule resume e2e.*bascule abort e2e/);
    expect((await kindsOf(deployment)).at(-1)).toBe('unlocked');
    expect(await lease()).toMatchObject({ released: true });
    const interrupted = await live.deploy('2.0.0');
    expect({ exitCode: interrupted.exitCode, code: interrupted.json.error?.code }).toEqual({
      exitCode: 5,
      code: 'BASCULE_INTERRUPTED',
    });
    const resumed = await live.run('resume', ENVIRONMENT);
    expect(resumed.exitCode, resumed.stdout + resumed.stderr).toBe(0);
    expect(soleColour(await live.forwards())).toBe('blue');
    const history = await live.succeeds<{ deployments: HistoryEntry[]; events: EventEntry[] }>(
      'history',
      ENVIRONMENT,
      '--deployment',
      deployment,
    );
    expect(history.json.deployments[0]?.notes.join('\n')).toMatch(/unlocked by .* from .*\n.*resumed by/);
    expect(history.json.events).toMatchObject([{ kind: 'unlocked' }]);
  });

  test('by a person’s insistence displaces a process that lives: it stops without another change', async () => {
    const proxy = await startAwsProxy(live.info.endpoint);
    try {
      live.through(proxy);
      const program = await atTheGate(SHUT);
      live.through();
      program.signal('SIGSTOP');
      const refused = await unlock();
      expect(refused.exitCode, refused.stdout).toBe(6);
      const answer = await unlock('--insist', '--reason', 'the runner is cut off');
      expect(answer.exitCode, answer.stdout + answer.stderr).toBe(0);
      const aborted = await live.run('abort', ENVIRONMENT);
      expect(aborted.exitCode, aborted.stdout + aborted.stderr).toBe(3);
      await stopsWithoutAChange(
        program,
        must(answer.json.open),
        () => proxy.calls.filter(({ write, service }) => write && service !== 's3').length,
      );
      const { events } = (await live.succeeds<{ events: EventEntry[] }>('history', ENVIRONMENT)).json;
      expect(events[0]).toMatchObject({
        kind: 'unlocked',
        what: expect.stringContaining('insisted: the runner is cut off'),
      });
    } finally {
      await proxy.close();
    }
  });
});

/** Lets a paused process go on, which must end at once and leave everything as it is. */
async function stopsWithoutAChange(
  program: Program,
  deployment: string,
  writes: () => number,
): Promise<void> {
  const before = {
    journal: await live.journal(deployment),
    forwards: await live.forwards(),
    lease: await lease(),
    writes: writes(),
  };
  program.signal('SIGCONT');
  const ended = await live.answerOf(program);
  expect(ended.exitCode, ended.stdout + ended.stderr).toBe(6);
  expect(ended.json.error?.code).toBe('BASCULE_DISPLACED');
  expect({
    journal: await live.journal(deployment),
    forwards: await live.forwards(),
    lease: await lease(),
    writes: writes(),
  }).toEqual(before);
}

describe('a deployment whose process is gone', () => {
  test('is resumed at once on the same machine, and that is written down', async () => {
    await killedAtTheGate(SLOW);
    const answer = await live.run('resume', ENVIRONMENT);
    expect(answer.exitCode, answer.stdout + answer.stderr).toBe(0);
    expect(answer.stderr).not.toContain('waiting up to');
    const kinds = await kindsOf(must(answer.json.deployment));
    expect(kinds.slice(kinds.indexOf('unlocked'))).toEqual(
      expect.arrayContaining(['unlocked', 'resumed', 'closed']),
    );
  });

  test('is waited for from another machine until its lease ends, and not taken when that is renewed', async () => {
    await killedAtTheGate(SHUT);
    const { holder } = await lease();
    const elsewhere = { ...holder, host: 'ci-7', job: 'https://ci.example.com/7' };
    const far = Date.now() + 3_600_000;
    await changeLease({ holder: elsewhere, expiresAt: far });
    const resuming = live.begin('resume', ENVIRONMENT);
    await resuming.says(/is held by .* on ci-7 .*; waiting up to \d+ s/);
    await changeLease({ expiresAt: far + 1 });
    const refused = await live.answerOf(resuming);
    expect(refused.exitCode, refused.stdout).toBe(6);
    expect(refused.json.error?.details).toContain('job: https://ci.example.com/7');
    const aborting = live.begin('abort', ENVIRONMENT);
    await aborting.says(/waiting up to \d+ s/);
    await changeLease({ expiresAt: 1 });
    const aborted = await live.answerOf(aborting);
    expect(aborted.exitCode, aborted.stdout + aborted.stderr).toBe(3);
    expect(await kindsOf(must(aborted.json.deployment))).toContain('unlocked');
  });

  test('or was paused until another took its place, stops without another change', async () => {
    const program = await atTheGate(SHUT);
    program.signal('SIGSTOP');
    // As if it had been paused for longer than its lease lasts.
    await changeLease({ expiresAt: Date.now() - 1 });
    const aborted = await live.run('abort', ENVIRONMENT);
    expect(aborted.exitCode, aborted.stdout + aborted.stderr).toBe(3);
    await stopsWithoutAChange(program, must(aborted.json.deployment), () => 0);
  });
});

describe('a freeze', () => {
  const freeze = (...more: string[]) => live.run<Told>('freeze', ENVIRONMENT, ...more);

  test('must have a reason, a moment in the future with its zone, and a plain name', async () => {
    const answer = await freeze('--reason', 'audit', '--until', '2099-12-24T18:00:00', '--name', 'a b');
    expect(answer.exitCode).toBe(2);
    expect(answer.json.error?.message).toMatch(
      /--name is "a b"; it must be .*--until is "2099-.*; it must be a time/,
    );
    const past = await freeze('--reason', 'audit', '--until', '2020-01-01T00:00:00Z');
    expect(past.exitCode).toBe(2);
    expect(past.json.error?.message).toContain('which is not in the future');
    const nothing = await freeze();
    expect(nothing.exitCode).toBe(2);
    expect(nothing.json.error?.message).toMatch(/reason.*until/);
  });

  test('blocks deployments, shows in the status, is overridden by name, and lets a rollback pass', async () => {
    const frozen = await freeze('--reason', 'quarter’s end', '--until', '2d', '--name', 'quarter');
    expect(frozen.exitCode, frozen.stdout).toBe(0);
    const before = await live.forwards();
    const blocked = await live.deploy('1.0.0');
    expect(blocked.exitCode, blocked.stdout).toBe(2);
    expect(blocked.json.error).toMatchObject({ code: 'BASCULE_FROZEN' });
    expect(blocked.json.error?.message).toMatch(/^e2e is frozen until \S+: quarter’s end\.$/);
    expect(blocked.json.error?.details.join()).toMatch(/^quarter: until \S+, by \S+ on \S+ \(process \d+\)/);
    expect(blocked.json.error?.next).toContain('--override-freeze quarter');
    expect(await live.forwards()).toEqual(before);
    expect((await live.status()).freezes).toMatchObject([{ name: 'quarter', reason: 'quarter’s end' }]);
    const wrong = await live.deploy('1.0.0', '--override-freeze', 'xmas');
    expect({ exitCode: wrong.exitCode, code: wrong.json.error?.code }).toEqual({
      exitCode: 2,
      code: 'BASCULE_FREEZE_UNKNOWN',
    });
    const past = await live.deploy('1.0.0', '--override-freeze', 'quarter');
    expect(past.exitCode, past.stdout + past.stderr).toBe(0);
    expect((await live.journal(must(past.json.deployment)))[0]).toMatchObject({ overrode: ['quarter'] });
    const back = await live.run('rollback', ENVIRONMENT);
    expect(back.exitCode, back.stdout + back.stderr).toBe(0);
    const { events } = (await live.succeeds<{ events: EventEntry[] }>('history', ENVIRONMENT)).json;
    expect(events.slice(0, 2).map(({ kind }) => kind)).toEqual(['freezeOverridden', 'frozen']);
  });

  test('ends by itself, and others before their time by a thaw', async () => {
    const soon = new Date(Date.now() + 10_000).toISOString();
    expect((await freeze('--reason', 'soon over', '--until', soon, '--name', 'short')).exitCode).toBe(0);
    await until(
      async () => (await live.status()).freezes.map(({ name }) => name),
      (names) => names.join() === 'quarter',
      60,
    );
    expect(Date.now()).toBeGreaterThanOrEqual(Date.parse(soon));
    expect((await live.run('thaw', ENVIRONMENT, '--name', 'short')).exitCode).toBe(2);
    const thawed = await live.run('thaw', ENVIRONMENT);
    expect(thawed.json.outcome, thawed.stdout).toBe('thawed');
    expect((await live.run('thaw', ENVIRONMENT)).json.outcome).toBe('not-frozen');
    const deployed = await live.deploy('1.0.0');
    expect(deployed.exitCode, deployed.stdout + deployed.stderr).toBe(0);
  });
});
