import type { JournalRecord } from '../../src/domain/records';
import { describeStep, type Step } from '../../src/domain/step';

/** A stretch of time that a step was worked on, forwards or back. Times are Unix milliseconds. */
export interface StepBlock {
  id: string;
  name: string;
  region: string;
  /** Whether it moved production traffic. */
  moves: boolean;
  from: number;
  to: number;
  outcome: 'done' | 'failed' | 'undone' | 'not restored' | 'left' | 'under way';
}

/** What was worked on when, in the order of its beginning: a step that looked again has several blocks. */
export function blocksOf(records: readonly JournalRecord[], steps: ReadonlyMap<string, Step>): StepBlock[] {
  const lane = new Lane(steps);
  records.forEach((record, index) => lane.take(record, records[index - 1]?.at ?? record.at));
  return lane.upTo(records.at(-1)?.at ?? 0);
}

class Lane {
  private readonly blocks: StepBlock[] = [];
  private readonly open = new Map<string, StepBlock>();
  private takenOver: number | null = null;

  constructor(private readonly steps: ReadonlyMap<string, Step>) {}

  take(record: JournalRecord, before: number): void {
    const { kind, at } = record;
    switch (kind) {
      case 'started':
      case 'undoStarted':
        this.begin(record.step, at);
        return;
      case 'verified':
        return this.end(record.step, at, 'done');
      case 'failed':
        return this.end(record.step, at, 'failed');
      case 'undone':
        return this.end(record.step, at, 'undone');
      case 'unrestored':
        return this.end(record.step, at, 'not restored');
      case 'unreachable':
        return this.end(record.step, at, 'left');
      case 'resumed':
        // Nobody worked on it between the last record of the former process and this one.
        this.leaveAll(before);
        this.takenOver = at;
        return;
      case 'rollbackRequested':
      case 'halted':
      case 'closed':
        return this.leaveAll(at);
      default:
        return;
    }
  }

  /** All blocks; those that are still open reach to this time. */
  upTo(at: number): StepBlock[] {
    for (const block of this.open.values()) block.to = at;
    return this.blocks;
  }

  private begin(id: string, at: number): StepBlock {
    const step = this.steps.get(id);
    const block: StepBlock = {
      id,
      name: step === undefined ? id : describeStep(step),
      region: step?.region ?? '',
      moves: step?.kind === 'shift',
      from: at,
      to: at,
      outcome: 'under way',
    };
    this.blocks.push(block);
    this.open.set(id, block);
    return block;
  }

  private end(id: string, at: number, outcome: StepBlock['outcome']): void {
    // A process that took over adopts a step without beginning it again.
    Object.assign(this.open.get(id) ?? this.begin(id, this.takenOver ?? at), { to: at, outcome });
    this.open.delete(id);
  }

  private leaveAll(at: number): void {
    for (const id of [...this.open.keys()]) this.end(id, at, 'left');
  }
}
