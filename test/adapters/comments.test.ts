import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { comment, type Commented } from '../../automation/operations/comment';
import { renderPreviewMarkdown } from '../../automation/cli/output/preview-markdown';
import { GithubComments } from '../../src/adapters/github-comments';
import { GitlabComments } from '../../src/adapters/gitlab-comments';
import type { CommentPlace } from '../../src/domain/comment';
import type { BasculeError } from '../../src/domain/errors';
import type { Comments } from '../../src/ports';
import { FakeClock } from '../support/fake-clock';
import { GithubServer, GitlabServer } from '../support/platforms';
import { PREVIEWS } from '../support/previews';

const TOKEN = 'glpat-very-secret';
const MARKER = '<!-- bascule:preview:shop:production -->';
const OTHER = '<!-- bascule:preview:shop:staging -->';

const text = (content: string): string => `${MARKER}\n${content}\n`;

/** What a test needs of either platform. */
interface Stage {
  server: GitlabServer | GithubServer;
  place: CommentPlace;
  comments(token?: string): Promise<Comments>;
  /** What the collection of comments is called in a request. */
  collection: string;
}

const stages: Record<string, () => Promise<Stage>> = {
  GitLab: async () => {
    const server = await new GitlabServer('project_7_bot', TOKEN).start();
    const place = {
      platform: 'gitlab' as const,
      api: server.url,
      repository: server.project,
      number: server.number,
      web: 'https://gitlab.example/group/shop/-/merge_requests/7',
    };
    return {
      server,
      place,
      comments: async (token = TOKEN) => new GitlabComments(place, token),
      collection: '/notes',
    };
  },
  GitHub: async () => {
    const server = await new GithubServer('github-actions[bot]', TOKEN).start();
    const place = {
      platform: 'github' as const,
      api: server.url,
      repository: server.repository,
      number: server.number,
    };
    return {
      server,
      place,
      comments: (token = TOKEN) => GithubComments.create(place, token),
      collection: '/comments',
    };
  },
};

describe.each(Object.entries(stages))('comments on %s', (_name, setUp) => {
  let stage: Stage;
  let clock: FakeClock;
  let said: string[];

  beforeEach(async () => {
    stage = await setUp();
    clock = new FakeClock();
    said = [];
  });

  afterEach(() => stage.server.close());

  async function put(body: string, token?: string): Promise<Commented> {
    const { place } = stage;
    const comments = await stage.comments(token);
    return comment({ comments, place, clock, say: (line) => void said.push(line) }, body);
  }

  const refused = (body: string, token?: string): Promise<BasculeError> =>
    put(body, token).then(
      () => Promise.reject(new Error('it was posted')),
      (thrown: unknown) => thrown as BasculeError,
    );

  it('are posted once and then updated in place', async () => {
    expect((await put(text('one'))).outcome).toBe('posted');
    const second = await put(text('two'));
    expect(second.outcome).toBe('updated');
    expect(second.comment.url).toMatch(/1001$/);
    expect(stage.server.notes.map(({ body }) => body)).toEqual([text('two')]);
  });

  it('are left alone where nothing changed', async () => {
    await put(text('one'));
    const writes = stage.server.writes.length;
    expect((await put(text('one'))).outcome).toBe('unchanged');
    expect(stage.server.writes.filter((one) => !one.endsWith('/graphql'))).toHaveLength(1);
    expect(stage.server.notes).toHaveLength(1);
    expect(writes).toBeGreaterThan(0);
  });

  it('are found behind more than one page of others', async () => {
    const author = 'ada';
    stage.server.notes = Array.from({ length: 250 }, (_, index) => ({ id: index + 1, author, body: 'so?' }));
    await put(text('one'));
    await put(text('two'));
    expect(stage.server.notes).toHaveLength(251);
    expect(stage.server.notes.at(-1)?.body).toBe(text('two'));
  });

  it('of others and of other environments are never touched', async () => {
    stage.server.notes = [
      { id: 1, author: 'mallory', body: text('a trap') },
      { id: 2, author: stage.server.user, body: `${OTHER}\nstaging` },
      { id: 3, author: stage.server.user, body: `> quoted ${MARKER}` },
    ];
    const before = structuredClone(stage.server.notes);
    expect((await put(text('one'))).outcome).toBe('posted');
    expect(stage.server.notes.slice(0, 3)).toEqual(before);
    expect(stage.server.notes).toHaveLength(4);
  });

  it('wait as long as they are asked to', async () => {
    let refusals = 2;
    stage.server.before = () =>
      refusals-- > 0
        ? { status: 429, body: { message: 'slow down' }, headers: { 'retry-after': '17' } }
        : undefined;
    const began = clock.now();
    expect((await put(text('one'))).outcome).toBe('posted');
    expect(clock.now() - began).toBe(34_000);
    expect(stage.server.asked.filter(({ path }) => path.endsWith('/user'))).toHaveLength(3);
    expect(said).toHaveLength(2);
    expect(said[0]).toContain('asked again in 17 s');
  });

  it('are not posted twice when the answer to the first post is lost', async () => {
    let lost = false;
    stage.server.before = ({ method, path }) => {
      if (method !== 'POST' || !path.endsWith(stage.collection) || lost) return undefined;
      lost = true;
      return 'break-after';
    };
    expect((await put(text('one'))).outcome).toBe('unchanged');
    expect(stage.server.notes).toHaveLength(1);
  });

  it('give up after a few tries, politely', async () => {
    stage.server.before = () => ({ status: 502, body: { message: 'Bad Gateway' } });
    const error = await refused(text('one'));
    expect(error).toMatchObject({ code: 'BASCULE_COMMENT_FAILED', exitCode: 3 });
    expect(error.message).toContain('502');
    expect(stage.server.asked).toHaveLength(6);
    // 1, 2, 4, 8 and 16 seconds.
    expect(clock.now() - new FakeClock().now()).toBe(31_000);
  });

  it('do not keep a job waiting for an hour', async () => {
    stage.server.before = () => ({ status: 429, body: {}, headers: { 'retry-after': '3600' } });
    expect((await refused(text('one'))).code).toBe('BASCULE_COMMENT_FAILED');
    expect(stage.server.asked).toHaveLength(1);
  });

  it('say that the token is not taken, without showing it', async () => {
    const error = await refused(text('one'), 'wrong-secret');
    expect(error).toMatchObject({ code: 'BASCULE_COMMENT_DENIED', exitCode: 2 });
    expect(JSON.stringify([error.message, error.next, error.details, said])).not.toContain('wrong-secret');
  });

  it('say that the token may not do it', async () => {
    stage.server.before = ({ method, path }) =>
      method === 'POST' && path.endsWith(stage.collection)
        ? { status: 403, body: { message: 'insufficient_scope' } }
        : undefined;
    const error = await refused(text('one'));
    expect(error.code).toBe('BASCULE_COMMENT_DENIED');
    expect(error.message).toContain('insufficient_scope');
    expect(stage.server.notes).toEqual([]);
  });

  it('say what there is no such thing as', async () => {
    stage.place.number = 404;
    const error = await refused(text('one'));
    expect(error.code).toBe('BASCULE_COMMENT_NOT_FOUND');
    expect(error.message).toContain('404 of ');
  });

  it('need the mark of a preview', async () => {
    expect((await refused('LGTM')).code).toBe('BASCULE_COMMENT_TEXT');
    expect(stage.server.writes.filter((one) => !one.endsWith('/graphql'))).toEqual([]);
  });

  it('take every preview there is', async () => {
    for (const preview of Object.values(PREVIEWS)) await put(renderPreviewMarkdown(preview));
    expect(stage.server.notes).toHaveLength(1);
  });
});

describe('whose a comment is', () => {
  it('is told by GET /user to a token of a person', async () => {
    const server = await new GithubServer('ada', TOKEN).start();
    try {
      server.ofWorkflow = false;
      const place = {
        platform: 'github' as const,
        api: server.url,
        repository: server.repository,
        number: 12,
      };
      expect(await (await GithubComments.create(place, TOKEN)).author()).toBe('ada');
      expect(server.asked.map(({ path }) => path)).toEqual(['/user']);
    } finally {
      await server.close();
    }
  });
});
