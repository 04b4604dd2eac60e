import type { CommandModule } from 'yargs';
import type { GivenPlan } from '../../../src/domain/preview/hash';
import { deploy } from '../../operations/deploy';
import type { ApprovedPlan } from '../../operations/preview-plan';
import { conclude } from '../command';
import { withSession, type OpenedEnvironment } from '../compose';
import {
  environmentOptions,
  overriddenFreezes,
  overrideFreezeOption,
  type EnvironmentOptions,
} from '../options';
import { deployedResult } from './deployed';
import { askedOf, planOption, type PlanOptions } from './plan-option';
import { strategyFrom, strategyOptions } from './strategy-options';

interface DeployOptions extends EnvironmentOptions, PlanOptions {
  environment: string;
  'override-freeze': string | undefined;
}

export const deployCommand: CommandModule<object, DeployOptions> = {
  command: 'deploy <environment>',
  describe:
    'Take an environment to a release: idle colour up, gates, traffic by the strategy, proof, soak, retire',
  builder: (argv) =>
    strategyOptions(environmentOptions(argv))
      .option('version', {
        type: 'string',
        describe: 'The release, as it was baked; required unless a file of --plan says it',
      })
      .option('plan', planOption)
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
        'bascule deploy production --plan plan.json',
        'Exactly what was previewed into that file, or nothing',
      )
      .example(
        'bascule deploy production --version 2.0.1 --override-freeze quarter',
        'Go past the freeze of that name',
      ),
  handler: (argv) =>
    conclude(argv.json, async () => {
      const overrideFreeze = overriddenFreezes(argv['override-freeze']);
      const asked = await askedOf(argv);
      return withSession(argv, { changes: true }, async (session, opened) => {
        const result = await deploy(session, {
          version: asked.version,
          force: argv.force,
          overrideFreeze,
          strategy: asked.strategy ?? strategyFrom(argv, session.policy.strategy),
          ...(asked.plan !== null && { approved: await approvedPlan(asked.plan, opened) }),
        });
        if (result.kind === 'deployed') return deployedResult(session, result);
        const { version, message } = result;
        return { exitCode: 0, json: { outcome: 'already-live', version, message }, text: message };
      });
    }),
};

async function approvedPlan(given: GivenPlan, opened: OpenedEnvironment): Promise<ApprovedPlan> {
  return { given, config: opened.config, previews: await opened.previews() };
}
