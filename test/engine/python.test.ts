import { execFileSync } from 'node:child_process';
import { readdir, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { describe, expect, test } from 'vitest';
import { onPath } from '../../automation/engine/command';
import { basePython, ensurePython, findPython } from '../../automation/engine/python';
import type { BasculeError } from '../../src/domain/errors';
import { machine, type Machine } from './machine';

/** Making a real virtual environment takes a few seconds, and longer beside other tests. */
const SLOW = 120_000;

/** A machine whose python3 is the real one, and packages that need no network: none. */
async function withRealPython() {
  const on = await machine();
  const real = (await basePython(process.env)).path;
  await on.script('bin/python3', `exec ${real} "$@"`);
  on.onPath('bin');
  const requirements = on.at('requirements.txt');
  await writeFile(requirements, '# nothing\n');
  return { on, real, options: { env: on.env, cache: on.cache, requirements } };
}

async function failure(on: Machine): Promise<BasculeError> {
  const requirements = on.at('requirements.txt');
  await writeFile(requirements, '');
  return ensurePython({ env: on.env, cache: on.cache, requirements }).then(
    () => {
      throw new Error('it went through');
    },
    (error: unknown) => error as BasculeError,
  );
}

describe('the virtual environment', () => {
  test(
    'is made once, also when two need it, and made anew when what is pinned changes',
    async () => {
      const { options } = await withRealPython();
      expect(await findPython(options)).toBeUndefined();
      const both = await Promise.all([ensurePython(options), ensurePython(options)]);
      expect(both.map(({ source }) => source).sort()).toEqual(['cache', 'install']);
      const prefix = execFileSync(both[0].python, ['-c', 'import sys; print(sys.prefix)'], {
        encoding: 'utf8',
      });
      expect(prefix.trim()).toBe(path.resolve(both[0].python, '..', '..'));
      await writeFile(options.requirements, '# something else\n');
      expect(await findPython(options)).toBeUndefined();
    },
    SLOW,
  );

  test(
    'is not trusted once the Python under it has changed, nor while it is incomplete',
    async () => {
      const { options } = await withRealPython();
      const { python } = await ensurePython(options);
      const stamp = path.resolve(python, '..', '..', 'bascule.json');
      await writeFile(stamp, '{"python":"/usr/bin/python3.8","size":1,"mtimeMs":1}');
      expect(await findPython(options)).toBeUndefined();
      expect(await ensurePython(options)).toEqual({ python, source: 'install' });
      expect(await ensurePython(options)).toEqual({ python, source: 'cache' });
    },
    SLOW,
  );

  test('can be named by BASCULE_SANDBOX_PYTHON', async () => {
    const { on, real, options } = await withRealPython();
    on.env['BASCULE_SANDBOX_PYTHON'] = real;
    expect(await ensurePython(options)).toEqual({ python: real, source: 'environment' });
  });

  test(
    'is made without ensurepip where the system has left that out',
    async () => {
      const { on, real, options } = await withRealPython();
      await on.script(
        'bin/python3',
        `case "$*" in
           *--without-pip*) ;;
           "-m venv "*) echo "ensurepip is not available" >&2; exit 1 ;;
           "-m virtualenv "*) echo "No module named virtualenv" >&2; exit 1 ;;
         esac
         exec ${real} "$@"`,
      );
      const { python, source } = await ensurePython(options);
      expect(source).toBe('install');
      expect(await readdir(path.dirname(python))).not.toContain('pip');
    },
    SLOW,
  );
});

describe('a machine where it cannot be made', () => {
  test('with no Python or an old one says so, and how to get one', async () => {
    const on = await machine();
    await on.script('bin/python3', 'echo Python 3.8.18');
    on.onPath('bin');
    const error = await failure(on);
    expect(error).toMatchObject({
      code: 'BASCULE_PYTHON_MISSING',
      details: [`${on.at('bin/python3')}: 3.8.18`],
    });
    expect(error.next).toContain('apt install python3');
  });

  test('takes a newer Python by its full name when the plain one is old', async () => {
    const on = await machine();
    await on.script('bin/python3', 'echo Python 3.8.18');
    await on.script('bin/python3.12', 'echo Python 3.12.1');
    on.onPath('bin');
    expect(await basePython(on.env)).toEqual({ path: on.at('bin/python3.12'), version: [3, 12, 1] });
  });

  test('without venv, virtualenv and pip names each and what to install', async () => {
    const on = await machine();
    await on.script(
      'bin/python3',
      '[ "$1" = --version ] && { echo Python 3.11.2; exit; }\necho "No module named $2" >&2; exit 1',
    );
    on.onPath('bin');
    const error = await failure(on);
    expect(error.code).toBe('BASCULE_PYTHON_VENV');
    expect(error.details).toHaveLength(3);
    expect(error.details.join()).toContain('No module named virtualenv');
    expect(error.next).toContain('apt install python3-venv');
  });

  test(
    'that reaches no package says what pip said',
    async () => {
      const { on, options } = await withRealPython();
      await writeFile(options.requirements, `${on.at('absent')}/package-1.0-py3-none-any.whl\n`);
      const error = await ensurePython(options).catch((thrown: unknown) => thrown as BasculeError);
      expect(error).toMatchObject({ code: 'BASCULE_PYTHON_PACKAGES' });
      expect((error as BasculeError).details.join()).toContain('package-1.0-py3-none-any.whl');
      expect(await findPython(options)).toBeUndefined();
    },
    SLOW,
  );
});

test('a folder of the PATH that cannot run anything is no find', async () => {
  const on = await machine();
  await on.script('bin/python3', '');
  await on.link('links/python3', on.at('gone'));
  on.onPath('links');
  on.onPath('bin');
  expect(onPath('python3', on.env)).toEqual([on.at('bin/python3')]);
});
