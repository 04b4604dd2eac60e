import type { CommandModule } from 'yargs';
import { abort } from '../../operations/abort';
import { conclude } from '../command';
import { withSession } from '../compose';
import { environmentOptions, type EnvironmentOptions } from '../options';
import { deployedResult } from './deployed';

interface AbortOptions extends EnvironmentOptions {
  accept: boolean;
}

export const abortCommand: CommandModule<object, AbortOptions> = {
  command: 'abort <environment>',
  describe: 'Undo a deployment that is under way, interrupted or halted: weights first, the rest later',
  builder: (argv) =>
    environmentOptions(argv)
      .option('accept', {
        type: 'boolean',
        default: false,
        describe: 'Take back also weights that were changed by hand',
      })
      .example(
        'bascule abort production',
        'Undo a deployment that is under way, interrupted or halted: weights first, the rest later',
      ),
  handler: (argv) =>
    conclude(argv.json, () =>
      withSession(argv, { changes: true }, async (session) =>
        deployedResult(session, await abort(session, { accept: argv.accept })),
      ),
    ),
};
