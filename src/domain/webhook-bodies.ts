/** What webhooks get: a notification in the form that each kind of receiver knows. Pure. */
import type { Letter, Tone } from './letter';
import { NOTIFICATION_FORMAT, type Notification } from './notifications';

/** As Slack takes them ("Block Kit" reference): 150 characters of a header, 3000 of a section, 50 blocks. */
const SLACK = { header: 150, text: 2900, fields: 10 } as const;
/** Microsoft Teams takes messages of 28 KB ("Limits and specifications for Microsoft Teams"). */
const TEAMS_TEXT = 4000;

const SIGNS: Record<Tone, string> = {
  plain: ':information_source:',
  asks: ':raised_hand:',
  good: ':white_check_mark:',
  bad: ':x:',
};

/** An incoming webhook's message; `text` is what a telephone shows of it. */
export function slackBody({ id, title, tone, lines, facts, sections, commands }: Letter): object {
  const section = (text: string): object => ({ type: 'section', text: { type: 'mrkdwn', text } });
  const blocks = [
    { type: 'header', text: { type: 'plain_text', text: cut(title, SLACK.header), emoji: true } },
    ...lines.slice(0, 10).map((line) => section(slackText(line))),
    {
      type: 'section',
      fields: facts
        .slice(0, SLACK.fields)
        .map(([label, value]) => ({ type: 'mrkdwn', text: `*${label}*\n${cut(slackText(value), 1900)}` })),
    },
    ...sections.map((one) =>
      section(
        cut(
          `*${slackText(one.title)}*\n${one.lines.map((line) => `• ${slackText(line)}`).join('\n')}`,
          SLACK.text,
        ),
      ),
    ),
    ...commands
      .slice(0, 10)
      .map(([label, command]) => section(`*${label}*\n\`\`\`${slackText(command)}\`\`\``)),
    {
      type: 'context',
      elements: [{ type: 'mrkdwn', text: `${SIGNS[tone]} notification ${id}; it may come twice` }],
    },
  ];
  return { text: title, blocks };
}

/** Slack reads these three as its own ("Formatting text for app surfaces"). */
function slackText(text: string): string {
  return cut(text.replaceAll('&', '&amp;').replaceAll('<', '&lt;').replaceAll('>', '&gt;'), SLACK.text);
}

const STYLES: Record<Tone, string> = { plain: 'default', asks: 'warning', good: 'good', bad: 'attention' };

/** A message with an adaptive card, as a workflow "when a Teams webhook request is received" takes it. */
export function teamsBody({ id, title, tone, lines, facts, sections, commands }: Letter): object {
  const text = (value: string, more: object = {}): object => ({
    type: 'TextBlock',
    text: teamsText(value),
    wrap: true,
    ...more,
  });
  const card = {
    $schema: 'http://adaptivecards.io/schemas/adaptive-card.json',
    type: 'AdaptiveCard',
    version: '1.4',
    msteams: { width: 'Full' },
    body: [
      text(title, { size: 'Medium', weight: 'Bolder', color: STYLES[tone] }),
      ...lines.slice(0, 10).map((line) => text(line)),
      {
        type: 'FactSet',
        facts: facts.map(([name, value]) => ({ title: name, value: teamsText(value) })),
      },
      ...sections.flatMap((one) => [
        text(one.title, { weight: 'Bolder', separator: true }),
        text(one.lines.map((line) => `- ${line}`).join('\n')),
      ]),
      ...commands.flatMap(([label, command]) => [
        text(`To ${label}:`, { isSubtle: true }),
        text(command, { fontType: 'Monospace' }),
      ]),
      text(`Notification ${id}; it may come twice.`, { isSubtle: true, size: 'Small' }),
    ],
  };
  return {
    type: 'message',
    attachments: [
      { contentType: 'application/vnd.microsoft.card.adaptive', contentUrl: null, content: card },
    ],
  };
}

/** Adaptive cards read some of Markdown ("Text features in Adaptive Cards"). */
function teamsText(text: string): string {
  return cut(text.replace(/[\\*_[\]]/g, '\\$&'), TEAMS_TEXT);
}

function cut(text: string, most: number): string {
  return text.length <= most ? text : `${text.slice(0, most - 1)}…`;
}

/** All there is, for programs; a field is added without, and changed with, another format. */
export function jsonBody({
  id,
  deployment,
  sequence,
  event,
  at,
  title,
  lines,
  change,
}: Notification): object {
  const { service, environment, purpose, from, to, by, notes, passed, planHash, waiting } = change;
  return {
    format: NOTIFICATION_FORMAT,
    ...{ id, event, at: new Date(at).toISOString(), title, lines },
    ...{ service, environment, deployment, sequence, purpose },
    changeSet: { from, to, by, ...notes, passed, planHash, waiting },
  };
}
