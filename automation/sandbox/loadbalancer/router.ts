import type { IncomingMessage } from 'node:http';
import { errorAnswer, fixedAnswer, redirectAnswer, type Answer } from './answers';
import type { RequestFacts } from './conditions';
import { matchRule, type CompiledRule, type RoutingAction } from './rules';
import { decodeSticky, encodeSticky, readCookie, stickyCookies, type TargetStickiness } from './stickiness';
import type { Target } from './target';
import type { TargetGroup } from './target-group';

/** What is decided of one request. */
export type Decision =
  | { kind: 'answer'; answer: Answer; targetGroupArn: string }
  | { kind: 'forward'; group: TargetGroup; target: Target; cookies: CookieWriter | undefined };

/** The Set-Cookie values to add to a response, given those the target sets itself. */
export type CookieWriter = (setByTarget: string[]) => string[];

/** A listener as far as routing goes. */
export interface RoutingListener {
  protocol: string;
  port: number;
  rules: readonly CompiledRule[];
}

const APP_COOKIE = 'AWSALBAPP-0';

/** What rule conditions look at, taken from a request. */
export function factsOf(request: IncomingMessage, sourceIp: string): RequestFacts {
  // A client that takes the load balancer for a proxy sends the whole URL.
  const url = (request.url ?? '/').replace(/^https?:\/\/[^/?]*/i, '') || '/';
  const mark = url.indexOf('?');
  return {
    host: (request.headers.host ?? '').replace(/:\d*$/, '').toLowerCase(),
    path: mark < 0 ? url : url.slice(0, mark),
    query: mark < 0 ? '' : url.slice(mark + 1),
    method: request.method ?? 'GET',
    header: (name) => request.headersDistinct[name] ?? [],
    sourceIp,
  };
}

/**
 * Decides where a request goes. Called for every request, so that a change of rules, weights, health or
 * registration holds for the next one, on a kept connection too.
 * @param cookie the request's Cookie header
 */
export function decide(
  listener: RoutingListener,
  facts: RequestFacts,
  cookie: string | undefined,
  groups: ReadonlyMap<string, TargetGroup>,
  now: number,
): Decision {
  const action = matchRule(listener.rules, facts);
  switch (action.kind) {
    case 'fixed-response':
      return { kind: 'answer', answer: fixedAnswer(action.config), targetGroupArn: '' };
    case 'redirect':
      return { kind: 'answer', answer: redirectAnswer(action.config, facts, listener), targetGroupArn: '' };
    case 'none':
      return { kind: 'answer', answer: errorAnswer(503), targetGroupArn: '' };
    case 'forward':
      return forwardDecision(action, cookie, groups, now);
  }
}

/**
 * The group is chosen before anything is known of its targets: as on AWS, a group that has weight and no
 * target answers 503, and its share does not go to another group.
 */
function forwardDecision(
  action: Extract<RoutingAction, { kind: 'forward' }>,
  cookie: string | undefined,
  groups: ReadonlyMap<string, TargetGroup>,
  now: number,
): Decision {
  const group =
    (action.stickySeconds === undefined ? undefined : stuckGroup(action.groupArns, cookie, groups, now)) ??
    groups.get(action.choice.next() ?? '');
  const stuckTo = group === undefined ? undefined : stuckTarget(group, cookie, now);
  const target = stuckTo ?? group?.choose();
  if (group === undefined || target === undefined) {
    return { kind: 'answer', answer: errorAnswer(503), targetGroupArn: group?.arn ?? '' };
  }
  const writers = [
    action.stickySeconds === undefined ? undefined : groupCookies(group, action.stickySeconds, now),
    targetCookies(group.stickiness, target, stuckTo !== undefined, now),
  ].filter((writer) => writer !== undefined);
  if (writers.length === 0) return { kind: 'forward', group, target, cookies: undefined };
  return { kind: 'forward', group, target, cookies: (own) => writers.flatMap((writer) => writer(own)) };
}

function stuckGroup(
  arns: string[],
  cookie: string | undefined,
  groups: ReadonlyMap<string, TargetGroup>,
  now: number,
): TargetGroup | undefined {
  const value = readCookie(cookie, 'AWSALBTG') ?? readCookie(cookie, 'AWSALBTGCORS');
  const subject = decodeSticky(value, now);
  if (subject === undefined) return undefined;
  return arns.map((arn) => groups.get(arn)).find((group) => group?.subject === subject);
}

function stuckTarget(group: TargetGroup, cookie: string | undefined, now: number): Target | undefined {
  const subject = decodeSticky(stickyValue(group.stickiness, cookie), now);
  return subject === undefined ? undefined : group.stuckTarget(subject);
}

function stickyValue(stickiness: TargetStickiness, cookie: string | undefined): string | undefined {
  switch (stickiness.kind) {
    case 'off':
      return undefined;
    case 'lb_cookie':
      return readCookie(cookie, 'AWSALB') ?? readCookie(cookie, 'AWSALBCORS');
    case 'app_cookie': {
      // Both are needed: once the application takes its cookie back, the session is not sticky any more.
      const kept = readCookie(cookie, stickiness.cookieName) !== undefined;
      return kept ? readCookie(cookie, APP_COOKIE) : undefined;
    }
  }
}

function groupCookies(group: TargetGroup, seconds: number, now: number): CookieWriter {
  const expiresAt = now + seconds * 1000;
  return () => stickyCookies('AWSALBTG', encodeSticky(group.subject, expiresAt), expiresAt);
}

function targetCookies(
  stickiness: TargetStickiness,
  target: Target,
  stuck: boolean,
  now: number,
): CookieWriter | undefined {
  if (stickiness.kind === 'off') return undefined;
  const expiresAt = now + stickiness.seconds * 1000;
  const value = encodeSticky(target.subject, expiresAt);
  if (stickiness.kind === 'lb_cookie') return () => stickyCookies('AWSALB', value, expiresAt);
  const own = `${stickiness.cookieName}=`;
  const expires = `Expires=${new Date(expiresAt).toUTCString()}`;
  return (setByTarget) =>
    stuck || setByTarget.some((cookie) => cookie.startsWith(own))
      ? [`${APP_COOKIE}=${value}; ${expires}; Path=/`]
      : [];
}
