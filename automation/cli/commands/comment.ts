import { readFile } from 'node:fs/promises';
import { text as whole } from 'node:stream/consumers';
import type { CommandModule } from 'yargs';
import {
  commentPlace,
  commentToken,
  markerOf,
  PLATFORMS,
  type CommentPlace,
  type PlaceOptions,
  type Platform,
} from '../../../src/domain/comment';
import { BasculeError, messageOf } from '../../../src/domain/errors';
import type { Comments } from '../../../src/ports';
import { conclude } from '../command';
import type { CommandResult } from '../output/result';

interface CommentOptions {
  json: boolean;
  file: string | undefined;
  platform: Platform | undefined;
  api: string | undefined;
  repository: string | undefined;
  number: number | undefined;
}

export const commentCommand: CommandModule<object, CommentOptions> = {
  command: 'comment [file]',
  describe: 'Post a preview on the merge request, or update the comment that is there (GitLab, GitHub)',
  builder: (argv) =>
    argv
      .positional('file', {
        type: 'string',
        describe: 'What `bascule preview --format markdown` printed (default, and -: standard input)',
      })
      .option('platform', { choices: PLATFORMS, describe: 'Default: the one whose CI runs this' })
      .option('api', {
        type: 'string',
        requiresArg: true,
        describe: 'URL of the API (default: that of the CI)',
      })
      .option('repository', {
        type: 'string',
        requiresArg: true,
        describe: 'GitLab: id or path of the project; GitHub: owner/name (default: that of the CI)',
      })
      .option('number', {
        type: 'number',
        requiresArg: true,
        describe: 'Number of the merge or pull request (default: that of the CI)',
      })
      .option('json', {
        type: 'boolean',
        default: false,
        describe: 'Print one JSON document on standard output',
      })
      .example(
        'bascule comment preview.md',
        'In a merge-request pipeline; the token is GITLAB_TOKEN or GITHUB_TOKEN',
      )
      .example(
        'bascule preview staging --version 2.0.0 --format markdown | bascule comment',
        'The same without a file',
      ),
  handler: (argv) => conclude(argv.json, () => commented(argv)),
};

async function commented(argv: CommentOptions): Promise<CommandResult> {
  const place = commentPlace(placeOptions(argv), process.env, await event(process.env['GITHUB_EVENT_PATH']));
  const token = commentToken(place.platform, process.env);
  const body = await textOf(argv.file);
  // Before anything is asked of the platform.
  markerOf(body);
  const [{ comment }, { systemClock }] = await Promise.all([
    import('../../operations/comment.js'),
    import('../../../src/adapters/clock.js'),
  ]);
  const say = (line: string): void => void process.stderr.write(`${line}\n`);
  const done = await comment(
    { comments: await commentsAt(place, token), place, clock: systemClock, say },
    body,
  );
  const { platform, repository, number } = place;
  const { outcome } = done;
  const { id, url } = done.comment;
  const where =
    url ?? `${platform === 'gitlab' ? 'merge request' : 'pull request'} ${number} of ${repository}`;
  return {
    exitCode: 0,
    json: { outcome, platform, repository, number, comment: id, url },
    text: `${outcome}: ${where}`,
  };
}

/** @throws BasculeError BASCULE_USAGE */
function placeOptions({ platform, api, repository, number }: CommentOptions): PlaceOptions {
  if (number === undefined || (Number.isInteger(number) && number > 0))
    return { platform, api, repository, number };
  throw new BasculeError({
    code: 'BASCULE_USAGE',
    message: `--number is ${number}; it must be a whole number from 1.`,
    next: '`bascule comment --help` shows what it takes.',
  });
}

async function commentsAt(place: CommentPlace, token: string): Promise<Comments> {
  if (place.platform === 'gitlab') {
    const { GitlabComments } = await import('../../../src/adapters/gitlab-comments.js');
    return new GitlabComments(place, token);
  }
  const { GithubComments } = await import('../../../src/adapters/github-comments.js');
  return GithubComments.create(place, token);
}

/** What GitHub wrote about why the workflow runs; nothing where it did not. */
async function event(file: string | undefined): Promise<unknown> {
  if (file === undefined || file === '') return undefined;
  try {
    return JSON.parse(await readFile(file, 'utf8')) as unknown;
  } catch {
    return undefined;
  }
}

async function textOf(file: string | undefined): Promise<string> {
  // yargs makes an empty text of a lone `-`.
  const fromInput = file === undefined || file === '-' || file === '';
  if (fromInput && process.stdin.isTTY) throw unreadable('standard input is a terminal');
  try {
    return await (fromInput ? whole(process.stdin) : readFile(file, 'utf8'));
  } catch (cause) {
    throw unreadable(messageOf(cause), cause);
  }
}

function unreadable(why: string, cause?: unknown): BasculeError {
  return new BasculeError({
    code: 'BASCULE_COMMENT_TEXT',
    message: `There is no text to post: ${why}.`,
    next: 'Name the file that `bascule preview … --format markdown` was written to, or pipe it into `bascule comment`.',
    cause,
  });
}
