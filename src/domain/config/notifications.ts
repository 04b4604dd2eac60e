import { z } from 'zod';
import { NOTIFICATION_EVENTS } from '../notifications';
import { problem, type Check } from './check';
import { plainName, port, topicArn } from './fields';

/** The name of a variable of Bascule's own environment; what it holds stands in no file. */
const variable = z
  .string()
  // No rule of the schema's, for its problem would show what was found: maybe the secret itself.
  .refine(
    (text) => /^[A-Za-z_][A-Za-z0-9_]*$/.test(text),
    'must be the name of an environment variable, not its value',
  );

const address = z
  .string()
  .max(320)
  .regex(/^[^\s@<>,;]+@[^\s@<>,;]+$/, 'must be a bare mail address such as ops@example.com');

const name = plainName
  .max(40)
  .describe('Name of the channel; what was delivered to it is remembered by this name.');

const events = z
  .array(z.enum(NOTIFICATION_EVENTS))
  .min(1)
  .default([...NOTIFICATION_EVENTS])
  .describe('Which events are told on this channel. Default: all of them.');

const smtp = z.strictObject({
  kind: z.literal('smtp').describe('Mail by SMTP.'),
  name,
  host: z
    .string()
    .min(1)
    .regex(/^[^\s/:]+$/, 'must be a host name or an IPv4 address')
    .describe('Mail server.'),
  port: port.default(587).describe('Its port.'),
  tls: z
    .enum(['starttls', 'implicit', 'none'])
    .default('starttls')
    .describe(
      'How the connection is encrypted: `starttls`, and nothing is sent where the server does not offer it; `implicit`, from the first byte, mostly on port 465; `none`, for a server on the same machine.',
    ),
  from: address.describe('Sender.'),
  to: z.array(address).min(1).max(50).describe('Recipients.'),
  userVariable: variable
    .optional()
    .describe('Environment variable that holds the user name. Default: no authentication.'),
  passwordVariable: variable.optional().describe('Environment variable that holds the password.'),
  events,
});

const sns = z.strictObject({
  kind: z.literal('sns').describe('A topic of SNS, whose subscribers get subject and text.'),
  name,
  topicArn: topicArn.describe('The topic; its region is the one in the ARN.'),
  events,
});

const webhook = z.strictObject({
  kind: z.literal('webhook').describe('An HTTP POST.'),
  name,
  format: z
    .enum(['slack', 'teams', 'json'])
    .describe(
      'Body: `slack`, blocks for an incoming webhook; `teams`, an adaptive card for a workflow of Microsoft Teams; `json`, all of it for programs.',
    ),
  url: z
    .url({ protocol: /^https?$/, error: 'must be an http:// or https:// URL' })
    .optional()
    .describe('Where it is sent, where that is no secret.'),
  urlVariable: variable
    .optional()
    .describe('Environment variable that holds the URL; those of Slack and Teams are secrets.'),
  secretVariable: variable
    .optional()
    .describe(
      'Environment variable that holds the key by which a `json` body is signed, in the header `x-bascule-signature`; docs/notifications.md says how to verify it.',
    ),
  events,
});

export const notificationsSchema = z
  .array(z.discriminatedUnion('kind', [smtp, sns, webhook]))
  .max(20)
  .default([])
  .describe(
    'Channels by which people are told of deployments, in the background: they never hold up or fail one. Secrets come from environment variables.',
  );

/** One channel as configured. */
export type ChannelSettings = z.output<typeof notificationsSchema>[number];
export type SmtpSettings = Extract<ChannelSettings, { kind: 'smtp' }>;
export type TopicSettings = Extract<ChannelSettings, { kind: 'sns' }>;
export type WebhookSettings = Extract<ChannelSettings, { kind: 'webhook' }>;

export const notificationChecks: Check[] = [
  {
    reads: ['notifications'],
    find: ({ notifications }) =>
      notifications.flatMap((channel, index) => [
        ...(notifications.findIndex((one) => one.name === channel.name) < index
          ? [problem(['notifications', index, 'name'], `${channel.name} is the name of another channel too`)]
          : []),
        ...contradictions(channel).map(([field, text]) => problem(['notifications', index, field], text)),
      ]),
  },
];

function contradictions(channel: ChannelSettings): [field: string, text: string][] {
  switch (channel.kind) {
    case 'sns':
      return [];
    case 'smtp':
      return smtpContradictions(channel);
    case 'webhook':
      return webhookContradictions(channel);
  }
}

function smtpContradictions({ tls, userVariable, passwordVariable }: SmtpSettings): [string, string][] {
  if ((userVariable === undefined) !== (passwordVariable === undefined))
    return [['userVariable', 'goes together with passwordVariable']];
  return tls === 'none' && userVariable !== undefined
    ? [['tls', 'none would send the password unencrypted: use starttls or implicit']]
    : [];
}

function webhookContradictions(channel: WebhookSettings): [string, string][] {
  const { url, urlVariable, format, secretVariable } = channel;
  return [
    ...((url === undefined) === (urlVariable === undefined)
      ? [['url', 'one of url and urlVariable must be given, and not both'] as [string, string]]
      : []),
    ...(secretVariable !== undefined && format !== 'json'
      ? [['secretVariable', `only json is signed, and the format is ${format}`] as [string, string]]
      : []),
  ];
}
