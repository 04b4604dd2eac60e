/** The playbook that is baked with, run for real over a folder that stands for a machine's disk. */
import { execFile, spawn } from 'node:child_process';
import { once } from 'node:events';
import { chmod, cp, mkdir, mkdtemp, readFile, rm, stat, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { promisify } from 'node:util';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { describeWith } from '../support/bake-tools';
import { freePort } from '../support/ports';
import { until } from '../support/until';

const run = promisify(execFile);
const PROJECT = path.resolve(__dirname, '..', '..');
const IMAGES = path.join(PROJECT, 'images');
const SERVICE = path.join(PROJECT, 'examples', 'service');
/** For a machine that has other things to do; each run takes seconds. */
const PATIENCE = 300_000;

interface Played {
  code: number;
  output: string;
}

let folder = '';

/** Runs a playbook on this machine, below a disk of its own. */
async function play(disk: string, playbook: string, variables: Record<string, unknown>): Promise<Played> {
  const file = `${disk}.json`;
  const all = {
    bascule_root: disk,
    bascule_become: false,
    bascule_service: 'shop',
    bascule_version: '1.0.0',
  };
  await writeFile(file, JSON.stringify({ ...all, ...variables }));
  const env = {
    ...process.env,
    ANSIBLE_CONFIG: path.join(IMAGES, 'ansible.cfg'),
    ANSIBLE_ROLES_PATH: path.join(IMAGES, 'roles'),
    ANSIBLE_HOME: path.join(folder, 'ansible'),
    ANSIBLE_LOCAL_TEMP: path.join(folder, 'ansible'),
    ANSIBLE_REMOTE_TMP: path.join(folder, 'ansible'),
  };
  const args = ['--inventory', 'localhost,', '--connection', 'local', '--extra-vars', `@${file}`, playbook];
  return run('ansible-playbook', args, { env, timeout: PATIENCE }).then(
    ({ stdout }) => ({ code: 0, output: stdout }),
    (thrown: { code?: number; stdout?: string; stderr?: string }) => ({
      code: thrown.code ?? -1,
      output: `${thrown.stdout}${thrown.stderr}`,
    }),
  );
}

async function disk(name: string): Promise<string> {
  const made = path.join(folder, name);
  await mkdir(made);
  return made;
}

/** A release of these files, beside what the example service consists of. */
async function release(name: string, change: (files: string) => Promise<void>): Promise<string> {
  const files = path.join(folder, `${name}-files`);
  await cp(SERVICE, files, { recursive: true });
  await change(files);
  const archive = path.join(folder, `${name}.tar.gz`);
  await run('tar', ['-czf', archive, '-C', files, '.']);
  return archive;
}

/** A playbook of a user's own, with a role of their own. */
async function ownPlaybook(name: string, roles: unknown[]): Promise<string> {
  const own = path.join(folder, name);
  await mkdir(path.join(own, 'roles', 'own', 'tasks'), { recursive: true });
  const task = { 'ansible.builtin.copy': { content: 'mine', dest: '{{ bascule_root }}/own', mode: '0644' } };
  await writeFile(path.join(own, 'roles', 'own', 'tasks', 'main.yml'), JSON.stringify([task]));
  const book = path.join(own, 'playbook.yml');
  await writeFile(book, JSON.stringify([{ hosts: 'all', gather_facts: false, roles }]));
  return book;
}

/** Starts what a unit's ExecStart names, and gives what it answers. */
async function healthOf(start: string): Promise<unknown> {
  const port = await freePort();
  const env = { ...process.env, PORT: String(port), HOST: '127.0.0.1', BASCULE_VERSION: '1.0.0' };
  const service = spawn(start, { env, stdio: 'ignore', cwd: '/', detached: true });
  const ended = once(service, 'close');
  try {
    const answered = async () => fetch(`http://127.0.0.1:${port}/health`).catch(() => undefined);
    const answer = await until(answered, (response) => response?.ok === true, 60);
    return await answer?.json();
  } finally {
    process.kill(-(service.pid ?? 0), 'SIGKILL');
    await ended;
  }
}

describeWith(['ansible-playbook'], 'the playbook', () => {
  beforeAll(async () => {
    folder = await mkdtemp(path.join(tmpdir(), 'bascule-images-'));
  });

  afterAll(async () => {
    await rm(folder, { recursive: true, force: true });
  });

  it(
    'puts a release with its service, its log shipping and the hardening on the disk',
    async () => {
      const root = await disk('whole');
      const played = await play(root, path.join(IMAGES, 'playbook.yml'), {
        bascule_release_archive: await release('whole', async () => undefined),
        bascule_application: 'archive',
        bascule_port: 80,
        bascule_log_group: '/shop/web',
        app_archive_unit_lines: ['LimitNOFILE=65536'],
      });
      expect(played.output).toContain('failed=0');
      expect(played.code).toBe(0);

      const unit = (await readFile(`${root}/etc/systemd/system/shop.service`, 'utf8')).split('\n');
      expect(unit).toEqual(
        expect.arrayContaining([
          'User=shop',
          'WorkingDirectory=/opt/shop/1.0.0',
          'EnvironmentFile=/etc/bascule/environment',
          'ExecStart=/opt/shop/start',
          'StandardOutput=journal+console',
          'AmbientCapabilities=CAP_NET_BIND_SERVICE',
          'LimitNOFILE=65536',
        ]),
      );
      const agent = `${root}/opt/aws/amazon-cloudwatch-agent/etc/amazon-cloudwatch-agent.d/bascule.json`;
      expect(JSON.parse(await readFile(agent, 'utf8'))).toMatchObject({
        logs: {
          logs_collected: {
            files: {
              collect_list: [{ log_group_name: '/shop/web', file_path: '/var/log/bascule/shop.log' }],
            },
          },
        },
      });
      expect(await readFile(`${root}/etc/systemd/system/bascule-log.service`, 'utf8')).toContain(
        'StandardOutput=append:/var/log/bascule/shop.log',
      );
      expect(await readFile(`${root}/etc/ssh/sshd_config.d/00-bascule.conf`, 'utf8')).toContain(
        'PasswordAuthentication no\n',
      );
      expect(await readFile(`${root}/etc/sysctl.d/90-bascule.conf`, 'utf8')).toContain(
        'net.ipv4.tcp_syncookies = 1\n',
      );
      expect(await healthOf(`${root}/opt/shop/start`)).toEqual({ status: 'ok', version: '1.0.0' });
    },
    PATIENCE,
  );

  it(
    "lends its roles to a playbook of the user's own, for a release that only has a package.json",
    async () => {
      const root = await disk('own');
      const played = await play(root, await ownPlaybook('mine', ['own', 'app_archive']), {
        bascule_release_archive: await release('own', (files) => rm(path.join(files, 'Procfile'))),
      });
      expect(played.output).toContain('failed=0');
      expect(await readFile(`${root}/own`, 'utf8')).toBe('mine');
      expect(await readFile(`${root}/opt/shop/start`, 'utf8')).toMatch(/\nexec npm start\n$/);
      expect(await healthOf(`${root}/opt/shop/start`)).toMatchObject({ status: 'ok' });
      await expect(stat(`${root}/opt/aws`)).rejects.toThrow('ENOENT');
    },
    PATIENCE,
  );

  it(
    'refuses a release that says nowhere how it is started',
    async () => {
      const root = await disk('nothing');
      const played = await play(root, await ownPlaybook('refused', ['app_archive']), {
        bascule_release_archive: await release('nothing', async (files) => {
          await rm(path.join(files, 'Procfile'));
          await writeFile(path.join(files, 'package.json'), '{"name":"shop"}');
        }),
      });
      expect(played.code).not.toBe(0);
      expect(played.output).toContain('The release says nowhere how it is started');
      await expect(stat(`${root}/opt/shop/start`)).rejects.toThrow('ENOENT');
    },
    PATIENCE,
  );

  it(
    'has a container told its port and each variable by name, as systemd has read it',
    async () => {
      const root = await disk('container');
      const played = await play(root, await ownPlaybook('contained', ['app_container']), {
        bascule_container_image: 'registry.example:5000/shop/web',
        app_container_engine: 'docker',
        app_container_arguments: ['--memory=1g', '--label=two words'],
      });
      expect(played.output).toContain('failed=0');
      const unit = await readFile(`${root}/etc/systemd/system/shop.service`, 'utf8');
      expect(unit).toContain('ExecStart=/opt/shop/start\n');
      expect(unit).toContain('Requires=docker.service\n');
      expect(unit).not.toContain('User=');

      const bin = await disk('bin');
      await writeFile(path.join(bin, 'docker'), '#!/bin/sh\nprintf "%s\\n" "$@"\n');
      await chmod(path.join(bin, 'docker'), 0o755);
      const environment = path.join(folder, 'environment');
      await writeFile(environment, 'GREETING="hello \\$"\nPORT="9000"\nBASCULE_INSTANCE_ID=i-1\n');
      const script = (await readFile(`${root}/opt/shop/start`, 'utf8')).replaceAll(
        '/etc/bascule/environment',
        environment,
      );
      const env = { PORT: '9000', PATH: `${bin}:${process.env['PATH']}` };
      const { stdout } = await run('/bin/sh', ['-c', script], { env });
      expect(stdout.trimEnd().split('\n')).toEqual([
        ...['run', '--rm', '--name', 'shop', '--pull', 'never', '--publish', '9000:9000'],
        ...['--env', 'GREETING', '--env', 'PORT', '--env', 'BASCULE_INSTANCE_ID'],
        ...['--memory=1g', '--label=two words', 'registry.example:5000/shop/web:1.0.0'],
      ]);
    },
    PATIENCE,
  );

  it(
    'takes the keys of no machine that is not there to be an image',
    async () => {
      const guard = {
        hosts: 'all',
        gather_facts: false,
        tasks: [{ 'ansible.builtin.include_role': { name: 'base', tasks_from: 'guard' } }],
      };
      const book = path.join(folder, 'guard.yml');
      await writeFile(book, JSON.stringify([guard]));
      const vendor = async (name: string, text: string): Promise<Played> => {
        const file = path.join(folder, name);
        await writeFile(file, text);
        return play(await disk(`${name}-disk`), book, { bascule_root: '', base_firmware_files: [file] });
      };
      const laptop = await vendor('laptop', 'LENOVO\n');
      expect(laptop.code).not.toBe(0);
      expect(laptop.output).toContain('This is no EC2 instance');
      expect(await vendor('instance', 'Amazon EC2\n')).toMatchObject({ code: 0 });
    },
    PATIENCE,
  );
});
