import { randomBytes } from 'node:crypto';
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { BasculeError, messageOf } from '../../src/domain/errors';
import type { RequestKind } from '../../src/domain/request';
import type { WatchView } from '../watch/view';
import { cookieName, judge, type Incoming, type Secrets } from './guard';
import { renderPage } from './page';

export interface PageOptions {
  /** 0 for any free one. */
  port: number;
  /** Hands a wish on; what it answers is shown. */
  ask: (wish: RequestKind) => Promise<string>;
}

const WISHES: readonly RequestKind[] = ['advance', 'advance-full', 'pause', 'abort'];
const BODY_LIMIT = 1024;
/** Proxies and browsers give up a stream on which nothing comes for long. */
const HEARTBEAT_MILLISECONDS = 15_000;
const FAREWELL_MILLISECONDS = 1000;

/** The live page on loopback. */
export class PageServer {
  private readonly streams = new Set<ServerResponse>();
  private readonly heartbeat: NodeJS.Timeout;
  private shown = '';
  private last: WatchView | undefined;

  private constructor(
    private readonly server: Server,
    private readonly secrets: Secrets,
    private readonly ask: PageOptions['ask'],
  ) {
    this.heartbeat = setInterval(() => this.toAll(': \n\n'), HEARTBEAT_MILLISECONDS);
    this.heartbeat.unref();
  }

  /** @throws BasculeError BASCULE_PORT_TAKEN (exit code 2). */
  static async start({ port, ask }: PageOptions): Promise<PageServer> {
    const server = createServer();
    await new Promise<void>((resolve, reject) => {
      server.once('error', (error) => reject(portTaken(port, error)));
      server.listen(port, '127.0.0.1', () => resolve());
    });
    const secret = (): string => randomBytes(24).toString('base64url');
    const secrets = {
      port: (server.address() as AddressInfo).port,
      key: secret(),
      cookie: secret(),
      token: secret(),
    };
    const page = new PageServer(server, secrets, ask);
    server.on('request', (request, response) => void page.answer(request, response));
    return page;
  }

  /** The address to open; its key is for whoever reads it. */
  get url(): string {
    return `http://127.0.0.1:${this.secrets.port}/?key=${this.secrets.key}`;
  }

  show(view: WatchView): void {
    this.last = view;
    // The time alone is no news, and the page has a clock of its own.
    const text = JSON.stringify({ ...view, at: 0 });
    if (text === this.shown) return;
    this.shown = text;
    this.toAll(eventOf('view', view));
  }

  /** Says goodbye to all pages, which keep what they show. */
  async close(): Promise<void> {
    clearInterval(this.heartbeat);
    this.toAll(eventOf('end', {}));
    for (const stream of this.streams) stream.end();
    const closed = new Promise<void>((resolve) => this.server.close(() => resolve()));
    this.server.closeIdleConnections();
    const late = setTimeout(() => this.server.closeAllConnections(), FAREWELL_MILLISECONDS);
    await closed;
    clearTimeout(late);
  }

  private toAll(text: string): void {
    for (const stream of this.streams) stream.write(text);
  }

  private async answer(request: IncomingMessage, response: ServerResponse): Promise<void> {
    try {
      await this.serve(request, response);
    } catch (thrown) {
      send(response, 400, 'text/plain', messageOf(thrown));
    }
  }

  private async serve(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const judgement = judge(incomingOf(request), this.secrets);
    switch (judgement.kind) {
      case 'refused':
        return send(response, judgement.status, 'text/plain', `Refused: ${judgement.why}.\n`);
      case 'welcome': {
        const { port, cookie } = this.secrets;
        response.setHeader('set-cookie', `${cookieName(port)}=${cookie}; Path=/; HttpOnly; SameSite=Strict`);
        response.setHeader('location', '/');
        return send(response, 303, 'text/plain', '');
      }
      case 'page':
        return send(response, 200, 'text/html', renderPage(this.last, this.secrets.token));
      case 'events':
        return this.stream(response);
      case 'ask':
        return this.take(request, response);
    }
  }

  private stream(response: ServerResponse): void {
    response.writeHead(200, { ...SAFE_HEADERS, 'content-type': 'text/event-stream' });
    response.write(this.last === undefined ? ': \n\n' : eventOf('view', this.last));
    this.streams.add(response);
    response.once('close', () => this.streams.delete(response));
  }

  private async take(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const wish = wishOf(await bodyOf(request));
    if (wish === undefined) return send(response, 400, 'application/json', '{"error":"no such wish"}');
    try {
      return send(response, 200, 'application/json', JSON.stringify({ message: await this.ask(wish) }));
    } catch (thrown) {
      const error = thrown instanceof BasculeError ? thrown : undefined;
      const text = { error: messageOf(thrown), code: error?.code ?? 'BASCULE_UNEXPECTED' };
      return send(response, 409, 'application/json', JSON.stringify(text));
    }
  }
}

/** The page is for one person at this machine: nobody keeps it, frames it or learns its address. */
const SAFE_HEADERS = {
  'cache-control': 'no-store',
  'content-security-policy': "frame-ancestors 'none'; base-uri 'none'; form-action 'none'",
  'cross-origin-opener-policy': 'same-origin',
  'cross-origin-resource-policy': 'same-origin',
  'referrer-policy': 'no-referrer',
  'x-content-type-options': 'nosniff',
  'x-frame-options': 'DENY',
};

function send(response: ServerResponse, status: number, type: string, body: string): void {
  if (response.headersSent) {
    response.destroy();
    return;
  }
  response.writeHead(status, { ...SAFE_HEADERS, 'content-type': `${type}; charset=utf-8` });
  response.end(body);
}

function eventOf(name: string, data: unknown): string {
  return `event: ${name}\ndata: ${JSON.stringify(data)}\n\n`;
}

function incomingOf(request: IncomingMessage): Incoming {
  // The authority is judged by itself; here it only makes a whole address of the path.
  const url = new URL(request.url ?? '/', 'http://127.0.0.1');
  const headers = Object.fromEntries(
    Object.entries(request.headers).map(([name, value]) => [
      name,
      Array.isArray(value) ? value.join(', ') : value,
    ]),
  );
  return { method: request.method ?? '', path: url.pathname, query: url.searchParams, headers };
}

async function bodyOf(request: IncomingMessage): Promise<string> {
  let body = '';
  for await (const part of request) {
    body += String(part);
    if (body.length > BODY_LIMIT) throw new Error('the request is too long');
  }
  return body;
}

function wishOf(body: string): RequestKind | undefined {
  const parsed: unknown = JSON.parse(body);
  const asked = typeof parsed === 'object' && parsed !== null && 'wish' in parsed ? parsed.wish : undefined;
  return WISHES.find((wish) => wish === asked);
}

function portTaken(port: number, cause: Error): BasculeError {
  return new BasculeError({
    code: 'BASCULE_PORT_TAKEN',
    message: `The page cannot be served on port ${port}: ${cause.message}.`,
    next: 'Name another port with --port, or none for any that is free.',
    cause,
  });
}
