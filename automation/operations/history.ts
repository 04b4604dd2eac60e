import { describeTold } from '../../src/domain/approval';
import type { EnvironmentEvent } from '../../src/domain/environment-log';
import { describeHolder } from '../../src/domain/lease';
import type { Facts, Holder, JournalRecord } from '../../src/domain/records';
import { describeRequest } from '../../src/domain/request';
import { replay, type StepState } from '../../src/domain/replay';
import { rangeText } from '../../src/domain/schema-range';
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
  /** The hash that the plan was given by; null where it was not. */
  planHash: string | null;
  /** What was not a step: who overrode a freeze, took the lease over or resumed. */
  notes: string[];
  steps: StepEntry[];
}

/** What happened beside the deployments. */
export interface EventEntry {
  at: string;
  kind: EnvironmentEvent['kind'];
  what: string;
  by: string;
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
  const journals = await Promise.all(ids.map((id) => session.journal.read(id)));
  // One whose opening was cut off never began.
  return journals.filter((records) => records.length > 0).map(entryOf);
}

/** The last events of the environment's log, newest first; of one deployment where that is named. */
export async function events(session: Session, limit: number, deployment?: string): Promise<EventEntry[]> {
  const all = (await session.log.read()).reverse();
  const wanted = all.filter(
    (event) => deployment === undefined || ('deployment' in event && event.deployment === deployment),
  );
  return wanted.slice(0, limit).map((event) => ({
    at: new Date(event.at).toISOString(),
    kind: event.kind,
    what: describeEvent(event),
    by: `${event.by.user}@${event.by.host}`,
  }));
}

function describeEvent(event: EnvironmentEvent): string {
  switch (event.kind) {
    case 'frozen':
      return `frozen until ${new Date(event.until).toISOString()} (${event.name}): ${event.reason}`;
    case 'thawed':
      return `thawed (${event.name})`;
    case 'freezeOverridden':
      return `freeze ${event.name} overridden by deployment ${event.deployment}`;
    case 'unlocked':
      return `unlocked from ${describeHolder(event.former)}, deployment ${event.deployment}: ${event.why}`;
    case 'expanded':
    case 'contracted':
      return `database ${event.kind} for ${event.version} (${event.schema === null ? 'no schema range' : `schema ${rangeText(event.schema)}`}) by deployment ${event.deployment}`;
    case 'notContracted':
      return `contract of deployment ${event.deployment} never began: ${event.why}`;
  }
}

function promotionNotes({ promoted, overrodeWindow }: Extract<JournalRecord, { kind: 'opened' }>): string[] {
  const by = promoted?.deployment == null ? '' : ` (${promoted.deployment})`;
  const forced = promoted?.forced === undefined ? '' : `, not fit to be, by force: ${promoted.forced}`;
  return [
    ...(promoted === undefined ? [] : [`promoted from ${promoted.from}${by}${forced}`]),
    ...(overrodeWindow === undefined ? [] : [`window overridden: ${overrodeWindow}`]),
  ];
}

function notesOf(records: readonly JournalRecord[]): string[] {
  return records.flatMap((record) => {
    const at = new Date(record.at).toISOString();
    if (record.kind === 'opened')
      return [
        ...(record.planHash === undefined ? [] : [`${at} given as ${record.planHash}`]),
        ...(record.change?.message === undefined ? [] : [`${at} message: ${record.change.message}`]),
        ...(record.requester === undefined ? [] : [`${at} asked for by ${record.requester.arn}`]),
        ...promotionNotes(record).map((note) => `${at} ${note}`),
        ...(record.overrode ?? []).map((name) => `${at} freeze ${name} overridden`),
      ];
    if (record.kind === 'unlocked')
      return [
        `${at} unlocked by ${describeHolder(record.holder)} from ${describeHolder(record.former)}: ${record.why}`,
      ];
    if (record.kind === 'approved') return [`${at} ${describeTold(record)}`];
    if (record.kind === 'asked') return [`${at} ${describeRequest(record.request)}`];
    return record.kind === 'resumed' ? [`${at} resumed by ${describeHolder(record.holder)}`] : [];
  });
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
    planHash: opened.planHash ?? null,
    notes: notesOf(records),
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
