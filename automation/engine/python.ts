import { createHash } from 'node:crypto';
import { readFile, readdir, realpath, rm, stat } from 'node:fs/promises';
import path from 'node:path';
import { BasculeError } from '../../src/domain/errors';
import { isExecutable, lastLines, onPath, runCommand } from './command';
import { cacheFolder, projectFolder } from './folders';
import { exclusively } from './lock';
import { writeWhole } from './place';
import { silent } from './progress';
import type { Progress, Task } from './progress';
import { isAtLeast, parseVersion, printVersion } from './version';
import type { Version } from './version';

/** The oldest that the requirements of the sandbox's control plane have pins for. */
export const OLDEST_PYTHON: Version = [3, 9, 0];
/** In the order of preference; the plain name first, because it is the one a person has chosen. */
const NAMES = ['python3', 'python', ...[14, 13, 12, 11, 10, 9].map((minor) => `python3.${minor}`)];
const COMPLETE = 'bascule.json';

export interface PythonOptions {
  log?: Progress;
  /** Bascule's cache folder; default: the user's. */
  cache?: string;
  /** Environment with the PATH to search; default: the process's. */
  env?: NodeJS.ProcessEnv;
  signal?: AbortSignal;
  /** The pinned packages; default: those of the sandbox's control plane. */
  requirements?: string;
  /** Name of the environment in the cache folder; default: `moto`. */
  name?: string;
}

export interface SandboxPython {
  /** The Python executable that has the packages. */
  python: string;
  source: 'environment' | 'cache' | 'install';
}

interface Settled {
  log: Progress;
  cache: string;
  env: NodeJS.ProcessEnv;
  signal?: AbortSignal;
  requirements: string;
  name: string;
}

function settle(options: PythonOptions): Settled {
  const given = options.env ?? process.env;
  // What another Python was told about its own packages would break this one.
  const env = { ...given, PYTHONHOME: undefined, PYTHONPATH: undefined, PIP_REQUIRE_VIRTUALENV: undefined };
  return {
    env,
    log: options.log ?? silent,
    cache: options.cache ?? cacheFolder(given),
    requirements: options.requirements ?? motoRequirements(),
    name: options.name ?? 'moto',
    ...(options.signal ? { signal: options.signal } : {}),
  };
}

/** The pinned packages of the sandbox's control plane. */
export function motoRequirements(): string {
  return path.join(projectFolder(), 'automation', 'sandbox', 'moto', 'requirements.txt');
}

/** The Python that has the packages, if it is there already. Installs nothing. */
export async function findPython(options: PythonOptions = {}): Promise<SandboxPython | undefined> {
  const settings = settle(options);
  const named = settings.name === 'moto' ? settings.env['BASCULE_SANDBOX_PYTHON'] : undefined;
  if (named && isExecutable(named)) return { python: named, source: 'environment' };
  const python = await findEnvironment(settings, await keyOf(settings));
  return python ? { python, source: 'cache' } : undefined;
}

/**
 * A Python with the sandbox's packages, in a virtual environment in the cache folder, made if need be.
 * @throws BasculeError BASCULE_PYTHON_MISSING, BASCULE_PYTHON_VENV or BASCULE_PYTHON_PACKAGES
 */
export async function ensurePython(options: PythonOptions = {}): Promise<SandboxPython> {
  const found = await findPython(options);
  if (found) return found;
  const settings = settle(options);
  const key = await keyOf(settings);
  return exclusively(path.join(settings.cache, settings.name), settings, async () => {
    // Another process may have made it while this one waited for the lock.
    const again = await findEnvironment(settings, key);
    if (again) return { python: again, source: 'cache' };
    return { python: await make(settings, key), source: 'install' };
  });
}

/** The Python with the linter of the sandbox's Python code, which nothing but `npm test` needs. */
export function ensureLintPython(options: PythonOptions = {}): Promise<SandboxPython> {
  const requirements = path.join(projectFolder(), 'automation', 'engine', 'requirements-lint.txt');
  return ensurePython({ ...options, requirements, name: 'lint' });
}

async function keyOf({ requirements }: Settled): Promise<string> {
  return createHash('sha256')
    .update(await readFile(requirements))
    .digest('hex')
    .slice(0, 12);
}

/** An environment made for these packages whose Python is still the one that it was made with. */
async function findEnvironment({ cache, name }: Settled, key: string): Promise<string | undefined> {
  const parent = path.join(cache, name);
  const folders = (await readdir(parent).catch(() => [])).filter((folder) => folder.startsWith(`${key}-`));
  for (const folder of folders) {
    const python = pythonOf(path.join(parent, folder));
    const made = await readFile(path.join(parent, folder, COMPLETE), 'utf8').catch(() => undefined);
    if (made !== undefined && made === (await fingerprintOf(python))) return python;
  }
  return undefined;
}

const pythonOf = (folder: string): string => path.join(folder, 'bin', 'python');

/** An environment only links to the Python it was made with: an upgrade of that one leaves it without packages. */
async function fingerprintOf(python: string): Promise<string | undefined> {
  try {
    const real = await realpath(python);
    const { size, mtimeMs } = await stat(real);
    return JSON.stringify({ python: real, size, mtimeMs });
  } catch {
    return undefined;
  }
}

async function make(settings: Settled, key: string): Promise<string> {
  const base = await basePython(settings.env);
  const folder = path.join(settings.cache, settings.name, `${key}-py${base.version.slice(0, 2).join('.')}`);
  const task = settings.log.start(
    `Installing the Python packages of ${settings.name} (Python ${printVersion(base.version)})`,
  );
  try {
    // Not made elsewhere and renamed, since its scripts name its own folder: it counts once it is complete.
    await rm(folder, { recursive: true, force: true });
    const pip = await makeEnvironment(base.path, folder, settings);
    await installPackages(pip, settings, task);
    await writeWhole(path.join(folder, COMPLETE), (await fingerprintOf(pythonOf(folder))) ?? '');
    task.done();
    return pythonOf(folder);
  } catch (error) {
    task.fail('failed');
    throw error;
  }
}

export interface BasePython {
  path: string;
  version: Version;
}

/** The first Python on the PATH that is new enough. */
export async function basePython(env: NodeJS.ProcessEnv): Promise<BasePython> {
  const old: string[] = [];
  for (const file of NAMES.flatMap((name) => onPath(name, env))) {
    const asked = await runCommand(file, ['--version'], { env, timeoutMs: 30_000 });
    const version = asked.ok ? parseVersion(asked.stdout) : undefined;
    if (version && isAtLeast(version, OLDEST_PYTHON)) return { path: file, version };
    old.push(`${file}: ${version ? printVersion(version) : asked.why}`);
  }
  throw new BasculeError({
    code: 'BASCULE_PYTHON_MISSING',
    message: `The sandbox needs Python ${OLDEST_PYTHON.slice(0, 2).join('.')} or later; there is none on the PATH.`,
    details: old,
    next: 'install Python 3 (Debian, Ubuntu: apt install python3 python3-venv; macOS: brew install python) and run this again.',
  });
}

/** @returns the command that runs pip for the new environment */
async function makeEnvironment(base: string, folder: string, settings: Settled): Promise<string[]> {
  const python = pythonOf(folder);
  const ways: { args: string[]; pip: string[] }[] = [
    { args: ['-m', 'venv', folder], pip: [python, '-m', 'pip'] },
    // Debian leaves ensurepip out of Python: virtualenv brings a pip of its own, and pip can install for others.
    { args: ['-m', 'virtualenv', '--quiet', folder], pip: [python, '-m', 'pip'] },
    { args: ['-m', 'venv', '--without-pip', folder], pip: [base, '-m', 'pip', '--python', python] },
  ];
  const why: string[] = [];
  for (const { args, pip } of ways) {
    const made = await runCommand(base, args, commandOptions(settings));
    const works = made.ok
      ? await runCommand(pip[0] ?? base, [...pip.slice(1), '--version'], commandOptions(settings))
      : made;
    if (works.ok) return pip;
    settings.signal?.throwIfAborted();
    why.push(`${base} ${args.join(' ')}: ${works.why}`);
    await rm(folder, { recursive: true, force: true });
  }
  throw new BasculeError({
    code: 'BASCULE_PYTHON_VENV',
    message: `${base} cannot make a virtual environment.`,
    details: why,
    next: 'install what is missing (Debian, Ubuntu: apt install python3-venv; Fedora: dnf install python3-pip) and run this again.',
  });
}

async function installPackages([file = '', ...pip]: string[], settings: Settled, task: Task): Promise<void> {
  const args = [
    'install',
    '--disable-pip-version-check',
    '--no-input',
    '--progress-bar',
    'off',
    '-r',
    settings.requirements,
  ];
  const result = await runCommand(file, [...pip, ...args], {
    ...commandOptions(settings),
    onLine: (line) => task.update(line),
  });
  if (result.ok) return;
  settings.signal?.throwIfAborted();
  throw new BasculeError({
    code: 'BASCULE_PYTHON_PACKAGES',
    blame: 'world',
    message: `The Python packages in ${settings.requirements} could not be installed.`,
    details: [lastLines(result.stderr || result.stdout, 6)],
    next: 'see that pip can reach a package index (a proxy or mirror is set up in pip.conf) and run this again.',
  });
}

function commandOptions({ env, signal }: Settled): { env: NodeJS.ProcessEnv; signal?: AbortSignal } {
  return { env, ...(signal ? { signal } : {}) };
}
