/** Which messages follow from the records of a journal. Pure: the same records always give the same messages. */
import { changeSetOf, type ChangeSet } from './change-set';
import type { Outcome } from './outcome';
import type { JournalRecord } from './records';
import { replay } from './replay';

export const NOTIFICATION_EVENTS = [
  'opened',
  'approval-needed',
  'approved',
  'rejected',
  'halted',
  'rolled-back',
  'failed',
  'succeeded',
] as const;
export type NotificationEvent = (typeof NOTIFICATION_EVENTS)[number];

/** The version of what `json` webhooks get; it rises when a field changes its meaning. */
export const NOTIFICATION_FORMAT = 1;

export interface Notification {
  /** `<deployment>/<sequence of the record>`: the same whenever it is sent again. */
  id: string;
  deployment: string;
  sequence: number;
  event: NotificationEvent;
  /** Unix milliseconds. */
  at: number;
  /** What happened, in one line. */
  title: string;
  /** More of it. */
  lines: string[];
  change: ChangeSet;
}

/** The notifications that follow from the records from this number on; those before it are only read. */
export function notificationsOf(records: readonly JournalRecord[], from = 0): Notification[] {
  return records.slice(from).flatMap((record, index) => {
    const event = eventOf(record, records);
    if (event === null) return [];
    // Told as it was then, however late it is delivered.
    const story = records.slice(0, from + index + 1);
    const change = changeSetOf(story);
    const { deployment, sequence, at } = record;
    const title = `${change.environment}: ${nounOf(change)} ${verbOf(record, change)}`;
    const lines = linesOf(record, story);
    return [{ id: `${deployment}/${sequence}`, deployment, sequence, event, at, title, lines, change }];
  });
}

function eventOf(record: JournalRecord, records: readonly JournalRecord[]): NotificationEvent | null {
  switch (record.kind) {
    case 'opened':
      return 'opened';
    case 'started':
      return isApproval(record.step, records) ? 'approval-needed' : null;
    case 'approved':
      if (record.ignored !== undefined) return null;
      return record.decision === 'approve' ? 'approved' : 'rejected';
    case 'closed':
      return record.outcome;
    default:
      return null;
  }
}

/** Approvals keep their ids in every plan of a deployment. */
function isApproval(id: string, records: readonly JournalRecord[]): boolean {
  return records.some(
    (one) =>
      (one.kind === 'opened' || one.kind === 'replanned') &&
      one.plan.steps.some((step) => step.kind === 'approve' && step.id === id),
  );
}

function nounOf({ purpose, to }: ChangeSet): string {
  switch (purpose) {
    case 'deploy':
      return `the deployment of ${to}`;
    case 'rollback':
      return `the rollback to ${to}`;
    case 'retire':
      return 'retiring the idle colour';
  }
}

const ENDED: Record<Outcome, string> = {
  succeeded: 'succeeded',
  failed: 'failed',
  'rolled-back': 'was rolled back',
  halted: 'halted',
};

function verbOf(record: JournalRecord, { waiting }: ChangeSet): string {
  switch (record.kind) {
    case 'started':
      return `waits for approval ${waiting.find(({ step }) => step === record.step)?.name ?? record.step}`;
    case 'approved':
      return record.decision === 'approve' ? 'was approved' : 'was rejected';
    case 'closed':
      return ENDED[record.outcome];
    default:
      return 'has begun';
  }
}

function linesOf(record: JournalRecord, story: readonly JournalRecord[]): string[] {
  switch (record.kind) {
    case 'approved':
      return [`${record.by.arn}: ${record.comment}`];
    case 'closed': {
      const { halted, turnedBack, plan } = replay(story);
      const reason = record.outcome === 'succeeded' ? null : (halted ?? turnedBack);
      const ways = `\`bascule resume ${plan.environment}\` goes on, \`bascule abort ${plan.environment}\` goes back.`;
      return [record.message, ...(reason?.details ?? []), ...(record.outcome === 'halted' ? [ways] : [])];
    }
    default:
      return [];
  }
}
