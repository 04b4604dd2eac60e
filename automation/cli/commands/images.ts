import type { CommandModule } from 'yargs';
import { BasculeError } from '../../../src/domain/errors';
import type { Used } from '../../../src/domain/release-images';
import { listReleases, pruneReleases, usesOf } from '../../operations/images';
import { conclude } from '../command';
import { withSession } from '../compose';
import { openImages } from '../compose-images';
import { commonOptions, type CommonOptions } from '../options';
import { renderPruned, renderReleases } from '../output/images';

interface PruneOptions extends CommonOptions {
  keep: number;
  'older-than': number;
  'dry-run': boolean;
}

const pruneCommand: CommandModule<object, PruneOptions> = {
  command: 'prune',
  describe: 'Deregister images that nothing needs any more, with their snapshots',
  builder: (argv) =>
    commonOptions(argv)
      .option('keep', {
        type: 'number',
        demandOption: true,
        describe: 'Releases that stay, the newest first',
      })
      .option('older-than', { type: 'number', demandOption: true, describe: 'Days; what is younger stays' })
      .option('dry-run', {
        type: 'boolean',
        default: true,
        describe: 'Only say what would go; --no-dry-run does it',
      })
      .example('bascule images prune --keep 10 --older-than 30', 'Say what would go')
      .example('bascule images prune --keep 10 --older-than 30 --no-dry-run', 'Let it go'),
  handler: (argv) =>
    conclude(argv.json, async () => {
      const policy = {
        keep: wholeNumber('keep', argv.keep),
        olderThanDays: wholeNumber('older-than', argv['older-than']),
      };
      const { opened, used } = await open(argv);
      const dryRun = argv['dry-run'];
      const pruned = await pruneReleases({ ...opened, used, policy, dryRun });
      return { exitCode: 0, json: { dryRun, ...pruned }, text: renderPruned(pruned, dryRun) };
    }),
};

export const imagesCommand: CommandModule<object, CommonOptions> = {
  command: 'images',
  describe: 'List the images of releases: age, regions, content, and where they are live or warm',
  builder: (argv) =>
    commonOptions(argv)
      .command(pruneCommand)
      .example('bascule images', 'Every release that has an image')
      .example('bascule images prune --keep 10 --older-than 30', 'Say which of them nothing needs'),
  handler: (argv) =>
    conclude(argv.json, async () => {
      const { opened, used } = await open(argv);
      const releases = await listReleases({ ...opened, used });
      return { exitCode: 0, json: { releases }, text: renderReleases(releases, opened.clock.now()) };
    }),
};

/** @throws BasculeError as soon as one environment cannot be read: what it needs would look unused. */
async function open(argv: CommonOptions) {
  const opened = await openImages(argv);
  const used: Used[] = [];
  for (const environment of opened.environments)
    used.push(...(await usesIfUp({ ...argv, project: opened.folder, environment })));
  return { opened, used };
}

async function usesIfUp(argv: CommonOptions & { environment: string }): Promise<Used[]> {
  try {
    return await withSession(argv, { changes: false }, usesOf);
  } catch (thrown) {
    if (thrown instanceof BasculeError && thrown.code === 'BASCULE_NOT_UP') return [];
    throw thrown;
  }
}

function wholeNumber(option: string, given: number): number {
  if (Number.isInteger(given) && given >= 0) return given;
  throw new BasculeError({
    code: 'BASCULE_USAGE',
    message: `--${option} must be a whole number from 0 up.`,
    next: 'For example `bascule images prune --keep 10 --older-than 30`.',
  });
}
