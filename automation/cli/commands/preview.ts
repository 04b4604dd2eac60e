import type { CommandModule } from 'yargs';
import { strategyOf } from '../../../src/domain/config';
import { EXIT } from '../../../src/domain/outcome';
import type { Preview } from '../../../src/domain/preview/preview';
import { preview } from '../../operations/preview';
import { conclude } from '../command';
import { openPreview } from '../compose';
import {
  environmentOptions,
  overriddenFreezes,
  overrideFreezeOption,
  type EnvironmentOptions,
} from '../options';
import { strategyFrom, strategyOptions, type StrategyOptions } from './strategy-options';

const FORMATS = ['text', 'markdown', 'json'] as const;
type Format = (typeof FORMATS)[number];

interface PreviewOptions extends EnvironmentOptions, StrategyOptions {
  version: string;
  format: Format;
  force: boolean;
  'override-freeze': string | undefined;
}

export const previewCommand: CommandModule<object, PreviewOptions> = {
  command: 'preview <environment>',
  describe: 'Show what a deployment would do, without doing any of it; needs no permission to write',
  builder: (argv) =>
    strategyOptions(environmentOptions(argv))
      .option('version', { type: 'string', demandOption: true, describe: 'The release, as it was baked' })
      .option('format', {
        choices: FORMATS,
        default: 'text' as const,
        describe: 'For a terminal, for the comment of a merge request, or for `deploy --plan`',
      })
      .option('force', {
        type: 'boolean',
        default: false,
        describe: 'As if the version were to be deployed also when it is live already',
      })
      .option('override-freeze', overrideFreezeOption)
      .version(false)
      .example('bascule preview production --version 2.0.0', 'What deploying 2.0.0 would do now')
      .example(
        'bascule preview production --version 2.0.0 --format json > plan.json',
        'A plan to deploy later: bascule deploy production --plan plan.json',
      ),
  handler: (argv) => {
    const format: Format = argv.json ? 'json' : argv.format;
    // A preview is the whole document, whatever its verdict; only what went wrong is told in another form.
    return conclude(format === 'json', async () => {
      const place = await openPreview(argv);
      const strategy = strategyFrom(argv, strategyOf(place.config.deployment.strategy));
      const overrideFreeze = overriddenFreezes(argv['override-freeze']);
      const { version, force } = argv;
      const found = await preview(place, { version, strategy, force, overrideFreeze }).finally(() =>
        place.close(),
      );
      const text = format === 'json' ? '' : await rendered(found, format);
      return { exitCode: exitCodeOfPreview(found), json: { ...found }, text };
    });
  },
};

/** 0 where a deployment would run or has nothing to do, 2 where it would be refused. */
function exitCodeOfPreview({ verdict }: Preview): number {
  return verdict.kind === 'refused' ? EXIT.badInput : EXIT.succeeded;
}

async function rendered(found: Preview, format: Exclude<Format, 'json'>): Promise<string> {
  if (format === 'text') {
    const { renderPreviewText } = await import('../output/preview-text.js');
    return renderPreviewText(found);
  }
  const { renderPreviewMarkdown } = await import('../output/preview-markdown.js');
  return renderPreviewMarkdown(found);
}
