import { STATUS_CODES } from 'node:http';
import type { ListenerAction } from '../contract';
import type { RequestFacts } from './conditions';

/** A response the load balancer makes itself. */
export interface Answer {
  status: number;
  /** Name, value, name, value … */
  headers: string[];
  body: string;
}

const TITLES: Record<number, string> = { 503: 'Service Temporarily Unavailable', 504: 'Gateway Time-out' };

/** The HTML page that the real load balancer answers with. */
export function errorAnswer(status: number): Answer {
  const title = `${status} ${TITLES[status] ?? STATUS_CODES[status] ?? 'Error'}`;
  const body =
    `<html>\r\n<head><title>${title}</title></head>\r\n` +
    `<body>\r\n<center><h1>${title}</h1></center>\r\n</body>\r\n</html>\r\n`;
  return { status, headers: ['Server', 'awselb/2.0', 'Content-Type', 'text/html'], body };
}

export function fixedAnswer(config: NonNullable<ListenerAction['FixedResponseConfig']>): Answer {
  const headers = ['Server', 'awselb/2.0', 'Content-Type', config.ContentType ?? 'text/plain'];
  return { status: Number(config.StatusCode), headers, body: config.MessageBody ?? '' };
}

/** Expands #{protocol}, #{host}, #{port}, #{path} and #{query} as AWS does; the port is always written. */
export function redirectAnswer(
  config: NonNullable<ListenerAction['RedirectConfig']>,
  facts: RequestFacts,
  listener: { protocol: string; port: number },
): Answer {
  const values: Record<string, string> = {
    protocol: listener.protocol.toLowerCase(),
    host: facts.host,
    port: String(listener.port),
    path: facts.path.replace(/^\//, ''),
    query: facts.query,
  };
  const expand = (text: string) =>
    text.replace(/#\{(protocol|host|port|path|query)\}/g, (_all, name: string) => values[name] ?? '');
  const protocol = expand(config.Protocol ?? '#{protocol}').toLowerCase();
  const host = expand(config.Host ?? '#{host}');
  const port = expand(config.Port ?? '#{port}');
  const path = expand(config.Path ?? '/#{path}');
  const query = expand(config.Query ?? '#{query}');
  const location = `${protocol}://${host}:${port}${path}${query === '' ? '' : `?${query}`}`;
  const answer = errorAnswer(config.StatusCode === 'HTTP_301' ? 301 : 302);
  return { ...answer, headers: [...answer.headers, 'Location', location] };
}
