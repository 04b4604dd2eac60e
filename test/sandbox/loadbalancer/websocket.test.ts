import type * as http from 'node:http';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { WebSocket, WebSocketServer } from 'ws';
import { Bench, Cleanup, forward, group, rule, send, until } from './support';

const cleanup = new Cleanup();
let bench: Bench;
let upgraded: http.IncomingMessage[] = [];

beforeEach(async () => {
  upgraded = [];
  bench = await Bench.open(cleanup);
  const processes = await bench.run(cleanup, ['i-b1', 'i-g1']);
  for (const process of processes) {
    const server = new WebSocketServer({ server: process.server, path: '/socket' });
    server.on('connection', (socket, request) => {
      upgraded.push(request);
      socket.on('message', (data, binary) =>
        socket.send(binary ? data : `${process.id}: ${(data as Buffer).toString()}`),
      );
    });
  }
  const attributes = { 'deregistration_delay.timeout_seconds': '0.3' };
  const groups = [group('blue', ['i-b1'], attributes), group('green', ['i-g1'])];
  await bench.apply([rule('default', forward({ blue: 1, green: 0 }))], groups);
  await bench.healthy('blue', 'i-b1');
  await bench.healthy('green', 'i-g1');
});
afterEach(() => cleanup.run());

async function open(): Promise<WebSocket> {
  const socket = new WebSocket(`ws://127.0.0.1:${bench.port}/socket`, { perMessageDeflate: true });
  cleanup.add(() => socket.terminate());
  await new Promise((resolve, reject) => socket.once('open', resolve).once('error', reject));
  return socket;
}

async function ask(socket: WebSocket, message: string | Buffer): Promise<string> {
  const answer = new Promise<string>((resolve) =>
    socket.once('message', (data) => resolve((data as Buffer).toString())),
  );
  socket.send(message);
  return await answer;
}

describe('WebSockets', () => {
  it('pass both ways, text and large binary, and end on both sides', async () => {
    const socket = await open();
    expect(await ask(socket, 'hello')).toBe('i-b1: hello');
    expect((await ask(socket, Buffer.alloc(1_000_000, 'x'))).length).toBe(1_000_000);
    expect(upgraded[0]?.headers).toMatchObject({
      'x-forwarded-for': '127.0.0.1',
      'x-forwarded-port': String(bench.port),
    });
    expect(bench.plane.openRequests('i-b1')).toBe(1);
    expect(bench.plane.drainMetrics()[0]).toMatchObject({ targetGroupArn: 'blue', activeConnections: 1 });
    const closed = new Promise((resolve) => socket.once('close', resolve));
    socket.close(1000);
    expect(await closed).toBe(1000);
    await until('nothing under way', () => bench.plane.openRequests() === 0);
  });

  it('stay with the former colour through a shift, new ones go to the new colour', async () => {
    const before = await open();
    await bench.apply([rule('default', forward({ blue: 0, green: 1 }))]);
    const after = await open();
    expect(await ask(before, 'a')).toBe('i-b1: a');
    expect(await ask(after, 'b')).toBe('i-g1: b');
  });

  it('are cut off when the deregistration delay is over, not before', async () => {
    const socket = await open();
    const closed = new Promise((resolve) => socket.once('close', resolve));
    const target = bench.state.targetGroups[0]?.targets[0];
    if (target) target.deregisteredAt = Date.now();
    await bench.reapply();
    expect(await ask(socket, 'still here')).toBe('i-b1: still here');
    await closed;
    expect(bench.plane.openRequests()).toBe(0);
  });

  it('end after the idle timeout without a byte', async () => {
    bench.loadBalancer.idleTimeoutSeconds = 0.3;
    await bench.reapply();
    const socket = await open();
    const closed = new Promise((resolve) => socket.once('close', resolve));
    expect(await ask(socket, 'one')).toBe('i-b1: one');
    await closed;
  });

  it('are refused as the target refuses them', async () => {
    const socket = new WebSocket(`ws://127.0.0.1:${bench.port}/elsewhere`);
    const error = await new Promise<Error>((resolve) => socket.once('error', resolve));
    expect(error.message).toContain('400');
  });

  it('get 502 when the target is not there and 503 when there is none', async () => {
    bench.processes.delete('i-b1');
    await bench.reapply();
    const refused = async () => {
      const socket = new WebSocket(`ws://127.0.0.1:${bench.port}/socket`);
      return (await new Promise<Error>((resolve) => socket.once('error', resolve))).message;
    };
    expect(await refused()).toContain('502');
    await bench.apply([rule('default', forward({ blue: 1 }))], [group('blue', [])]);
    expect(await refused()).toContain('503');
    expect((await send(bench.port)).status).toBe(503);
  });
});
