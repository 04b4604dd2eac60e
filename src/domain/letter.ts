/** A notification as people read it, before it becomes a mail or a message of a chat. Pure. */
import type { ChangeSet, Commit } from './change-set';
import type { Notification, NotificationEvent } from './notifications';

/** How urgent it is for who reads it. */
export type Tone = 'plain' | 'asks' | 'good' | 'bad';

export interface Letter {
  id: string;
  title: string;
  tone: Tone;
  lines: string[];
  facts: Fact[];
  sections: Section[];
  /** What a person types for an answer. */
  commands: Fact[];
}

export type Fact = [label: string, value: string];

export interface Section {
  title: string;
  lines: string[];
}

const TONES: Record<NotificationEvent, Tone> = {
  opened: 'plain',
  'approval-needed': 'asks',
  approved: 'plain',
  rejected: 'bad',
  halted: 'bad',
  'rolled-back': 'bad',
  failed: 'bad',
  succeeded: 'good',
};

export function letterOf({ id, event, title, lines, change }: Notification): Letter {
  return {
    ...{ id, title, tone: TONES[event], lines },
    facts: factsOf(change),
    sections: sectionsOf(change),
    commands: event === 'approval-needed' ? commandsOf(change) : [],
  };
}

/** The change set's single values. */
export function factsOf({
  service,
  environment,
  deployment,
  from,
  to,
  by,
  notes,
  planHash,
}: ChangeSet): Fact[] {
  const { message } = notes;
  return [
    ['service', service],
    ['environment', environment],
    ['former release', from ?? 'none'],
    ['new release', to],
    ['asked by', by],
    ...(message === undefined ? [] : [['message', message] satisfies Fact]),
    ['deployment', deployment],
    ...(planHash === null ? [] : [['plan', planHash] satisfies Fact]),
  ];
}

/** The change set's lists; none that are empty. */
export function sectionsOf({ notes, passed, waiting }: ChangeSet): Section[] {
  const { commits = [], commitCount = commits.length, resources = [] } = notes;
  const more = commitCount - commits.length;
  const sections = [
    {
      title: commitCount === 1 ? '1 commit' : `${commitCount} commits`,
      lines: [...commits.map(commitLine), ...(more > 0 ? [`and ${more} more`] : [])],
    },
    { title: 'Resources that change', lines: resources },
    { title: 'Passed so far', lines: passed },
    {
      title: 'Waits for',
      lines: waiting.map(
        ({ name, before, count, approvers, approvedBy, until }) =>
          `${name}, before ${before}: ${approvedBy.length} of ${count} so far` +
          `${approvedBy.length === 0 ? '' : ` (${approvedBy.join(', ')})`}` +
          `, until ${new Date(until).toISOString()}; approvers: ${approvers.join(', ')}`,
      ),
    },
  ];
  return sections.filter(({ lines }) => lines.length > 0);
}

function commitLine({ id, author, subject }: Commit): string {
  return `${id} ${subject} (${author})`;
}

export function commandsOf({ waiting }: ChangeSet): Fact[] {
  return waiting.flatMap(({ approve, reject }): Fact[] => [
    ['approve', approve],
    ['reject', reject],
  ]);
}

/** A mail's plain text. */
export function letterText(letter: Letter): string {
  return `${textOf(letter)}\n\nNotification ${letter.id}; it may come twice.\n`;
}

/** What people read of it in a terminal. */
export function textOf({ title, lines, facts, sections, commands }: Omit<Letter, 'id' | 'tone'>): string {
  const width = Math.max(...[...facts, ...commands].map(([label]) => label.length));
  const table = (rows: readonly Fact[]): string[] =>
    rows.map(([label, value]) => `${label.padEnd(width)}  ${value}`);
  const parts = [
    [title],
    lines,
    table(facts),
    ...sections.map((section) => [section.title, ...section.lines.map((line) => `  ${line}`)]),
    table(commands),
  ];
  return parts
    .filter((part) => part.length > 0)
    .map((part) => part.join('\n'))
    .join('\n\n');
}
