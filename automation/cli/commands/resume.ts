import type { CommandModule } from 'yargs';
import { resume } from '../../operations/resume';
import { conclude } from '../command';
import { withSession } from '../compose';
import {
  environmentOptions,
  leaveAtApprovalOption,
  overriddenFreezes,
  overrideFreezeOption,
  type EnvironmentOptions,
} from '../options';
import { deployedResult } from './deployed';

interface ResumeOptions extends EnvironmentOptions {
  accept: boolean;
  migrated: boolean;
  'leave-at-approval': boolean;
  'override-freeze': string | undefined;
}

export const resumeCommand: CommandModule<object, ResumeOptions> = {
  command: 'resume <environment>',
  describe: 'Go on with a deployment that was interrupted or halted',
  builder: (argv) =>
    environmentOptions(argv)
      .option('accept', {
        type: 'boolean',
        default: false,
        describe: 'Take what was changed by hand as it is, and plan anew from there',
      })
      .option('migrated', {
        type: 'boolean',
        default: false,
        describe: 'Take a migration that did not end well as done: the database was seen to by hand',
      })
      .option('leave-at-approval', leaveAtApprovalOption)
      .option('override-freeze', overrideFreezeOption)
      .example('bascule resume production', 'Go on with a deployment that was interrupted or halted'),
  handler: (argv) =>
    conclude(argv.json, async () => {
      const overrideFreeze = overriddenFreezes(argv['override-freeze']);
      return withSession(argv, { changes: true }, async (session) =>
        deployedResult(
          session,
          await resume(session, {
            overrideFreeze,
            accept: argv.accept,
            migrated: argv.migrated,
            leaveAtApproval: argv['leave-at-approval'],
          }),
        ),
      );
    }),
};
