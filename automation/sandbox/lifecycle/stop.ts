import { readdir, rm } from 'node:fs/promises';
import * as path from 'node:path';
import { runningControlPlane } from './control-plane';
import { stopBuildMachine } from './build-machine';
import { bringUp, type StartOptions } from './start';
import { removeTree } from './files';
import type { SandboxInfo } from './info';
import { processFile, type SandboxPaths } from './paths';
import { killMarked, recordedProcess, stopGroup } from './processes';
import { claimFolder, existingSandbox, readSettings, withSandboxLock, writeSettings } from './settings';

export interface StopReport {
  /** What was running and is not any more, in a person's words; empty when nothing ran. */
  stopped: string[];
}

/** How long the daemon may take to end its instances before it is killed; above their own grace period. */
const DAEMON_GRACE_MS = 15_000;
const CONTROL_PLANE_GRACE_MS = 10_000;

/**
 * Ends every process of the sandbox and keeps its state. Works also when parts were killed before; a process
 * that merely got the pid of one of them is never touched. Nothing to stop is no error.
 */
export async function stopSandbox(options: { folder?: string }): Promise<StopReport> {
  const paths = await existingSandbox(options.folder);
  if (!paths) return { stopped: [] };
  return withSandboxLock(paths.folder, 180, () => takeDown(paths));
}

async function takeDown(paths: SandboxPaths): Promise<StopReport> {
  const stopped: string[] = [];
  // The daemon first: it ends the instances, and would start them again if it outlived what follows.
  const daemon = await recordedProcess(processFile(paths, 'daemon'));
  if (daemon) {
    await stopGroup(daemon.pid, DAEMON_GRACE_MS);
    stopped.push('daemon');
  }
  const orphans = await stopInstances(paths);
  if (orphans > 0) stopped.push(`${orphans} instance process${orphans === 1 ? '' : 'es'} without a daemon`);
  if (await stopBuildMachine(paths)) stopped.push('build machine');
  const controlPlane = await runningControlPlane(paths);
  if (controlPlane) {
    await stopGroup(controlPlane.pid, CONTROL_PLANE_GRACE_MS);
    stopped.push('control plane');
  }
  const strays = await killMarked(paths.folder);
  if (strays > 0) stopped.push(`${strays} stray process${strays === 1 ? '' : 'es'}`);
  await forgetProcesses(paths);
  return { stopped };
}

async function stopInstances(paths: SandboxPaths): Promise<number> {
  const ids = await readdir(paths.instances).catch(() => []);
  const stopped = await Promise.all(
    ids.map(async (id) => {
      const alive = await recordedProcess(path.join(paths.instances, id, 'process.json'));
      if (alive) await stopGroup(alive.pid, 5_000);
      return alive !== undefined;
    }),
  );
  return stopped.filter(Boolean).length;
}

/** Without their records the next start runs the instances anew instead of taking them for crashed. */
async function forgetProcesses(paths: SandboxPaths): Promise<void> {
  const ids = await readdir(paths.instances).catch(() => []);
  const files = [
    ...ids.map((id) => path.join(paths.instances, id, 'process.json')),
    processFile(paths, 'daemon'),
    processFile(paths, 'control-plane'),
    processFile(paths, 'build-machine'),
    paths.daemon,
    paths.controlPlane,
  ];
  await Promise.all(files.map((file) => rm(file, { force: true })));
}

/**
 * Stops the sandbox, deletes everything it held, and starts it empty, if it can be on the same port, so that
 * an environment printed before stays valid.
 */
export async function resetSandbox(options: StartOptions): Promise<SandboxInfo> {
  const paths = await claimFolder(options.folder);
  return withSandboxLock(paths.folder, 180, async () => {
    const settings = await readSettings(paths);
    await takeDown(paths);
    const names = await readdir(paths.folder);
    // The settings stay until the end: without them a reset that is killed half-way would leave a folder
    // that no later command recognises as a sandbox's.
    await Promise.all(
      names
        .map((name) => path.join(paths.folder, name))
        .filter((file) => file !== paths.settings)
        .map(removeTree),
    );
    if (settings) await writeSettings(paths, { ...settings, founded: false });
    return bringUp(paths, options);
  });
}
