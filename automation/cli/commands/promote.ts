import type { CommandModule } from 'yargs';
import { BasculeError } from '../../../src/domain/errors';
import { promote, type PromoteResult } from '../../operations/promote';
import type { PlacedRelease } from '../../operations/promotion';
import type { Session } from '../../operations/session';
import { conclude } from '../command';
import { withSession } from '../compose';
import { commonOptions, type CommonOptions } from '../options';
import type { CommandResult } from '../output/result';
import { askingOf, deployOptions, deployResult, type DeployOptions } from './deploy-options';

interface PromoteOptions extends CommonOptions, DeployOptions {
  version: string;
  to: string;
  'image-only': boolean;
}

export const promoteCommand: CommandModule<object, PromoteOptions> = {
  command: 'promote <version>',
  describe:
    'Take an environment to a release that went through the one before: the same image, then a deployment',
  builder: (argv) =>
    deployOptions(commonOptions(argv))
      .positional('version', { type: 'string', demandOption: true, describe: 'The release, as it was baked' })
      .option('to', {
        type: 'string',
        demandOption: true,
        requiresArg: true,
        describe: 'The environment, whose file names the one before (`promotion.from`)',
      })
      .option('image-only', {
        type: 'boolean',
        default: false,
        describe: "Bring the image to the environment's account and regions, for a preview; deploy nothing",
      })
      .version(false)
      .example('bascule promote 2.0.0 --to production', 'What staging has gone through goes to production')
      .example(
        'bascule promote 2.0.0 --to production --plan plan.json',
        'Exactly what was previewed into that file, or nothing',
      ),
  handler: (argv) =>
    conclude(argv.json, async () => {
      const options = { ...argv, environment: argv.to };
      const asking = await askingOf(options);
      const imageOnly = argv['image-only'];
      return withSession(options, { changes: true }, async (session, opened) => {
        const { openFormer } = await import('../compose-promotion.js');
        const former = await openFormer(session, opened);
        if (former === undefined) throw nothingBefore(argv.to);
        const request = { ...(await asking.complete(session, opened)), imageOnly };
        return resultOf(session, await promote(session, former, request));
      });
    }),
};

async function resultOf(session: Session, result: PromoteResult): Promise<CommandResult> {
  const { placed } = result;
  if (result.kind === 'ended') {
    const ended = await deployResult(session, result.result);
    return { ...ended, json: { ...(ended.json as object), images: placed } };
  }
  const { promoted } = result;
  const lines = placed.map(({ region, imageId, how }) => `  ${region}  ${imageId}  ${WORDS[how]}`);
  const next = `bascule preview ${session.environment} shows what its deployment would do.`;
  const text = ['The image is in place; nothing was deployed.', ...lines, `next: ${next}`].join('\n');
  return { exitCode: 0, json: { outcome: 'placed', promoted, images: placed, next }, text };
}

const WORDS: Record<PlacedRelease['how'], string> = {
  there: 'was there already',
  copied: 'copied',
  shared: 'shared',
};

function nothingBefore(environment: string): BasculeError {
  return new BasculeError({
    code: 'BASCULE_NOT_PROMOTED',
    message: `Nothing is promoted to ${environment}: its file names no environment that releases come from.`,
    next: `Name it in Pulumi.${environment}.yaml, \`promotion: { from: <environment> }\`, or deploy: \`bascule deploy ${environment} --version <version>\`. Nothing was begun.`,
  });
}
