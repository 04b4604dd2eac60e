import { randomUUID } from 'node:crypto';
import type { IncomingMessage } from 'node:http';

/** Headers that belong to one connection and are never handed on (RFC 9110, 7.6.1). */
const HOP_BY_HOP = new Set([
  'connection',
  'keep-alive',
  'proxy-connection',
  'proxy-authenticate',
  'proxy-authorization',
  'te',
  'trailer',
  'transfer-encoding',
  'upgrade',
]);

/** Request headers that the load balancer answers or writes itself. */
const OWN_REQUEST_HEADERS = new Set([
  'expect',
  'x-forwarded-for',
  'x-forwarded-proto',
  'x-forwarded-port',
  'x-amzn-trace-id',
]);

/** Where a request came in. */
export interface Arrival {
  sourceIp: string;
  /** http or https. */
  protocol: string;
  port: number;
  /** Unix milliseconds. */
  at: number;
}

/** The client's address, an IPv4 one also where the socket is a dual-stack one. */
export function sourceIpOf(request: IncomingMessage): string {
  return (request.socket.remoteAddress ?? '').replace(/^::ffff:/, '');
}

/** The headers a Connection header names for its own hop only. */
function namedByConnection(connection: string | undefined): Set<string> | undefined {
  if (connection === undefined || connection === 'keep-alive' || connection === 'close') return undefined;
  const names = connection.split(',').map((name) => name.trim().toLowerCase());
  return new Set(names.filter((name) => name !== 'keep-alive' && name !== 'close' && name !== ''));
}

/** Copies raw headers, in their order and spelling, without those of the hop. */
function copyEndToEnd(
  raw: readonly string[],
  connection: string | undefined,
  dropped: ReadonlySet<string> | undefined,
): string[] {
  const named = namedByConnection(connection);
  const copied: string[] = [];
  for (let index = 0; index + 1 < raw.length; index += 2) {
    const name = raw[index] ?? '';
    const lower = name.toLowerCase();
    if (HOP_BY_HOP.has(lower) || dropped?.has(lower) || named?.has(lower)) continue;
    copied.push(name, raw[index + 1] ?? '');
  }
  return copied;
}

/** AWS's trace header: a new root, or a Self field in front of the root that came with the request. */
function traceId(incoming: string | undefined, at: number): string {
  const seconds = Math.floor(at / 1000)
    .toString(16)
    .padStart(8, '0');
  // Node keeps random bytes for UUIDs in store; 12 fresh ones a request would cost 4 % of its time.
  const own = `1-${seconds}-${randomUUID().replaceAll('-', '').slice(0, 24)}`;
  return incoming?.includes('Root=') ? `Self=${own};${incoming}` : `Root=${own}`;
}

function headerText(value: string | string[] | undefined): string | undefined {
  return Array.isArray(value) ? value.join(', ') : value;
}

/**
 * Whether a request carries a body. Node's parser refuses one that has both lengths, or a broken one, so
 * these two headers can be trusted.
 */
export function hasBody(request: IncomingMessage): boolean {
  if (request.headers['transfer-encoding'] !== undefined) return true;
  const length = request.headers['content-length'];
  return length !== undefined && length !== '0';
}

/** The headers a request is handed on with: name, value, name, value … */
export function requestHeaders(request: IncomingMessage, arrival: Arrival): string[] {
  const incoming = request.headers;
  const headers = copyEndToEnd(request.rawHeaders, incoming.connection, OWN_REQUEST_HEADERS);
  const forwardedFor = headerText(incoming['x-forwarded-for']);
  headers.push(
    'X-Forwarded-For',
    forwardedFor === undefined ? arrival.sourceIp : `${forwardedFor}, ${arrival.sourceIp}`,
    'X-Forwarded-Proto',
    arrival.protocol,
    'X-Forwarded-Port',
    String(arrival.port),
    'X-Amzn-Trace-Id',
    traceId(headerText(incoming['x-amzn-trace-id']), arrival.at),
  );
  if (incoming['transfer-encoding'] !== undefined) headers.push('Transfer-Encoding', 'chunked');
  else if (incoming['content-length'] === undefined && /^(POST|PUT|PATCH)$/.test(request.method ?? '')) {
    headers.push('Content-Length', '0');
  }
  return headers;
}

/** The headers a target's response is handed on with. */
export function responseHeaders(response: IncomingMessage): string[] {
  return copyEndToEnd(response.rawHeaders, response.headers.connection, undefined);
}

/** Tags are any text; a header's value is not. */
export function headerSafe(text: string): string {
  return text.replace(/[^\x20-\x7e]/g, '?').replaceAll(';', ',');
}
