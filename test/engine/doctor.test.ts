import { mkdir, writeFile } from 'node:fs/promises';
import { describe, expect, test } from 'vitest';
import { doctor, isReady, renderDoctor, type Component } from '../../automation/engine/doctor';
import { engineScript, HOST_SCRIPT, machine, type Machine } from './machine';

const SECRET = 'wJalrXUtnFEMIbPxRfiCYEXAMPLEKEY';

const inspect = (on: Machine): Promise<Component[]> => doctor({ env: on.env, cache: on.cache, goPlaces: [] });

async function named(on: Machine, name: RegExp): Promise<Component> {
  const found = (await inspect(on)).find((component) => name.test(component.name));
  if (!found) throw new Error(`no component ${name}`);
  return found;
}

describe('doctor', () => {
  test('says of all that is missing on an empty machine how to get it, and is not ready', async () => {
    const components = await inspect(await machine());
    const missing = components.filter((component) => component.status === 'missing');
    expect(missing.map((component) => component.name)).toEqual([
      'npm',
      'Python',
      'moto (sandbox control plane)',
      'Pulumi engine',
      'Pulumi language host (Node.js)',
      'Go',
      'git',
      'AWS credentials',
      'Packer',
      'Ansible',
    ]);
    expect(missing.filter((component) => !component.next)).toEqual([]);
    expect(isReady(components)).toBe(false);
  });

  test('shows version, origin and place of what is there', async () => {
    const on = await machine();
    await on.script('bin/pulumi', engineScript('3.240.0'));
    await on.script('bin/pulumi-language-nodejs', HOST_SCRIPT);
    await on.script('bin/go', 'echo go version go1.26.8 linux/amd64');
    await on.script('bin/git', 'echo git version 2.39.5');
    on.onPath('bin');
    expect(await named(on, /engine/)).toMatchObject({ status: 'ok', version: '3.240.0', source: 'path' });
    expect(await named(on, /language host/)).toMatchObject({
      status: 'ok',
      path: on.at('bin/pulumi-language-nodejs'),
    });
    expect(await named(on, /^Go/)).toMatchObject({ status: 'ok', version: '1.26.8' });
    expect(await named(on, /git/)).toMatchObject({ status: 'ok', version: '2.39.5' });
  });

  test('calls what is there but too old by that name, with the reason', async () => {
    const on = await machine();
    await on.script('bin/pulumi', engineScript('3.90.0'));
    await on.script('bin/python3', 'echo Python 3.8.2');
    await on.script('bin/go', '[ "$1" = version ] && echo go version go1.19 linux/amd64');
    on.onPath('bin');
    expect(await named(on, /engine/)).toMatchObject({ status: 'old' });
    expect((await named(on, /engine/)).next).toContain('it is 3.90.0; needed is 3.186.0');
    expect(await named(on, /Python/)).toMatchObject({ status: 'old' });
    expect((await named(on, /^Go/)).next).toContain('1.25.11');
  });

  test('sees a moto that the environment names but that has none', async () => {
    const on = await machine();
    on.env['BASCULE_SANDBOX_PYTHON'] = await on.script('bin/python', 'exit 1');
    expect(await named(on, /moto/)).toMatchObject({ status: 'missing', source: 'environment' });
  });
});

describe('doctor on AWS credentials', () => {
  test('says which are used and never shows one', async () => {
    const on = await machine();
    Object.assign(on.env, { AWS_ACCESS_KEY_ID: 'AKIDEXAMPLE', AWS_SECRET_ACCESS_KEY: SECRET });
    const components = await inspect(on);
    expect(await named(on, /AWS/)).toMatchObject({ status: 'ok', source: 'environment variables' });
    expect(renderDoctor(components) + JSON.stringify(components)).not.toMatch(/AKIDEXAMPLE|EXAMPLEKEY/);
  });

  test('prefers a profile that was named, and lists the others when it is not there', async () => {
    const on = await machine();
    await mkdir(on.at('home/.aws'), { recursive: true });
    await writeFile(
      on.at('home/.aws/credentials'),
      `[work]\naws_access_key_id = AKIDEXAMPLE\naws_secret_access_key = ${SECRET}\n`,
    );
    await writeFile(on.at('home/.aws/config'), '[profile sso]\nsso_session = x\n');
    expect((await named(on, /AWS/)).next).toContain('profiles there are: work, sso');
    on.env['AWS_PROFILE'] = 'sso';
    expect(await named(on, /AWS/)).toMatchObject({ status: 'ok', source: 'profile sso' });
    on.env['AWS_PROFILE'] = 'other';
    expect(await named(on, /AWS/)).toMatchObject({ status: 'missing' });
    expect(renderDoctor(await inspect(on))).not.toContain(SECRET);
  });
});

test('the table marks what is needed and missing apart from what is only missing', () => {
  const components: Component[] = [
    { name: 'A', status: 'ok', needed: true, version: '1.2.3', source: 'path', path: '/bin/a' },
    { name: 'Bcd', status: 'old', needed: true, next: 'get a newer one' },
    { name: 'E', status: 'missing', needed: false, next: 'get it' },
  ];
  expect(renderDoctor(components).split('\n')).toEqual([
    '+ A    1.2.3    path  /bin/a',
    'x Bcd  old',
    '    get a newer one',
    '- E    missing',
    '    get it',
    '',
    'Something that the sandbox needs is missing (marked x).',
  ]);
  expect(isReady(components)).toBe(false);
  expect(isReady(components.filter(({ name }) => name !== 'Bcd'))).toBe(true);
});
