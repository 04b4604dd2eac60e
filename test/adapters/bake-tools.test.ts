import { chmod, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { bakeTools } from '../../src/adapters/bake-tools';

const PATH = process.env['PATH'];
let folder: string;

beforeEach(async () => {
  folder = await mkdtemp(path.join(tmpdir(), 'bascule-tools-'));
  process.env['PATH'] = folder;
});

afterEach(async () => {
  process.env['PATH'] = PATH;
  await rm(folder, { recursive: true, force: true });
});

/** A program that answers like this, whatever it is asked. */
async function program(name: string, answer: string, code = 0): Promise<void> {
  const file = path.join(folder, name);
  await writeFile(file, `#!/bin/sh\n${answer}\nexit ${code}\n`);
  await chmod(file, 0o755);
}

const ANSIBLE = `echo 'ansible-playbook [core 2.14.18]'`;

describe('what builds images', () => {
  it('is told with its versions', async () => {
    await program('packer', `echo 'Packer v1.6.6'`);
    await program('ansible-playbook', ANSIBLE);
    expect(await bakeTools()).toBe('packer 1.6.6, ansible 2.14.18');
  });

  it('needs plugins of its own where Packer brings none', async () => {
    await program(
      'packer',
      `[ "$1" = version ] && echo 'Packer v1.11.2' && exit 0\necho '/p/github.com/hashicorp/amazon/packer-plugin-amazon_v1.3.1'`,
    );
    await program('ansible-playbook', ANSIBLE);
    await expect(bakeTools()).rejects.toMatchObject({
      code: 'BASCULE_PACKER_MISSING',
      message: expect.stringContaining('no plugin for ansible.'),
      details: ['packer plugins install github.com/hashicorp/ansible'],
    });
  });

  it.each<[string, () => Promise<void>, RegExp]>([
    ['Packer is missing', () => program('ansible-playbook', ANSIBLE), /Packer is not installed/],
    [
      'another program has its name',
      async () => {
        await program('packer', `echo 'usage: packer dbname' >&2`, 255);
        await program('ansible-playbook', ANSIBLE);
      },
      /is not HashiCorp Packer/,
    ],
    [
      'Ansible is missing',
      () => program('packer', `echo 'Packer v1.6.6'`),
      /ansible-playbook, which Packer runs, is not installed/,
    ],
    [
      'Ansible does not run',
      async () => {
        await program('packer', `echo 'Packer v1.6.6'`);
        await program('ansible-playbook', `echo 'ModuleNotFoundError' >&2`, 1);
      },
      /ansible-playbook does not run/,
    ],
  ])('says how to get it when %s, and names the other builder', async (_, prepare, message) => {
    await prepare();
    await expect(bakeTools()).rejects.toMatchObject({
      code: 'BASCULE_PACKER_MISSING',
      exitCode: 2,
      message: expect.stringMatching(message),
      details: expect.arrayContaining([
        expect.stringMatching(/^Debian, Ubuntu: sudo apt-get install .*ansible/),
        expect.stringMatching(/^macOS: brew install /),
      ]),
      next: expect.stringContaining('builder: bundle'),
    });
  });
});
