import http from 'node:http';
import https from 'node:https';
import type { ProbeAnswer, Prober } from '../ports';

/** As much of a body as a check can need; the rest is read and let go. */
const BODY_LIMIT = 1024 * 1024;

/** HTTP requests over connections of their own, so that each is routed anew. Redirects are answers. */
export class HttpProber implements Prober {
  /** @param domain the name that certificates are checked against and that is sent as Host unless a request says another */
  constructor(private readonly domain?: string) {}

  request(baseUrl: string, request: Parameters<Prober['request']>[1]): Promise<ProbeAnswer> {
    const began = Date.now();
    const host = request.host ?? this.domain;
    // Put together as text: a path like //elsewhere/ must stay a path.
    const url = new URL(`${baseUrl.replace(/\/$/, '')}${request.path}`);
    const secure = url.protocol === 'https:';
    return new Promise((resolve) => {
      const finish = (
        answer:
          | Omit<Extract<ProbeAnswer, { kind: 'answered' }>, 'milliseconds'>
          | { kind: 'no-answer'; reason: string },
      ): void => {
        clearTimeout(timer);
        resolve({ ...answer, milliseconds: Date.now() - began });
      };
      const client = (secure ? https : http).request(url, {
        method: request.method,
        headers: { 'user-agent': 'bascule', ...(host === undefined ? {} : { host }), ...request.headers },
        agent: false,
        ...(secure && host !== undefined ? { servername: host.replace(/:\d+$/, '') } : {}),
      });
      const timer = setTimeout(() => {
        finish({
          kind: 'no-answer',
          reason: `${url.href}: no complete answer within ${request.timeoutSeconds} s`,
        });
        client.destroy();
      }, request.timeoutSeconds * 1000);
      client.on('error', (error) => finish({ kind: 'no-answer', reason: `${url.href}: ${error.message}` }));
      client.on('response', (response) => {
        const parts: Buffer[] = [];
        let size = 0;
        response.on('data', (part: Buffer) => {
          size += part.length;
          if (size <= BODY_LIMIT) parts.push(part);
        });
        response.on('error', (error) =>
          finish({ kind: 'no-answer', reason: `${url.href}: ${error.message}` }),
        );
        response.on('end', () =>
          finish({
            kind: 'answered',
            status: response.statusCode ?? 0,
            headers: flatten(response.headers),
            setCookies: response.headers['set-cookie'] ?? [],
            body: Buffer.concat(parts).toString('utf8'),
          }),
        );
      });
      client.end(request.body);
    });
  }
}

function flatten(headers: http.IncomingHttpHeaders): Record<string, string> {
  return Object.fromEntries(
    Object.entries(headers).map(([name, value]) => [
      name,
      Array.isArray(value) ? value.join(', ') : (value ?? ''),
    ]),
  );
}
