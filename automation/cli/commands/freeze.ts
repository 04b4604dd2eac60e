import type { CommandModule } from 'yargs';
import type { Freeze } from '../../../src/domain/environment-log';
import { DEFAULT_FREEZE, describeFreeze, freezeName, freezeRequest } from '../../../src/domain/freeze';
import { freeze, readFreezes, thaw } from '../../operations/freeze';
import { freezeStatus } from '../../operations/status';
import { conclude } from '../command';
import { withSession } from '../compose';
import { environmentOptions, type EnvironmentOptions } from '../options';

interface FreezeOptions extends EnvironmentOptions {
  reason: string;
  until: string;
  name: string;
}

export const freezeCommand: CommandModule<object, FreezeOptions> = {
  command: 'freeze <environment>',
  describe: 'Keep deployments from beginning until a moment; rollback and abort always pass',
  builder: (argv) =>
    environmentOptions(argv)
      .option('reason', { type: 'string', demandOption: true, describe: 'Why, for those it stops' })
      .option('until', {
        type: 'string',
        demandOption: true,
        describe: 'When it ends by itself: 2026-12-27T08:00:00Z, 2026-12-27T09:00+01:00, 4h, 2d, 1d12h',
      })
      .option('name', {
        type: 'string',
        default: DEFAULT_FREEZE,
        describe: 'What `deploy --override-freeze` and `thaw` call it',
      })
      .example('bascule freeze production --reason "quarter’s end" --until 2d', 'For the next two days')
      .example(
        'bascule freeze production --reason Christmas --until 2026-12-27T08:00:00Z --name xmas',
        'Until a moment, beside other freezes',
      ),
  handler: (argv) =>
    conclude(argv.json, async () => {
      const request = freezeRequest(argv, Date.now());
      return withSession(argv, { changes: false }, async (session) => {
        const frozen = await freeze(session, request);
        const done = frozen.former === null ? 'is frozen' : 'stays frozen';
        const message = `${session.environment} ${done}: ${describeFreeze(frozen.freeze)}.`;
        const next = `It ends by itself; \`bascule thaw ${session.environment} --name ${request.name}\` ends it before. A deployment that runs already goes on.`;
        return {
          exitCode: 0,
          json: { outcome: 'frozen', message, freeze: freezeStatus(frozen.freeze), next },
          text: `${message}\n${next}`,
        };
      });
    }),
};

interface ThawOptions extends EnvironmentOptions {
  name: string | undefined;
}

export const thawCommand: CommandModule<object, ThawOptions> = {
  command: 'thaw <environment>',
  describe: 'End a freeze before its time',
  builder: (argv) =>
    environmentOptions(argv)
      .option('name', { type: 'string', describe: 'Which freeze; needed when there are several' })
      .example('bascule thaw production', 'End the only freeze')
      .example('bascule thaw production --name xmas', 'End one of several'),
  handler: (argv) =>
    conclude(argv.json, async () => {
      const name = argv.name === undefined ? undefined : freezeName('name', argv.name);
      return withSession(argv, { changes: false }, async (session) => {
        const thawed = await thaw(session, name);
        const left = await readFreezes(session);
        const { environment } = session;
        const message =
          thawed === undefined
            ? `${environment} is not frozen; nothing was changed.`
            : `${environment} is thawed of ${describeFreeze(thawed)}.`;
        return {
          exitCode: 0,
          json: {
            outcome: thawed === undefined ? 'not-frozen' : 'thawed',
            message,
            freeze: thawed === undefined ? null : freezeStatus(thawed),
            stillFrozen: left.map(freezeStatus),
          },
          text: [message, ...stillFrozen(left)].join('\n'),
        };
      });
    }),
};

function stillFrozen(left: readonly Freeze[]): string[] {
  return left.map((one) => `still frozen: ${describeFreeze(one)}`);
}
