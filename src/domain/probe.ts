import type { SmokeRequest } from './step';

/** What came back of one HTTP request, and how long it took. */
export type ProbeAnswer =
  | {
      kind: 'answered';
      status: number;
      headers: Record<string, string>;
      /** Each Set-Cookie header by itself. */
      setCookies?: string[];
      body: string;
      milliseconds: number;
    }
  | { kind: 'no-answer'; reason: string; milliseconds: number };

/** What came back of one HTTP request. */
export type Answer =
  | { kind: 'answered'; status: number; headers: Record<string, string>; body: string }
  | { kind: 'no-answer'; reason: string };

/** What is wrong with an answer; undefined when it is as configured. */
export function assessSmoke(request: SmokeRequest, answer: Answer): string | undefined {
  if (answer.kind === 'no-answer') return answer.reason;
  if (answer.status !== request.status)
    return `answered ${answer.status} instead of ${request.status}: ${excerpt(answer.body)}`;
  if (request.bodyContains !== undefined && !answer.body.includes(request.bodyContains))
    return `the body does not contain ${JSON.stringify(request.bodyContains)}: ${excerpt(answer.body)}`;
  return undefined;
}

/** The beginning of a body on one line. */
export function excerpt(body: string): string {
  const line = body.replace(/\s+/g, ' ').trim();
  return line === '' ? '(empty body)' : line.slice(0, 160);
}

/**
 * What is wrong with one answer of the live traffic, when only `version` may serve. Without a header only
 * the status can be judged.
 */
export function assessLive(answer: Answer, header: string | null, version: string): string | undefined {
  if (answer.kind === 'no-answer') return answer.reason;
  if (answer.status >= 500) return `answered ${answer.status}`;
  if (header === null) return undefined;
  const found = answer.headers[header.toLowerCase()];
  if (found === undefined) return `the answer has no header ${header}`;
  return found === version ? undefined : `answered by ${found}`;
}
