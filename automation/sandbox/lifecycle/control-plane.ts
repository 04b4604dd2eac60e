import { createServer } from 'node:net';
import { rm } from 'node:fs/promises';
import { launcherScript, processFile, type SandboxPaths } from './paths';
import { startPart } from './part';
import { commandLine, identify, recordedProcess, recordProcess, stopGroup } from './processes';
import { readControlPlaneFile } from './settings';
import { waitFor } from './wait';

export interface RunningControlPlane {
  pid: number;
  port: number;
  /** Whether this call started it. */
  started: boolean;
}

export interface ControlPlaneWish {
  paths: SandboxPaths;
  python: string;
  /** The port it had before, null for any free one. */
  port: number | null;
  deadlineMs: number;
  log: (line: string) => void;
}

/** Finds the control plane running, or starts it, if it can be on the port it had before. */
export async function ensureControlPlane(wish: ControlPlaneWish): Promise<RunningControlPlane> {
  const found = await runningControlPlane(wish.paths);
  if (found) {
    // A busy control plane may take a moment; one that hangs for longer is replaced, its state is on disk.
    const verdict = await waitFor(
      async () => {
        if (await answersHealth(found.port)) return 'answers';
        return (await identify(found.pid)) ? undefined : 'gone';
      },
      { timeoutMs: 10_000, intervalMs: 200 },
    );
    if (verdict === 'answers') return { ...found, started: false };
    if (verdict === undefined) wish.log('the control plane runs but does not answer: replacing it');
    await stopGroup(found.pid, 3_000);
  }
  const port = await choosePort(wish);
  await rm(wish.paths.controlPlane, { force: true });
  const pid = await startPart({
    name: 'control plane',
    command: wish.python,
    args: [launcherScript(), '--port', String(port), '--state', wish.paths.folder],
    folder: wish.paths.folder,
    logFile: wish.paths.controlPlaneLog,
    processFile: processFile(wish.paths, 'control-plane'),
    deadlineMs: wish.deadlineMs,
    isReady: async (started) => {
      const file = await readControlPlaneFile(wish.paths);
      return file?.pid === started && (await answersHealth(file.port));
    },
  });
  const file = await readControlPlaneFile(wish.paths);
  return { pid, port: file?.port ?? port, started: true };
}

/** The control plane's process, if it lives and is this sandbox's; its port may not answer yet. */
export async function runningControlPlane(
  paths: SandboxPaths,
): Promise<{ pid: number; port: number } | undefined> {
  const file = await readControlPlaneFile(paths);
  if (!file) return undefined;
  const record = processFile(paths, 'control-plane');
  if ((await recordedProcess(record))?.pid === file.pid) return file;
  // Started by a command that was killed before it could record the process: known by its command line.
  const command = await commandLine(file.pid);
  if (!command?.includes(launcherScript()) || !command.includes(paths.folder)) return undefined;
  await recordProcess(record, file.pid);
  return file;
}

/** Whether a control plane answers on this port. */
export async function answersHealth(port: number): Promise<boolean> {
  try {
    const answer = await fetch(`http://127.0.0.1:${port}/_bascule/health`, {
      signal: AbortSignal.timeout(3_000),
    });
    await answer.arrayBuffer();
    return answer.ok;
  } catch {
    // Refused, reset or too slow: to whoever waits for it these are all "not yet".
    return false;
  }
}

/** Tells the control plane something of contract.ts that changes it. */
export async function postToControlPlane(endpoint: string, resource: string, body: unknown): Promise<void> {
  const answer = await fetch(`${endpoint}/_bascule/${resource}`, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify(body),
    signal: AbortSignal.timeout(10_000),
  });
  const text = await answer.text();
  if (!answer.ok) throw new Error(`it answered ${answer.status}: ${text.slice(0, 200)}`);
}

async function choosePort({ port, log }: ControlPlaneWish): Promise<number> {
  if (port === null) return 0;
  // The one that was killed a moment ago may still hold the port while the kernel clears it away.
  const free = await waitFor(async () => ((await isFree(port)) ? true : undefined), { timeoutMs: 2_000 });
  if (free) return port;
  log(`port ${port} is taken by another program: the sandbox moves to a new one, so print \`env\` again`);
  return 0;
}

function isFree(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const server = createServer();
    server.once('error', () => resolve(false));
    server.listen({ port, host: '127.0.0.1', exclusive: true }, () => server.close(() => resolve(true)));
  });
}
