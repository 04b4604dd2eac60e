/**
 * A proxy before an AWS endpoint that lets a test look at each call, hold it, and break it.
 *
 * Of node:http alone, because what there is does not fit: mockttp can do it, but brings 193 packages, one of
 * which refuses Node 20; http-proxy-3 forwards only, and each call must be read before, and held after it.
 */
import { Agent, createServer, request as httpRequest } from 'node:http';
import type { IncomingMessage, Server, ServerResponse } from 'node:http';
import { once } from 'node:events';
import { Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { setTimeout as delay } from 'node:timers/promises';
import { errorAnswer } from './aws-proxy-answers';
import { recognise, type AwsCall } from './aws-proxy-calls';
import { freePort } from './ports';

export type { AwsCall } from './aws-proxy-calls';
export { throttling } from './aws-proxy-answers';

export type Fault =
  | { kind: 'pass' }
  /** An error of AWS's; given before the call nothing happens, given after it the effect stays. */
  | { kind: 'answer'; status: number; code: string }
  /** The connection breaks and the call never arrives. */
  | { kind: 'reset-before' }
  /** The call takes effect and its answer is lost. */
  | { kind: 'reset-after' }
  | { kind: 'delay'; milliseconds: number }
  /** No answer until the caller gives up. */
  | { kind: 'hang' };

export const PASS: Fault = { kind: 'pass' };

/** Whoever made a call. */
export interface Caller {
  /** Whether its end of the connection is closed: nobody is there to take the answer. */
  gone(): boolean;
}

export type Hook = (call: AwsCall, caller: Caller) => Fault | Promise<Fault>;

export interface AwsProxy {
  readonly url: string;
  /** Every call that arrived. */
  readonly calls: AwsCall[];
  /** Awaited before a call is forwarded. May be replaced at any time. */
  onBefore: Hook;
  /** Awaited when the call has taken effect, before its answer is passed on. */
  onAfter: Hook;
  close(): Promise<void>;
}

/** What is bigger is passed on as it comes and not looked at. */
const LOOKED_AT_BYTES = 256 * 1024;

/** Headers that belong to one connection and not to the message. */
const OF_THE_CONNECTION = ['connection', 'keep-alive', 'expect', 'proxy-connection'];

export async function startAwsProxy(
  target: string,
  hooks: { before?: Hook; after?: Hook } = {},
): Promise<AwsProxy> {
  const calls: AwsCall[] = [];
  // No connection is used twice: one that the target closed meanwhile would be a fault that nobody injected.
  const agent = new Agent({ keepAlive: false });
  const server = createServer((request, response) => {
    // A client that went away, or a target that broke off: what is left is to break off as well.
    carry(request, response).catch(() => reset(response));
  });
  const proxy: AwsProxy = {
    url: '',
    calls,
    onBefore: hooks.before ?? (() => PASS),
    onAfter: hooks.after ?? (() => PASS),
    close: () => closeServer(server, agent),
  };

  async function carry(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const body = await bodyOf(request);
    const call = recognise(calls.length, {
      method: request.method ?? 'GET',
      path: request.url ?? '/',
      headers: request.headers,
      body: body.seen,
    });
    calls.push(call);
    const caller: Caller = { gone: () => response.destroyed };
    const before = await proxy.onBefore(call, caller);
    if (await broken(before, call, response)) return drain(body.all);
    const answer = await forward(new URL(request.url ?? '/', target), request, body.all, agent);
    const after = before.kind === 'reset-after' ? before : await proxy.onAfter(call, caller);
    if (after.kind === 'reset-after') {
      await drain(answer);
      return reset(response);
    }
    if (await broken(after, call, response)) return drain(answer);
    response.writeHead(answer.statusCode ?? 502, withoutConnection(answer.headers));
    await pipeline(answer, response);
  }

  const { port } = await listen(server);
  return Object.assign(proxy, { url: `http://127.0.0.1:${port}` });
}

/** Does what the fault says; true when the caller got, or will never get, its answer by that. */
async function broken(fault: Fault, call: AwsCall, response: ServerResponse): Promise<boolean> {
  switch (fault.kind) {
    case 'pass':
    case 'reset-after':
      return false;
    case 'delay':
      await delay(fault.milliseconds);
      return false;
    case 'reset-before':
      reset(response);
      return true;
    case 'hang':
      if (!response.destroyed) await once(response, 'close');
      return true;
    case 'answer': {
      const { status, headers, body } = errorAnswer(call.format, fault.status, fault.code);
      response.writeHead(status, { ...headers, 'content-length': body.length });
      response.end(body);
      return true;
    }
  }
}

/** The body as a stream, and as text when it is small enough to be read beforehand. */
async function bodyOf(request: IncomingMessage): Promise<{ seen: string; all: Readable }> {
  const chunks: Buffer[] = [];
  const rest = request[Symbol.asyncIterator]() as AsyncIterator<Buffer>;
  for (let size = 0; size <= LOOKED_AT_BYTES;) {
    const next = await rest.next();
    if (next.done === true) {
      const whole = Buffer.concat(chunks);
      return { seen: whole.toString(), all: Readable.from(whole.length > 0 ? [whole] : []) };
    }
    chunks.push(next.value);
    size += next.value.length;
  }
  const all = async function* (): AsyncGenerator<Buffer> {
    yield* chunks;
    yield* { [Symbol.asyncIterator]: () => rest };
  };
  return { seen: '', all: Readable.from(all()) };
}

async function forward(
  url: URL,
  request: IncomingMessage,
  body: Readable,
  agent: Agent,
): Promise<IncomingMessage> {
  // The caller's own Host header stands: it is signed.
  const headers = withoutConnection(request.headers);
  const onward = httpRequest(url, { method: request.method, headers, agent, path: request.url });
  const answered = once(onward, 'response') as Promise<[IncomingMessage]>;
  const [[answer]] = await Promise.all([answered, pipeline(body, onward)]);
  return answer;
}

function withoutConnection(headers: IncomingMessage['headers']): IncomingMessage['headers'] {
  return Object.fromEntries(Object.entries(headers).filter(([name]) => !OF_THE_CONNECTION.includes(name)));
}

async function drain(stream: Readable): Promise<void> {
  stream.resume();
  if (!stream.readableEnded && !stream.destroyed) await once(stream, 'close');
}

function reset(response: ServerResponse): void {
  response.socket?.resetAndDestroy();
}

async function listen(server: Server): Promise<{ port: number }> {
  // Callers keep their connections; the proxy never closes one on its own account.
  server.keepAliveTimeout = 0;
  server.requestTimeout = 0;
  const port = await freePort();
  server.listen(port, '127.0.0.1');
  await once(server, 'listening');
  return { port };
}

async function closeServer(server: Server, agent: Agent): Promise<void> {
  const closed = once(server, 'close');
  server.close();
  server.closeAllConnections();
  agent.destroy();
  await closed;
}

/** An environment whose AWS calls go through the proxy: those of the driver, of its plugins and of Pulumi's state. */
export function proxiedEnv(env: NodeJS.ProcessEnv, proxy: Pick<AwsProxy, 'url'>): NodeJS.ProcessEnv {
  const direct = env['AWS_ENDPOINT_URL'];
  if (direct === undefined) throw new Error('the environment names no AWS_ENDPOINT_URL to go through');
  return Object.fromEntries(
    Object.entries(env).map(([name, value]) => [
      name,
      /^(AWS_ENDPOINT_URL|PULUMI_BACKEND_URL)/.test(name) ? value?.replace(direct, proxy.url) : value,
    ]),
  );
}
