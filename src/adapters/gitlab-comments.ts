import { createRequesterFn, type FormattedResponse } from '@gitbeaker/requester-utils';
import { MergeRequestNotes, Users } from '@gitbeaker/rest';
import { PlatformFailure, type CommentPlace, type PostedComment } from '../domain/comment';
import type { Comments } from '../ports';
import { answered, limitsOf } from './platform-answers';

type Place = Extract<CommentPlace, { platform: 'gitlab' }>;

/** The notes of a merge request. */
export class GitlabComments implements Comments {
  private readonly notes: MergeRequestNotes;
  private readonly users: Users;

  constructor(
    private readonly place: Place,
    token: string,
  ) {
    // Its own handler asks ten times within a quarter of a second, whatever GitLab said to wait.
    const requesterFn = createRequesterFn((_, options) => Promise.resolve(options), ask);
    const options = { host: place.api, token, requesterFn };
    this.notes = new MergeRequestNotes(options);
    this.users = new Users(options);
  }

  async author(): Promise<string | null> {
    try {
      return (await this.users.showCurrentUser()).username ?? null;
    } catch (thrown) {
      // Tokens of a deployment or a job may comment and yet not ask who they are.
      if (thrown instanceof PlatformFailure && (thrown.status === 403 || thrown.status === 404)) return null;
      throw thrown;
    }
  }

  async list(): Promise<PostedComment[]> {
    const { repository, number } = this.place;
    const notes = await this.notes.all(repository, number, {
      perPage: 100,
      sort: 'asc',
      orderBy: 'created_at',
    });
    return notes.filter(({ system }) => !system).map((note) => this.commentOf(note));
  }

  async post(body: string): Promise<PostedComment> {
    return this.commentOf(await this.notes.create(this.place.repository, this.place.number, body));
  }

  async edit(id: number, body: string): Promise<PostedComment> {
    return this.commentOf(await this.notes.edit(this.place.repository, this.place.number, id, { body }));
  }

  private commentOf(note: { id: number; body: string; author?: { username: string } }): PostedComment {
    const { web } = this.place;
    return {
      id: note.id,
      author: note.author?.username ?? null,
      body: note.body,
      url: web === null ? null : `${web}#note_${note.id}`,
    };
  }
}

/** One request, once. */
async function ask(endpoint: string, options: Record<string, unknown> = {}): Promise<FormattedResponse> {
  const { prefixUrl, searchParams, method, headers, body } = options as {
    prefixUrl: string;
    searchParams?: string;
    method: string;
    headers: Record<string, string>;
    body?: string;
  };
  const url = new URL(endpoint, prefixUrl.endsWith('/') ? prefixUrl : `${prefixUrl}/`);
  url.search = searchParams ?? '';
  // Followed by fetch, a redirection would take the token along, wherever it leads to.
  const request = { method, headers, redirect: 'manual' as const };
  const response = await answered(url, body === undefined ? request : { ...request, body });
  const text = await response.text();
  if (!response.ok) throw new PlatformFailure(said(text), response.status, limitsOf(response.headers));
  const content = json(text);
  if (content === undefined)
    throw new PlatformFailure('the answer is not JSON: this is no API of GitLab', 404);
  return {
    body: content as Record<string, unknown>,
    headers: Object.fromEntries(response.headers),
    status: response.status,
  };
}

function json(text: string): unknown {
  try {
    return JSON.parse(text) as unknown;
  } catch {
    return undefined;
  }
}

/** GitLab says `{"message": "401 Unauthorized"}` or `{"error": …, "error_description": …}`. */
function said(text: string): string {
  const { message, error_description, error } = (json(text) ?? {}) as Record<string, unknown>;
  const found = message ?? error_description ?? error ?? '';
  return typeof found === 'string' ? found : JSON.stringify(found);
}
