import { spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { Agent, get as httpGet, type IncomingMessage } from 'node:http';
import path from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { PortPool } from '../../automation/sandbox/daemon/free-port';

const SERVER = path.resolve(__dirname, '../../examples/service/server.js');

describe('the example service', () => {
  let child: ChildProcess;
  let port: number;
  let agent: Agent;
  beforeEach(async () => {
    port = await new PortPool().take();
    agent = new Agent({ keepAlive: true });
    child = spawn(process.execPath, [SERVER], {
      env: {
        PORT: String(port),
        HOST: '127.0.0.1',
        BASCULE_SERVICE: 'shop',
        BASCULE_VERSION: '1.2.3',
        BASCULE_COLOUR: 'green',
        BASCULE_INSTANCE_ID: 'i-7',
      },
      stdio: ['ignore', 'pipe', 'inherit'],
    });
    if (child.stdout) await once(child.stdout, 'data');
  });
  afterEach(() => {
    agent.destroy();
    child.kill('SIGKILL');
  });

  function ask(where: string): Promise<{ response: IncomingMessage; body: string }> {
    return new Promise((resolve, reject) => {
      httpGet({ host: '127.0.0.1', port, path: where, agent }, (response) => {
        let body = '';
        response.on('data', (chunk: Buffer) => (body += chunk.toString()));
        response.on('end', () => resolve({ response, body }));
        response.on('error', reject);
      }).on('error', reject);
    });
  }

  it('says who answered', async () => {
    const { response, body } = await ask('/');
    expect(response.headers['x-version']).toBe('1.2.3');
    expect(JSON.parse(body)).toEqual({ service: 'shop', version: '1.2.3', colour: 'green', instance: 'i-7' });
    expect((await ask('/health')).response.statusCode).toBe(200);
    expect((await ask('/nothing')).response.statusCode).toBe(404);
    expect((await ask('/slow?seconds=-1')).response.statusCode).toBe(400);
    expect((await ask('/stream?seconds=0.3')).body.trim().split('\n')).toHaveLength(3);
  });

  it('finishes what is under way after SIGTERM, then ends by itself though connections are kept alive', async () => {
    await ask('/');
    const slow = ask('/slow?seconds=0.6');
    const stream = ask('/stream?seconds=0.6');
    await ask('/health');
    const exited = once(child, 'exit');
    child.kill('SIGTERM');
    expect((await slow).response.statusCode).toBe(200);
    expect((await stream).body.trim().split('\n')).toHaveLength(6);
    expect(await exited).toEqual([0, null]);
    await expect(ask('/')).rejects.toThrow('ECONNREFUSED');
  });
});
