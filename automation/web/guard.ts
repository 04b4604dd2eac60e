import { createHash, timingSafeEqual } from 'node:crypto';

/** What of a request the page's server judges it by. */
export interface Incoming {
  method: string;
  path: string;
  query: URLSearchParams;
  /** Names in lower case. */
  headers: Record<string, string | undefined>;
}

/** What only the person who started the page's server has, or a page that it served. */
export interface Secrets {
  port: number;
  /** Stands in the address that is printed; opens the page once for each browser. */
  key: string;
  /** The value of the cookie that the key is changed for. */
  cookie: string;
  /** Stands in the page itself, which no other site can read. */
  token: string;
}

export type Judgement =
  /** Its browser gets the cookie, and the address without the key. */
  | { kind: 'welcome' }
  | { kind: 'page' }
  | { kind: 'events' }
  | { kind: 'ask' }
  | { kind: 'refused'; status: 403 | 404 | 405 | 415; why: string };

export const TOKEN_HEADER = 'x-bascule-token';

/** A cookie is for all ports of a host: its name tells those of several pages apart. */
export function cookieName(port: number): string {
  return `bascule-watch-${port}`;
}

/**
 * Whether a request may have what it asks for. Everybody on this machine, and every site that its browsers
 * show, can send requests to a loopback port: the name of the host is compared (against DNS rebinding), reading
 * needs the cookie, and asking for something needs the page's own origin and its token beside that.
 */
export function judge(request: Incoming, secrets: Secrets): Judgement {
  const { method, path, headers } = request;
  const hosts = [`127.0.0.1:${secrets.port}`, `localhost:${secrets.port}`];
  const host = headers['host'] ?? '';
  if (!hosts.includes(host)) return refused(403, 'it is not sent to this page’s own address');
  const known = same(cookieOf(headers['cookie'], secrets.port), secrets.cookie);
  switch (path) {
    case '/':
      if (method !== 'GET') return refused(405, 'the page is only read');
      if (same(request.query.get('key'), secrets.key)) return { kind: 'welcome' };
      return known ? { kind: 'page' } : stranger();
    case '/events':
      if (method !== 'GET') return refused(405, 'the events are only read');
      return known ? { kind: 'events' } : stranger();
    case '/ask':
      if (method !== 'POST') return refused(405, 'something is asked for by POST');
      if (!known) return stranger();
      return judgeAsking(headers, host, secrets);
    default:
      return refused(404, 'there is nothing else here');
  }
}

function judgeAsking(headers: Incoming['headers'], host: string, { token }: Secrets): Judgement {
  // Every browser sends its origin with a POST; one that leaves it out is not the page.
  if (headers['origin'] !== `http://${host}`) return refused(403, 'it does not come from this page');
  if ((headers['sec-fetch-site'] ?? 'same-origin') !== 'same-origin')
    return refused(403, 'it comes from another site');
  if (!same(headers[TOKEN_HEADER], token)) return refused(403, 'it does not have the page’s token');
  // No form of another site can send this type without asking first.
  if (!/^application\/json\b/.test(headers['content-type'] ?? '')) return refused(415, 'it is not JSON');
  return { kind: 'ask' };
}

function stranger(): Judgement {
  return refused(403, 'open the address that `bascule watch --web` printed');
}

function refused(status: 403 | 404 | 405 | 415, why: string): Judgement {
  return { kind: 'refused', status, why };
}

function cookieOf(header: string | undefined, port: number): string | undefined {
  const pairs = (header ?? '').split(';').map((pair) => pair.trim().split('='));
  return pairs.find(([name]) => name === cookieName(port))?.[1];
}

/** In the same time whatever is given. */
function same(given: string | null | undefined, expected: string): boolean {
  const digest = (text: string): Buffer => createHash('sha256').update(text).digest();
  return timingSafeEqual(digest(given ?? ''), digest(expected)) && (given ?? '') !== '';
}
