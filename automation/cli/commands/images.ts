import type { CommandModule } from 'yargs';
import { BasculeError } from '../../../src/domain/errors';
import type { Used } from '../../../src/domain/release-images';
import { listReleases, pruneReleases, usesOf } from '../../operations/images';
import { conclude } from '../command';
import { withSession } from '../compose';
import { openImages, unreadBecause, type UnreadEnvironment } from '../compose-images';
import { commonOptions, type CommonOptions } from '../options';
import { renderPruned, renderReleases } from '../output/images';

interface PruneOptions extends CommonOptions {
  keep: number;
  'older-than': string;
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
      .option('older-than', {
        type: 'string',
        demandOption: true,
        requiresArg: true,
        describe: 'Days (30 or 30d); what is younger stays, unless it has expired',
      })
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
        olderThanDays: wholeNumber('older-than', Number(/^(\d+)d?$/.exec(argv['older-than'])?.[1])),
      };
      const dryRun = argv['dry-run'];
      const { opened, used, unread } = await open(argv);
      refuseUnread(unread);
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
      const { opened, used, unread } = await open(argv);
      const releases = await listReleases({ ...opened, used });
      const text = renderReleases(releases, unread, opened.clock.now());
      return { exitCode: 0, json: { releases, unread }, text };
    }),
};

/** What every environment of the service in the project needs, and which of them do not tell. */
async function open(argv: CommonOptions) {
  const opened = await openImages(argv);
  const used: Used[] = [];
  const unread = [...opened.unread];
  for (const environment of opened.environments)
    try {
      used.push(
        ...(await withSession({ ...argv, project: opened.folder, environment }, { changes: false }, usesOf)),
      );
    } catch (thrown) {
      // What is not up needs nothing.
      if (thrown instanceof BasculeError && thrown.code === 'BASCULE_NOT_UP') continue;
      unread.push(unreadBecause(environment, thrown));
    }
  opened.enter();
  return { opened, used, unread };
}

/** @throws BasculeError BASCULE_USE_UNKNOWN: what an environment needs that cannot be read would look unused. */
function refuseUnread(unread: readonly UnreadEnvironment[]): void {
  if (unread.length === 0) return;
  const names = unread.map(({ environment }) => environment).join(', ');
  throw new BasculeError({
    code: 'BASCULE_USE_UNKNOWN',
    message: `What ${names} needs cannot be read, so every image stays: nothing was removed.`,
    details: unread.map(({ environment, code, why }) => `${environment}: ${why} (${code})`),
    next: 'Put in order what is said above, or remove the file of an environment that is no more. `bascule images` lists what can be seen.',
  });
}

function wholeNumber(option: string, given: number): number {
  if (Number.isInteger(given) && given >= 0) return given;
  throw new BasculeError({
    code: 'BASCULE_USAGE',
    message: `--${option} must be a whole number from 0 up.`,
    next: 'For example `bascule images prune --keep 10 --older-than 30`.',
  });
}
