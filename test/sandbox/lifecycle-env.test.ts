import { execFile, spawn } from 'node:child_process';
import { once } from 'node:events';
import { access, constants, mkdtemp, readdir, readFile, rm } from 'node:fs/promises';
import { createRequire } from 'node:module';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { promisify } from 'node:util';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { renderEnv, sandboxEnv, withoutAws } from '../../automation/sandbox';
import { describeSandbox } from '../../automation/sandbox/lifecycle/info';
import { sandboxPaths } from '../../automation/sandbox/lifecycle/paths';
import { placePlugins } from '../../automation/sandbox/lifecycle/plugins';
import { groupIsAlive, identify, isAlive, stopGroup } from '../../automation/sandbox/lifecycle/processes';
import { must } from '../support/until';

const run = promisify(execFile);
const settings = {
  port: 4567,
  engineFolder: '/engines/one',
  founded: true,
  accounts: ['123456789012'],
  buildMachine: null,
};
const info = describeSandbox(sandboxPaths("/tmp/it's here"), settings, []);

describe('the printed environment', () => {
  beforeEach(() => {
    vi.stubEnv('PATH', `/usr/bin:/engines/one:/bin`);
    vi.stubEnv('NO_PROXY', 'intranet,localhost');
    vi.stubEnv('AWS_PROFILE', 'production');
    vi.stubEnv('AWS_ENDPOINT_URL_S3', 'https://elsewhere');
    vi.stubEnv('PULUMI_ACCESS_TOKEN', 'secret');
  });
  afterEach(() => vi.unstubAllEnvs());

  it('names the sandbox for AWS and Pulumi', () => {
    expect(sandboxEnv(info)).toMatchObject({
      AWS_ENDPOINT_URL: 'http://127.0.0.1:4567',
      AWS_REGION: 'eu-west-3',
      AWS_DEFAULT_REGION: 'eu-west-3',
      PULUMI_HOME: "/tmp/it's here/pulumi",
      PULUMI_BACKEND_URL:
        's3://bascule-sandbox?endpoint=http://127.0.0.1:4567&use_path_style=true&region=eu-west-3',
      PATH: '/engines/one:/usr/bin:/bin',
      NO_PROXY: '127.0.0.1,localhost,127.0.0.0/8,intranet',
    });
  });

  it('holds after eval in a shell, and takes away what would lead to the real AWS', async () => {
    const script = `${renderEnv(sandboxEnv(info), 'sh')}\n/usr/bin/env`;
    const { stdout } = await run('/bin/sh', ['-c', script]);
    const lines = stdout.split('\n');
    for (const [name, value] of Object.entries(sandboxEnv(info))) expect(lines).toContain(`${name}=${value}`);
    expect(stdout).not.toMatch(/^(AWS_PROFILE|AWS_ENDPOINT_URL_S3|PULUMI_ACCESS_TOKEN)=/m);
    expect(Object.keys(withoutAws(process.env)).filter((name) => /^(AWS|PULUMI)_/.test(name))).toEqual([]);
  });

  it('names the build machine to Packer, where there is one, and takes away the name of another', () => {
    vi.stubEnv('PKR_VAR_ssh_host', '203.0.113.9');
    expect(renderEnv(sandboxEnv(info), 'sh')).toContain('unset PKR_VAR_ssh_host');
    const buildMachine = { port: 2345, user: 'sam' };
    const paths = sandboxPaths('/tmp/with machine');
    const env = sandboxEnv(describeSandbox(paths, { ...settings, buildMachine }, []));
    const named = Object.entries(env).filter(([name]) => name.startsWith('PKR_VAR_'));
    expect(Object.fromEntries(named)).toEqual({
      PKR_VAR_ssh_host: '127.0.0.1',
      PKR_VAR_ssh_port: '2345',
      PKR_VAR_ssh_username: 'sam',
      PKR_VAR_ssh_private_key_file: '/tmp/with machine/build-machine/key',
      PKR_VAR_ssh_keypair_name: 'bascule-build-machine',
      PKR_VAR_root: '/tmp/with machine/build-machine/disk',
      PKR_VAR_become: 'false',
    });
  });

  it('comes for other shells and programs, and refuses one it does not know', () => {
    expect(renderEnv(sandboxEnv(info), 'fish')).toContain("set -gx PULUMI_HOME '/tmp/it\\'s here/pulumi';");
    expect(renderEnv(sandboxEnv(info), 'fish')).toContain('set -e AWS_PROFILE;');
    const json = JSON.parse(renderEnv(sandboxEnv(info), 'json')) as Record<string, unknown>;
    expect(json).toMatchObject({ AWS_REGION: 'eu-west-3', AWS_PROFILE: null });
    expect(() => renderEnv({}, 'cmd.exe')).toThrow("shell 'cmd.exe'");
  });
});

describe('the plugins of the sandbox', () => {
  it('lie where the engine looks, in the versions that the packages ask for', async () => {
    const home = await mkdtemp(path.join(tmpdir(), 'bascule-pulumi-'));
    try {
      await placePlugins(home, () => undefined);
      await placePlugins(home, () => undefined);
      // The package's own function says which version it asks the engine for.
      const versions = ['aws', 'awsx', 'command'].map((name) => {
        const sdk = createRequire(__filename)(`@pulumi/${name}/utilities`) as { getVersion(): string };
        return `resource-${name}-v${sdk.getVersion()}`;
      });
      expect((await readdir(path.join(home, 'plugins'))).sort()).toEqual(versions);
      const plugin = path.join(home, 'plugins', versions[0] ?? '', 'pulumi-resource-aws');
      await access(plugin, constants.X_OK);
      expect(await readFile(plugin, 'utf8')).toMatch(/^#!\/bin\/sh\nexec '.*' '.*start\.js' aws "\$@"\n$/);
    } finally {
      await rm(home, { recursive: true, force: true });
    }
  });
});

describe('processes', () => {
  it('are told apart from later ones with their pid', async () => {
    const child = spawn('sleep', ['300']);
    const identity = must(await identify(must(child.pid)));
    expect(await isAlive(identity)).toBe(true);
    expect(await isAlive({ ...identity, started: '1' })).toBe(false);
    expect(await isAlive({ ...identity, boot: 'an earlier one' })).toBe(false);
    child.kill('SIGKILL');
    await once(child, 'exit');
    expect(await isAlive(identity)).toBe(false);
    expect(await identify(identity.pid)).toBeUndefined();
  });

  it('end as a group, also when the leader is gone', async () => {
    const child = spawn('/bin/sh', ['-c', 'sleep 300 & echo started; wait'], { detached: true });
    await once(child.stdout, 'data');
    const group = must(child.pid);
    process.kill(group, 'SIGKILL');
    await once(child, 'exit');
    expect(await groupIsAlive(group)).toBe(true);
    await stopGroup(group, 2_000);
    expect(await groupIsAlive(group)).toBe(false);
  });
});
