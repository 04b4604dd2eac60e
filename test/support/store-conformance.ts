/** What every journal and every lease must do, whatever keeps it. */
import { describe, expect, it } from 'vitest';
import type { Holder, JournalRecord } from '../../src/domain/records';
import type { EnvironmentEventBody } from '../../src/domain/environment-log';
import type { RequestKind } from '../../src/domain/request';
import type {
  Clock,
  EnvironmentLog,
  HeldLease,
  Journal,
  LeaseAnswer,
  Leases,
  Requests,
} from '../../src/ports';

import { must } from './until';

export const LIFETIME = 60_000;
export const holder: Holder = { host: 'build-7', pid: 4242, user: 'ada', job: null };
export const other: Holder = { host: 'desk', pid: 17, user: 'grace', job: 'https://ci.example.com/1' };

/** A clock that moves when a test says so. */
export class HandClock implements Clock {
  constructor(private at = Date.parse('2026-11-21T12:00:00Z')) {}
  now = () => this.at;
  wait = () => Promise.resolve();
  pass(milliseconds: number): void {
    this.at += milliseconds;
  }
}

export function record(deployment: string, sequence: number, step = 'shift:eu-west-3'): JournalRecord {
  return { kind: 'started', step, format: 1, deployment, sequence, at: 1000 + sequence, fence: 1 };
}

/** Puts any text in the place of a record, past the journal. */
export type Spoil = (deployment: string, sequence: number, text: string) => Promise<void>;

/** What is left of a record that was cut off while it was written, in the ways that this can look. */
const TORN = [
  ['nothing', ''],
  ['half of one', JSON.stringify(record('one', 2)).slice(0, 40)],
  ['no object', '"started"'],
  ['one without its fields', JSON.stringify({ ...record('one', 2), step: undefined })],
  ['one without its head', JSON.stringify({ kind: 'started', step: 'shift:eu-west-3' })],
] as const;

export function journalConformance(make: () => Promise<{ journal: Journal; spoil: Spoil }>): void {
  describe('as a journal', () => {
    it('gives back all records in order, whatever order and number they came in', async () => {
      const { journal } = await make();
      const numbers = Array.from({ length: 45 }, (_, index) => index).reverse();
      await Promise.all(numbers.map((number) => journal.append(record('one', number))));
      expect(await journal.read('one')).toEqual(numbers.reverse().map((number) => record('one', number)));
    });

    it('knows nothing of a deployment without records', async () => {
      const { journal } = await make();
      expect(await journal.read('none')).toEqual([]);
    });

    it('lists deployments, oldest first, and none whose name only begins alike', async () => {
      const { journal } = await make();
      expect(await journal.list()).toEqual([]);
      await journal.append(record('2026-11-20t1', 0));
      await journal.append(record('2026-11-21t1', 0));
      await journal.append(record('2026-11-21t1b', 0));
      expect(await journal.list()).toEqual(['2026-11-20t1', '2026-11-21t1', '2026-11-21t1b']);
      expect(await journal.read('2026-11-21t1')).toHaveLength(1);
    });

    it('gives who follows what came since, and nothing while nothing came', async () => {
      const { journal, spoil } = await make();
      expect(await journal.after('one', 0)).toEqual([]);
      for (const number of [0, 1, 2]) await journal.append(record('one', number));
      expect(await journal.after('one', 1)).toEqual([record('one', 1), record('one', 2)]);
      expect(await journal.after('one', 3)).toEqual([]);
      await spoil('one', 3, '{"kind":"star');
      expect(await journal.after('one', 2)).toEqual([record('one', 2)]);
    });

    it('gives the newest record, and none that was cut off', async () => {
      const { journal, spoil } = await make();
      expect(await journal.newest('one')).toBeUndefined();
      for (const number of [0, 1, 2]) await journal.append(record('one', number));
      expect(await journal.newest('one')).toEqual(record('one', 2));
      await spoil('one', 3, '{"kind":"star');
      expect(await journal.newest('one')).toBeUndefined();
    });

    it('refuses a number that another record has, and keeps that record', async () => {
      const { journal } = await make();
      expect(await journal.append(record('one', 0, 'first'))).toBe('appended');
      expect(await journal.append(record('one', 0, 'second'))).toBe('conflict');
      expect(await journal.read('one')).toEqual([record('one', 0, 'first')]);
    });

    it('gives one number to one of many that want it at the same instant', async () => {
      const { journal } = await make();
      const rivals = Array.from({ length: 12 }, (_, index) =>
        journal.append(record('one', 0, `rival ${index}`)),
      );
      const answers = await Promise.all(rivals);
      const winner = answers.indexOf('appended');
      expect(answers.filter((answer) => answer === 'appended')).toHaveLength(1);
      expect(await journal.read('one')).toEqual([record('one', 0, `rival ${winner}`)]);
    });

    it.each(TORN)('leaves out a last record that was cut off and says which: %s', async (_, text) => {
      const { journal, spoil } = await make();
      const whole = [record('one', 0), record('one', 1)];
      for (const one of whole) await journal.append(one);
      await spoil('one', 2, text);
      expect(await journal.inspect('one')).toEqual({ records: whole, torn: 2 });
      expect(await journal.read('one')).toEqual(whole);
    });

    it('puts the next record in the place of one that was cut off, once', async () => {
      const { journal, spoil } = await make();
      await journal.append(record('one', 0));
      await spoil('one', 1, '{"kind":"star');
      const rivals = ['first', 'second', 'third'].map((step) => journal.append(record('one', 1, step)));
      const answers = await Promise.all(rivals);
      expect(answers.filter((answer) => answer === 'appended')).toHaveLength(1);
      const { records, torn } = await journal.inspect('one');
      expect({ records: records.length, torn }).toEqual({ records: 2, torn: null });
      expect(records[1]).toMatchObject({
        step: ['first', 'second', 'third'][answers.indexOf('appended')],
      });
    });

    it('does not read past a record in the middle that was cut off', async () => {
      const { journal, spoil } = await make();
      for (const number of [0, 1, 2]) await journal.append(record('one', number));
      await spoil('one', 1, '{"kind":');
      await expect(journal.read('one')).rejects.toMatchObject({ code: 'BASCULE_JOURNAL_UNREADABLE' });
    });

    it('neither leaves out nor replaces what a newer version wrote, nor a kind that it does not know', async () => {
      const { journal, spoil } = await make();
      const newer = { kind: 'later', format: 99, deployment: 'one', sequence: 0, at: 1, fence: 1 };
      await spoil('one', 0, JSON.stringify(newer));
      expect(await journal.read('one')).toEqual([newer]);
      expect(await journal.append(record('one', 0))).toBe('conflict');
      await spoil('two', 0, JSON.stringify({ ...newer, deployment: 'two', format: 1 }));
      await expect(journal.read('two')).rejects.toMatchObject({ code: 'BASCULE_JOURNAL_UNREADABLE' });
      expect(await journal.append(record('two', 0))).toBe('conflict');
    });
  });
}

export function held(answer: LeaseAnswer): HeldLease {
  if (answer.kind !== 'held') throw new Error(`refused, held by ${answer.by.holder.host}`);
  return answer.lease;
}

export function leasesConformance(make: (clock: Clock) => Promise<Leases>): void {
  describe('as a lease', () => {
    it('is nobody’s at first, and then says whose it is', async () => {
      const clock = new HandClock();
      const leases = await make(clock);
      expect(await leases.read()).toBeUndefined();
      expect(held(await leases.acquire('one', holder)).fence).toBe(1);
      expect(await leases.read()).toEqual({
        holder,
        deployment: 'one',
        fence: 1,
        acquiredAt: clock.now(),
        expiresAt: clock.now() + LIFETIME,
        released: false,
      });
    });

    it('refuses another while it is held, and says by whom', async () => {
      const leases = await make(new HandClock());
      await leases.acquire('one', holder);
      expect(await leases.acquire('two', other)).toMatchObject({
        kind: 'refused',
        by: { holder, deployment: 'one' },
      });
    });

    it('goes to one of many that want it at the same instant', async () => {
      const leases = await make(new HandClock());
      const answers = await Promise.all(
        Array.from({ length: 12 }, (_, pid) => leases.acquire(`rival ${pid}`, { ...other, pid })),
      );
      const winners = answers.flatMap((answer, pid) => (answer.kind === 'held' ? [pid] : []));
      expect(winners).toHaveLength(1);
      expect((await leases.read())?.holder.pid).toBe(winners[0]);
    });

    it('lasts as long as it is renewed', async () => {
      const clock = new HandClock();
      const leases = await make(clock);
      const lease = held(await leases.acquire('one', holder));
      for (let round = 0; round < 3; round += 1) {
        clock.pass(LIFETIME - 1);
        expect(await lease.renew()).toBe('renewed');
      }
      clock.pass(LIFETIME - 1);
      expect((await leases.acquire('two', other)).kind).toBe('refused');
    });

    it('goes to another when it expired, with a higher fence, and is lost to the former holder', async () => {
      const clock = new HandClock();
      const leases = await make(clock);
      const former = held(await leases.acquire('one', holder));
      clock.pass(LIFETIME);
      expect(held(await leases.acquire('two', other)).fence).toBe(2);
      expect(await former.renew()).toBe('lost');
      await former.release();
      expect(await leases.read()).toMatchObject({ holder: other, fence: 2, released: false });
    });

    it('is its holder’s until somebody takes it, expired or not', async () => {
      const clock = new HandClock();
      const leases = await make(clock);
      const former = held(await leases.acquire('one', holder));
      expect(await former.check()).toBe('held');
      clock.pass(2 * LIFETIME);
      expect(await former.check()).toBe('held');
      expect(await former.renew()).toBe('renewed');
      expect((await leases.acquire('two', other)).kind).toBe('refused');
      clock.pass(LIFETIME);
      const next = held(await leases.acquire('two', other));
      expect(await former.check()).toBe('lost');
      expect(await next.check()).toBe('held');
      await next.release();
      expect(await next.check()).toBe('lost');
      expect(await former.check()).toBe('lost');
    });

    it('is taken over, with a higher fence, as it was seen and not otherwise', async () => {
      const clock = new HandClock();
      const leases = await make(clock);
      const former = held(await leases.acquire('one', holder));
      const seen = must(await leases.read());
      clock.pass(1);
      await former.renew();
      expect(await leases.takeOver(seen, 'one', other)).toMatchObject({
        kind: 'refused',
        by: { holder, expiresAt: seen.expiresAt + 1 },
      });
      expect(await former.check()).toBe('held');
      const next = held(await leases.takeOver(must(await leases.read()), 'one', other));
      expect(next.fence).toBe(2);
      expect(await former.check()).toBe('lost');
      expect(await former.renew()).toBe('lost');
      await former.release();
      expect(await leases.read()).toMatchObject({ holder: other, fence: 2, released: false });
    });

    it('is taken over by one of many', async () => {
      const leases = await make(new HandClock());
      await leases.acquire('one', holder);
      const seen = must(await leases.read());
      const answers = await Promise.all(
        Array.from({ length: 8 }, (_, pid) => leases.takeOver(seen, 'one', { ...other, pid })),
      );
      expect(answers.filter((answer) => answer.kind === 'held')).toHaveLength(1);
    });

    it('is free once released, and its fence goes on rising', async () => {
      const leases = await make(new HandClock());
      const former = held(await leases.acquire('one', holder));
      await former.release();
      expect(await leases.read()).toMatchObject({ holder, released: true });
      expect(await former.renew()).toBe('lost');
      expect(held(await leases.acquire('two', other)).fence).toBe(2);
    });

    it('bears a heartbeat beside a release', async () => {
      const leases = await make(new HandClock());
      const lease = held(await leases.acquire('one', holder));
      await Promise.all([lease.renew(), lease.release(), lease.renew()]);
      expect(await leases.read()).toMatchObject({ fence: 1, released: true });
    });
  });
}

export function logConformance(make: (clock: Clock) => Promise<EnvironmentLog>): void {
  describe('as an environment’s log', () => {
    const frozen = (name: string): EnvironmentEventBody => {
      return { kind: 'frozen', by: holder, name, reason: 'audit', until: 5000 };
    };

    it('gives back what happened, in order, with its time', async () => {
      const clock = new HandClock();
      const log = await make(clock);
      expect(await log.read()).toEqual([]);
      const first = await log.append(frozen('one'));
      clock.pass(1000);
      const second = await log.append({ kind: 'thawed', by: other, name: 'one' });
      expect(await log.read()).toEqual([first, second]);
      expect([first, second]).toMatchObject([
        { kind: 'frozen', sequence: 0, at: clock.now() - 1000, by: holder },
        { kind: 'thawed', sequence: 1, at: clock.now(), by: other },
      ]);
    });

    it('loses none of many that come at the same instant', async () => {
      const log = await make(new HandClock());
      const names = Array.from({ length: 12 }, (_, index) => `freeze-${index}`);
      await Promise.all(names.map((name) => log.append(frozen(name))));
      const events = await log.read();
      expect(events.map((event) => event.sequence)).toEqual(names.map((_, index) => index));
      expect(events.map((event) => 'name' in event && event.name).sort()).toEqual([...names].sort());
    });
  });
}

export function requestsConformance(make: () => Promise<Requests>): void {
  describe('as the requests of a deployment', () => {
    const asking = (deployment: string, kind: RequestKind, step: string | null = null) => {
      return { deployment, kind, step, by: holder, at: 5 };
    };

    it('gives back what was asked, in order and by deployment, from any number on', async () => {
      const requests = await make();
      expect(await requests.read('one', 0)).toEqual([]);
      const first = await requests.append(asking('one', 'pause'));
      const second = await requests.append(asking('one', 'advance', 'soak:eu-west-3'));
      await requests.append(asking('two', 'abort'));
      expect([first, second]).toEqual([
        { ...asking('one', 'pause'), sequence: 0 },
        { ...asking('one', 'advance', 'soak:eu-west-3'), sequence: 1 },
      ]);
      expect(await requests.read('one', 0)).toEqual([first, second]);
      expect(await requests.read('one', 1)).toEqual([second]);
      expect(await requests.read('one', 2)).toEqual([]);
      expect(await requests.read('two', 0)).toMatchObject([{ kind: 'abort', sequence: 0 }]);
    });

    it('loses none of many that come at the same instant', async () => {
      const requests = await make();
      const many = Array.from({ length: 8 }, (_, index) => asking('one', 'advance', `step ${index}`));
      await Promise.all(many.map((one) => requests.append(one)));
      const found = await requests.read('one', 0);
      expect(found.map(({ sequence }) => sequence)).toEqual(many.map((_, index) => index));
      expect(found.map(({ step }) => step).sort()).toEqual(many.map(({ step }) => step).sort());
    });
  });
}
