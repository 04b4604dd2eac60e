/** GitLab's and GitHub's APIs for comments, as real HTTP servers with as much of their manners as matters. */
import { once } from 'node:events';
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { freePort } from './ports';

export interface Note {
  id: number;
  author: string;
  body: string;
  system?: boolean;
}

export interface Asked {
  method: string;
  path: string;
  /** Of whichever header carries it. */
  token: string;
}

interface Answer {
  status: number;
  body: unknown;
  headers?: Record<string, string>;
}

/** Answers before anything else does; undefined lets the platform answer. */
type Hook = (asked: Asked) => Answer | 'break' | 'break-after' | undefined;

/** What both have in common. */
abstract class Platform {
  readonly asked: Asked[] = [];
  notes: Note[] = [];
  before: Hook = () => undefined;
  private readonly server: Server;

  constructor(
    readonly user: string,
    readonly token: string,
  ) {
    this.server = createServer((request, response) => void this.answer(request, response));
  }

  async start(): Promise<this> {
    this.server.listen(await freePort(), '127.0.0.1');
    await once(this.server, 'listening');
    return this;
  }

  async close(): Promise<void> {
    this.server.closeAllConnections();
    this.server.close();
    await once(this.server, 'close');
  }

  get url(): string {
    return `http://127.0.0.1:${(this.server.address() as AddressInfo).port}`;
  }

  /** Those that changed something. */
  get writes(): string[] {
    return this.asked.filter(({ method }) => method !== 'GET').map(({ method, path }) => `${method} ${path}`);
  }

  protected abstract tokenOf(request: IncomingMessage): string;
  protected abstract respond(asked: Asked, url: URL, body: Record<string, unknown>): Answer;

  private async answer(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const body = await bodyOf(request);
    const url = new URL(request.url ?? '/', this.url);
    const asked = { method: request.method ?? '', path: url.pathname, token: this.tokenOf(request) };
    this.asked.push(asked);
    const first = this.before(asked);
    if (first === 'break') return void response.destroy();
    const answer =
      first !== undefined && first !== 'break-after'
        ? first
        : asked.token === this.token
          ? this.respond(asked, url, body)
          : { status: 401, body: { message: this.unauthorised } };
    if (first === 'break-after') return void response.destroy();
    response.writeHead(answer.status, { 'content-type': 'application/json', ...answer.headers });
    response.end(JSON.stringify(answer.body));
  }

  protected abstract readonly unauthorised: string;

  protected add(author: string, body: unknown): Note {
    const note = { id: Math.max(1000, ...this.notes.map(({ id }) => id)) + 1, author, body: String(body) };
    this.notes.push(note);
    return note;
  }

  protected page(url: URL): { rows: Note[]; headers: Record<string, string> } {
    const size = Number(url.searchParams.get('per_page') ?? 20);
    const number = Number(url.searchParams.get('page') ?? 1);
    const rows = this.notes.slice((number - 1) * size, number * size);
    if (number * size >= this.notes.length) return { rows, headers: {} };
    const next = new URL(url);
    next.searchParams.set('page', String(number + 1));
    return { rows, headers: { link: `<${next.href}>; rel="next"` } };
  }
}

/** https://docs.gitlab.com/api/notes/#merge-requests */
export class GitlabServer extends Platform {
  protected readonly unauthorised = '401 Unauthorized';
  readonly project = 'group/shop';
  readonly number = 7;

  protected tokenOf(request: IncomingMessage): string {
    return String(request.headers['private-token'] ?? '');
  }

  protected respond({ method, path }: Asked, url: URL, body: Record<string, unknown>): Answer {
    if (path === '/api/v4/user') return { status: 200, body: { id: 1, username: this.user } };
    const notes = `/api/v4/projects/${encodeURIComponent(this.project)}/merge_requests/${this.number}/notes`;
    if (path === notes && method === 'GET') {
      const { rows, headers } = this.page(url);
      return { status: 200, body: rows.map(gitlabNote), headers };
    }
    if (path === notes && method === 'POST')
      return { status: 201, body: gitlabNote(this.add(this.user, body['body'])) };
    const note = this.notes.find(({ id }) => path === `${notes}/${id}`);
    if (note === undefined || method !== 'PUT') return { status: 404, body: { message: '404 Not found' } };
    note.body = String(body['body']);
    return { status: 200, body: gitlabNote(note) };
  }
}

const gitlabNote = ({ id, body, author, system }: Note) => ({
  id,
  body,
  system: system ?? false,
  author: { id: 1, username: author },
});

/** https://docs.github.com/en/rest/issues/comments */
export class GithubServer extends Platform {
  protected readonly unauthorised = 'Bad credentials';
  readonly repository = 'acme/shop';
  readonly number = 12;
  /** The token of a workflow's run may not ask GET /user. */
  ofWorkflow = true;

  protected tokenOf(request: IncomingMessage): string {
    return String(request.headers.authorization ?? '').replace(/^(token|bearer) /i, '');
  }

  protected respond({ method, path }: Asked, url: URL, body: Record<string, unknown>): Answer {
    if (path === '/user' && this.ofWorkflow)
      return { status: 403, body: { message: 'Resource not accessible by integration' } };
    if (path === '/user') return { status: 200, body: { id: 1, login: this.user } };
    if (path === '/graphql') return { status: 200, body: { data: { viewer: { login: this.user } } } };
    const comments = `/repos/${this.repository}/issues/${this.number}/comments`;
    if (path === comments && method === 'GET') {
      const { rows, headers } = this.page(url);
      return { status: 200, body: rows.map((note) => this.comment(note)), headers };
    }
    if (String(body['body'] ?? '').length > 65_536)
      return { status: 422, body: { message: 'body is too long (maximum is 65536 characters)' } };
    if (path === comments && method === 'POST')
      return { status: 201, body: this.comment(this.add(this.user, body['body'])) };
    const note = this.notes.find(({ id }) => path === `/repos/${this.repository}/issues/comments/${id}`);
    if (note === undefined || method !== 'PATCH') return { status: 404, body: { message: 'Not Found' } };
    note.body = String(body['body']);
    return { status: 200, body: this.comment(note) };
  }

  private comment({ id, body, author }: Note) {
    const html_url = `https://github.example/${this.repository}/pull/${this.number}#issuecomment-${id}`;
    return { id, body, html_url, user: { id: 1, login: author } };
  }
}

async function bodyOf(request: IncomingMessage): Promise<Record<string, unknown>> {
  const parts: Buffer[] = [];
  for await (const part of request) parts.push(part as Buffer);
  const text = Buffer.concat(parts).toString();
  return text === '' ? {} : (JSON.parse(text) as Record<string, unknown>);
}
