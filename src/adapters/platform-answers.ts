import { messageOf } from '../domain/errors';
import { PlatformFailure } from '../domain/comment';

/** A platform that says nothing for so long has not heard. */
const TIMEOUT_MS = 30_000;

/** `fetch`, whose silence is a failure of the platform's like any other. */
export async function answered(url: string | URL, options: RequestInit): Promise<Response> {
  try {
    return await fetch(url, { ...options, signal: AbortSignal.timeout(TIMEOUT_MS) });
  } catch (thrown) {
    const cause = thrown instanceof Error ? thrown.cause : undefined;
    throw new PlatformFailure(`no answer: ${messageOf(cause ?? thrown)}`, null);
  }
}

const LIMITS = ['retry-after', 'x-ratelimit-remaining', 'x-ratelimit-reset'];

/** What a platform says about when to come again; GitLab's headers have no `x-`. */
export function limitsOf(headers: Headers): Record<string, string> {
  return Object.fromEntries(
    LIMITS.flatMap((name) => {
      const value = headers.get(name) ?? headers.get(name.replace(/^x-/, ''));
      return value === null ? [] : [[name, value]];
    }),
  );
}
