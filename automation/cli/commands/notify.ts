import type { CommandModule } from 'yargs';
import type { Failed, Parcel } from '../../operations/courier';
import { notify, type Notified } from '../../operations/notify';
import { conclude } from '../command';
import { withSession } from '../compose';
import { environmentOptions, type EnvironmentOptions } from '../options';
import type { CommandResult } from '../output/result';

export const notifyCommand: CommandModule<object, EnvironmentOptions> = {
  command: 'notify <environment>',
  describe: 'Deliver the notifications that are outstanding; exits 3 where one could not be',
  builder: (argv) =>
    environmentOptions(argv).example('bascule notify production', 'What a deployment could not deliver'),
  handler: (argv) =>
    conclude(argv.json, () =>
      withSession(argv, { changes: false }, async (session): Promise<CommandResult> => {
        const { post, environment } = session;
        if (post !== null) return resultOf(await notify(session, post), environment);
        const text = `${environment} has no channels for notifications in its configuration.`;
        return { exitCode: 0, json: { delivered: [], failed: [], underWay: null }, text };
      }),
    ),
};

function resultOf({ delivered, failed, underWay }: Notified, environment: string): CommandResult {
  const lines = [
    ...delivered.map((one) => `delivered: ${words(one)}`),
    ...failed.map((one) => `failed: ${words(one)}: ${one.reason}`),
    ...(underWay === null ? [] : [`${underWay} is under way, and delivers its own.`]),
  ];
  return {
    exitCode: failed.length > 0 ? 3 : 0,
    json: { delivered: delivered.map(plain), failed: failed.map(failure), underWay },
    text: lines.length === 0 ? `Nothing is outstanding in ${environment}.` : lines.join('\n'),
  };
}

function words({ notification, channel }: Parcel): string {
  return `${notification.event} of ${notification.deployment} to ${channel.name}`;
}

function plain({ notification, channel }: Parcel) {
  const { id, event } = notification;
  return { id, event, channel: channel.name };
}

function failure(failed: Failed) {
  return { ...plain(failed), reason: failed.reason };
}
