import { rm } from 'node:fs/promises';
import { daemonScript, processFile, type SandboxPaths } from './paths';
import { startPart } from './part';
import { isAlive, recordedProcess, stopGroup } from './processes';
import { readDaemonFile, type DaemonFile } from './settings';
import { waitFor } from './wait';

/** Finds the daemon running, or starts it; returns once it has brought the present state into force. */
export async function ensureDaemon(
  paths: SandboxPaths,
  { deadlineMs, log }: { deadlineMs: number; log: (line: string) => void },
): Promise<DaemonFile & { started: boolean }> {
  const record = processFile(paths, 'daemon');
  const alive = await recordedProcess(record);
  if (alive) {
    const verdict = await waitFor(
      async () => (await readyDaemon(paths, alive.pid)) ?? ((await isAlive(alive)) ? undefined : 'gone'),
      { timeoutMs: 10_000, intervalMs: 100 },
    );
    if (verdict !== undefined && verdict !== 'gone') return { ...verdict, started: false };
    if (verdict === undefined) log('the daemon runs but does not answer: replacing it');
    // Only the daemon: the instances' processes have groups of their own and are taken over by the next one.
    await stopGroup(alive.pid, 0);
  }
  await rm(paths.daemon, { force: true });
  let ready: DaemonFile | undefined;
  const pid = await startPart({
    name: 'daemon',
    command: process.execPath,
    args: [daemonScript(), '--state', paths.folder],
    folder: paths.folder,
    logFile: paths.daemonLog,
    processFile: record,
    deadlineMs,
    isReady: async (started) => (ready = await readyDaemon(paths, started)) !== undefined,
  });
  return { pid, startedAt: ready?.startedAt ?? Date.now(), adminPort: ready?.adminPort ?? 0, started: true };
}

async function readyDaemon(paths: SandboxPaths, pid: number): Promise<DaemonFile | undefined> {
  const file = await readDaemonFile(paths);
  if (file?.pid !== pid) return undefined;
  const answer = await fetch(`http://127.0.0.1:${file.adminPort}/health`, {
    signal: AbortSignal.timeout(2_000),
  }).catch(() => undefined);
  await answer?.arrayBuffer();
  return answer?.ok ? file : undefined;
}
