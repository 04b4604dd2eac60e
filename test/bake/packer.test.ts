import { chmod, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { buildWithPacker, type PackerRun } from '../../automation/bake/packer';
import type { BakeEvent } from '../../src/domain/bake-progress';
import { bakeOrder } from '../support/bakes';
import { until } from '../support/until';

const BEFORE = { path: process.env['PATH'], endpoint: process.env['AWS_ENDPOINT_URL'] };
let folder: string;

beforeEach(async () => {
  folder = await mkdtemp(path.join(tmpdir(), 'bascule-packer-'));
  process.env['PATH'] = `${folder}${path.delimiter}${BEFORE.path}`;
  delete process.env['AWS_ENDPOINT_URL'];
});

afterEach(async () => {
  process.env['PATH'] = BEFORE.path;
  if (BEFORE.endpoint !== undefined) process.env['AWS_ENDPOINT_URL'] = BEFORE.endpoint;
  await rm(folder, { recursive: true, force: true });
});

/** A Packer that does this. */
async function packer(script: string): Promise<void> {
  const file = path.join(folder, 'packer');
  await writeFile(file, `#!/bin/sh\n${script}\n`);
  await chmod(file, 0o755);
}

function run(change: Record<string, unknown> = {}) {
  const events: BakeEvent[] = [];
  const stop = new AbortController();
  const order = bakeOrder(
    { builder: 'packer', ...change },
    { bundleFile: path.join(folder, 'work', 'shop.tar.gz') },
  );
  const groups: number[] = [];
  const packerRun: PackerRun = {
    baking: { ...order, base: { id: 'ami-base', name: 'al2023-ami-2023.1-kernel-6.1-x86_64' } },
    template: path.join(folder, 'template.pkr.hcl'),
    playbook: '/playbooks/own.yml',
    tell: (event) => void events.push(event),
    onGroup: (group) => void groups.push(group),
    signal: stop.signal,
  };
  return { packerRun, events, stop, groups };
}

const MADE = `echo '1,amazon-ebs.image,artifact,0,id,eu-west-3:ami-1'`;

async function variables(): Promise<Record<string, unknown>> {
  const text = await readFile(path.join(folder, 'work', 'packer', 'variables.pkrvars.json'), 'utf8');
  return JSON.parse(text) as Record<string, unknown>;
}

describe('a build by Packer', () => {
  it('tells the template what it declares, and names the image', async () => {
    await packer(`echo "$@" > ${folder}/arguments\n${MADE}`);
    const kms = 'alias/images';
    const { packerRun } = run({
      kmsKeys: { 'eu-west-3': kms },
      tags: { team: 'shop' },
      packer: { variables: { root_device: '/dev/xvda' }, ansibleVariables: { base_packages: ['jq'] } },
    });
    expect(await buildWithPacker(packerRun)).toEqual({ region: 'eu-west-3', imageId: 'ami-1' });
    expect(await readFile(path.join(folder, 'arguments'), 'utf8')).toMatch(
      /^build -machine-readable -color=false .*template\.pkr\.hcl$/m,
    );
    expect(await variables()).toEqual({
      root_device: '/dev/xvda',
      region: 'eu-west-3',
      endpoint: '',
      service: 'shop',
      version: '2.0.0',
      image_name: 'shop-2.0.0-bbbbbbbbbbbb',
      base_image_name: 'al2023-ami-2023.1-kernel-6.1-x86_64',
      base_image_owner: 'amazon',
      instance_type: 't3.small',
      subnet_id: '',
      encrypted: true,
      kms_key_id: kms,
      image_tags: { team: 'shop', Name: 'shop-2.0.0-bbbbbbbbbbbb' },
      baking_tags: { 'bascule:baking': 'shop', 'bascule:bake': 'this-bake' },
      release_archive: path.join(folder, 'work', 'shop.tar.gz'),
      playbook: '/playbooks/own.yml',
      ansible_variables_file: path.join(folder, 'work', 'packer', 'ansible.json'),
    });
    const ansible = await readFile(path.join(folder, 'work', 'packer', 'ansible.json'), 'utf8');
    expect(JSON.parse(ansible)).toEqual({
      base_packages: ['jq'],
      bascule_service: 'shop',
      bascule_version: '2.0.0',
      bascule_port: 8080,
      bascule_application: 'archive',
      bascule_container_image: '',
      bascule_log_group: '',
      bascule_release_archive: path.join(folder, 'work', 'shop.tar.gz'),
    });
  });

  it('leaves to the environment what only the user may say', async () => {
    await packer(MADE);
    const { packerRun } = run({ packer: { variables: { ssh_username: 'admin' } } });
    await buildWithPacker(packerRun);
    const said = Object.keys(await variables()).filter((name) => /^(ssh_|root|become)/.test(name));
    expect(said).toEqual(['ssh_username']);
  });

  it.each([
    ['fails', 'exit 1', 'Packer: exit code 1'],
    ['is killed', 'kill -9 $$', 'Packer: ended by SIGKILL'],
    ['says nothing of an image', 'exit 0', 'Packer: it names no image'],
  ])('is no image when Packer %s; all that it said is kept', async (_, script, line) => {
    await packer(`echo 'something went by'\n${script}`);
    const log = path.join(folder, 'work', 'packer', 'shop-2.0.0.log');
    await expect(buildWithPacker(run().packerRun)).rejects.toMatchObject({
      code: 'BASCULE_BAKE_FAILED',
      exitCode: 3,
      details: expect.arrayContaining([line, `log: ${log}`]),
    });
    expect(await readFile(log, 'utf8')).toBe('something went by\n');
  });

  it('is asked to end when the bake is stopped, and is waited for while it clears up', async () => {
    await packer(
      `trap 'echo cleared > ${folder}/cleared; exit 1' INT\n` +
        `echo '1,,ui,say,==> amazon-ebs.image: Waiting for SSH to become available...'\n` +
        'while :; do sleep 0.05; done',
    );
    const { packerRun, events, stop, groups } = run();
    const building = buildWithPacker(packerRun);
    building.catch(() => undefined);
    await until(
      async () => events.length,
      (count) => count > 0,
    );
    stop.abort();
    await expect(building).rejects.toMatchObject({ code: 'BASCULE_BAKE_FAILED' });
    expect(await readFile(path.join(folder, 'cleared'), 'utf8')).toBe('cleared\n');
    expect(groups).toHaveLength(1);
  });

  it('leaves nothing running that Packer had started', async () => {
    await packer(`sleep 600 >/dev/null 2>&1 &\necho $! > ${folder}/child\nkill -9 $$`);
    await expect(buildWithPacker(run().packerRun)).rejects.toMatchObject({ code: 'BASCULE_BAKE_FAILED' });
    const child = Number(await readFile(path.join(folder, 'child'), 'utf8'));
    const state = async () =>
      (await readFile(`/proc/${child}/stat`, 'utf8').catch(() => '')).split(' ')[2] ?? 'Z';
    expect(await state()).toBe('Z');
  });
});
