/** What git tells of the commits between two releases. */
import { execFileSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { GitCommits } from '../../src/adapters/git';

let folder: string;
const heads: string[] = [];

function git(...command: string[]): string {
  const identity = ['-c', 'user.name=Ada', '-c', 'user.email=ada@example.com', '-c', 'commit.gpgsign=false'];
  return execFileSync('git', ['-C', folder, ...identity, ...command], { encoding: 'utf8' }).trim();
}

function commit(file: string, subject: string): void {
  writeFileSync(path.join(folder, file), subject);
  git('add', '--all');
  git('commit', '--message', subject);
  heads.push(git('rev-parse', 'HEAD'));
}

beforeAll(() => {
  folder = mkdtempSync(path.join(tmpdir(), 'bascule-git-'));
  mkdirSync(path.join(folder, 'app'));
  git('init', '--quiet');
  commit('app/index.js', 'First release');
  commit('README.md', 'Words only');
  commit('app/index.js', 'Round prices');
});

afterAll(() => rmSync(folder, { recursive: true, force: true }));

describe('commits between two releases', () => {
  it('are told newest first, as many as are wanted, with their number', async () => {
    const [first = '', , last = ''] = heads;
    const found = await new GitCommits(path.join(folder, 'app'), ':/').between(first, last, 1);
    expect(found).toEqual({
      commits: [
        { id: expect.stringMatching(/^[0-9a-f]{7,}$/) as string, author: 'Ada', subject: 'Round prices' },
      ],
      count: 2,
    });
  });

  it('are those of a folder alone where that is named', async () => {
    const [first = '', , last = ''] = heads;
    const found = await new GitCommits(path.join(folder, 'app'), '.').between(first, `${last}-changed`, 50);
    expect(found?.commits.map(({ subject }) => subject)).toEqual(['Round prices']);
  });

  it.each([
    ['nobody knows', 'a'.repeat(40)],
    ['is no commit’s name', '--output=stolen'],
  ])('are not told where one %s', async (_, revision) => {
    expect(await new GitCommits(folder, ':/').between(revision, heads[0] ?? '', 50)).toBeNull();
  });

  it('are not told outside a repository', async () => {
    expect(await new GitCommits(tmpdir(), ':/').between(heads[0] ?? '', heads[1] ?? '', 50)).toBeNull();
  });
});
