/** Where the sandbox looks for OpenSSH, and what it says without it. */
import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterEach, beforeEach, expect, it, vi } from 'vitest';
import { findPrograms } from '../../automation/sandbox/lifecycle/build-machine';

let folder: string;
beforeEach(async () => {
  folder = await mkdtemp(path.join(tmpdir(), 'bascule-openssh-'));
  await Promise.all(['bin', 'sbin'].map((name) => mkdir(path.join(folder, name))));
  await writeFile(path.join(folder, 'bin', 'ssh-keygen'), '', { mode: 0o755 });
  vi.stubEnv('PATH', ['relative', path.join(folder, 'bin')].join(path.delimiter));
});
afterEach(async () => {
  vi.unstubAllEnvs();
  await rm(folder, { recursive: true });
});

it('is found where a user has it not on the PATH', async () => {
  const sshd = path.join(folder, 'sbin', 'sshd');
  await writeFile(sshd, '', { mode: 0o755 });
  expect(await findPrograms([path.join(folder, 'sbin')])).toEqual({
    sshd,
    keygen: path.join(folder, 'bin', 'ssh-keygen'),
  });
});

it('is said to be missing, with how to get it and how to do without', async () => {
  await expect(findPrograms([path.join(folder, 'sbin')])).rejects.toMatchObject({
    code: 'BASCULE_SANDBOX_SSHD_MISSING',
    message: "The sandbox's build machine needs OpenSSH's server, and this machine has no sshd.",
    next: expect.stringContaining('apt-get install openssh-server') as string,
    exitCode: 2,
  });
});
