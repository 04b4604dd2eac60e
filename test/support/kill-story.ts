/** Whether a journal reads as one story, whoever wrote it. */
import type { JournalRecord } from '../../src/domain/records';
import { replay } from '../../src/domain/replay';

/** What is wrong with the journal of a deployment that was killed and went on; empty when it is one story. */
export function flawsOf(records: readonly JournalRecord[], continuations: number): string[] {
  const flaws: string[] = [];
  const expect = (holds: boolean, what: string): void => {
    if (!holds) flaws.push(`journal: ${what}`);
  };
  try {
    const { steps, closed, plan, next } = replay(records);
    expect(closed !== null, 'it has no end');
    expect(next === records.length, 'records are missing');
    for (const step of plan.steps) {
      const phase = steps[step.id]?.phase ?? 'unknown';
      const ends =
        closed?.outcome === 'succeeded' ? ['verified'] : ['verified', 'undone', 'pending', 'failed'];
      expect(ends.includes(phase) || abandoned(step.id, records), `${step.id} is left ${phase}`);
    }
  } catch (thrown) {
    flaws.push(`journal: cannot be replayed: ${String(thrown)}`);
  }
  const kinds = records.map(({ kind }) => kind);
  expect(kinds[0] === 'opened' && kinds.lastIndexOf('opened') === 0, 'it does not begin once');
  expect(kinds.at(-1) === 'closed' && kinds.indexOf('closed') === kinds.length - 1, 'it does not end once');
  const resumed = kinds.filter((kind) => kind === 'resumed').length;
  expect(resumed === continuations, `${resumed} of ${continuations} continuation(s) are told`);
  records.forEach((record, index) => {
    const former = records[index - 1];
    if (former === undefined) return;
    const by = `record ${record.sequence} (${record.kind})`;
    expect(record.at >= former.at, `${by} is older than the one before`);
    expect(record.fence >= former.fence, `${by} has a lower fence than the one before`);
    const takes = record.kind === 'resumed' || record.kind === 'unlocked';
    if (!takes) expect(record.fence === former.fence, `${by} has another fence than the one before`);
    if (record.kind === 'resumed')
      expect(record.fence > lastOfFormerHolder(records, index).fence, `${by} has no higher fence`);
  });
  return [...flaws, ...order(records)];
}

/** The last record before a process took over: what it wrote of the lease it took is its own already. */
function lastOfFormerHolder(records: readonly JournalRecord[], index: number): JournalRecord {
  const before = records.slice(0, index).filter(({ kind }) => kind !== 'unlocked');
  return before.at(-1) as JournalRecord;
}

/** A step that was under way when the way back began: what came of it is told by its undoing, or left no trace. */
function abandoned(step: string, records: readonly JournalRecord[]): boolean {
  const about = records.filter((record) => 'step' in record && record.step === step);
  const turned = records.findIndex(({ kind }) => kind === 'rollbackRequested' || kind === 'failed');
  return turned >= 0 && about.every((record) => records.indexOf(record) < turned);
}

/** Each step starts before it ends, and while no other is under way; once, unless a continuation looks again. */
function order(records: readonly JournalRecord[]): string[] {
  const flaws: string[] = [];
  const started = new Set<string>();
  let open: string | undefined;
  records.forEach((record, index) => {
    if (record.kind === 'started') {
      if (phaseBefore(records, index, record.step) !== 'pending')
        flaws.push(`journal: ${record.step} starts twice`);
      if (open !== undefined) flaws.push(`journal: ${record.step} starts while ${open} is under way`);
      started.add(record.step);
      open = record.step;
    }
    if (record.kind === 'ran' || record.kind === 'verified' || record.kind === 'failed') {
      if (!started.has(record.step)) flaws.push(`journal: ${record.step} ends without a start`);
      if (record.kind !== 'ran') open = undefined;
    }
    // What was under way waits: gates that were passed before are looked at again first.
    if (record.kind === 'rollbackRequested' || record.kind === 'resumed') open = undefined;
  });
  return flaws;
}

/** Where a step stands by the records up to one; pending too where those cannot be replayed, which is told elsewhere. */
function phaseBefore(records: readonly JournalRecord[], index: number, step: string): string {
  try {
    return replay(records.slice(0, index)).steps[step]?.phase ?? 'unknown';
  } catch {
    return 'pending';
  }
}
