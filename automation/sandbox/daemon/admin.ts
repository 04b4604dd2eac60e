import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { z } from 'zod';
import type { InstanceTruth, SandboxState, TargetTruth } from '../contract';

/** What the daemon says of itself to `sandbox status`. */
export interface DaemonStatus {
  pid: number;
  startedAt: number;
  /** The state in force; null before the first one was seen. */
  state: SandboxState | null;
  instances: Record<string, InstanceTruth>;
  targets: Record<string, Record<string, TargetTruth>>;
  /** Why a listener does not listen. */
  problems: { listenerArn: string; message: string }[];
  openRequests: number;
}

/** The outer shape of a DaemonStatus, as a reader of another version may check it. */
export const daemonStatusSchema = z.looseObject({ pid: z.number(), startedAt: z.number() });

/** Serves GET /health and GET /status on a free loopback port. It reads only, so that it needs no key. */
export async function serveAdmin(status: () => DaemonStatus): Promise<{ server: Server; port: number }> {
  const server = createServer((request, response) => {
    const answer = request.method === 'GET' ? answerTo(request.url, status) : undefined;
    response.writeHead(answer === undefined ? 404 : 200, { 'content-type': 'application/json' });
    response.end(JSON.stringify(answer ?? { error: `no such resource: ${request.url}` }));
  });
  await new Promise<void>((resolve, reject) => {
    server.once('error', reject);
    server.listen(0, '127.0.0.1', resolve);
  });
  return { server, port: (server.address() as AddressInfo).port };
}

function answerTo(url: string | undefined, status: () => DaemonStatus): unknown {
  if (url === '/health') return { status: 'ok' };
  return url === '/status' ? status() : undefined;
}
