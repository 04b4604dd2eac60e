import { fillText, fillValue, type Scope } from './variables';
import type { SuiteRequest } from './schema';

/** One request as it is sent. */
export interface PreparedRequest {
  method: string;
  /** A path, or an address. */
  target: string;
  headers: Record<string, string>;
  host?: string;
  body?: string;
}

/** What a request is called where it has no name of its own; variables stay as they are written. */
export function nameOf({ name, method, path }: SuiteRequest): string {
  return name ?? `${method} ${path}`;
}

/** A request with its variables filled in. */
export function prepare(request: SuiteRequest, scope: Scope): PreparedRequest {
  const { method, path, host } = request;
  const own = Object.entries(request.headers).map(([name, value]) => [name, fillText(value, scope)] as const);
  const sent = bodyOf(request, scope);
  const typed = own.some(([name]) => name.toLowerCase() === 'content-type');
  return {
    method,
    target: fillText(path, scope),
    headers: {
      ...(sent === undefined || sent.type === undefined || typed ? {} : { 'content-type': sent.type }),
      ...Object.fromEntries(own),
    },
    ...(host === undefined ? {} : { host: fillText(host, scope) }),
    ...(sent === undefined ? {} : { body: sent.text }),
  };
}

function bodyOf(
  { form, json, body }: SuiteRequest,
  scope: Scope,
): { type?: string; text: string } | undefined {
  if (form !== undefined) {
    const fields = Object.entries(form).map(([name, value]): [string, string] => [
      name,
      fillText(String(value), scope),
    ]);
    return { type: 'application/x-www-form-urlencoded', text: new URLSearchParams(fields).toString() };
  }
  if (json !== undefined) return { type: 'application/json', text: textOfJson(fillValue(json, scope)) };
  return body === undefined ? undefined : { text: fillText(body, scope) };
}

function textOfJson(value: unknown): string {
  return JSON.stringify(value) ?? 'null';
}

/** Where a redirection leads, or an address that was captured. */
export type Destination =
  | { kind: 'here'; path: string }
  /** Another host, of which this test says nothing. */
  | { kind: 'elsewhere'; url: string }
  | { kind: 'nowhere'; why: string };

/** Where requests of a test go: to its listener, under the names that the service goes by there. */
export interface Origin {
  url: string;
  /** The Host header that is sent, where it is not that of the address. */
  host: string | undefined;
}

/** A path or an address, seen from a path of the same host. */
export function destinationOf(target: string, from: string, { url, host }: Origin): Destination {
  if (/^\/(?!\/)[^\s#]*$/.test(target)) return { kind: 'here', path: target };
  let found: URL;
  try {
    found = new URL(target, `${url}${from}`);
  } catch {
    return { kind: 'nowhere', why: `${JSON.stringify(target)} is neither a path nor an address` };
  }
  const names = [new URL(url).host, ...(host === undefined ? [] : [host, withoutPort(host)])];
  return names.includes(found.host) || names.includes(found.hostname)
    ? { kind: 'here', path: `${found.pathname}${found.search}` }
    : { kind: 'elsewhere', url: found.href };
}

function withoutPort(host: string): string {
  return host.replace(/:\d+$/, '');
}

/** The request that follows a redirection, as browsers have it (RFC 9110, 15.4). */
export function redirected(request: PreparedRequest, status: number, target: string): PreparedRequest {
  const keeps = status === 307 || status === 308 || request.method === 'GET' || request.method === 'HEAD';
  if (keeps) return { ...request, target };
  const { body: _, headers, ...rest } = request;
  const left = Object.entries(headers).filter(([name]) => name.toLowerCase() !== 'content-type');
  return { ...rest, method: 'GET', target, headers: Object.fromEntries(left) };
}

export function isRedirection(status: number): boolean {
  return [301, 302, 303, 307, 308].includes(status);
}
