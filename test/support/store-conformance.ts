/** What every journal and every lease must do, whatever keeps it. */
import { describe, expect, it } from 'vitest';
import type { Holder, JournalRecord } from '../../src/domain/records';
import type { Clock, HeldLease, Journal, LeaseAnswer, Leases } from '../../src/ports';

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

export function journalConformance(make: () => Promise<Journal>): void {
  describe('as a journal', () => {
    it('gives back all records in order, whatever order and number they came in', async () => {
      const journal = await make();
      const numbers = Array.from({ length: 45 }, (_, index) => index).reverse();
      await Promise.all(numbers.map((number) => journal.append(record('one', number))));
      expect(await journal.read('one')).toEqual(numbers.reverse().map((number) => record('one', number)));
    });

    it('knows nothing of a deployment without records', async () => {
      expect(await (await make()).read('none')).toEqual([]);
    });

    it('lists deployments, oldest first, and none whose name only begins alike', async () => {
      const journal = await make();
      expect(await journal.list()).toEqual([]);
      await journal.append(record('2026-11-20t1', 0));
      await journal.append(record('2026-11-21t1', 0));
      await journal.append(record('2026-11-21t1b', 0));
      expect(await journal.list()).toEqual(['2026-11-20t1', '2026-11-21t1', '2026-11-21t1b']);
      expect(await journal.read('2026-11-21t1')).toHaveLength(1);
    });

    it('refuses a number that another record has, and keeps that record', async () => {
      const journal = await make();
      expect(await journal.append(record('one', 0, 'first'))).toBe('appended');
      expect(await journal.append(record('one', 0, 'second'))).toBe('conflict');
      expect(await journal.read('one')).toEqual([record('one', 0, 'first')]);
    });

    it('gives one number to one of many that want it at the same instant', async () => {
      const journal = await make();
      const rivals = Array.from({ length: 12 }, (_, index) =>
        journal.append(record('one', 0, `rival ${index}`)),
      );
      const answers = await Promise.all(rivals);
      const winner = answers.indexOf('appended');
      expect(answers.filter((answer) => answer === 'appended')).toHaveLength(1);
      expect(await journal.read('one')).toEqual([record('one', 0, `rival ${winner}`)]);
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
