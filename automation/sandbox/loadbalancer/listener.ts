import * as http from 'node:http';
import * as https from 'node:https';
import type { Duplex } from 'node:stream';
import type { Socket } from 'node:net';
import { errorAnswer } from './answers';
import { covers, type ServedCertificate } from './certificates';
import type { CompiledRule } from './rules';
import { answerOnSocket } from './upgrade';

/** Where a listener listens; a change of any of these needs a new socket. */
export interface ListenerPlace {
  address: string;
  port: number;
  protocol: 'HTTP' | 'HTTPS';
}

export interface ListenerCalls {
  connection(listener: Listener): void;
  request(listener: Listener, request: http.IncomingMessage, response: http.ServerResponse): void;
  upgrade(listener: Listener, request: http.IncomingMessage, socket: Duplex, head: Buffer): void;
}

const SERVER_OPTIONS: http.ServerOptions = {
  noDelay: true,
  keepAlive: true,
  // AWS takes up to 64 KiB of request headers.
  maxHeaderSize: 65_536,
  headersTimeout: 60_000,
  // An upload may take as long as bytes keep coming; the idle timeout looks after it.
  requestTimeout: 0,
};

/** One listening port of a load balancer. Its rules and certificates change in place. */
export class Listener {
  rules: readonly CompiledRule[] = [];
  idleTimeoutSeconds = 60;
  /** Whether the port is given up, and only what is under way still goes on. */
  closing = false;
  private isCutOff = false;
  private certificates: ServedCertificate[] = [];
  private readonly server: http.Server | https.Server;
  /** Node's closeAllConnections overlooks those that have not sent a byte, or a whole TLS handshake, yet. */
  private readonly sockets = new Set<Socket>();

  constructor(
    readonly arn: string,
    readonly loadBalancerArn: string,
    readonly place: ListenerPlace,
    calls: ListenerCalls,
  ) {
    this.server =
      place.protocol === 'HTTPS'
        ? https.createServer({
            ...SERVER_OPTIONS,
            SNICallback: (name, done) => done(null, this.contextFor(name)),
          })
        : http.createServer(SERVER_OPTIONS);
    this.server.on('connection', (socket: Socket) => {
      // One that is given back after an offer of another protocol is known already.
      if (this.sockets.has(socket)) return;
      if (this.isCutOff) {
        socket.destroy();
        return;
      }
      this.sockets.add(socket);
      calls.connection(this);
      socket.once('close', () => this.sockets.delete(socket));
    });
    this.server.on('request', (request, response) => calls.request(this, request, response));
    this.server.on('upgrade', (request: http.IncomingMessage, socket: Duplex, head: Buffer) => {
      // Node has taken its own listeners away, and an error nobody listens for would end the process.
      socket.on('error', () => socket.destroy());
      if (request.headers.upgrade?.toLowerCase() === 'websocket') calls.upgrade(this, request, socket, head);
      else this.ignoreUpgrade(request, socket as Socket, head);
    });
    this.server.on('clientError', (_error, socket) => {
      if (socket.writable) answerOnSocket(socket, errorAnswer(400));
      else socket.destroy();
    });
  }

  get protocol(): 'HTTP' | 'HTTPS' {
    return this.place.protocol;
  }

  /** The clients' connections that are open. */
  get connections(): number {
    return this.sockets.size;
  }

  get port(): number {
    return this.place.port;
  }

  /** @throws the system's error, for example EADDRINUSE */
  async open(): Promise<void> {
    await new Promise<void>((resolve, reject) => {
      this.server.once('error', reject);
      this.server.listen({ host: this.place.address, port: this.place.port, backlog: 1024 }, () => {
        this.server.removeListener('error', reject);
        this.server.on('error', () => undefined);
        resolve();
      });
    });
  }

  /** The first certificate is the default one. */
  useCertificates(certificates: ServedCertificate[]): void {
    const before = this.certificates[0]?.fingerprint;
    this.certificates = certificates;
    const first = certificates[0];
    if (first === undefined || first.fingerprint === before || !(this.server instanceof https.Server)) return;
    // A client that calls the address sends no server name, and Node does not ask for a context then.
    this.server.setSecureContext({ cert: first.cert, key: first.key });
  }

  useIdleTimeout(seconds: number): void {
    this.idleTimeoutSeconds = seconds;
    this.server.keepAliveTimeout = seconds * 1000;
  }

  /** While it is cut off nobody gets an answer, and who is connected loses the connection. */
  cutOff(cut: boolean): void {
    if (cut && !this.isCutOff) for (const socket of this.sockets) socket.destroy();
    this.isCutOff = cut;
  }

  /** Gives the port up; what is under way goes on, and each client's connection ends with its response. */
  release(): void {
    this.closing = true;
    this.server.close();
    this.server.closeIdleConnections();
  }

  /** Ends everything at once. */
  async close(): Promise<void> {
    this.closing = true;
    await new Promise<void>((resolve) => {
      this.server.close(() => resolve());
      for (const socket of this.sockets) socket.destroy();
    });
  }

  private contextFor(serverName: string): ServedCertificate['context'] | undefined {
    const named = this.certificates.find((certificate) => covers(certificate.domain, serverName));
    return (named ?? this.certificates[0])?.context;
  }

  /**
   * AWS upgrades to WebSocket only and takes any other upgrade (clients offer `h2c` unasked) for an ordinary
   * request. Node's parser has let go of the connection by now: it is given back with the request as it
   * came, but without the offer.
   */
  private ignoreUpgrade(request: http.IncomingMessage, socket: Socket, head: Buffer): void {
    let text = `${request.method} ${request.url} HTTP/${request.httpVersion}\r\n`;
    for (let index = 0; index + 1 < request.rawHeaders.length; index += 2) {
      const name = request.rawHeaders[index] ?? '';
      if (!/^(upgrade|connection|http2-settings)$/i.test(name))
        text += `${name}: ${request.rawHeaders[index + 1]}\r\n`;
    }
    socket.unshift(Buffer.concat([Buffer.from(`${text}\r\n`, 'latin1'), head]));
    this.server.emit(this.protocol === 'HTTPS' ? 'secureConnection' : 'connection', socket);
  }
}
