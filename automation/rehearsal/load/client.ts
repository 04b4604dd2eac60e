import type { EventEmitter } from 'node:events';
import type { Socket } from 'node:net';
import { BasculeError } from '../../../src/domain/errors';

/** What autocannon's parser hands over when the headers of a response are complete. */
export interface ResponseHead {
  statusCode: number;
  /** Names and values, one after the other. */
  headers: string[];
  /** False after `Connection: close` and wherever only the connection's end ends the body. */
  shouldKeepAlive: boolean;
}

/** The parts of autocannon's client (lib/httpClient.js, version 9.0.0) that truthful counting rests on. */
export interface AutocannonClient extends EventEmitter {
  conn?: Socket;
  parser: {
    type: string;
    execute(chunk: Buffer): number | Error;
    reinitialize(type: string): void;
  };
  _connect(): void;
  _doRequest(): void;
  _resetConnection(): void;
  _destroyConnection(): void;
}

const METHODS = ['_connect', '_doRequest', '_resetConnection', '_destroyConnection'] as const;

/**
 * Narrows the client that autocannon hands to `setupClient`. Throws when a part is missing: counting without
 * it would report cut connections as nothing at all.
 */
export function asAutocannonClient(client: unknown): AutocannonClient {
  const candidate = client as AutocannonClient;
  const missing = METHODS.filter((name) => typeof candidate[name] !== 'function');
  if (missing.length === 0 && typeof candidate.parser?.execute === 'function') return candidate;
  throw new BasculeError({
    code: 'BASCULE_LOAD_AUTOCANNON',
    message: `The installed autocannon lacks what the load generator counts with (${missing.join(', ') || 'parser'}).`,
    next: 'Install the version that package-lock.json names with `npm ci`.',
    blame: 'bascule',
  });
}

/** The value of a header in a list of names and values, or null. */
export function headerOf(head: ResponseHead, name: string): string | null {
  for (let index = 0; index + 1 < head.headers.length; index += 2) {
    if (head.headers[index]?.toLowerCase() === name) return head.headers[index + 1] ?? null;
  }
  return null;
}

/** Whether the end of the connection is what ends this response's body (RFC 9112, 6.3). */
export function endsWithConnection(head: ResponseHead): boolean {
  const { statusCode } = head;
  if (statusCode < 200 || statusCode === 204 || statusCode === 304) return false;
  return headerOf(head, 'content-length') === null && headerOf(head, 'transfer-encoding') === null;
}
