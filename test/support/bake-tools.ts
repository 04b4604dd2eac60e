/** Tests that need Packer and Ansible: left out where those are not installed, except in CI, where they have to be. */
import { describe } from 'vitest';
import { onPath } from '../../automation/engine/command';

/** Each with the package of Debian and Ubuntu that brings it; scripts/lib/bake-tools.mjs installs them in CI. */
const PACKAGES = {
  packer: 'packer',
  'ansible-playbook': 'ansible',
  ssh: 'openssh-client',
  sshd: 'openssh-server',
};
type Program = keyof typeof PACKAGES;

const PATH = `${process.env['PATH'] ?? ''}:/usr/local/sbin:/usr/sbin:/sbin`;

/** As `describe`, for tests that run these programs: says which of them is missing in the place of running. */
export function describeWith(programs: Program[], name: string, tests: () => void): void {
  const missing = programs.filter((program) => onPath(program, { PATH }).length === 0);
  if (missing.length === 0 || process.env['CI'] === 'true') return void describe(name, tests);
  const packages = missing.map((program) => PACKAGES[program]).join(' ');
  describe.skip(`${name} (left out: no ${missing.join(', ')} here; apt-get install ${packages})`, tests);
}

/** A bake from end to end. */
export const describeBake = (name: string, tests: () => void): void =>
  describeWith(['packer', 'ansible-playbook', 'ssh', 'sshd'], name, tests);

/** The sandbox's build machine alone. */
export const describeBuildMachine = (name: string, tests: () => void): void =>
  describeWith(['ssh', 'sshd'], name, tests);
