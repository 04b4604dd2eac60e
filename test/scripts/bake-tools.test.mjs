import { chmod, mkdtemp, readFile, rm, stat, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { ensureBakeTools, missingBakeTools } from '../../scripts/lib/bake-tools.mjs';

let bin = '';
let notes = [];

const progress = {
  note: (line) => void notes.push(line),
  start: (title) => {
    notes.push(title);
    return { done: () => undefined, fail: (why) => void notes.push(why) };
  },
};

async function program(name, script = '#!/bin/sh\n') {
  await writeFile(path.join(bin, name), script);
  await chmod(path.join(bin, name), 0o755);
}

/** An apt-get that writes down what it is asked, and installs programs by these names. */
const apt = (installs, code = 0) =>
  program(
    'apt-get',
    `#!/bin/sh
PATH=/usr/bin:/bin
echo "$@ [$DEBIAN_FRONTEND] $(cat "$0.policy" 2>/dev/null | tail -n 1)" >> "${bin}/asked"
case "$*" in *" install "*) ;; *) exit 0 ;; esac
for name in ${installs.join(' ')}; do echo '#!/bin/sh' > "${bin}/$name"; chmod 755 "${bin}/$name"; done
echo "E: no such package" >&2
exit ${code}
`,
  );

const ensure = (env = {}, options = {}) =>
  ensureBakeTools(progress, {
    env: { PATH: bin, CI: 'true', ...env },
    folders: [],
    root: true,
    policy: path.join(bin, 'apt-get.policy'),
    ...options,
  });

const names = (missing) => missing.map((tool) => tool.program);

describe('the tools of the bake', () => {
  beforeEach(async () => {
    bin = await mkdtemp(path.join(tmpdir(), 'bascule-tools-'));
    notes = [];
  });

  afterEach(() => rm(bin, { recursive: true, force: true }));

  it('are found on the PATH, and sshd where the system keeps it', async () => {
    await program('packer');
    await program('sshd');
    expect(missingBakeTools({ PATH: bin }, [])).toEqual([
      { program: 'ansible-playbook', package: 'ansible' },
      { program: 'ssh', package: 'openssh-client' },
    ]);
    const apart = { PATH: '/nowhere' };
    expect(names(missingBakeTools(apart, [bin]))).toEqual(['ansible-playbook', 'ssh']);
  });

  it('are installed in CI, without starting a service, and only those that are missing', async () => {
    await program('ssh');
    await apt(['packer', 'ansible-playbook', 'sshd']);
    expect(await ensure()).toEqual([]);
    const asked = (await readFile(path.join(bin, 'asked'), 'utf8')).trimEnd().split('\n');
    expect(asked).toHaveLength(2);
    expect(asked[0]).toMatch(/ update /);
    expect(asked[1]).toMatch(/ install .* packer ansible openssh-server \[noninteractive\] exit 101$/);
    await expect(stat(path.join(bin, 'apt-get.policy'))).rejects.toThrow('ENOENT');
  });

  it('are not installed on a machine that is somebody’s own', async () => {
    await apt(['packer']);
    expect(names(await ensure({ CI: '' }))).toContain('packer');
    expect(names(await ensure({}, { root: false }))).toContain('packer');
    await expect(stat(path.join(bin, 'asked'))).rejects.toThrow('ENOENT');
  });

  it('are still missing when apt-get fails, and what it said is told', async () => {
    await apt(['packer'], 100);
    expect(names(await ensure())).toEqual(['ansible-playbook', 'ssh', 'sshd']);
    expect(notes.join('\n')).toContain('E: no such package');
    await expect(stat(path.join(bin, 'apt-get.policy'))).rejects.toThrow('ENOENT');
  });
});
