import { accessSync, constants, existsSync } from 'node:fs';
import { rm, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { runQuietly } from './children.mjs';

/** What the tests of the bake run, each with the package of Debian and Ubuntu that brings it. */
const TOOLS = [
  ['packer', 'packer'],
  ['ansible-playbook', 'ansible'],
  ['ssh', 'openssh-client'],
  ['sshd', 'openssh-server'],
];
/** A user's PATH leaves these out. */
const SYSTEM_FOLDERS = ['/usr/local/sbin', '/usr/sbin', '/sbin'];
/** A package's service asks this program whether it may start; exit code 101 is no (Debian policy 9.3.3.3). */
const POLICY = '/usr/sbin/policy-rc.d';

/** @returns {{program: string, package: string}[]} what is not on this machine */
export function missingBakeTools(env = process.env, folders = SYSTEM_FOLDERS) {
  const search = [...(env.PATH ?? '').split(path.delimiter), ...folders].filter((folder) => folder !== '');
  return TOOLS.filter(([program]) => !search.some((folder) => isExecutable(path.join(folder, program)))).map(
    ([program, name]) => ({ program, package: name }),
  );
}

/**
 * Installs what the tests of the bake need where that is nobody's own machine: in CI, as root, with apt-get.
 * Says what went wrong and does not throw: it is not for every test.
 * @returns what is missing still
 */
export async function ensureBakeTools(progress, options = {}) {
  const { env = process.env, folders = SYSTEM_FOLDERS, policy = POLICY } = options;
  const root = options.root ?? process.getuid?.() === 0;
  const missing = missingBakeTools(env, folders);
  const apt = (env.PATH ?? '').split(path.delimiter).map((folder) => path.join(folder, 'apt-get'));
  if (missing.length === 0 || env.CI !== 'true' || !root || !apt.some(isExecutable)) return missing;
  const packages = missing.map((tool) => tool.package);
  const task = progress.start(`Installing ${packages.join(', ')} (apt-get)`);
  const failure = await withoutServices(policy, () => install(packages, env));
  if (failure === undefined) task.done();
  else {
    task.fail('apt-get failed');
    progress.note(failure);
  }
  return missingBakeTools(env, folders);
}

/** @returns the last lines of what apt-get said when it failed */
async function install(packages, env) {
  const options = { env: { ...env, DEBIAN_FRONTEND: 'noninteractive' } };
  const wait = ['-o', 'DPkg::Lock::Timeout=300'];
  const steps = [
    ['apt-get', ...wait, 'update', '-qq'],
    ['apt-get', ...wait, 'install', '-y', '-qq', '--no-install-recommends', ...packages],
  ];
  for (const step of steps) {
    const { code, tail } = await runQuietly(step, options);
    if (code !== 0) return tail || `${step.join(' ')} ended with ${code}`;
  }
  return undefined;
}

/** sshd is wanted as a program, not as a service that lets people in. */
async function withoutServices(policy, work) {
  if (existsSync(policy)) return work();
  await writeFile(policy, '#!/bin/sh\nexit 101\n', { mode: 0o755 });
  try {
    return await work();
  } finally {
    await rm(policy, { force: true });
  }
}

function isExecutable(file) {
  try {
    accessSync(file, constants.X_OK);
    return true;
  } catch {
    return false;
  }
}
