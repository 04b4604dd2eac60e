import { access, constants } from 'node:fs/promises';
import { connect } from 'node:net';
import { userInfo } from 'node:os';
import * as path from 'node:path';
import { BasculeError } from '../../../src/domain/errors';
import { isFreePort, PortPool } from '../daemon/free-port';
import { removeTree } from './files';
import { prepareMachine } from './machine-files';
import { startPart } from './part';
import { processFile, type SandboxPaths } from './paths';
import { killDescendants, recordedProcess, stopGroup } from './processes';
import type { SandboxSettings } from './settings';
import { waitFor } from './wait';

/** Where systems have sshd, which is often not on the PATH of a user. */
const ELSEWHERE = ['/usr/sbin', '/usr/local/sbin'];

export interface Programs {
  sshd: string;
  keygen: string;
}

/** OpenSSH's programs. @throws BasculeError BASCULE_SANDBOX_SSHD_MISSING */
export async function findPrograms(elsewhere: readonly string[] = ELSEWHERE): Promise<Programs> {
  const ofPath = (process.env['PATH'] ?? '').split(path.delimiter).filter((one) => path.isAbsolute(one));
  const folders = [...ofPath, ...elsewhere];
  const [sshd, keygen] = await Promise.all([
    findProgram('sshd', folders),
    findProgram('ssh-keygen', folders),
  ]);
  if (sshd !== undefined && keygen !== undefined) return { sshd, keygen };
  const missing = sshd === undefined ? 'sshd' : 'ssh-keygen';
  throw new BasculeError({
    code: 'BASCULE_SANDBOX_SSHD_MISSING',
    message: `The sandbox's build machine needs OpenSSH's server, and this machine has no ${missing}.`,
    next: 'Install it (Debian and Ubuntu: apt-get install openssh-server), start without --build-machine, or end a machine that it had with --no-build-machine.',
    details: [`looked for ${missing} in ${folders.join(', ')}`],
  });
}

async function findProgram(name: string, folders: readonly string[]): Promise<string | undefined> {
  for (const folder of folders) {
    const file = path.join(folder, name);
    const found = await access(file, constants.X_OK).then(
      () => true,
      () => false,
    );
    // sshd starts itself anew for each connection, by the absolute path it was started with.
    if (found) return file;
  }
  return undefined;
}

export interface MachineWish {
  /** As it was before, null for a new one. */
  known: SandboxSettings['buildMachine'];
  programs: Programs;
  deadlineMs: number;
  log: (line: string) => void;
}

/** Finds the build machine's sshd running, or starts it, if it can be on the port it had before. */
export async function ensureBuildMachine(
  paths: SandboxPaths,
  { known, programs, deadlineMs, log }: MachineWish,
): Promise<{ port: number; user: string; started: boolean }> {
  const user = userInfo().username;
  const alive = await recordedProcess(processFile(paths, 'build-machine'));
  if (alive && known !== null && (await answersSsh(known.port)))
    return { port: known.port, user, started: false };
  if (alive) await stopBuildMachine(paths);
  const port = await choosePort(known?.port, log);
  await prepareMachine(paths, { keygen: programs.keygen, port, user });
  await startPart({
    name: 'build machine',
    command: programs.sshd,
    args: ['-D', '-e', '-f', paths.buildMachine.config],
    folder: paths.folder,
    logFile: paths.buildMachineLog,
    processFile: processFile(paths, 'build-machine'),
    deadlineMs,
    isReady: () => answersSsh(port),
  });
  log(`build machine: ${user}@127.0.0.1, port ${port}`);
  return { port, user, started: true };
}

async function choosePort(before: number | undefined, log: (line: string) => void): Promise<number> {
  if (before !== undefined) {
    const free = await waitFor(async () => ((await isFreePort(before)) ? true : undefined), {
      timeoutMs: 2_000,
    });
    if (free) return before;
    log(`port ${before} of the build machine is taken by another program: it moves, so print \`env\` again`);
  }
  return new PortPool().take();
}

/** Ends the machine and all that is logged in to it; whether it ran. */
export async function stopBuildMachine(paths: SandboxPaths): Promise<boolean> {
  const alive = await recordedProcess(processFile(paths, 'build-machine'));
  if (!alive) return false;
  // Each connection has a process group of its own, and would go on without sshd.
  await killDescendants(alive.pid);
  await stopGroup(alive.pid, 5_000);
  return true;
}

/** Ends it for good, where there is one: images that were made on it stay. */
export async function removeBuildMachine(paths: SandboxPaths): Promise<void> {
  await stopBuildMachine(paths);
  await removeTree(paths.buildMachine.folder);
}

/** Whether an SSH server greets on this port. */
export function answersSsh(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = connect({ port, host: '127.0.0.1' });
    const end = (answers: boolean) => {
      socket.destroy();
      resolve(answers);
    };
    socket.setTimeout(3_000, () => end(false));
    socket.once('error', () => end(false));
    socket.once('end', () => end(false));
    socket.once('data', (greeting) => end(greeting.toString().startsWith('SSH-')));
  });
}
