import { execFile } from 'node:child_process';
import { existsSync } from 'node:fs';
import { copyFile, mkdir, rm } from 'node:fs/promises';
import { promisify } from 'node:util';
import { writeFileAtomically } from './files';
import type { BuildMachinePaths, SandboxPaths } from './paths';
import { MARKER } from './processes';

const run = promisify(execFile);

/** The key pair's name in EC2; the control plane has it in every region (ec2/disks.py). */
export const MACHINE_KEY_PAIR = 'bascule-build-machine';

/** Where sshd, started as root, keeps what is not trusted apart; a package's own start script makes it otherwise. */
const PRIVILEGE_SEPARATION = '/run/sshd';

/** Makes what sshd needs and does not have yet: keys, folders and its configuration. */
export async function prepareMachine(
  paths: SandboxPaths,
  { keygen, port, user }: { keygen: string; port: number; user: string },
): Promise<void> {
  const machine = paths.buildMachine;
  await mkdir(machine.disk, { recursive: true });
  await mkdir(machine.home, { recursive: true, mode: 0o700 });
  if (process.getuid?.() === 0) await mkdir(PRIVILEGE_SEPARATION, { recursive: true, mode: 0o755 });
  await makeKey(keygen, machine.hostKey);
  await makeKey(keygen, machine.key);
  if (!existsSync(machine.authorizedKeys)) await copyFile(`${machine.key}.pub`, machine.authorizedKeys);
  await writeFileAtomically(machine.config, configuration(machine, paths.folder, { port, user }), 0o600);
}

/** Ed25519, which Packer's own SSH client and every sshd of today agree on. */
async function makeKey(keygen: string, file: string): Promise<void> {
  // The public key is written last: with both there, a kill came in between at no time.
  if (existsSync(file) && existsSync(`${file}.pub`)) return;
  await Promise.all([rm(file, { force: true }), rm(`${file}.pub`, { force: true })]);
  await run(keygen, ['-q', '-t', 'ed25519', '-N', '', '-C', MACHINE_KEY_PAIR, '-f', file]);
}

/** Only this user, only by key, only on loopback; nothing of the machine's own SSH configuration is read. */
function configuration(
  machine: BuildMachinePaths,
  sandbox: string,
  { port, user }: { port: number; user: string },
): string {
  const environment = { HOME: machine.home, PATH: process.env['PATH'] ?? '', [MARKER]: sandbox };
  const variables = Object.entries(environment).map(([name, value]) => `"${name}=${value}"`);
  const lines = [
    `Port ${port}`,
    'ListenAddress 127.0.0.1',
    `HostKey "${machine.hostKey}"`,
    'PidFile none',
    `AllowUsers ${user}`,
    'PermitRootLogin prohibit-password',
    `AuthorizedKeysFile "${machine.authorizedKeys}"`,
    'PasswordAuthentication no',
    'KbdInteractiveAuthentication no',
    // A template of the user's own may leave the key to Packer, which signs with it as RSA did before SHA-2.
    'PubkeyAcceptedKeyTypes +ssh-rsa',
    // The sandbox may lie below a folder that others can write, as /tmp is.
    'StrictModes no',
    'UsePAM no',
    'PermitUserRC no',
    'PrintMotd no',
    'PrintLastLog no',
    'X11Forwarding no',
    'MaxSessions 100',
    'Subsystem sftp internal-sftp',
    `SetEnv ${variables.join(' ')}`,
  ];
  return `${lines.join('\n')}\n`;
}
