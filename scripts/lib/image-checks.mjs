import path from 'node:path';

const PLAYBOOK = path.join('images', 'playbook.yml');
const TEMPLATE = path.join('images', 'bascule.pkr.hcl');

/**
 * What looks at images/: ansible-lint and a syntax check by the lint's own Ansible, and where they are installed
 * Packer and the Ansible that bakes.
 * @returns {string[][]} commands
 */
export function imageChecks(python, { packer, ansible }) {
  const bin = path.dirname(python);
  const syntax = (program) => [program, '--syntax-check', '--inventory', 'localhost,', PLAYBOOK];
  const lint = [
    'ansiblelint',
    '--offline',
    '--strict',
    '--nocolor',
    '-q',
    '--profile',
    'production',
    'images',
  ];
  return [
    // It starts the Ansible beside it, and complains where that is not the one on the PATH.
    ['env', `PATH=${bin}${path.delimiter}${process.env.PATH}`, python, '-m', ...lint],
    syntax(path.join(bin, 'ansible-playbook')),
    ...(ansible ? [syntax('ansible-playbook')] : []),
    ...(packer
      ? [
          ['packer', 'fmt', '-check', '-diff', 'images'],
          ['packer', 'validate', '-var-file=images/example.pkrvars.json', TEMPLATE],
        ]
      : []),
  ];
}
