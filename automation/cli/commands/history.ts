import type { CommandModule } from 'yargs';
import { BasculeError } from '../../../src/domain/errors';
import { entryOf, events, history } from '../../operations/history';
import type { Session } from '../../operations/session';
import { conclude } from '../command';
import { withSession } from '../compose';
import { environmentOptions, type EnvironmentOptions } from '../options';
import { renderHistory } from '../output/tables';

interface HistoryOptions extends EnvironmentOptions {
  limit: number;
  deployment: string | undefined;
}

export const historyCommand: CommandModule<object, HistoryOptions> = {
  command: 'history <environment>',
  describe: 'List deployments by their journals, newest first, and freezes and unlocks by the log',
  builder: (argv) =>
    environmentOptions(argv)
      .option('limit', { type: 'number', default: 20, describe: 'How many deployments to list' })
      .option('deployment', { type: 'string', describe: 'Show one deployment with all its steps' })
      .example('bascule history production --limit 5', 'The last five deployments')
      .example(
        'bascule history production --deployment 20260101-101500-1a2b',
        'One deployment, step by step',
      ),
  handler: (argv) =>
    conclude(argv.json, () =>
      withSession(argv, { changes: false }, async (session) => {
        const entries =
          argv.deployment === undefined
            ? await history(session, argv.limit)
            : [await one(session, argv.deployment)];
        const beside = await events(session, argv.limit, argv.deployment);
        return {
          exitCode: 0,
          json: { deployments: entries, events: beside },
          text: renderHistory(entries, beside, argv.deployment !== undefined),
        };
      }),
    ),
};

async function one(session: Session, deployment: string) {
  const records = await session.journal.read(deployment);
  if (records.length > 0) return entryOf(records);
  throw new BasculeError({
    code: 'BASCULE_NO_SUCH_DEPLOYMENT',
    message: `${session.environment} has no deployment ${deployment}.`,
    next: `\`bascule history ${session.environment}\` lists them.`,
  });
}
