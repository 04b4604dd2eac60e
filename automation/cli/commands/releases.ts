import type { CommandModule } from 'yargs';
import { BasculeError } from '../../../src/domain/errors';
import { chainsOf } from '../../../src/domain/promotion-chain';
import { releases } from '../../operations/releases';
import { conclude } from '../command';
import { projectFolder } from '../compose';
import { commonOptions, type CommonOptions } from '../options';
import { renderWays } from '../output/releases';

interface ReleasesOptions extends CommonOptions {
  limit: number;
}

export const releasesCommand: CommandModule<object, ReleasesOptions> = {
  command: 'releases',
  describe: "Show each version's way through the environments, and which may be promoted to the next",
  builder: (argv) =>
    commonOptions(argv)
      .option('limit', {
        type: 'number',
        default: 50,
        describe: 'How many deployments of each environment to look back',
      })
      .example('bascule releases', 'Baked when, deployed where, live how long, fit for what'),
  handler: (argv) =>
    conclude(argv.json, async () => {
      const limit = wholeLimit(argv.limit);
      const { environmentFiles, stationOf } = await import('../compose-promotion.js');
      const { files, unread } = await environmentFiles(projectFolder(argv.project));
      const stations = await Promise.all(chainsOf(files).map(stationOf));
      const found = await releases(stations, limit, Date.now());
      const unreadable = unread.map(({ environment, error }) => ({
        environment,
        code: error.code,
        why: [error.message, ...error.details].join(' '),
      }));
      const all = { ...found, unread: [...unreadable, ...found.unread] };
      return { exitCode: 0, json: { ...all }, text: renderWays(all) };
    }),
};

function wholeLimit(limit: number): number {
  if (Number.isInteger(limit) && limit > 0) return limit;
  throw new BasculeError({
    code: 'BASCULE_USAGE',
    message: '--limit must be a whole number from 1 up.',
    next: 'For example `bascule releases --limit 20`.',
  });
}
