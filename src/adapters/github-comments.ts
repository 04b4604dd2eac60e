import type { Octokit } from '@octokit/rest' with { 'resolution-mode': 'import' };
import { PlatformFailure, type CommentPlace, type PostedComment } from '../domain/comment';
import type { Comments } from '../ports';
import { answered, limitsOf } from './platform-answers';

type Place = Extract<CommentPlace, { platform: 'github' }>;

/** The comments of a pull request, which GitHub keeps as those of an issue. */
export class GithubComments implements Comments {
  private constructor(
    private readonly octokit: Octokit,
    private readonly place: { owner: string; repo: string; issue_number: number },
  ) {}

  static async create({ api, repository, number }: Place, token: string): Promise<GithubComments> {
    // An ES module, which CommonJS can only import so.
    const { Octokit } = await import('@octokit/rest');
    const quiet = (): void => undefined;
    const octokit = new Octokit({
      auth: token,
      baseUrl: api,
      request: { fetch: askOnce },
      log: { debug: quiet, info: quiet, warn: quiet, error: quiet },
    });
    const [owner = '', repo = ''] = repository.split('/');
    return new GithubComments(octokit, { owner, repo, issue_number: number });
  }

  /** The token of a workflow may not ask for its user, yet GraphQL tells it who it is: `github-actions[bot]`. */
  async author(): Promise<string | null> {
    try {
      return (await told(this.octokit.users.getAuthenticated())).data.login;
    } catch (thrown) {
      if (!isOneOf(thrown, [403, 404])) throw thrown;
    }
    try {
      const { viewer } = await told(
        this.octokit.graphql<{ viewer: { login: string } }>('{ viewer { login } }'),
      );
      return viewer.login;
    } catch (thrown) {
      if (isOneOf(thrown, [400, 403, 404, 405])) return null;
      throw thrown;
    }
  }

  async list(): Promise<PostedComment[]> {
    const { listComments } = this.octokit.issues;
    const found = await told(this.octokit.paginate(listComments, { ...this.place, per_page: 100 }));
    return found.map(commentOf);
  }

  async post(body: string): Promise<PostedComment> {
    return commentOf((await told(this.octokit.issues.createComment({ ...this.place, body }))).data);
  }

  async edit(id: number, body: string): Promise<PostedComment> {
    const { owner, repo } = this.place;
    return commentOf(
      (await told(this.octokit.issues.updateComment({ owner, repo, comment_id: id, body }))).data,
    );
  }
}

interface IssueComment {
  id: number;
  body?: string | undefined;
  html_url?: string;
  user?: { login: string } | null;
}

function commentOf({ id, body, html_url, user }: IssueComment): PostedComment {
  return { id, author: user?.login ?? null, body: body ?? '', url: html_url ?? null };
}

/** Octokit hides why a request had no answer behind a status of its own; it is kept here. */
async function askOnce(url: string, options: RequestInit): Promise<Response> {
  return answered(url, options);
}

function isOneOf(thrown: unknown, statuses: number[]): boolean {
  return thrown instanceof PlatformFailure && thrown.status !== null && statuses.includes(thrown.status);
}

/** What a call of Octokit came to. */
async function told<T>(call: Promise<T>): Promise<T> {
  try {
    return await call;
  } catch (thrown) {
    throw failureOf(thrown);
  }
}

function failureOf(thrown: unknown): unknown {
  if (!(thrown instanceof Error)) return thrown;
  if (thrown instanceof PlatformFailure) return thrown;
  if (thrown.cause instanceof PlatformFailure) return thrown.cause;
  // GraphQL answers 200 also where it refuses.
  if (thrown.name === 'GraphqlResponseError') return new PlatformFailure(thrown.message, 403);
  const { status, response } = thrown as {
    status?: unknown;
    response?: { headers?: Record<string, unknown> };
  };
  if (typeof status !== 'number') return thrown;
  const headers = new Headers();
  for (const [name, value] of Object.entries(response?.headers ?? {})) headers.set(name, String(value));
  return new PlatformFailure(thrown.message, status, limitsOf(headers));
}
