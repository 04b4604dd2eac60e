import type { CommandModule } from 'yargs';
import { deploy } from '../../operations/deploy';
import { conclude } from '../command';
import { withSession } from '../compose';
import {
  environmentOptions,
  overriddenFreezes,
  overrideFreezeOption,
  type EnvironmentOptions,
} from '../options';
import { strategyFrom, strategyOptions, type StrategyOptions } from './strategy-options';
import { deployedResult } from './deployed';

interface DeployOptions extends EnvironmentOptions, StrategyOptions {
  version: string;
  force: boolean;
  'override-freeze': string | undefined;
}

export const deployCommand: CommandModule<object, DeployOptions> = {
  command: 'deploy <environment>',
  describe:
    'Take an environment to a release: idle colour up, gates, traffic by the strategy, proof, soak, retire',
  builder: (argv) =>
    strategyOptions(environmentOptions(argv))
      .option('version', { type: 'string', demandOption: true, describe: 'The release, as it was baked' })
      .option('force', {
        type: 'boolean',
        default: false,
        describe: 'Deploy the version also when it is live already',
      })
      .option('override-freeze', overrideFreezeOption)
      .version(false)
      .example('bascule deploy production --version 2.0.0', 'Deploy the release 2.0.0')
      .example(
        'bascule deploy production --version 2.0.0 --strategy canary --weights 5,25 --pause 600',
        '5 % of the traffic for ten minutes, then 25 %, then everything',
      )
      .example(
        'bascule deploy production --version 2.0.1 --override-freeze quarter',
        'Go past the freeze of that name',
      ),
  handler: (argv) =>
    conclude(argv.json, async () => {
      const overrideFreeze = overriddenFreezes(argv['override-freeze']);
      return withSession(argv, { changes: true }, async (session) => {
        const { version: wanted, force } = argv;
        const strategy = strategyFrom(argv, session.policy.strategy);
        const result = await deploy(session, { version: wanted, force, overrideFreeze, strategy });
        if (result.kind === 'deployed') return deployedResult(session, result);
        const { version, message } = result;
        return { exitCode: 0, json: { outcome: 'already-live', version, message }, text: message };
      });
    }),
};
