import type { Facts, Holder, JournalRecord } from '../../src/domain/records';
import { replay, type StepState } from '../../src/domain/replay';
import { describeStep, type Step } from '../../src/domain/step';
import type { Session } from './session';

export interface HistoryEntry {
  deployment: string;
  purpose: string;
  from: string | null;
  to: string;
  openedAt: string;
  /** null while it runs, or when it was interrupted. */
  outcome: string | null;
  closedAt: string | null;
  seconds: number | null;
  by: Holder;
  message: string | null;
  steps: StepEntry[];
}

export interface StepEntry {
  step: string;
  region: string;
  phase: string;
  /** Unix milliseconds; null for what never began or never ended. */
  startedAt: number | null;
  endedAt: number | null;
  seconds: number | null;
  reason: string | null;
  /** What the step measured, for example how many writes a shift took. */
  facts: Facts;
}

/** The environment's last deployments by their journals, newest first. */
export async function history(session: Session, limit: number): Promise<HistoryEntry[]> {
  const ids = (await session.journal.list()).reverse().slice(0, limit);
  return Promise.all(ids.map(async (id) => entryOf(await session.journal.read(id))));
}

export function entryOf(records: readonly JournalRecord[]): HistoryEntry {
  const state = replay(records);
  const opened = records[0];
  if (opened?.kind !== 'opened')
    throw new Error('replay accepts only journals that begin with their opening');
  const { plan, closed } = state;
  return {
    deployment: state.deployment,
    purpose: plan.purpose,
    from: plan.formerVersion,
    to: plan.version,
    openedAt: new Date(state.openedAt).toISOString(),
    outcome: closed?.outcome ?? null,
    closedAt: closed === null ? null : new Date(closed.at).toISOString(),
    seconds: closed === null ? null : Math.round((closed.at - state.openedAt) / 100) / 10,
    by: opened.holder,
    message: closed?.message ?? state.halted?.message ?? null,
    steps: plan.steps.map((step) => stepEntry(step, state.steps[step.id])),
  };
}

function stepEntry(step: Step, state: StepState | undefined): StepEntry {
  const { phase = 'pending', startedAt = null, endedAt = null, reason = null, facts = {} } = state ?? {};
  const seconds =
    startedAt === null || endedAt === null ? null : Math.round((endedAt - startedAt) / 100) / 10;
  const { region } = step;
  return {
    step: describeStep(step),
    region,
    phase,
    startedAt,
    endedAt,
    seconds,
    reason: reason?.message ?? null,
    facts,
  };
}
