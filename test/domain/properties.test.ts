import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { decide, hasMoved, type Action } from '../../src/domain/decide';
import { heldSteps } from '../../src/domain/undoing';
import { BasculeError } from '../../src/domain/errors';
import type { JournalRecord, Plan } from '../../src/domain/records';
import { shapeOfRecord } from '../../src/domain/record-shape';
import { replay, type DeploymentState, type StepPhase } from '../../src/domain/replay';
import { isOfStage } from '../../src/domain/shifts';
import { unknownRegions } from '../../src/domain/regions';
import { isWatched, type Step, type StepKind } from '../../src/domain/step';
import { fortunes, journals, plans, prefixes, Story } from '../support/arbitraries';
import { MemoryJournal } from '../support/memory';

/** Enough to meet every kind of journal, few enough for the time of a unit test. */
const RUNS = { numRuns: 150 };

function phaseOf(state: DeploymentState, step: Step): StepPhase {
  return state.steps[step.id]?.phase ?? 'pending';
}

function stepsOf(state: DeploymentState, ...kinds: StepKind[]): Step[] {
  return state.plan.steps.filter((step) => kinds.includes(step.kind));
}

/** Whether a step is done, or a person went past it. */
function isBehind(state: DeploymentState, step: Step): boolean {
  const phase = phaseOf(state, step);
  return phase === 'verified' || (state.full && isOfStage(step) && ['pending', 'undone'].includes(phase));
}

/** What was begun and neither undone nor, as far as the journal knows, left as it was. */
function shiftsInForce(state: DeploymentState): Step[] {
  return stepsOf(state, 'shift').filter((step) => !['pending', 'undone'].includes(phaseOf(state, step)));
}

const AFTER_THE_PROOF: StepKind[] = ['release', 'unpin', 'keep-warm', 'traffic-end', 'retire'];

/** Every way in which an action would be unsafe in a state; empty for a safe one. */
function dangers(state: DeploymentState, action: Action): string[] {
  switch (action.kind) {
    case 'start':
    case 'recover':
    case 'verify':
      return dangersForward(state, action.step);
    case 'undo':
      return dangersBackward(state, action.step);
    case 'halt':
      return state.leaving === null && unknownRegions(state).length === 0 ? ['halts without a reason'] : [];
    case 'close':
      return dangersOfClosing(state, action.outcome);
  }
}

function dangersForward(state: DeploymentState, step: Step): string[] {
  const found: string[] = [];
  if (state.turnedBack !== null) found.push('goes forward after it turned back');
  if (state.halted !== null) found.push('goes forward after it was halted');
  if (state.leaving !== null) found.push('goes forward while regions go back');
  const before = state.plan.steps.slice(0, state.plan.steps.indexOf(step));
  for (const one of before)
    if (!isBehind(state, one) && !isBeside(one, step) && !isPassedOver(state, one))
      found.push(`${step.id} before ${one.id} is verified`);
  if (step.kind === 'shift')
    for (const gate of gatesOf(state, step))
      if (phaseOf(state, gate) !== 'verified') found.push(`traffic moves before ${gate.id}`);
  if (AFTER_THE_PROOF.includes(step.kind) || (step.kind === 'migrate' && step.phase === 'contract'))
    for (const one of stepsOf(state, 'shift', 'analyse', 'prove', 'soak'))
      if (!isBehind(state, one) && !isPassedOver(state, one))
        found.push(`${step.id} before ${one.id} in any region`);
  if (step.kind === 'retire') {
    const end = stepsOf(state, 'traffic-end').find((one) => one.region === step.region);
    if (end === undefined || phaseOf(state, end) !== 'verified')
      found.push(`${step.id} before its traffic ended`);
  }
  return found;
}

/** Whether two steps watch side by side. */
function isBeside(one: Step, other: Step): boolean {
  return isWatched(one) && isWatched(other) && one.group !== undefined && one.group === other.group;
}

/** What moves traffic back, or takes nothing away, goes past a region that gives no answer. */
function isPassedOver(state: DeploymentState, { region }: Step): boolean {
  return state.plan.purpose !== 'deploy' && state.silent[region] !== undefined;
}

/** What a shift needs: of its own region, and of the database that all regions share. */
function gatesOf(state: DeploymentState, { region }: Step): Step[] {
  const own = stepsOf(state, 'apply-idle', 'health-gate', 'smoke', 'hold');
  const expands = state.plan.steps.filter((step) => step.kind === 'migrate' && step.phase === 'expand');
  return [...own.filter((step) => step.region === region), ...expands];
}

function dangersBackward(state: DeploymentState, step: Step): string[] {
  const found: string[] = [];
  const { turnedBack, halted, leaving, silent } = state;
  if (turnedBack === null && halted === null && leaving === null) found.push('undoes without a reason');
  const goesBack = (region: string): boolean =>
    halted !== null || turnedBack !== null || leaving === null || leaving.regions.includes(region);
  if (!goesBack(step.region)) found.push(`undoes ${step.id} of a region that is to stay`);
  if (silent[step.region]?.then === 'given-up') found.push(`asks ${step.region}, which was given up`);
  if (state.halted !== null && step.kind !== 'hold') found.push(`undoes ${step.id} after it was halted`);
  if (['pending', 'undone'].includes(phaseOf(state, step)))
    found.push(`undoes ${step.id}, which is not done`);
  const shifts = shiftsInForce(state).filter(
    ({ region }) => goesBack(region) && silent[region]?.then === silent[step.region]?.then,
  );
  if (state.halted === null && shifts.length > 0 && step !== shifts.at(-1))
    found.push(`undoes ${step.id} before the weights`);
  return found;
}

function isGivenUp({ silent }: DeploymentState, { region }: Step): boolean {
  return silent[region]?.then === 'given-up';
}

function dangersOfClosing(state: DeploymentState, outcome: string): string[] {
  const found: string[] = [];
  for (const hold of heldSteps(state))
    if (phaseOf(state, hold) !== 'unrestored' && !isGivenUp(state, hold))
      found.push(`leaves fleets as ${hold.id} made them`);
  if (outcome !== 'halted' && unknownRegions(state).length > 0)
    found.push('says that what is unknown is done');
  const unfinished = state.plan.steps.filter((step) => !isBehind(state, step));
  switch (outcome) {
    case 'succeeded':
      if (unfinished.length > 0) found.push(`succeeds without ${unfinished[0]?.id}`);
      if (state.turnedBack !== null) found.push('succeeds after it turned back');
      break;
    case 'failed':
      if (hasMoved(state)) found.push('says that traffic never moved');
      if (shiftsInForce(state).length > 0) found.push('leaves weights that it wrote');
      break;
    case 'rolled-back':
      if (shiftsInForce(state).length > 0) found.push('leaves weights that it wrote');
      break;
    case 'halted':
      if (state.halted === null) found.push('halts without a reason');
      break;
  }
  return found;
}

function judged(records: readonly JournalRecord[]): [DeploymentState, Action] {
  const state = replay(records);
  return [state, decide(state)];
}

describe('any prefix of any journal', () => {
  it('replays to a state from which there is a safe action', () => {
    fc.assert(
      fc.property(prefixes, (records) => {
        expect(dangers(...judged(records))).toEqual([]);
      }),
      { numRuns: 600 },
    );
  });

  it('replays to the same state each time, also from its text, and deciding changes nothing', () => {
    fc.assert(
      fc.property(prefixes, (records) => {
        const state = replay(records);
        const before = structuredClone(state);
        expect(decide(state)).toEqual(decide(state));
        expect(state).toEqual(before);
        expect(replay(records)).toEqual(state);
        expect(replay(JSON.parse(JSON.stringify(records)) as JournalRecord[])).toEqual(state);
        expect(state.next).toBe(records.length);
        expect(state.fence).toBe(Math.max(...records.map((record) => record.fence)));
      }),
      RUNS,
    );
  });

  it('can be ended by whoever takes it over, whatever was left half-way', () => {
    fc.assert(
      fc.property(prefixes, (records) => {
        const rest = Story.continued(records).write();
        const { closed } = replay(rest);
        expect(closed).not.toBeNull();
        expect(rest.slice(0, records.length)).toEqual(records);
        // Each step is begun, looked at and undone at most once by a process that nothing disturbs.
        expect(rest.length - records.length).toBeLessThanOrEqual(2 + 5 * replay(rest).plan.steps.length);
      }),
      RUNS,
    );
  });

  it('goes on as the process that wrote it did, when nothing came in between', () => {
    fc.assert(
      fc.property(plans, (plan) => {
        const records = new Story(plan, []).write();
        expect(replay(records).closed?.outcome).toBe('succeeded');
        for (let length = 1; length < records.length; length += 1) {
          const action = decide(replay(records.slice(0, length)));
          const next = records[length];
          if (action.kind === 'start') expect(next).toMatchObject({ kind: 'started', step: action.step.id });
          if (action.kind === 'close') expect(next?.kind).toBe('closed');
        }
      }),
      { numRuns: 50 },
    );
  });

  it('puts back after the last time what it held, before it succeeds', () => {
    fc.assert(
      fc.property(journals, (records) => {
        const { plan, closed } = replay(records);
        if (closed?.outcome !== 'succeeded') return;
        const lastRun = (id: string) =>
          records.findLastIndex((record) => record.kind === 'ran' && record.step === id);
        for (const step of plan.steps)
          if (step.kind === 'release') expect(lastRun(step.id)).toBeGreaterThan(lastRun(step.hold));
      }),
      { numRuns: 300 },
    );
  });

  it('once closed stays as it was closed', () => {
    fc.assert(
      fc.property(journals, (records) => {
        const state = replay(records);
        expect(decide(state)).toMatchObject({ kind: 'close', outcome: state.closed?.outcome });
      }),
      RUNS,
    );
  });

  it('goes back, weights first, as soon as the way back is asked for', () => {
    fc.assert(
      fc.property(plans, fortunes, fc.nat(), (plan, fortune, at) => {
        const whole = new Story(plan, fortune).write();
        const story = Story.continued(whole.slice(0, 1 + (at % whole.length)));
        story.abort();
        const rest = story.write();
        const undone = rest
          .slice(story.began)
          .flatMap((record) => (record.kind === 'undoStarted' ? [record.step.split(':')[0]] : []));
        expect(undone.lastIndexOf('shift')).toBe(undone.filter((kind) => kind === 'shift').length - 1);
        for (let length = story.began + 2; length < rest.length; length += 1)
          expect(dangers(...judged(rest.slice(0, length)))).toEqual([]);
        expect(['failed', 'rolled-back', 'halted']).toContain(replay(rest).closed?.outcome);
        const end = replay(rest);
        expect(shiftsInForce(end).filter((step) => !isGivenUp(end, step))).toEqual([]);
      }),
      RUNS,
    );
  });
});

function refusalOf(records: readonly JournalRecord[]): BasculeError {
  try {
    replay(records);
  } catch (thrown) {
    if (thrown instanceof BasculeError) return thrown;
    throw thrown;
  }
  throw new Error('it was not refused');
}

/** A journal of several records and a place in it. */
const journalWithPlace = journals.chain((records) =>
  fc.tuple(fc.constant(records), fc.integer({ min: 1, max: records.length - 1 })),
);

function changed(records: readonly JournalRecord[], at: number, change: object): JournalRecord[] {
  return records.map((record, index) => (index === at ? { ...record, ...change } : record));
}

/** Ways to spoil a journal, each with what a person must read of it. */
const DAMAGES: Record<
  string,
  [damage: (records: JournalRecord[], at: number) => JournalRecord[], says: RegExp]
> = {
  'its beginning is gone': [(records, at) => records.slice(at), /first record is missing/],
  'all of it is gone': [() => [], /first record is missing/],
  'one record is gone': [
    (records, at) => [...records.slice(0, at), ...records.slice(at + 1), extra(records)],
    /record \d+ is missing before record \d+/,
  ],
  'one record stands twice': [
    (records, at) => [...records.slice(0, at + 1), ...records.slice(at)],
    /record \d+ is missing before record \d+|stands twice/,
  ],
  'a former holder wrote one': [(records, at) => changed(records, at, { fence: 0 }), /a former holder/],
  'a newer Bascule wrote one': [(records, at) => changed(records, at, { format: 1000 }), /is of format 1000/],
  'one is of a kind that this Bascule does not know': [
    (records, at) => changed(records, at, { kind: 'teleported' }),
    /teleported/,
  ],
  'one names a step that is not in the plan': [
    (records, at) => changed(records, at, { kind: 'started', step: 'shift:mars' }),
    /shift:mars/,
  ],
};

function lastOf(records: readonly JournalRecord[]): JournalRecord {
  const last = records.at(-1);
  if (last === undefined) throw new Error('the journal has records');
  return last;
}

function extra(records: readonly JournalRecord[]): JournalRecord {
  const last = lastOf(records);
  return { ...last, sequence: last.sequence + 1 };
}

describe('a journal that is not whole', () => {
  it.each(Object.entries(DAMAGES))('is refused with its reason: %s', (_what, [damage, says]) => {
    fc.assert(
      fc.property(journalWithPlace, ([records, at]) => {
        const error = refusalOf(damage(records, at));
        expect(error).toMatchObject({ code: 'BASCULE_JOURNAL_UNREADABLE', exitCode: 5 });
        expect(error.message).toMatch(says);
        expect(error.next).not.toBe('');
      }),
      { numRuns: 40 },
    );
  });
});

/** The journal as its texts lie in a bucket, the last of them spoilt. */
async function stored(records: readonly JournalRecord[], spoil: (text: string) => string) {
  const journal = new MemoryJournal();
  for (const record of records) await journal.append(record);
  const last = lastOf(records);
  journal.spoil(last.deployment, last.sequence, spoil(JSON.stringify(last)));
  return { journal, last };
}

describe('a last record that was cut off while it was written', () => {
  it('is recognised wherever it was cut; the rest is as if it had never been begun, and its place is free', async () => {
    await fc.assert(
      fc.asyncProperty(prefixes, fc.double({ min: 0, max: 1, noNaN: true }), async (records, where) => {
        const { journal, last } = await stored(records, (text) =>
          text.slice(0, Math.floor(where * (text.length - 1))),
        );
        const read = await journal.inspect(last.deployment);
        expect(read).toEqual({ records: records.slice(0, -1), torn: last.sequence });
        if (read.records.length > 0) expect(dangers(...judged(read.records))).toEqual([]);
        expect(await journal.append(last)).toBe('appended');
        expect(await journal.read(last.deployment)).toEqual(records);
      }),
      RUNS,
    );
  });

  it('is told from one that is whole, whatever it says, and from one of a kind that nobody knows', () => {
    fc.assert(
      fc.property(prefixes, (records) => {
        const last = lastOf(records);
        expect(shapeOfRecord(JSON.stringify(last))).toEqual({ kind: 'whole', value: last });
        const foreign = JSON.stringify({ ...last, kind: 'teleported' });
        expect(shapeOfRecord(foreign)).toMatchObject({
          kind: 'foreign',
          why: expect.stringContaining('teleported'),
        });
      }),
      RUNS,
    );
  });

  it('is not taken for the last one when others follow', async () => {
    await fc.assert(
      fc.asyncProperty(journals, fc.nat(), async (records, at) => {
        const journal = new MemoryJournal();
        for (const record of records) await journal.append(record);
        const { deployment } = lastOf(records);
        journal.spoil(deployment, at % (records.length - 1), '{"kind":"star');
        await expect(journal.read(deployment)).rejects.toMatchObject({ code: 'BASCULE_JOURNAL_UNREADABLE' });
      }),
      { numRuns: 40 },
    );
  });
});

/** What Bascule wrote in format 1: no hold and no release, and nothing of what was found. */
function ofFormatOne(plan: Plan): Plan {
  const { found: _found, scalesIdle: _scales, ...rest } = plan;
  return { ...rest, steps: plan.steps.filter((step) => step.kind !== 'hold' && step.kind !== 'release') };
}

describe('a journal that an older Bascule wrote', () => {
  it('is read, decided safely, and can be ended by this one', () => {
    fc.assert(
      fc.property(plans, fortunes, fc.nat(), (plan, fortune, at) => {
        const whole = new Story(ofFormatOne(plan), fortune)
          .write()
          .map((record) => ({ ...record, format: 1 }));
        const records = whole.slice(0, 1 + (at % whole.length));
        expect(dangers(...judged(records))).toEqual([]);
        expect(replay(Story.continued(records).write()).closed).not.toBeNull();
      }),
      RUNS,
    );
  });
});
