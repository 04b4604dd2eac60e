import { createHash } from 'node:crypto';

/**
 * The cookies by which a load balancer finds a client's target group (AWSALBTG) and target (AWSALB,
 * AWSALBAPP-0) again. AWS encrypts their content; here it is a hash and the time it ends, so that it stays
 * valid over a restart of the sandbox.
 *
 * What AWS documents, and what holds here:
 * - Each cookie's time starts anew with every request that it decides.
 * - A target group's stickiness comes before the weights: a client that holds AWSALBTG stays with its group
 *   as long as the rule names that group, also with weight 0. Only clients without a valid cookie follow
 *   the weights. A cutover under stickiness therefore leaves traffic on the former colour until the
 *   cookies end; a drain gate has to look for the end of traffic, not at the weights.
 * - A target that is unhealthy or draining is not stuck to: another one is chosen, and a new cookie set.
 */

/** The name under which a target group or target appears in a cookie. */
export function subjectOf(...parts: string[]): string {
  return createHash('sha256').update(parts.join('\n')).digest('base64url').slice(0, 22);
}

export function encodeSticky(subject: string, expiresAt: number): string {
  return `${subject}.${Math.floor(expiresAt / 1000).toString(36)}`;
}

/** The subject a cookie's value stands for; undefined when there is none, or its time is over. */
export function decodeSticky(value: string | undefined, now: number): string | undefined {
  if (value === undefined) return undefined;
  const dot = value.lastIndexOf('.');
  const expires = Number.parseInt(value.slice(dot + 1), 36) * 1000;
  return dot > 0 && expires > now ? value.slice(0, dot) : undefined;
}

export function readCookie(header: string | undefined, name: string): string | undefined {
  if (header === undefined) return undefined;
  for (const pair of header.split(';')) {
    const equals = pair.indexOf('=');
    if (equals > 0 && pair.slice(0, equals).trim() === name) return pair.slice(equals + 1).trim();
  }
  return undefined;
}

/** The Set-Cookie values of a cookie and of its twin for requests from other sites. */
export function stickyCookies(name: string, value: string, expiresAt: number): string[] {
  const expires = `Expires=${new Date(expiresAt).toUTCString()}`;
  return [
    `${name}=${value}; ${expires}; Path=/`,
    `${name}CORS=${value}; ${expires}; Path=/; SameSite=None; Secure`,
  ];
}

/** How a target group keeps a client with one target. */
export type TargetStickiness =
  | { kind: 'off' }
  | { kind: 'lb_cookie'; seconds: number }
  | { kind: 'app_cookie'; seconds: number; cookieName: string };

/** @param attributes target group attributes by their AWS names */
export function targetStickiness(attributes: Record<string, string>): TargetStickiness {
  if (attributes['stickiness.enabled'] !== 'true') return { kind: 'off' };
  if (attributes['stickiness.type'] === 'app_cookie') {
    const cookieName = attributes['stickiness.app_cookie.cookie_name'] ?? '';
    const seconds = Number(attributes['stickiness.app_cookie.duration_seconds'] ?? 86_400);
    return { kind: 'app_cookie', seconds, cookieName };
  }
  return {
    kind: 'lb_cookie',
    seconds: Number(attributes['stickiness.lb_cookie.duration_seconds'] ?? 86_400),
  };
}
