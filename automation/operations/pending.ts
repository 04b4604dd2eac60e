import { changeSetOf, type ChangeSet } from '../../src/domain/change-set';
import type { Clock, Journal } from '../../src/ports';

/** What it takes to see what waits for people: the journal alone. */
export interface PendingPlace {
  environment: string;
  journal: Journal;
  clock: Clock;
}

/** The change set of the deployment that waits for approvals; null where none does. */
export async function pending({ journal }: PendingPlace): Promise<ChangeSet | null> {
  // A deployment that was begun after it ended it.
  const last = (await journal.list()).at(-1);
  const records = last === undefined ? [] : await journal.read(last);
  if (records.length === 0) return null;
  const change = changeSetOf(records);
  return change.waiting.length === 0 ? null : change;
}
