import type { CommandModule } from 'yargs';
import type { RequestKind } from '../../../src/domain/request';
import { ask } from '../../operations/ask';
import { conclude, environmentCommand } from '../command';
import { withSession } from '../compose';
import { environmentOptions, type EnvironmentOptions } from '../options';
import type { Session } from '../../operations/session';
import type { CommandResult } from '../output/result';

interface AdvanceOptions extends EnvironmentOptions {
  full: boolean;
}

async function asked(session: Session, wish: RequestKind): Promise<CommandResult> {
  const { message, ...rest } = await ask(session, wish);
  return {
    exitCode: 0,
    json: { outcome: rest.taken ? 'taken-up' : 'asked', ...rest, message },
    text: message,
  };
}

export const advanceCommand: CommandModule<object, AdvanceOptions> = {
  command: 'advance <environment>',
  describe: 'Let the deployment under way go on to its next step, without waiting any longer',
  builder: (argv) =>
    environmentOptions(argv)
      .option('full', {
        type: 'boolean',
        default: false,
        describe: 'Go on to the end, without the weights between',
      })
      .example('bascule advance production', 'Go on to the next weight, or end a pause')
      .example('bascule advance production --full', 'Give the new release everything'),
  handler: (argv) =>
    conclude(argv.json, () =>
      withSession(argv, { changes: false }, (session) =>
        asked(session, argv.full ? 'advance-full' : 'advance'),
      ),
    ),
};

export const pauseCommand = environmentCommand({
  name: 'pause',
  describe: 'Hold the deployment under way where it is, until `advance`; its checks go on',
  example: 'pause production',
  needs: { changes: false },
  run: (session) => asked(session, 'pause'),
});
