/** How the sandbox reads a systemd unit on an image's disk, and what it runs of it. */
import { execFile } from 'node:child_process';
import { chmod, mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { promisify } from 'node:util';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { InstanceState } from '../../automation/sandbox/contract';
import { startFromDisk } from '../../automation/sandbox/daemon/disk-release';
import { parseUnit } from '../../automation/sandbox/daemon/unit-file';

describe('a systemd unit', () => {
  it('says program, folder and variables, whatever else is in it', () => {
    const unit = parseUnit(`
# made by a role
[Unit]
ExecStart=/not/this
[Service]
User=shop
Environment=ONE=1 "TWO=two words" 'THREE=it"s'
Environment=FOUR=a=b
; WorkingDirectory=/nor/this
WorkingDirectory=-/opt/shop/1.0.0
ExecStartPre=/bin/true
ExecStart=-/opt/shop/start --name "a b" \\
  --port=\${PORT} 100%% \\x
[Install]
WantedBy=multi-user.target
`);
    expect(unit).toEqual({
      execStart: ['/opt/shop/start', '--name', 'a b', '--port=${PORT}', '100%', 'x'],
      workingDirectory: '/opt/shop/1.0.0',
      environment: { ONE: '1', TWO: 'two words', THREE: 'it"s', FOUR: 'a=b' },
    });
  });

  it('takes the last of what is said twice, and nothing where it is taken back', () => {
    const unit = parseUnit(
      '[Service]\nExecStart=/a\nExecStart=\nExecStart=/b\nEnvironment=A=1\nEnvironment=\n',
    );
    expect(unit).toEqual({ execStart: ['/b'], workingDirectory: undefined, environment: {} });
    expect(parseUnit('')).toEqual({ execStart: [], workingDirectory: undefined, environment: {} });
  });
});

describe('a release on the disk of an image', () => {
  let disk: string;
  beforeEach(async () => {
    disk = await mkdtemp(path.join(tmpdir(), "bascule it's a disk-"));
    await mkdir(path.join(disk, 'etc/systemd/system'), { recursive: true });
    await mkdir(path.join(disk, 'opt/shop/1.0.0'), { recursive: true });
  });
  afterEach(() => rm(disk, { recursive: true, force: true }));

  const unit = (service: string, text: string) =>
    writeFile(path.join(disk, 'etc/systemd/system', `${service}.service`), `[Service]\n${text}\n`);
  const start = (imageTags: Record<string, string> = {}, tags: Record<string, string> = {}) =>
    startFromDisk({ imageId: 'ami-1', imageTags, tags } as InstanceState, disk);

  it('is started below the disk, with its arguments as they stand', async () => {
    const program = path.join(disk, 'opt/shop/start');
    await writeFile(program, '#!/bin/sh\nprintf "[%s]" "$PWD" "$@"\n');
    await chmod(program, 0o755);
    await unit(
      'shop',
      'ExecStart=/opt/shop/start "it\'s" ${PORT}:$PORT $PORT /opt/shop/1.0.0 /usr/none $(id) ""\nWorkingDirectory=/opt/shop/1.0.0\nEnvironment=A=1',
    );
    const { folder, command, environment } = await start({ service: 'shop' });
    expect(environment).toEqual({ A: '1' });
    const { stdout } = await promisify(execFile)('/bin/sh', ['-c', command], {
      cwd: folder,
      env: { PATH: process.env['PATH'], PORT: '80' },
    });
    const release = path.join(disk, 'opt/shop/1.0.0');
    const printed = [release, "it's", '80:$PORT', '80', release, '/usr/none', '$(id)', ''];
    expect(stdout).toBe(printed.map((word) => `[${word}]`).join(''));
  });

  it('is found by the tags of image or instance, else when it is the only one', async () => {
    await unit('shop', 'ExecStart=/bin/echo shop');
    expect((await start()).command).toBe("exec '/bin/echo' 'shop'");
    await unit('cart', 'ExecStart=/bin/echo cart');
    expect((await start({ service: 'shop' })).command).toContain('shop');
    expect((await start({}, { service: 'cart' })).command).toContain('cart');
    expect((await start({}, { 'bascule:baking': 'cart' })).command).toContain('cart');
    await expect(start()).rejects.toThrow('of 2 units in /etc/systemd/system none is the only one');
  });

  it.each([
    ['no unit of the service', '', 'has no /etc/systemd/system/shop.service'],
    ['no ExecStart', 'User=shop', 'shop.service has no ExecStart'],
    ['a program that nobody has', 'ExecStart=/opt/shop/gone', 'ExecStart of shop.service is /opt/shop/gone'],
    [
      'a folder that is not there',
      'ExecStart=/bin/true\nWorkingDirectory=/gone',
      'WorkingDirectory of shop.service',
    ],
  ])('says what is wrong with %s', async (_, text, message) => {
    if (text !== '') await unit('shop', text);
    await expect(start({ service: 'shop' })).rejects.toThrow(message);
  });
});
