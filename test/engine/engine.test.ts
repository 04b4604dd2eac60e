import { readFile, writeFile } from 'node:fs/promises';
import { execFileSync } from 'node:child_process';
import path from 'node:path';
import { describe, expect, test } from 'vitest';
import { ENGINE_VERSION, engineFolder, ensureEngine, findEngine } from '../../automation/engine/engine';
import { projectFolder } from '../../automation/engine/folders';
import { BasculeError } from '../../src/domain/errors';
import { engineScript, HOST_SCRIPT, machine, type Machine } from './machine';

const HOST = 'pulumi-language-nodejs';

const noDownload = (): Promise<void> => Promise.reject(new Error('fetch failed'));

function options(on: Machine) {
  return { env: on.env, cache: on.cache, download: noDownload, goPlaces: [] };
}

async function engineIn(on: Machine, folder: string, version: string): Promise<void> {
  await on.script(`${folder}/pulumi`, engineScript(version));
  await on.script(`${folder}/${HOST}`, HOST_SCRIPT);
}

const keptFolder = (on: Machine): string => path.relative(on.root, engineFolder(on.cache));

/** A Go that takes what it is asked to build from a script and notes each build. */
async function goThatBuilds(on: Machine, version = '1.26.8'): Promise<string> {
  await on.script('made/pulumi', engineScript(ENGINE_VERSION));
  await on.script(`made/${HOST}`, HOST_SCRIPT);
  const notes = on.at('builds.txt');
  await on.script(
    'go/go',
    `if [ "$1" = version ]; then echo "go version go${version} linux/amd64"; exit; fi
     if [ "$1" = env ]; then echo "\${GOTOOLCHAIN:-auto}"; exit; fi
     echo "$(basename "$PWD") $GOFLAGS $GOWORK $*" >> ${notes}
     while [ $# -gt 1 ]; do [ "$1" = -o ] && out=$2; shift; done
     sleep 0.2
     cp ${on.at('made')}/$(basename "$out") "$out"`,
  );
  on.onPath('go');
  return notes;
}

describe('the engine on the PATH', () => {
  test('is taken when it is new enough and has its language host beside it', async () => {
    const on = await machine();
    await engineIn(on, 'bin', '3.200.1');
    on.onPath('bin');
    expect(await findEngine(options(on))).toEqual({
      folder: on.at('bin'),
      pulumi: on.at('bin/pulumi'),
      version: '3.200.1',
      source: 'path',
      languageHost: { path: on.at(`bin/${HOST}`), version: '3.200.1', source: 'path' },
    });
  });

  test.each(['3.185.9', '2.25.0', '4.0.0'])('is left alone when it is %s', async (version) => {
    const on = await machine();
    await engineIn(on, 'bin', version);
    on.onPath('bin');
    expect(await findEngine(options(on))).toBeUndefined();
  });

  test('is found behind an older one', async () => {
    const on = await machine();
    await engineIn(on, 'old', '3.100.0');
    await engineIn(on, 'new', '3.186.0');
    on.onPath('old');
    on.onPath('new');
    expect((await findEngine(options(on)))?.pulumi).toBe(on.at('new/pulumi'));
  });

  test('may be a link whose language host stands beside the real file', async () => {
    const on = await machine();
    await engineIn(on, 'cellar/pulumi/bin', '3.230.0');
    await on.link('bin/pulumi', on.at('cellar/pulumi/bin/pulumi'));
    on.onPath('bin');
    const found = await findEngine(options(on));
    expect(found?.folder).toBe(on.at('bin'));
    expect(found?.languageHost.path).toBe(on.at(`cellar/pulumi/bin/${HOST}`));
  });

  test('may have its language host in another folder of the PATH', async () => {
    const on = await machine();
    await on.script('bin/pulumi', engineScript('3.230.0'));
    await on.script(`hosts/${HOST}`, HOST_SCRIPT);
    on.onPath('bin');
    on.onPath('hosts');
    const found = await findEngine(options(on));
    expect(found?.folder).toBe(on.at('bin'));
    expect(found?.languageHost).toMatchObject({ path: on.at(`hosts/${HOST}`), version: 'unknown' });
  });

  test('without a language host is joined with the one that is kept', async () => {
    const on = await machine();
    await on.script('bin/pulumi', engineScript('3.230.0'));
    await on.script(`${keptFolder(on)}/${HOST}`, HOST_SCRIPT);
    on.onPath('bin');
    const found = await findEngine(options(on));
    expect(found?.version).toBe('3.230.0');
    expect(execFileSync(path.join(found?.folder ?? '', 'pulumi'), ['version'], { encoding: 'utf8' })).toBe(
      'v3.230.0\n',
    );
    expect(found?.languageHost.path).toBe(path.join(found?.folder ?? '', HOST));
  });
});

describe('the kept engine', () => {
  test('is taken when there is none on the PATH', async () => {
    const on = await machine();
    await engineIn(on, keptFolder(on), ENGINE_VERSION);
    expect(await findEngine(options(on))).toMatchObject({ source: 'cache', folder: engineFolder(on.cache) });
  });

  test('is not taken when it does not run', async () => {
    const on = await machine();
    await engineIn(on, keptFolder(on), ENGINE_VERSION);
    await on.script(`${keptFolder(on)}/pulumi`, 'echo "cannot execute" >&2; exit 126');
    expect(await findEngine(options(on))).toBeUndefined();
  });

  test('is called by its origin when it is also on the PATH', async () => {
    const on = await machine();
    await engineIn(on, keptFolder(on), ENGINE_VERSION);
    on.onPath(keptFolder(on));
    expect((await findEngine(options(on)))?.source).toBe('cache');
  });
});

test('BASCULE_ENGINE_FOLDER goes first', async () => {
  const on = await machine();
  await engineIn(on, 'bin', '3.200.0');
  await engineIn(on, 'mine', '3.250.0');
  on.onPath('bin');
  on.env['BASCULE_ENGINE_FOLDER'] = on.at('mine');
  expect(await findEngine(options(on))).toMatchObject({ source: 'environment', version: '3.250.0' });
});

describe('an engine that is not there', () => {
  test('is downloaded first', async () => {
    const on = await machine();
    const notes = await goThatBuilds(on);
    const download = (): Promise<void> => engineIn(on, keptFolder(on), ENGINE_VERSION);
    const engine = await ensureEngine({ ...options(on), download });
    expect(engine).toMatchObject({ source: 'install', version: ENGINE_VERSION });
    await expect(readFile(notes)).rejects.toThrow('ENOENT');
    expect((await ensureEngine(options(on))).source).toBe('cache');
  });

  test('is built with Go where nothing can be downloaded, by what is pinned and nothing else', async () => {
    const on = await machine();
    const notes = await goThatBuilds(on);
    on.env['GOFLAGS'] = '-mod=mod';
    const engine = await ensureEngine(options(on));
    expect(engine).toMatchObject({ source: 'go-build', version: ENGINE_VERSION });
    expect(engine.languageHost.version).toBe('3.68.0');
    const builds = (await readFile(notes, 'utf8')).trim().split('\n');
    expect(builds.map((line) => line.split(' ').slice(0, 4))).toEqual([
      ['language-nodejs', '-mod=readonly', 'off', 'build'],
      ['pulumi', '-mod=readonly', 'off', 'build'],
    ]);
    expect((await ensureEngine(options(on))).source).toBe('cache');
  });

  test('is built once by two that need it at the same time', async () => {
    const on = await machine();
    const notes = await goThatBuilds(on);
    const engines = await Promise.all([ensureEngine(options(on)), ensureEngine(options(on))]);
    expect(new Set(engines.map((engine) => engine.folder))).toEqual(new Set([engineFolder(on.cache)]));
    expect((await readFile(notes, 'utf8')).trim().split('\n')).toHaveLength(2);
  });

  test('is built only as far as it is missing', async () => {
    const on = await machine();
    const notes = await goThatBuilds(on);
    await on.script('bin/pulumi', engineScript('3.230.0'));
    on.onPath('bin');
    expect(await ensureEngine(options(on))).toMatchObject({ version: '3.230.0', source: 'path' });
    const builds = (await readFile(notes, 'utf8')).trim().split('\n');
    expect(builds.map((line) => line.split(' ')[0])).toEqual(['language-nodejs']);
  });
});

describe('an engine that cannot be had', () => {
  const failure = async (on: Machine): Promise<BasculeError> => {
    const thrown: unknown = await ensureEngine(options(on)).catch((error: unknown) => error);
    if (!(thrown instanceof BasculeError)) throw new Error(`not a BasculeError: ${String(thrown)}`);
    return thrown;
  };

  test('is one error with all that was tried, why each failed, and the ways out', async () => {
    const on = await machine();
    await engineIn(on, 'bin', '3.100.0');
    on.onPath('bin');
    const error = await failure(on);
    expect(error.code).toBe('BASCULE_ENGINE_MISSING');
    expect(error.details).toEqual([
      `1. ${on.at('bin/pulumi')} on the PATH: it is 3.100.0; needed is 3.186.0 or a later 3.x`,
      `2. the copy of an earlier run, ${engineFolder(on.cache)}: there is none`,
      `3. Pulumi's own installer, version ${ENGINE_VERSION}: fetch failed`,
      `4. a build of version ${ENGINE_VERSION} with Go: there is no Go on the PATH`,
    ]);
    expect(error.next).toMatch(/\(1\) install Pulumi.*\(2\) allow.*download.*\(3\) install Go/);
  });

  test.each([
    { version: '1.20.3', toolchain: undefined, why: /it is 1\.20\.3; needed is 1\.25\.11 or later$/ },
    {
      version: '1.24.1',
      toolchain: 'local',
      why: /it is 1\.24\.1.*GOTOOLCHAIN=local keeps it from fetching/,
    },
  ])('names a Go $version that is too old', async ({ version, toolchain, why }) => {
    const on = await machine();
    await goThatBuilds(on, version);
    if (toolchain) on.env['GOTOOLCHAIN'] = toolchain;
    expect((await failure(on)).details.at(-1)).toMatch(why);
  });

  test('shows the last lines of a build that failed', async () => {
    const on = await machine();
    await on.script(
      'go/go',
      '[ "$1" = version ] && { echo go version go1.26.8 linux/amd64; exit; }\n' +
        'echo "go: downloading x"; echo "dial tcp: no route to host" >&2; exit 1',
    );
    on.onPath('go');
    expect((await failure(on)).details.at(-1)).toMatch(/with Go: dial tcp: no route to host$/);
  });
});

test('an older Go that may fetch a newer toolchain is allowed to', async () => {
  const on = await machine();
  await goThatBuilds(on, '1.22.0');
  expect((await ensureEngine(options(on))).source).toBe('go-build');
});

test('a build ends when its signal says so, and leaves nothing that would be taken for an engine', async () => {
  const on = await machine();
  const started = on.at('started');
  await on.script(
    'go/go',
    `[ "$1" = version ] && { echo go version go1.26.8 linux/amd64; exit; }\necho $$ > ${started}; sleep 600`,
  );
  on.onPath('go');
  const stop = new AbortController();
  const building = ensureEngine({ ...options(on), signal: stop.signal });
  building.catch(() => undefined);
  await expect.poll(() => readFile(started, 'utf8').catch(() => ''), { timeout: 10_000 }).toMatch(/\d+\n/);
  stop.abort();
  await expect(building).rejects.toThrow(/abort/i);
  const group = Number(await readFile(started, 'utf8'));
  await expect.poll(() => isRunning(-group), { timeout: 5_000 }).toBe(false);
  expect(await findEngine(options(on))).toBeUndefined();
});

function isRunning(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch {
    return false;
  }
}

test('a remembered version is asked again when the file has changed', async () => {
  const on = await machine();
  // Only files of the size of a real engine are remembered; a wrapper answers differently from day to day.
  const padding = `\nexit\n${'#'.repeat(1_100_000)}`;
  await on.script(`bin/${HOST}`, HOST_SCRIPT);
  await on.script('bin/pulumi', engineScript('3.200.0') + padding);
  on.onPath('bin');
  expect((await findEngine(options(on)))?.version).toBe('3.200.0');
  expect(await readFile(path.join(on.cache, 'engine', 'seen.json'), 'utf8')).toContain('"version":[3,200,0]');
  await writeFile(on.at('bin/pulumi'), `#!/bin/sh\n${engineScript('3.201.0')}${padding}#`);
  expect((await findEngine(options(on)))?.version).toBe('3.201.0');
});

test('the pinned versions agree: package.json, the modules of tools, and the engine that is kept', async () => {
  const read = (file: string): Promise<string> => readFile(path.join(projectFolder(), file), 'utf8');
  const manifest = JSON.parse(await read('package.json')) as { dependencies: Record<string, string> };
  expect(manifest.dependencies['@pulumi/pulumi']).toBe(ENGINE_VERSION);
  expect(await read('automation/engine/go/pulumi/go.mod')).toContain(`pulumi/pkg/v3 v${ENGINE_VERSION}`);
  expect(await read('automation/engine/go/pulumi/go.mod')).toContain('\ngo 1.25.11\n');
});
