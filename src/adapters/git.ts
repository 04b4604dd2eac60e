import { execFile } from 'node:child_process';
import { promisify } from 'node:util';
import { commitOf, type Commit } from '../domain/change-set';
import type { Commits } from '../ports';

/** A repository that takes longer is not waited for: nothing depends on its answer. */
const TIMEOUT_MILLISECONDS = 10_000;
const run = promisify(execFile);

/** The commits of the repository that a folder is in. */
export class GitCommits implements Commits {
  /** @param paths which of them: `.`, those that touch the folder; `:/`, all. */
  constructor(
    private readonly folder: string,
    private readonly paths: '.' | ':/',
  ) {}

  async between(
    from: string,
    to: string,
    most: number,
  ): Promise<{ commits: Commit[]; count: number } | null> {
    // Revisions come from tags of images: nothing but a commit's own name is handed to git.
    const [first, last] = [commitOf(from), commitOf(to)];
    if (first === null || last === null) return null;
    const range = `${first}..${last}`;
    try {
      const count = Number(await this.git('rev-list', '--count', range, '--', this.paths));
      const lines = await this.git(
        'log',
        `--max-count=${most}`,
        '--format=%h%x1f%an%x1f%s',
        range,
        '--',
        this.paths,
      );
      return { commits: lines.split('\n').flatMap(commitFrom), count };
    } catch {
      return null;
    }
  }

  private async git(...command: string[]): Promise<string> {
    const options = { timeout: TIMEOUT_MILLISECONDS, maxBuffer: 4 * 1024 * 1024 };
    const { stdout } = await run('git', ['-C', this.folder, '--no-pager', ...command], options);
    return stdout.trim();
  }
}

function commitFrom(line: string): Commit[] {
  // Control characters would reach the terminals of everybody who reads it.
  const [id, author, subject] = line.split('\x1f').map((part) => part.replace(/\p{Cc}/gu, ' '));
  return id === undefined || author === undefined || subject === undefined ? [] : [{ id, author, subject }];
}
