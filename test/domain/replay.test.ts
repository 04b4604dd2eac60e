import { describe, expect, it } from 'vitest';
import { deploy } from '../../automation/operations/deploy';
import { decide } from '../../src/domain/decide';
import type { JournalRecord } from '../../src/domain/records';
import { replay } from '../../src/domain/replay';
import { FakeWorld } from '../support/fake-world';
import { MemoryJournal, MemoryLeases } from '../support/memory';
import { sessionOf } from '../support/session';

/** The journals of real runs of the driver: one that succeeds, one that turns back before and one after the cutover. */
async function journals(): Promise<JournalRecord[][]> {
  const all: JournalRecord[][] = [];
  for (const trouble of ['none', 'sick', 'soak'] as const) {
    const world = new FakeWorld();
    const journal = new MemoryJournal();
    world.runs('blue', '1.0.0');
    if (trouble === 'sick') world.at().behaviours.set('2.0.0', 'sick');
    const session = sessionOf(world, journal, new MemoryLeases(world.clock), { soakSeconds: 30 });
    if (trouble === 'soak')
      session.reporter = {
        say: (message) => {
          if (message.kind === 'started' && message.step.kind === 'soak') world.at().sicken('green');
        },
      };
    await deploy(session, { version: '2.0.0', force: false });
    all.push(await journal.read((await journal.list())[0] ?? ''));
  }
  return all;
}

describe('any prefix of a journal', () => {
  it('replays to a state from which there is exactly one safe action', async () => {
    for (const records of await journals())
      for (let length = 1; length < records.length; length += 1) {
        const state = replay(records.slice(0, length));
        const action = decide(state);
        const shift = state.plan.steps.find((step) => step.kind === 'shift');
        const gate = state.plan.steps.find((step) => step.kind === 'health-gate');
        if (shift === undefined || gate === undefined) throw new Error('the plan has a gate and a shift');
        // Traffic moves only past a gate that was verified.
        if (action.kind === 'start' && action.step.id === shift.id)
          expect(state.steps[gate.id]?.phase).toBe('verified');
        // On the way back nothing is taken down while a shift is not undone.
        const shiftPhase = state.steps[shift.id]?.phase;
        if (action.kind === 'undo' && action.step.id !== shift.id)
          expect(['pending', 'undone']).toContain(shiftPhase);
        if (action.kind === 'close') expect(length).toBe(records.length - 1);
      }
  });

  it('is decided the same way as the run that wrote it went on', async () => {
    for (const records of await journals())
      for (let length = 1; length < records.length; length += 1) {
        const action = decide(replay(records.slice(0, length)));
        const next = records[length];
        if (action.kind === 'start') expect(next).toMatchObject({ kind: 'started', step: action.step.id });
        if (action.kind === 'close') expect(next).toMatchObject({ kind: 'closed', outcome: action.outcome });
      }
  });
});

describe('a journal that is not whole', () => {
  it('is refused with its reason: no beginning, a gap, a former holder, a newer format', async () => {
    const [records = []] = await journals();
    const third = records[2];
    if (third === undefined) throw new Error('the journal has three records');
    expect(() => replay(records.slice(1))).toThrow('its first record is missing');
    expect(() => replay([...records.slice(0, 2), ...records.slice(3)])).toThrow(
      'record 2 is missing before record 3',
    );
    expect(() => replay([...records.slice(0, 2), { ...third, fence: 0 }])).toThrow('a former holder');
    expect(() => replay([...records.slice(0, 2), { ...third, format: 99 }])).toThrow('is of format 99');
  });
});
