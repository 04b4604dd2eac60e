import http from 'node:http';
import net, { type AddressInfo, type Socket } from 'node:net';

/** A server of a test; `close` also ends its connections. */
export interface TestServer {
  url: string;
  port: number;
  close(): Promise<void>;
}

/** Starts a server on a free port of 127.0.0.1. */
export async function listen(server: net.Server): Promise<TestServer> {
  const sockets = new Set<Socket>();
  server.on('connection', (socket: Socket) => {
    sockets.add(socket);
    socket.on('error', () => undefined);
    socket.on('close', () => sockets.delete(socket));
  });
  await new Promise<void>((resolve, reject) => {
    server.once('error', reject);
    server.listen(0, '127.0.0.1', resolve);
  });
  const { port } = server.address() as AddressInfo;
  return {
    url: `http://127.0.0.1:${port}`,
    port,
    close: () =>
      new Promise((resolve) => {
        server.close(() => resolve());
        for (const socket of sockets) socket.destroy();
      }),
  };
}

/**
 * A server below HTTP: `answer` gets each request's number (from 1) and its socket, and writes, cuts or keeps
 * silent as it likes.
 */
export function rawServer(answer: (request: number, socket: Socket, path: string) => void): net.Server {
  let requests = 0;
  return net.createServer((socket) => {
    let received = '';
    socket.on('data', (chunk) => {
      received += chunk.toString('latin1');
      for (let end = received.indexOf('\r\n\r\n'); end >= 0; end = received.indexOf('\r\n\r\n')) {
        const path = received.split(' ')[1] ?? '';
        received = received.slice(end + 4);
        answer(++requests, socket, path);
      }
    });
  });
}

export function response(body: string, headers: string[] = [], status = '200 OK'): string {
  const lines = [`HTTP/1.1 ${status}`, `Content-Length: ${Buffer.byteLength(body)}`, ...headers];
  return `${lines.join('\r\n')}\r\n\r\n${body}`;
}

/** An HTTP server that counts, names its version and takes `/slow?seconds=` as the example service does. */
export function countingServer(target: () => string): { server: http.Server; served: () => number } {
  let served = 0;
  const server = http.createServer((request, answer) => {
    const seconds = Number(new URL(request.url ?? '/', 'http://local').searchParams.get('seconds') ?? 0);
    const finish = (): void => {
      served++;
      answer.setHeader('x-bascule-target', target());
      answer.end('hello\n');
    };
    if (seconds > 0) setTimeout(finish, seconds * 1000);
    else finish();
  });
  return { server, served: () => served };
}
