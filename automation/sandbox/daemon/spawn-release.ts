import { spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { open } from 'node:fs/promises';
import * as path from 'node:path';
import { readEnd, sizeOf } from '../lifecycle/files';
import type { InstanceState } from '../contract';
import { isFreePort } from './free-port';
import { instanceEnvironment, type InstancePlace } from './instance-environment';
import { writeMachine } from './machine-record';

/**
 * Starts a release by its command line, as the leader of a process group of its own.
 * @param onExit called when the process ends, which may be before this has returned
 */
export async function spawnRelease(
  instance: InstanceState,
  place: InstancePlace,
  command: string,
  outputFile: string,
  onExit: (code: number | null, signal: NodeJS.Signals | null) => void,
): Promise<ChildProcess> {
  // A file and no pipe: the process must be able to print when the daemon is gone.
  const output = await open(outputFile, 'a');
  const environment = instanceEnvironment(instance, place);
  // First, so that a command for the instance finds what the release is given from its very start.
  await writeMachine(path.dirname(outputFile), { release: place.release, environment });
  try {
    const child = spawn('/bin/sh', ['-c', command], {
      cwd: place.release,
      detached: true,
      stdio: ['ignore', output.fd, output.fd],
      env: environment,
    });
    // Before anything is awaited: a process that crashes at once must not end unseen.
    child.once('exit', onExit);
    child.unref();
    await once(child, 'spawn');
    return child;
  } finally {
    await output.close();
  }
}

export const outputSize = sizeOf;

/** Whether a process ended because another program listens on the very port it was given. */
export async function lostItsPort(outputFile: string, outputStart: number, port: number): Promise<boolean> {
  const printed = Math.max(0, (await sizeOf(outputFile)) - outputStart);
  const text = (await readEnd(outputFile, Math.min(printed, 64 * 1024))).toString('utf8');
  return /EADDRINUSE|address already in use/i.test(text) && !(await isFreePort(port));
}
