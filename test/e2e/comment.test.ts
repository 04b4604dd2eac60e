/** `bascule comment` as a CI job runs it, against servers that behave as GitLab's and GitHub's APIs. */
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { renderPreviewMarkdown } from '../../automation/cli/output/preview-markdown';
import { BASCULE, documentOf, Program, type Document, type Ended } from '../support/command-line';
import { GithubServer, GitlabServer } from '../support/platforms';
import { PREVIEWS } from '../support/previews';

const TOKEN = 'ghs-not-to-be-seen';
const preview = PREVIEWS['new-version'];

let gitlab: GitlabServer;
let github: GithubServer;
let folder: string;
let file: string;

beforeAll(async () => {
  gitlab = await new GitlabServer('project_7_bot', TOKEN).start();
  github = await new GithubServer('github-actions[bot]', TOKEN).start();
  folder = await mkdtemp(path.join(tmpdir(), 'bascule-comment-'));
  file = path.join(folder, 'preview.md');
});

afterAll(async () => {
  await Promise.all([gitlab.close(), github.close()]);
  await rm(folder, { recursive: true, force: true });
});

beforeEach(async () => {
  gitlab.notes = [];
  github.notes = [];
  await writeFile(file, renderPreviewMarkdown(preview));
});

/** What a job finds in its environment; nothing of the CI that runs this test. */
const bare = { PATH: process.env['PATH'], HOME: process.env['HOME'] };
const onGitlab = () => ({
  ...bare,
  CI: 'true',
  GITLAB_CI: 'true',
  CI_API_V4_URL: `${gitlab.url}/api/v4`,
  CI_PROJECT_ID: gitlab.project,
  CI_MERGE_REQUEST_IID: String(gitlab.number),
  GITLAB_TOKEN: TOKEN,
});
const onGithub = () => ({
  ...bare,
  CI: 'true',
  GITHUB_ACTIONS: 'true',
  GITHUB_API_URL: github.url,
  GITHUB_REPOSITORY: github.repository,
  GITHUB_REF: `refs/pull/${github.number}/merge`,
  GITHUB_TOKEN: TOKEN,
});

async function run(env: NodeJS.ProcessEnv, ...args: string[]): Promise<Ended> {
  return new Program(process.execPath, [BASCULE, 'comment', ...args], { env, cwd: folder }).ended;
}

describe('bascule comment', () => {
  it('posts and then updates one note of a merge request', async () => {
    const first = await run(onGitlab(), 'preview.md', '--json');
    expect(first).toMatchObject({ exitCode: 0, stderr: '' });
    expect(documentOf(first)).toMatchObject({ outcome: 'posted', platform: 'gitlab', comment: 1001 });
    await writeFile(file, renderPreviewMarkdown({ ...preview, version: '3.0.0' }));
    expect(documentOf(await run(onGitlab(), '--file', 'preview.md', '--json'))).toMatchObject({
      outcome: 'updated',
    });
    expect(gitlab.notes).toHaveLength(1);
    expect(gitlab.notes[0]?.body).toContain('`3.0.0`');
  });

  it('posts and then updates one comment of a pull request', async () => {
    const first = await run(onGithub(), 'preview.md');
    expect(first).toMatchObject({ exitCode: 0, stderr: '' });
    expect(first.stdout).toMatch(/^posted: https:.*#issuecomment-1001\n$/);
    await writeFile(file, renderPreviewMarkdown({ ...preview, version: '3.0.0' }));
    expect((await run(onGithub(), 'preview.md')).stdout).toMatch(/^updated: /);
    expect(github.notes).toHaveLength(1);
  });

  it('takes standard input', async () => {
    const command = `"${process.execPath}" "${BASCULE}" comment - < preview.md`;
    const ended = await new Program('sh', ['-c', command], { env: onGithub(), cwd: folder }).ended;
    expect(ended).toMatchObject({ exitCode: 0, stderr: '' });
    expect(github.notes[0]?.body).toBe(renderPreviewMarkdown(preview));
  });

  it('waits when it is told to, and says so', async () => {
    let refused = false;
    github.before = () => {
      if (refused) return undefined;
      refused = true;
      return { status: 429, body: { message: 'slow down' }, headers: { 'retry-after': '1' } };
    };
    const ended = await run(onGithub(), 'preview.md');
    github.before = () => undefined;
    expect(ended.exitCode).toBe(0);
    expect(ended.stderr).toContain('asked again in 1 s');
  });

  it('refuses in words, with exit code 2, and never shows the token', async () => {
    const { GITLAB_TOKEN: _token, ...without } = onGitlab();
    const cases: [string, Promise<Ended>][] = [
      ['BASCULE_COMMENT_TOKEN', run(without, 'preview.md', '--json')],
      ['BASCULE_COMMENT_PLACE', run(bare, 'preview.md', '--json')],
      ['BASCULE_COMMENT_TEXT', run(onGitlab(), 'nothing-here.md', '--json')],
      [
        'BASCULE_COMMENT_DENIED',
        run({ ...onGitlab(), GITLAB_TOKEN: `${TOKEN}-old` }, 'preview.md', '--json'),
      ],
      ['BASCULE_COMMENT_NOT_FOUND', run(onGithub(), 'preview.md', '--json', '--number', '99')],
      ['BASCULE_USAGE', run(onGithub(), 'preview.md', '--json', '--token', TOKEN)],
    ];
    for (const [code, running] of cases) {
      const ended = await running;
      expect(documentOf<Document>(ended).error?.code, code).toBe(code);
      expect(ended.exitCode, code).toBe(2);
      expect(ended.stdout + ended.stderr, code).not.toContain(TOKEN);
    }
    expect([...gitlab.notes, ...github.notes]).toEqual([]);
  });
});
