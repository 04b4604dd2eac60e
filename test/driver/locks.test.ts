import { beforeEach, describe, expect, it } from 'vitest';
import { OpenJournal, Hold, PROOF_MILLISECONDS } from '../../automation/journaling';
import { holding } from '../../automation/operations/holding';
import { unlock } from '../../automation/operations/unlock';
import { LEASE_MILLISECONDS, type Sight } from '../../src/domain/lease';
import type { Holder } from '../../src/domain/records';
import type { HeldLease } from '../../src/ports';
import { emptyPlace, planOf } from '../support/deployments';
import type { FakeWorld } from '../support/fake-world';
import type { MemoryJournal, MemoryLeases } from '../support/memory';
import { refusal, sessionOf, story, type TestSession } from '../support/session';
import { held } from '../support/store-conformance';

const FORMER: Holder = { host: 'ci-7', pid: 42, user: 'ada', job: 'https://ci.example.com/7' };
const plan = planOf([
  { kind: 'point-test', id: 'point-test:eu-west-3', region: 'eu-west-3', colour: 'green', settling: false },
]);

let world: FakeWorld;
let journal: MemoryJournal;
let leases: MemoryLeases;
let session: TestSession;
let sight: Sight;

beforeEach(() => {
  ({ world, journal, leases } = emptyPlace());
  session = sessionOf(world, journal, leases);
  sight = 'unknown';
  session.sightOf = () => sight;
});

/** Another process deploys: it holds the lease, and its journal is open at the first step. */
async function deploying(): Promise<{ lease: HeldLease; journal: OpenJournal }> {
  const lease = held(await leases.acquire('one', FORMER));
  const open = OpenJournal.create(journal, world.clock, new Hold(lease, world.clock), 'one');
  await open.append({ kind: 'opened', plan, holder: FORMER });
  await open.append({ kind: 'started', step: 'point-test:eu-west-3' });
  return { lease, journal: open };
}

const notes = (): string[] =>
  session.messages.flatMap((message) => (message.kind === 'note' ? [message.text] : []));
const tale = async (): Promise<string[]> => story(await journal.read('one'));

describe('a second process', () => {
  it('is refused with who holds the environment, since when, at which step and what would end that', async () => {
    await deploying();
    const error = await refusal(holding(session, 'two', async () => 'done'));
    expect(error).toMatchObject({ code: 'BASCULE_HELD', exitCode: 6 });
    expect(error.message).toBe(
      'test is held by ada on ci-7 (process 42) since 2026-01-01T00:00:00.000Z, deployment one, at: test listener to green.',
    );
    expect(error.details).toEqual([
      'job: https://ci.example.com/7',
      'its lease expires at 2026-01-01T00:01:00.000Z unless it is renewed',
    ]);
  });

  it('is told when the holder’s process is gone, and what takes its place', async () => {
    await deploying();
    sight = 'gone';
    const error = await refusal(holding(session, 'two', async () => 'done'));
    expect(error).toMatchObject({ code: 'BASCULE_HELD', exitCode: 6 });
    expect(error.details.join()).toContain('process 42 on ci-7, which held it, does not run any more');
    expect(error.next).toMatch(/bascule resume test.*bascule abort test.*bascule unlock test/);
    expect(await leases.read()).toMatchObject({ holder: FORMER });
  });

  it('is told to unlock when the holder is gone and had not begun', async () => {
    await leases.acquire('one', FORMER);
    sight = 'gone';
    const error = await refusal(holding(session, 'two', async () => 'done'));
    expect(error.next).toBe(
      'Its holder is gone and left no deployment open: `bascule unlock test` frees the environment.',
    );
  });
});

describe('a process that is to go on in the place of the holder', () => {
  const succeed = () => holding(session, 'one', async (hold) => hold.fence, 'succeed-it');

  it('takes it at once where the holder’s process is seen to have ended, and writes that down', async () => {
    const former = await deploying();
    const began = world.clock.now();
    sight = 'gone';
    expect(await succeed()).toBe(2);
    expect(world.clock.now()).toBe(began);
    expect(await tale()).toEqual(['opened', 'started point-test:eu-west-3', 'unlocked']);
    expect(await session.log.read()).toMatchObject([
      { kind: 'unlocked', by: session.holder, former: FORMER, deployment: 'one', insisted: false },
    ]);
    const error = await refusal(former.journal.append({ kind: 'started', step: 'point-test:eu-west-3' }));
    expect(error).toMatchObject({ code: 'BASCULE_DISPLACED', exitCode: 6 });
    expect(await tale()).toHaveLength(3);
  });

  it('waits for the end of a lease that nobody renews, says so, and goes on', async () => {
    await deploying();
    await world.clock.wait(20_000);
    const began = world.clock.now();
    expect(await succeed()).toBe(2);
    expect(world.clock.now() - began).toBe(40_000);
    expect(notes()[0]).toBe(
      'test is held by ada on ci-7 (process 42); waiting up to 40 s: its lease ends then unless it is renewed',
    );
    // Said again every ten seconds, not every time that it is looked at.
    expect(notes()).toHaveLength(4);
    expect((await journal.read('one')).at(-1)).toMatchObject({
      kind: 'unlocked',
      former: FORMER,
      why: 'its lease expired at 2026-01-01T00:01:00.000Z and was not renewed',
    });
  });

  it('refuses as soon as the lease is renewed: its holder lives', async () => {
    const { lease } = await deploying();
    world.clock.after(15_000, () => void lease.renew());
    const began = world.clock.now();
    expect(await refusal(succeed())).toMatchObject({ code: 'BASCULE_HELD', exitCode: 6 });
    expect(world.clock.now() - began).toBe(15_000);
    expect(await lease.check()).toBe('held');
    expect(await tale()).toHaveLength(2);
  });

  it('refuses at once a holder whose process is seen to run', async () => {
    await deploying();
    sight = 'running';
    const began = world.clock.now();
    expect(await refusal(succeed())).toMatchObject({ code: 'BASCULE_HELD', exitCode: 6 });
    expect(world.clock.now()).toBe(began);
  });

  it('does not wait for a clock that is ahead: a lifetime of silence is enough', async () => {
    await deploying();
    const seen = await leases.read();
    const ahead = { ...seen, expiresAt: world.clock.now() + 3_600_000 };
    Object.assign(leases, { state: ahead });
    const began = world.clock.now();
    expect(await succeed()).toBe(2);
    expect(world.clock.now() - began).toBe(LEASE_MILLISECONDS);
    expect((await journal.read('one')).at(-1)).toMatchObject({
      why: 'its lease was not renewed for its lifetime',
    });
  });

  it('goes on when the lease is given back meanwhile, and has nothing to write down', async () => {
    const { lease } = await deploying();
    world.clock.after(5_000, () => void lease.release());
    expect(await succeed()).toBe(2);
    expect(await tale()).toHaveLength(2);
    expect(await session.log.read()).toEqual([]);
  });

  it('stops waiting when it is told to stop', async () => {
    await deploying();
    world.clock.after(5_000, () => session.stopNow());
    const began = world.clock.now();
    expect(await refusal(succeed())).toMatchObject({ code: 'BASCULE_HELD' });
    expect(world.clock.now() - began).toBe(5_000);
  });
});

describe('holding', () => {
  it('lets a write to AWS pass only while the lease is held', async () => {
    let guard: (() => Promise<void>) | undefined;
    session.guardWrites = (given) => void (guard = given);
    await holding(session, 'one', async () => {
      await guard?.();
      await world.clock.wait(PROOF_MILLISECONDS);
      await guard?.();
      const seen = await leases.read();
      if (seen === undefined) throw new Error('the lease is held');
      await leases.takeOver(seen, 'one', FORMER);
      await world.clock.wait(PROOF_MILLISECONDS);
      expect(await refusal(guard?.() ?? Promise.resolve())).toMatchObject({ code: 'BASCULE_DISPLACED' });
    });
    expect(guard).toBeUndefined();
    expect(await leases.read()).toMatchObject({ holder: FORMER, released: false });
  });

  it('gives the lease back also when the work fails', async () => {
    const work = () => Promise.reject(new Error('broken'));
    await expect(holding(session, 'one', work)).rejects.toThrow('broken');
    expect(await leases.read()).toMatchObject({ released: true });
  });
});

describe('unlock', () => {
  const plainly = { insist: false, reason: null };
  const insisting = { insist: true, reason: 'runner 7 is cut off' };

  it('has nothing to do where nobody holds the environment', async () => {
    expect(await unlock(session, plainly)).toEqual({ kind: 'free', former: null, why: null, open: null });
    const { lease } = await deploying();
    await lease.release();
    expect(await unlock(session, insisting)).toMatchObject({ kind: 'free', open: 'one' });
    expect(await session.log.read()).toEqual([]);
  });

  it.each(['running', 'unknown'] as const)(
    'is refused while the holder may live (%s), with what would prove it gone',
    async (seen) => {
      const former = await deploying();
      sight = seen;
      const error = await refusal(unlock(session, plainly));
      expect(error).toMatchObject({ code: 'BASCULE_HELD', exitCode: 6 });
      expect(error.message).toMatch(
        /held by ada on ci-7 \(process 42\) since .*, deployment one, at: test listener/,
      );
      expect(error.details.join('\n')).toMatch(
        /it is gone when its lease is not renewed until .*\nor when.*process 42/,
      );
      expect(error.next).toContain('--insist --reason');
      expect(await former.lease.check()).toBe('held');
      expect(await session.log.read()).toEqual([]);
    },
  );

  it.each([
    { what: 'its process ended', gone: () => (sight = 'gone'), why: /process 42 on ci-7.*does not run/ },
    {
      what: 'its lease expired',
      gone: () => void world.clock.wait(LEASE_MILLISECONDS),
      why: /its lease expired at 2026-01-01T00:01:00/,
    },
  ])('takes it when $what, leaves it free, and writes that down', async ({ gone, why }) => {
    const former = await deploying();
    gone();
    const began = world.clock.now();
    const done = await unlock(session, plainly);
    expect(done).toMatchObject({ kind: 'unlocked', former: { holder: FORMER }, open: 'one' });
    expect(done.why).toMatch(why);
    expect(world.clock.now()).toBe(began);
    expect(await leases.read()).toMatchObject({ fence: 2, released: true });
    const records = await journal.read('one');
    expect(records.at(-1)).toMatchObject({
      kind: 'unlocked',
      fence: 2,
      holder: session.holder,
      former: FORMER,
    });
    expect(await session.log.read()).toMatchObject([{ kind: 'unlocked', insisted: false, why: done.why }]);
    const error = await refusal(former.journal.append({ kind: 'started', step: 'point-test:eu-west-3' }));
    expect(error).toMatchObject({ code: 'BASCULE_DISPLACED', exitCode: 6 });
    expect(await former.lease.renew()).toBe('lost');
  });

  it('takes it from a holder that lives when a person insists, and waits until that one must have seen it', async () => {
    const former = await deploying();
    sight = 'running';
    const began = world.clock.now();
    const done = await unlock(session, insisting);
    expect(done).toMatchObject({ kind: 'unlocked', why: 'insisted: runner 7 is cut off' });
    expect(world.clock.now() - began).toBe(PROOF_MILLISECONDS);
    expect(await session.log.read()).toMatchObject([
      {
        kind: 'unlocked',
        by: session.holder,
        former: FORMER,
        insisted: true,
        why: 'insisted: runner 7 is cut off',
      },
    ]);
    expect(await former.lease.check()).toBe('lost');
    expect(await leases.read()).toMatchObject({ released: true });
  });

  it('lets nobody else in while it waits', async () => {
    await deploying();
    const tries: string[] = [];
    world.clock.after(1, () => void leases.acquire('two', FORMER).then(({ kind }) => tries.push(kind)));
    await unlock(session, insisting);
    expect(tries).toEqual(['refused']);
  });

  it('insists also against a heartbeat that comes in between', async () => {
    const former = await deploying();
    const read = leases.read.bind(leases);
    let beats = 0;
    leases.read = async () => {
      const seen = await read();
      beats += 1;
      await world.clock.wait(1);
      if (beats === 1) await former.lease.renew();
      return seen;
    };
    expect(await unlock(session, insisting)).toMatchObject({ kind: 'unlocked' });
    expect(beats).toBe(2);
  });

  it('does not take what was renewed after it was seen to expire', async () => {
    const former = await deploying();
    await world.clock.wait(LEASE_MILLISECONDS);
    const read = leases.read.bind(leases);
    leases.read = async () => {
      const seen = await read();
      await former.lease.renew();
      return seen;
    };
    expect(await refusal(unlock(session, plainly))).toMatchObject({ code: 'BASCULE_HELD', exitCode: 6 });
    expect(await former.lease.check()).toBe('held');
  });

  it('writes into no journal that is closed, or that never began', async () => {
    const former = await deploying();
    await former.journal.append({ kind: 'closed', outcome: 'failed', message: 'ended' });
    sight = 'gone';
    expect(await unlock(session, plainly)).toMatchObject({ kind: 'unlocked', open: null });
    expect((await tale()).at(-1)).toBe('closed');
    await leases.acquire('never-opened', FORMER);
    expect(await unlock(session, plainly)).toMatchObject({ kind: 'unlocked', open: null });
    expect(await journal.list()).toEqual(['one']);
    expect(await session.log.read()).toHaveLength(2);
  });
});
