import { beforeEach, describe, expect, it } from 'vitest';
import { Hold, OpenJournal, PROOF_MILLISECONDS } from '../../automation/journaling';
import type { RecordBody } from '../../src/domain/records';
import type { HeldLease } from '../../src/ports';
import { planOf } from '../support/deployments';
import { MemoryJournal, MemoryLeases } from '../support/memory';
import { refusal } from '../support/session';
import { HandClock, held, holder, LIFETIME, other } from '../support/store-conformance';
import { must } from '../support/until';

let clock: HandClock;
let journal: MemoryJournal;
let leases: MemoryLeases;
/** What was asked of the lease, in order. */
let asked: string[];
let answers: boolean;

const opened: RecordBody = { kind: 'opened', plan: planOf([]), holder };
const resumed: RecordBody = { kind: 'resumed', holder: other };
const reason = { code: 'BASCULE_STOPPED', message: 'stopped', details: [] };
const asking: RecordBody = { kind: 'rollbackRequested', reason };

beforeEach(() => {
  clock = new HandClock();
  journal = new MemoryJournal();
  leases = new MemoryLeases(clock, LIFETIME);
  asked = [];
  answers = true;
});

/** A lease that writes down what is asked of it, and gives no answer when told so. */
function watched(lease: HeldLease): HeldLease {
  const ask = <T>(what: string, work: () => Promise<T>) => {
    asked.push(what);
    return answers ? work() : Promise.reject(new Error('no answer'));
  };
  return {
    fence: lease.fence,
    lifetime: lease.lifetime,
    renew: () => ask('renew', () => lease.renew()),
    check: () => ask('check', () => lease.check()),
    release: () => lease.release(),
  };
}

async function hold(of = holder): Promise<Hold> {
  return new Hold(watched(held(await leases.acquire('one', of))), clock, () => clock.now());
}

/** Takes the lease from whoever has it, as another process would. */
async function takeOver(): Promise<Hold> {
  const lease = held(await leases.takeOver(must(await leases.read()), 'one', other));
  return new Hold(lease, clock, () => clock.now());
}

async function kinds(): Promise<string[]> {
  return (await journal.read('one')).map(({ kind, fence }) => `${kind} under ${fence}`);
}

describe('a lease as a process sees it that may have been paused', () => {
  it('asks again only when its last proof is old', async () => {
    const one = await hold();
    expect(await one.prove()).toBe('held');
    clock.pass(PROOF_MILLISECONDS - 1);
    expect(await one.prove()).toBe('held');
    expect(asked).toEqual([]);
    clock.pass(1);
    expect(await one.prove()).toBe('held');
    expect(await one.prove()).toBe('held');
    expect(asked).toEqual(['check']);
  });

  it('counts from before it asked: an answer that was long under way proves nothing', async () => {
    const lease = held(await leases.acquire('one', holder));
    const slow: HeldLease = {
      ...lease,
      check: () => {
        asked.push('check');
        clock.pass(PROOF_MILLISECONDS);
        return lease.check();
      },
    };
    const one = new Hold(slow, clock, () => clock.now());
    await one.check();
    await one.prove();
    expect(asked).toEqual(['check', 'check']);
  });

  it('is renewed first when it expired, if nobody took it', async () => {
    const one = await hold();
    clock.pass(LIFETIME);
    expect(await one.prove()).toBe('held');
    expect(asked).toEqual(['renew']);
    expect((await leases.acquire('two', other)).kind).toBe('refused');
  });

  it.each(['check', 'renew'] as const)(
    'is lost for good once a %s says so, without another call',
    async (how) => {
      const one = await hold();
      await takeOver();
      expect(one.displaced.aborted).toBe(false);
      expect(await one[how]()).toBe('lost');
      expect(one.displaced.aborted).toBe(true);
      asked = [];
      expect(await one.prove()).toBe('lost');
      expect(asked).toEqual([]);
    },
  );

  it.each([
    { clocks: 'the monotonic clock stood still (a suspended machine)', wall: LIFETIME, ticks: 0 },
    { clocks: 'the wall clock was set back', wall: -LIFETIME, ticks: LIFETIME },
  ])('has expired by the longer of two clocks: $clocks', async ({ wall, ticks }) => {
    let monotonic = 0;
    const one = new Hold(watched(held(await leases.acquire('one', holder))), clock, () => monotonic);
    clock.pass(wall);
    monotonic += ticks;
    await one.prove();
    expect(asked).toEqual(['renew']);
  });
});

describe('a journal', () => {
  it('is looked at after each append: a process that was displaced just then does not act upon it', async () => {
    const one = OpenJournal.create(journal, clock, await hold(), 'one');
    await one.append(opened);
    expect(asked).toEqual(['check']);
    const append = journal.append.bind(journal);
    journal.append = async (record) => {
      const answer = await append(record);
      await takeOver();
      return answer;
    };
    const error = await refusal(one.append(asking));
    expect(error).toMatchObject({ code: 'BASCULE_DISPLACED', exitCode: 6 });
  });

  it('is not written to by a process that was paused past its lease and displaced', async () => {
    const one = OpenJournal.create(journal, clock, await hold(), 'one');
    await one.append(opened);
    clock.pass(LIFETIME);
    await takeOver();
    const error = await refusal(one.append(asking));
    expect(error).toMatchObject({ code: 'BASCULE_DISPLACED', exitCode: 6 });
    expect(await kinds()).toEqual(['opened under 1']);
  });

  it('is not written to after a pause while the lease can neither be renewed nor looked at', async () => {
    const one = OpenJournal.create(journal, clock, await hold(), 'one');
    await one.append(opened);
    clock.pass(LIFETIME);
    answers = false;
    await expect(one.append(asking)).rejects.toThrow('no answer');
    expect(await kinds()).toEqual(['opened under 1']);
    answers = true;
    await one.append(asking);
    expect(await kinds()).toEqual(['opened under 1', 'rollbackRequested under 1']);
  });

  it('keeps what it wrote when the look at the lease gets no answer, and goes on from there', async () => {
    const one = OpenJournal.create(journal, clock, await hold(), 'one');
    await one.append(opened);
    answers = false;
    await expect(one.append(asking)).rejects.toThrow('no answer');
    answers = true;
    expect(one.state.turnedBack).toEqual(reason);
    expect((await one.append(resumed)).sequence).toBe(2);
  });

  it('goes on after the last record of a former holder that it did not see', async () => {
    const former = OpenJournal.create(journal, clock, await hold(), 'one');
    await former.append(opened);
    const next = await OpenJournal.open(journal, clock, await takeOver(), 'one');
    // The former holder is between two looks at its lease.
    await expect(former.append(asking)).rejects.toMatchObject({ code: 'BASCULE_DISPLACED' });
    await next.append(resumed);
    expect(await kinds()).toEqual(['opened under 1', 'rollbackRequested under 1', 'resumed under 2']);
    expect(next.state.turnedBack).toEqual(reason);
  });

  it('is not gone on with when its former holder has just ended it', async () => {
    const former = OpenJournal.create(journal, clock, await hold(), 'one');
    await former.append(opened);
    const next = await OpenJournal.open(journal, clock, await takeOver(), 'one');
    await refusal(former.append({ kind: 'closed', outcome: 'failed', message: 'ended' }));
    expect(await refusal(next.append(resumed))).toMatchObject({ code: 'BASCULE_DISPLACED' });
    expect(await kinds()).toEqual(['opened under 1', 'closed under 1']);
  });

  it('stops at a number that is taken in the middle, also with the lease in hand', async () => {
    const one = OpenJournal.create(journal, clock, await hold(), 'one');
    await one.append(opened);
    await journal.append({ ...resumed, format: 1, deployment: 'one', sequence: 1, at: 0, fence: 0 });
    expect(await refusal(one.append(asking))).toMatchObject({ code: 'BASCULE_DISPLACED', exitCode: 6 });
  });

  it('puts its next record in the place of one that was cut off', async () => {
    const former = OpenJournal.create(journal, clock, await hold(), 'one');
    await former.append(opened);
    journal.spoil('one', 1, '{"kind":"roll');
    const next = await OpenJournal.open(journal, clock, await takeOver(), 'one');
    await next.append(resumed);
    expect(await kinds()).toEqual(['opened under 1', 'resumed under 2']);
  });
});
