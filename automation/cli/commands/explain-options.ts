import path from 'node:path';
import type { Argv } from 'yargs';
import { freeText } from '../../../src/domain/freeze';
import type { Explained } from '../../operations/change-set';

/** What who asks for a deployment may tell those who hear of it or have to approve it. */
export interface ExplainOptions {
  message: string | undefined;
  app: string | undefined;
}

export function explainOptions<T>(argv: Argv<T>): Argv<T & ExplainOptions> {
  return argv
    .option('message', {
      type: 'string',
      requiresArg: true,
      describe: 'What it is about, for those who are told of it or have to approve it',
    })
    .option('app', {
      type: 'string',
      requiresArg: true,
      describe:
        'Folder of the application, whose git repository tells the commits in between (default: the project’s)',
    });
}

/**
 * What was told, once the project's folder is known.
 * @throws BasculeError BASCULE_USAGE (exit code 2) where the message is too long or empty, at once.
 */
export function explainedBy({ message, app }: ExplainOptions): (folder: string) => Promise<Explained> {
  const told = message === undefined ? {} : { message: freeText('message', message) };
  return async (folder) => {
    const { GitCommits } = await import('../../../src/adapters/git.js');
    const commits = app === undefined ? new GitCommits(folder, ':/') : new GitCommits(path.resolve(app), '.');
    return { ...told, commits };
  };
}
