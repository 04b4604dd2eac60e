import type { ClientRequest, IncomingMessage, ServerResponse } from 'node:http';
import { errorAnswer, type Answer } from './answers';
import { hasBody, requestHeaders, responseHeaders, type Arrival } from './headers';
import type { Counter } from './metrics';
import type { CookieWriter } from './router';
import type { Target, Underway } from './target';

/*
 * Forwarding is done with node:http and not with http-proxy-3 (1.23.3), which was tried first. It
 * - leaves the client waiting for ever when a target breaks off in the middle of a response,
 * - rewrites the path (`/a/../b/%2e%2e/c` arrives as `/c`), and hands on Connection, Keep-Alive and TE,
 * - takes X-Forwarded-Port from the Host header instead of the listener,
 * - pipes the body into the first attempt, so that nothing can be tried again.
 */

/** A target that does not accept a connection within this time answers 504, as on AWS. */
const CONNECT_TIMEOUT_MS = 10_000;
/** A first piece of a body up to this size is sent together with the headers. */
const ONE_WRITE_BYTES = 16 * 1024;
/** So much of a request's body is kept for a second attempt. */
const REPLAY_BYTES = 64 * 1024;

/**
 * Not of AWS: `<instance id>;<colour>;<version>` of the target that answered, for the report of the load
 * generator. Nothing that deploys reads it.
 */
export const TARGET_HEADER = 'x-bascule-target';

/** Methods whose repetition does no harm (RFC 9110, 9.2.2); only these are tried again. */
const IDEMPOTENT = new Set(['GET', 'HEAD', 'OPTIONS', 'TRACE', 'PUT', 'DELETE']);

/** What an exchange needs to know besides the request itself. */
export interface ExchangeContext {
  loadBalancerArn: string;
  arrival: Arrival;
  /** Seconds without a byte to or from the target after which it is given up. */
  idleTimeoutSeconds: number;
  target: Target;
  cookies: CookieWriter | undefined;
  counter: Counter;
  /** Whether the client's connection is to be closed after the response. */
  lastOnConnection(): boolean;
}

export function sendAnswer(response: ServerResponse, answer: Answer, extra: string[] = []): void {
  const length = String(Buffer.byteLength(answer.body));
  response.writeHead(answer.status, [...answer.headers, 'Content-Length', length, ...extra]);
  response.end(answer.body);
}

/** One request on its way to a target and back. */
export class Exchange implements Underway {
  readonly loadBalancerArn: string;
  private upstream: ClientRequest | undefined;
  /** The body so far, for a second attempt; undefined once there was too much of it. */
  private replay: Buffer[] | undefined = [];
  private replayBytes = 0;
  private bodyEnded: boolean;
  private attempts = 0;
  private sentAt = 0;
  private timedOut = false;
  private answered = false;
  private done = false;

  constructor(
    private readonly request: IncomingMessage,
    private readonly response: ServerResponse,
    private readonly context: ExchangeContext,
  ) {
    this.loadBalancerArn = context.loadBalancerArn;
    this.bodyEnded = !hasBody(request);
  }

  start(): void {
    this.context.counter.requestCount += 1;
    this.context.target.underway.add(this);
    this.response.on('close', () => this.finish());
    this.request.on('error', () => this.finish());
    // A write to a client that has just gone says so by this event; the close that follows ends the exchange.
    this.response.on('error', () => undefined);
    this.connect();
    if (!this.bodyEnded) this.pumpBody();
  }

  cut(): void {
    this.replay = undefined;
    this.upstream?.destroy(new Error('cut off'));
  }

  /** The client has its response, or is gone: either way nothing more is expected of the target. */
  private finish(): void {
    if (this.done) return;
    this.done = true;
    this.context.target.underway.delete(this);
    this.upstream?.destroy();
    // A body nobody reads any more would keep the client's connection from its next request.
    this.request.resume();
  }

  private connect(): void {
    const { target, arrival, idleTimeoutSeconds, counter } = this.context;
    const address = target.address;
    if (address === undefined) {
      counter.connectionErrors += 1;
      return this.fail(502);
    }
    this.attempts += 1;
    this.sentAt = performance.now();
    const upstream = target.request(address, {
      method: this.request.method,
      path: this.request.url,
      headers: requestHeaders(this.request, arrival),
      timeout: idleTimeoutSeconds * 1000,
      maxHeaderSize: 65_536,
    });
    this.upstream = upstream;
    upstream.on('response', (answer) => this.relay(upstream, answer));
    // Nobody asked for another protocol.
    upstream.on('upgrade', (_answer, socket) => this.reject(upstream, socket));
    upstream.on('error', (error) => this.failed(upstream, error));
    upstream.on('timeout', () => this.giveUp(upstream));
    upstream.on('drain', () => this.request.resume());
    upstream.on('socket', (socket) => {
      if (!socket.connecting) return;
      counter.newConnections += 1;
      const timer = setTimeout(() => this.giveUp(upstream), CONNECT_TIMEOUT_MS);
      socket.once('connect', () => clearTimeout(timer));
      socket.once('close', () => clearTimeout(timer));
    });
    for (const chunk of this.replay ?? []) upstream.write(chunk);
    if (this.bodyEnded) return void upstream.end();
    this.request.resume();
    // A body that keeps the target waiting must not keep the headers back: it may answer before it comes.
    setImmediate(() => {
      if (!this.bodyEnded && !upstream.destroyed) upstream.flushHeaders();
    });
  }

  private pumpBody(): void {
    this.request.on('data', (chunk: Buffer) => {
      this.remember(chunk);
      // Once the target has answered or is gone, the rest of the body is read and dropped.
      if (this.upstream === undefined || this.upstream.destroyed) return;
      if (!this.upstream.write(chunk)) this.request.pause();
    });
    this.request.on('end', () => {
      this.bodyEnded = true;
      this.sentAt = performance.now();
      this.upstream?.end();
    });
  }

  private remember(chunk: Buffer): void {
    if (this.replay === undefined) return;
    this.replayBytes += chunk.length;
    if (this.replayBytes > REPLAY_BYTES) this.replay = undefined;
    else this.replay.push(chunk);
  }

  private giveUp(upstream: ClientRequest): void {
    this.timedOut = true;
    if (upstream.socket?.connecting !== false) this.context.counter.connectionErrors += 1;
    upstream.destroy(new Error('timed out'));
  }

  private relay(upstream: ClientRequest, answer: IncomingMessage): void {
    const { counter, cookies } = this.context;
    const status = answer.statusCode ?? 0;
    const headers = responseHeaders(answer);
    for (const cookie of cookies?.(answer.headers['set-cookie'] ?? []) ?? [])
      headers.push('Set-Cookie', cookie);
    try {
      this.response.writeHead(status, answer.statusMessage, [...headers, ...this.ownHeaders()]);
    } catch {
      // What Node's parser let through, but what may not be said to a client, such as a status of 0.
      return this.reject(upstream, answer);
    }
    this.answered = true;
    this.replay = undefined;
    counter.targetAnswered(status, Math.max(performance.now() - this.sentAt, 0) / 1000);
    this.pumpAnswer(answer);
  }

  /** The target answered with something that is not a response. */
  private reject(upstream: ClientRequest, answer: { destroy(): unknown }): void {
    this.upstream = undefined;
    upstream.destroy();
    answer.destroy();
    this.fail(502);
  }

  private pumpAnswer(answer: IncomingMessage): void {
    const { response } = this;
    let begun = false;
    answer.on('data', (chunk: Buffer) => {
      // Node sends headers and text in one write, but headers and bytes in two; and an end of its own in a
      // third. Most responses are small and here as a whole.
      const text = !begun && chunk.length <= ONE_WRITE_BYTES ? chunk.toString('latin1') : undefined;
      begun = true;
      if (text !== undefined && answer.complete && answer.readableLength === 0) response.end(text, 'latin1');
      else if (!(text === undefined ? response.write(chunk) : response.write(text, 'latin1'))) answer.pause();
    });
    response.on('drain', () => answer.resume());
    answer.on('end', () => {
      if (!response.writableEnded) response.end();
    });
    // Headers go out with the first piece of the body where there is one at once, and alone where the
    // target keeps the client waiting for it, as a stream of events does.
    setImmediate(() => {
      if (!begun && !response.writableEnded && !this.done) response.flushHeaders();
    });
    // A response that broke off must not look complete: the client's connection ends with it.
    answer.on('error', () => response.destroy());
    answer.on('close', () => {
      if (!answer.complete) response.destroy();
    });
  }

  private ownHeaders(): string[] {
    const own = [TARGET_HEADER, this.context.target.label];
    return this.context.lastOnConnection() || this.timedOut ? [...own, 'Connection', 'close'] : own;
  }

  private failed(upstream: ClientRequest, error: NodeJS.ErrnoException): void {
    if (this.done || upstream !== this.upstream) return;
    if (this.answered) {
      // An error after the whole response, such as a body the target did not want, harms nobody.
      if (!this.response.writableEnded) this.response.destroy();
      return;
    }
    if (this.mayTryAgain(upstream)) return this.connect();
    if (error.syscall === 'connect') this.context.counter.connectionErrors += 1;
    this.fail(this.timedOut ? (this.bodyEnded ? 504 : 408) : 502);
  }

  /**
   * A kept connection that the target closed while the request was being sent is this machine's timing, not
   * the release's fault, and must not fail a rehearsal. It is safe to send the request again when nothing
   * was answered, all of its body is still here, and its method allows repetition. A fresh connection that
   * fails is the target's doing, and is reported.
   */
  private mayTryAgain(upstream: ClientRequest): boolean {
    if (this.attempts > 1 || this.timedOut || this.replay === undefined) return false;
    return upstream.reusedSocket && IDEMPOTENT.has(this.request.method ?? '');
  }

  private fail(status: number): void {
    if (this.response.headersSent) {
      this.response.destroy();
      return;
    }
    if (status >= 500) this.context.counter.elb5xx += 1;
    sendAnswer(this.response, errorAnswer(status), this.ownHeaders());
  }
}
