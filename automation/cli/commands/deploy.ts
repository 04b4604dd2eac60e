import type { CommandModule } from 'yargs';
import { deploy } from '../../operations/deploy';
import { conclude } from '../command';
import { withSession } from '../compose';
import { environmentOptions, type EnvironmentOptions } from '../options';
import { deployedResult } from './deployed';

interface DeployOptions extends EnvironmentOptions {
  version: string;
  force: boolean;
}

export const deployCommand: CommandModule<object, DeployOptions> = {
  command: 'deploy <environment>',
  describe: 'Take an environment to a release: idle colour up, gates, cutover, proof, soak, retire',
  builder: (argv) =>
    environmentOptions(argv)
      .option('version', { type: 'string', demandOption: true, describe: 'The release, as it was baked' })
      .option('force', {
        type: 'boolean',
        default: false,
        describe: 'Deploy the version also when it is live already',
      })
      .version(false)
      .example('bascule deploy production --version 2.0.0', 'Deploy the release 2.0.0'),
  handler: (argv) =>
    conclude(argv.json, () =>
      withSession(argv, { changes: true }, async (session) => {
        const result = await deploy(session, { version: argv.version, force: argv.force });
        if (result.kind === 'deployed') return deployedResult(session, result);
        const { version, message } = result;
        return { exitCode: 0, json: { outcome: 'already-live', version, message }, text: message };
      }),
    ),
};
