import { mkdtempSync, rmSync } from 'node:fs';
import path from 'node:path';
import { build } from 'esbuild';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { startLoad } from '../../automation/rehearsal/load/load';
import { countingServer, listen } from './servers';

const root = path.resolve(__dirname, '../..');
let folder = '';
let program = '';

// Compiled anew, so that the test cannot pass on an old build of the program.
beforeAll(async () => {
  // Within the project, where the program finds its packages.
  folder = mkdtempSync(path.join(root, 'node_modules', '.bascule-load-test-'));
  program = path.join(folder, 'main.js');
  await build({
    entryPoints: [path.join(root, 'automation/rehearsal/load/main.ts')],
    outfile: program,
    bundle: true,
    packages: 'external',
    platform: 'node',
    format: 'cjs',
    logLevel: 'error',
  });
});
afterAll(() => rmSync(folder, { recursive: true, force: true }));

const cleanups: (() => Promise<unknown>)[] = [];
afterEach(async () => {
  for (const cleanup of cleanups.splice(0).reverse()) await cleanup();
});

describe('the load generator in its own process', () => {
  it('sends its mix at the asked rate, reports while it runs, and stops with nothing lost', async () => {
    const { server, served } = countingServer(() => 'i-1;blue;1.0.0');
    const running = await listen(server);
    cleanups.push(() => running.close());
    const load = await startLoad(
      { url: running.url, slow: { path: '/slow?seconds=1', connections: 4 }, requestsPerSecond: 400 },
      program,
    );
    cleanups.push(() => load.stop());
    const sentSoFar: number[] = [];
    load.onUpdate((so) => sentSoFar.push(so.sent));
    await load.until((so) => so.sent > 600);
    const result = await load.stop();
    expect(sentSoFar.length).toBeGreaterThan(3);
    expect(result.failed).toBe(0);
    expect(result.completed).toBe(result.sent);
    expect(result.completed).toBe(served());
    expect(result.byKind.slow.completed).toBeGreaterThanOrEqual(4);
    // The parts that came one by one add up to the totals of the other process.
    const bucketed = result.buckets.flatMap((bucket) => Object.values(bucket.byVersion));
    expect(bucketed.reduce((sum, count) => sum + count, 0)).toBe(result.completed);
    expect(await load.stop()).toBe(result);
  });

  it('counts what is in flight when the server dies under it', async () => {
    const running = await listen(countingServer(() => 'i-1;blue;1.0.0').server);
    const load = await startLoad(
      { url: running.url, slow: { path: '/?seconds=60', connections: 3 }, requestsPerSecond: 200 },
      program,
    );
    cleanups.push(() => load.stop());
    await load.until((so) => so.byKind.slow.sent === 3 && so.completed > 50);
    await running.close();
    await load.until((so) => so.byKind.slow.failed >= 3);
    const result = await load.stop();
    expect(result.sent).toBe(result.completed + result.failed);
    expect(result.unaccounted).toBe(0);
    expect(result.failures.length).toBeLessThanOrEqual(50);
  });

  it('says so when its process ends by itself, instead of giving what it had for a result', async () => {
    const running = await listen(countingServer(() => 'i-1;blue;1.0.0').server);
    cleanups.push(() => running.close());
    const broken = path.join(folder, 'broken.js');
    const breaks =
      "process.on('message', (command) => { if (command.type === 'stop') throw new Error('it broke') })";
    await build({ entryPoints: [program], outfile: broken, footer: { js: breaks } });
    const load = await startLoad({ url: running.url, requestsPerSecond: 50 }, broken);
    const never = expect(load.until(() => false)).rejects.toThrow(/failed: it broke/);
    await expect(load.stop()).rejects.toThrow(/load generator's process failed: it broke/);
    await never;
  });

  it('refuses options before it starts anything', async () => {
    await expect(startLoad({ url: 'ftp://x' }, program)).rejects.toThrow(/'ftp:\/\/x' is not/);
  });
});
