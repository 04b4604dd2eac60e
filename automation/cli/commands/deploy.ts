import type { CommandModule } from 'yargs';
import { deploy } from '../../operations/deploy';
import { conclude } from '../command';
import { withSession } from '../compose';
import { environmentOptions, type EnvironmentOptions } from '../options';
import { askingOf, deployOptions, deployResult, type DeployOptions as Shared } from './deploy-options';

interface DeployOptions extends EnvironmentOptions, Shared {
  version: string | undefined;
}

export const deployCommand: CommandModule<object, DeployOptions> = {
  command: 'deploy <environment>',
  describe:
    'Take an environment to a release: idle colour up, gates, traffic by the strategy, proof, soak, retire',
  builder: (argv) =>
    deployOptions(environmentOptions(argv))
      .option('version', {
        type: 'string',
        describe: 'The release, as it was baked; required unless a file of --plan says it',
      })
      .version(false)
      .example('bascule deploy production --version 2.0.0', 'Deploy the release 2.0.0')
      .example(
        'bascule deploy production --version 2.0.0 --strategy canary --weights 5,25 --pause 600',
        '5 % of the traffic for ten minutes, then 25 %, then everything',
      )
      .example(
        'bascule deploy production --plan plan.json',
        'Exactly what was previewed into that file, or nothing',
      )
      .example(
        'bascule deploy production --version 2.0.1 --override-freeze quarter',
        'Go past the freeze of that name',
      ),
  handler: (argv) =>
    conclude(argv.json, async () => {
      const asking = await askingOf(argv);
      return withSession(argv, { changes: true }, async (session, opened) =>
        deployResult(session, await deploy(session, await asking.complete(session, opened))),
      );
    }),
};
