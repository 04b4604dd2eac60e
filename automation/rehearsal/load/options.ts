import { BasculeError } from '../../../src/domain/errors';
import type { LoadOptions, ResolvedLoadOptions } from './types';

function invalid(message: string): BasculeError {
  return new BasculeError({
    code: 'BASCULE_LOAD_OPTIONS',
    message: `The load generator cannot start: ${message}.`,
    next: 'Correct the option and start the rehearsal again.',
  });
}

function parseUrl(url: string): URL {
  try {
    const parsed = new URL(url);
    if (parsed.protocol === 'http:' || parsed.protocol === 'https:') return parsed;
  } catch {
    // The answer is the same for no URL at all and for one of another protocol.
  }
  throw invalid(`'${url}' is not an http or https URL`);
}

function atLeast(name: string, value: number, least: number): number {
  if (!Number.isFinite(value) || value < least)
    throw invalid(`${name} is ${value}, and must be at least ${least}`);
  return value;
}

function whole(name: string, value: number, least: number): number {
  if (!Number.isInteger(value)) throw invalid(`${name} is ${value}, and must be a whole number`);
  return atLeast(name, value, least);
}

/** Fills in the defaults; throws a BasculeError that names the first option that cannot be. */
export function resolveLoadOptions(options: LoadOptions): ResolvedLoadOptions {
  const url = parseUrl(options.url);
  const keepAliveConnections = whole('keepAliveConnections', options.keepAliveConnections ?? 40, 0);
  const freshConnections = whole('freshConnections', options.freshConnections ?? 4, 0);
  const slow = options.slow && options.slow.connections > 0 ? options.slow : null;
  if (slow) whole('slow.connections', slow.connections, 1);
  if (keepAliveConnections + freshConnections + (slow?.connections ?? 0) === 0) {
    throw invalid('it is given no connection of any kind');
  }
  return {
    url: url.origin,
    path: options.path ?? `${url.pathname}${url.search}`,
    slow,
    keepAliveConnections,
    freshConnections,
    requestsPerSecond: atLeast('requestsPerSecond', options.requestsPerSecond ?? 900, 0.1),
    timeoutSeconds: atLeast('timeoutSeconds', options.timeoutSeconds ?? 15, 1),
    bucketMilliseconds: whole('bucketMilliseconds', options.bucketMilliseconds ?? 100, 10),
    headers: options.headers ?? {},
    failOn: options.failOn ?? 'not-success',
  };
}
