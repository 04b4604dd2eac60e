import type { ClientRequest, IncomingMessage } from 'node:http';
import { STATUS_CODES } from 'node:http';
import type { Duplex } from 'node:stream';
import type { Socket } from 'node:net';
import { errorAnswer, type Answer } from './answers';
import { TARGET_HEADER, type ExchangeContext } from './exchange';
import { requestHeaders, responseHeaders } from './headers';
import type { Underway } from './target';

/** Writes the head of a response to a connection that Node's parser has let go of. */
function writeHead(socket: Duplex, status: number, message: string | undefined, headers: string[]): void {
  let text = `HTTP/1.1 ${status} ${message ?? STATUS_CODES[status] ?? ''}\r\n`;
  for (let index = 0; index + 1 < headers.length; index += 2)
    text += `${headers[index]}: ${headers[index + 1]}\r\n`;
  socket.write(`${text}\r\n`, 'latin1');
}

/** Answers on a connection that Node's parser has let go of, and ends it. */
export function answerOnSocket(socket: Duplex, answer: Answer, extra: string[] = []): void {
  const length = String(Buffer.byteLength(answer.body));
  const headers = [...answer.headers, 'Content-Length', length, ...extra, 'Connection', 'close'];
  writeHead(socket, answer.status, undefined, headers);
  socket.end(answer.body);
}

/** One WebSocket, from its handshake to its end. */
export class Upgrade implements Underway {
  readonly loadBalancerArn: string;
  private upstream: ClientRequest | undefined;
  private peer: Socket | undefined;
  private answered = false;
  private timedOut = false;
  private readonly sentAt = performance.now();

  /**
   * @param socket the client's connection
   * @param head what the client sent after the handshake
   */
  constructor(
    private readonly request: IncomingMessage,
    private readonly socket: Duplex,
    private readonly head: Buffer,
    private readonly context: ExchangeContext,
  ) {
    this.loadBalancerArn = context.loadBalancerArn;
  }

  start(): void {
    const { target, arrival, counter, idleTimeoutSeconds } = this.context;
    counter.requestCount += 1;
    target.underway.add(this);
    this.socket.on('close', () => this.finish());
    const address = target.address;
    if (address === undefined) {
      counter.connectionErrors += 1;
      return this.fail(502);
    }
    const protocol = this.request.headers.upgrade ?? 'websocket';
    const upstream = target.request(address, {
      method: this.request.method,
      path: this.request.url,
      headers: [...requestHeaders(this.request, arrival), 'Connection', 'Upgrade', 'Upgrade', protocol],
      // A connection that becomes a WebSocket never comes back to those that are kept.
      agent: false,
      timeout: idleTimeoutSeconds * 1000,
    });
    this.upstream = upstream;
    counter.newConnections += 1;
    upstream.on('upgrade', (answer, peer, first) => this.join(answer, peer, first));
    upstream.on('response', (answer) => this.refuse(answer));
    upstream.on('error', (error: NodeJS.ErrnoException) => {
      if (error.syscall === 'connect') counter.connectionErrors += 1;
      this.fail(this.timedOut ? 504 : 502);
    });
    upstream.on('timeout', () => {
      this.timedOut = true;
      upstream.destroy(new Error('timed out'));
    });
    upstream.end();
  }

  cut(): void {
    this.socket.destroy();
    this.finish();
  }

  private finish(): void {
    this.context.target.underway.delete(this);
    this.upstream?.destroy();
    this.peer?.destroy();
  }

  /** The target has agreed: from here on bytes pass both ways until one side ends or nothing passes. */
  private join(answer: IncomingMessage, peer: Socket, first: Buffer): void {
    this.answered = true;
    this.peer = peer;
    this.count(101);
    const protocol = answer.headers.upgrade ?? 'websocket';
    const headers = [...this.headersOf(answer), 'Connection', 'Upgrade', 'Upgrade', protocol];
    writeHead(this.socket, 101, answer.statusMessage, headers);
    this.socket.write(first);
    peer.write(this.head);
    peer.on('error', () => peer.destroy());
    peer.on('close', () => this.socket.destroy());
    // Every byte passes through the target's connection, so its silence is the silence of both.
    peer.setTimeout(this.context.idleTimeoutSeconds * 1000, () => this.cut());
    peer.pipe(this.socket);
    this.socket.pipe(peer);
  }

  /** The target answered with an ordinary response. */
  private refuse(answer: IncomingMessage): void {
    this.answered = true;
    this.count(answer.statusCode ?? 502);
    const headers = [...this.headersOf(answer), 'Connection', 'close'];
    writeHead(this.socket, answer.statusCode ?? 502, answer.statusMessage, headers);
    answer.on('error', () => this.socket.destroy());
    answer.pipe(this.socket);
  }

  private count(status: number): void {
    this.context.counter.targetAnswered(status, (performance.now() - this.sentAt) / 1000);
  }

  private headersOf(answer: IncomingMessage): string[] {
    const cookies = this.context.cookies?.(answer.headers['set-cookie'] ?? []) ?? [];
    const own = [TARGET_HEADER, this.context.target.label];
    return [...responseHeaders(answer), ...own, ...cookies.flatMap((cookie) => ['Set-Cookie', cookie])];
  }

  private fail(status: number): void {
    if (this.socket.destroyed || this.answered) {
      this.socket.destroy();
      return;
    }
    this.answered = true;
    this.context.counter.elb5xx += 1;
    answerOnSocket(this.socket, errorAnswer(status), [TARGET_HEADER, this.context.target.label]);
  }
}
