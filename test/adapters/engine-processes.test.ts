import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { describe, expect, it } from 'vitest';
import {
  hasDriver,
  numberedSince,
  orphansAmong,
  processOf,
  signal,
  UPDATE_VARIABLE,
  updateMark,
  updateProcesses,
  type UpdateProcess,
} from '../../src/adapters/engine-processes';
import { until } from '../support/until';

const one = (pid: number, command: string, update: string): UpdateProcess => ({
  pid,
  parent: 1,
  command,
  startedAt: 0,
  update,
});

describe('orphansAmong', () => {
  it('are the processes whose engine is gone, not those of another engine of the stack', () => {
    const processes = [
      one(1, '/opt/bin/pulumi up --yes', 'e2e/9/a'),
      one(2, 'node pulumi-resource-aws', 'e2e/9/a'),
      one(3, '/plugins/pulumi-resource-aws 127.0.0.1:1', 'e2e/9/b'),
      one(4, 'sh /opt/pulumi/plugin', 'e2e/9/b'),
    ];
    expect(orphansAmong(processes).map(({ pid }) => pid)).toEqual([3, 4]);
  });
});

describe('a process of an update', () => {
  it('is found by the mark that it inherited, with its driver, until it is killed', async () => {
    const stack = `unit-${process.pid}`;
    const began = Date.now();
    const child = spawn(process.execPath, ['-e', 'setInterval(() => {}, 1000)'], {
      env: { ...process.env, [UPDATE_VARIABLE]: updateMark(stack) },
      stdio: 'ignore',
    });
    const pid = child.pid ?? 0;
    try {
      const [found] = await until(
        () => updateProcesses(stack),
        (all) => all.length === 1,
      );
      expect(found).toMatchObject({ pid, parent: process.pid });
      expect(found && hasDriver(found)).toBe(true);
      expect(found && hasDriver({ ...found, parent: 1 })).toBe(false);
      // The system tells the second of its start; it lies between these two however long the test took.
      expect(found?.startedAt).toBeGreaterThan(began - 3000);
      expect(found?.startedAt).toBeLessThan(Date.now() + 3000);
      expect(await updateProcesses(`${stack}0`)).toEqual([]);
    } finally {
      signal(pid, 'SIGKILL');
    }
    await once(child, 'exit');
    expect(await processOf(pid)).toBeUndefined();
    expect(await updateProcesses(stack)).toEqual([]);
    expect(() => signal(pid, 'SIGKILL')).not.toThrow();
  });

  it('started after the numbers began to mean what they mean', async () => {
    const self = await processOf(process.pid);
    expect(self?.startedAt).toBeGreaterThanOrEqual((await numberedSince()) - 1000);
  });
});
