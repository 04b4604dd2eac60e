import { spawn } from 'node:child_process';
import { HttpProber } from '../../../src/adapters/prober';
import { systemClock } from '../../../src/adapters/clock';

const DEADLINE_MILLISECONDS = 30_000;

/** How long an application takes from its start to the first good answer of its health path, in seconds. */
export async function bootSeconds(folder: string, port: number, healthPath: string): Promise<number> {
  const began = performance.now();
  const child = spawn(process.execPath, ['server.js'], {
    cwd: folder,
    env: { ...process.env, PORT: String(port), BASCULE_VERSION: 'bench' },
    stdio: 'ignore',
  });
  const ended = new Promise<void>((resolve) => child.once('close', () => resolve()));
  try {
    const prober = new HttpProber();
    const request = { path: healthPath, method: 'GET', headers: {}, timeoutSeconds: 5 };
    while (performance.now() - began < DEADLINE_MILLISECONDS) {
      const answer = await prober.request(`http://127.0.0.1:${port}`, request);
      if (answer.kind === 'answered' && answer.status === 200) return (performance.now() - began) / 1000;
      await systemClock.wait(10);
    }
    throw new Error(`the application in ${folder} did not answer ${healthPath}`);
  } finally {
    child.kill('SIGTERM');
    await ended;
  }
}
