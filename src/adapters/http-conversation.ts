import { CookieJar } from 'tough-cookie';
import {
  destinationOf,
  isRedirection,
  redirected,
  type Origin,
  type PreparedRequest,
} from '../domain/suite/exchange';
import type { SuiteAnswer } from '../domain/suite/judge';
import { messageOf } from '../domain/errors';
import type { ProbeAnswer, Prober } from '../ports';

/** As browsers have it. */
const MOST_REDIRECTIONS = 10;

export type Said = { kind: 'answered'; answer: SuiteAnswer } | { kind: 'no-answer'; reason: string };

/** Requests to one host that keep its cookies, and follow where it leads within itself. */
export class HttpConversation {
  // Names such as `localhost` or those of a load balancer of AWS's may set cookies too.
  private readonly jar = new CookieJar(undefined, { rejectPublicSuffixes: false, looseMode: true });

  constructor(
    private readonly prober: Prober,
    private readonly origin: Origin,
  ) {}

  /** Where redirections are not followed, they are the answer. */
  async ask(request: PreparedRequest, follows: boolean, timeoutSeconds: number): Promise<Said> {
    const origin = request.host === undefined ? this.origin : { ...this.origin, host: request.host };
    let next = request;
    let from = '/';
    for (let led = 0; led <= MOST_REDIRECTIONS; led += 1) {
      const destination = destinationOf(next.target, from, origin);
      if (destination.kind === 'nowhere') return { kind: 'no-answer', reason: destination.why };
      if (destination.kind === 'elsewhere')
        return {
          kind: 'no-answer',
          reason: `${destination.url} is on another host, which is not tested here`,
        };
      const { path } = destination;
      const answer = await this.send({ ...next, target: path }, origin, timeoutSeconds);
      if (answer.kind === 'no-answer') return answer;
      const { location } = answer.headers;
      const leads = follows && isRedirection(answer.status) && location !== undefined;
      if (!leads || destinationOf(location, path, origin).kind !== 'here')
        return { kind: 'answered', answer: await this.told(answer, path, origin) };
      next = redirected(next, answer.status, location);
      from = path;
    }
    return {
      kind: 'no-answer',
      reason: `${request.target} leads through more than ${MOST_REDIRECTIONS} redirections`,
    };
  }

  private async send(
    { method, target, headers, host, body }: PreparedRequest,
    origin: Origin,
    timeoutSeconds: number,
  ): Promise<ProbeAnswer> {
    const cookies = await this.jar.getCookieString(jarUrl(origin, target));
    const named = Object.entries(headers).filter(([name]) => name.toLowerCase() === 'cookie');
    const sent = [...named.map(([, value]) => value), cookies].filter((one) => one !== '').join('; ');
    const others = Object.entries(headers).filter(([name]) => name.toLowerCase() !== 'cookie');
    const answer = await this.prober
      .request(origin.url, {
        path: target,
        method,
        headers: { ...Object.fromEntries(others), ...(sent === '' ? {} : { cookie: sent }) },
        ...(host === undefined ? {} : { host }),
        ...(body === undefined ? {} : { body }),
        timeoutSeconds,
      })
      // A header or a path that HTTP cannot carry is refused before anything is sent.
      .catch((thrown: unknown) => ({
        kind: 'no-answer' as const,
        reason: messageOf(thrown),
        milliseconds: 0,
      }));
    if (answer.kind === 'answered')
      for (const cookie of answer.setCookies ?? [])
        await this.jar.setCookie(cookie, jarUrl(origin, target), { ignoreError: true });
    return answer;
  }

  private async told(
    answer: Extract<ProbeAnswer, { kind: 'answered' }>,
    path: string,
    origin: Origin,
  ): Promise<SuiteAnswer> {
    const { status, headers, body } = answer;
    const held = await this.jar.getCookies(jarUrl(origin, path));
    return { status, headers, body, cookies: Object.fromEntries(held.map(({ key, value }) => [key, value])) };
  }
}

/**
 * Always as by TLS: a test listener often has none where production has, and the cookies of a log-in are marked
 * `Secure` all the same.
 */
function jarUrl({ url, host }: Origin, path: string): string {
  return `https://${host ?? new URL(url).host}${path}`;
}
