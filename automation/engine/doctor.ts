import { messageOf } from '../../src/domain/errors';
import { goAvailability } from './build';
import { onPath, runCommand } from './command';
import { awsCredentials } from './credentials';
import { ENGINE_VERSION, findEngine } from './engine';
import type { EngineOptions } from './engine';
import { enginesOnPath, OLDEST_ENGINE } from './inspect';
import { cacheFolder } from './folders';
import { basePython, findPython, OLDEST_PYTHON } from './python';
import { isAtLeast, parseVersion, printVersion } from './version';
import type { Version } from './version';

/** What `package.json` says in `engines`. */
const OLDEST_NODE: Version = [20, 0, 0];

export interface Component {
  name: string;
  /** `missing` and `old` alike mean that it cannot be used as it is. */
  status: 'ok' | 'missing' | 'old';
  /** Whether what was asked for, which is the sandbox unless more is said, cannot do without it. */
  needed: boolean;
  version?: string;
  /** Where it came from: the PATH, the cache folder, an installation ... */
  source?: string;
  path?: string;
  /** What to do about it; absent when there is nothing to do. */
  next?: string;
}

/** Looks for everything that Bascule uses, installs nothing, and never shows a secret. */
export async function doctor(options: EngineOptions = {}): Promise<Component[]> {
  const env = options.env ?? process.env;
  const cache = options.cache ?? cacheFolder(env);
  const parts = await Promise.all([
    npm(env),
    python(env),
    moto(env, cache),
    engine(env, cache),
    go(env, options.goPlaces),
    git(env),
    awsCredentials(env),
    ...bakeTools(env),
  ]);
  return [node(), ...parts.flat()];
}

/** Whether the sandbox can run with what is there. */
export function isReady(components: readonly Component[]): boolean {
  return components.every((component) => !component.needed || component.status === 'ok');
}

function node(): Component {
  const version = parseVersion(process.versions.node) ?? OLDEST_NODE;
  const ok = isAtLeast(version, OLDEST_NODE);
  return {
    name: 'Node.js',
    status: ok ? 'ok' : 'old',
    needed: true,
    version: printVersion(version),
    path: process.execPath,
    ...(ok ? {} : { next: `install Node.js ${OLDEST_NODE[0]} or later` }),
  };
}

async function npm(env: NodeJS.ProcessEnv): Promise<Component> {
  return tool('npm', ['--version'], env, { needed: true, next: 'install npm; it comes with Node.js' });
}

async function git(env: NodeJS.ProcessEnv): Promise<Component> {
  return tool('git', ['--version'], env, { needed: false, next: 'install git to work on Bascule itself' });
}

/** What `builder: packer` runs. */
function bakeTools(env: NodeJS.ProcessEnv): Promise<Component>[] {
  const next = (place: string): string =>
    `only baking with Packer needs it: apt-get install packer ansible, brew install hashicorp/tap/packer ansible, or ${place}`;
  return [
    tool('packer', ['version'], env, {
      name: 'Packer',
      needed: false,
      next: next('https://developer.hashicorp.com/packer/install'),
    }),
    tool('ansible-playbook', ['--version'], env, {
      name: 'Ansible',
      needed: false,
      next: next('pipx install --include-deps ansible'),
    }),
  ];
}

interface ToolFacts {
  name?: string;
  needed: boolean;
  next: string;
}

async function tool(
  command: string,
  args: string[],
  env: NodeJS.ProcessEnv,
  { name = command, needed, next }: ToolFacts,
): Promise<Component> {
  const file = onPath(command, env)[0];
  if (!file) return { name, status: 'missing', needed, next };
  const asked = await runCommand(file, args, { env, timeoutMs: 30_000 });
  const version = parseVersion(asked.stdout);
  const found = { name, needed, path: file, source: 'path' };
  if (!asked.ok || !version) return { ...found, status: 'missing', next: `it does not run: ${asked.why}` };
  return { ...found, status: 'ok', version: printVersion(version) };
}

async function python(env: NodeJS.ProcessEnv): Promise<Component> {
  try {
    const found = await basePython(env);
    return {
      name: 'Python',
      status: 'ok',
      needed: false,
      version: printVersion(found.version),
      source: 'path',
      path: found.path,
    };
  } catch {
    const old = onPath('python3', env)[0];
    return {
      name: 'Python',
      status: old ? 'old' : 'missing',
      needed: false,
      ...(old ? { path: old } : {}),
      next: `install Python ${printVersion(OLDEST_PYTHON)} or later with its venv module`,
    };
  }
}

async function moto(env: NodeJS.ProcessEnv, cache: string): Promise<Component> {
  const name = 'moto (sandbox control plane)';
  const next = 'node scripts/run.mjs setup installs it; npm start and npm test do so themselves';
  const found = await findPython({ env, cache }).catch((error: unknown) => messageOf(error));
  if (typeof found === 'string') return { name, status: 'missing', needed: true, next: found };
  if (!found) return { name, status: 'missing', needed: true, next };
  const program = 'import importlib.metadata as m; print(m.version("moto"))';
  const asked = await runCommand(found.python, ['-c', program], { env, timeoutMs: 30_000 });
  const where = { source: found.source, path: found.python };
  if (!asked.ok) return { name, status: 'missing', needed: true, ...where, next };
  return { name, status: 'ok', needed: true, version: asked.stdout.trim(), ...where };
}

async function engine(env: NodeJS.ProcessEnv, cache: string): Promise<Component[]> {
  const found = await findEngine({ env, cache });
  const names = { engine: 'Pulumi engine', host: 'Pulumi language host (Node.js)' };
  if (found) {
    const { languageHost, pulumi, version, source } = found;
    return [
      { name: names.engine, status: 'ok', needed: true, version, source, path: pulumi },
      { name: names.host, status: 'ok', needed: true, ...languageHost },
    ];
  }
  const { rejected } = await enginesOnPath(cache, env);
  const seen = rejected.filter((attempt) => attempt.why !== 'there is none');
  const next = 'node scripts/run.mjs setup gets it; npm start and npm test do so themselves';
  const why = seen.map((attempt) => `${attempt.what}: ${attempt.why}; `).join('');
  return [
    {
      name: names.engine,
      status: seen.length > 0 ? 'old' : 'missing',
      needed: true,
      next: `${why}${next} (${ENGINE_VERSION}, or your own from ${printVersion(OLDEST_ENGINE)} on)`,
    },
    { name: names.host, status: 'missing', needed: true, next: 'it comes with the engine' },
  ];
}

async function go(env: NodeJS.ProcessEnv, places: EngineOptions['goPlaces']): Promise<Component> {
  const found = await goAvailability(env, places);
  return {
    name: 'Go',
    needed: false,
    status: !found.path ? 'missing' : found.why ? 'old' : 'ok',
    ...(found.version ? { version: found.version } : {}),
    ...(found.path ? { path: found.path, source: 'path' } : {}),
    ...(found.why ? { next: `${found.why}; only needed where the Pulumi engine cannot be downloaded` } : {}),
  };
}

/** A table for people: what is needed first says what is wrong, then what is not. */
export function renderDoctor(components: readonly Component[], environment?: string): string {
  const rows = components.map((component) => ({
    mark: component.status === 'ok' ? '+' : component.needed ? 'x' : '-',
    name: component.name,
    state: component.status === 'ok' ? (component.version ?? 'ok') : component.status,
    where: [component.source, component.path].filter(Boolean).join('  '),
    next: component.next,
  }));
  const width = (of: (row: (typeof rows)[number]) => string): number =>
    Math.max(...rows.map((row) => of(row).length));
  const [names, states] = [width((row) => row.name), width((row) => row.state)];
  const lines = rows.flatMap((row) => [
    `${row.mark} ${row.name.padEnd(names)}  ${row.state.padEnd(states)}  ${row.where}`.trimEnd(),
    ...(row.next ? [`    ${row.next}`] : []),
  ]);
  const who = environment === undefined ? 'the sandbox needs' : `the sandbox or ${environment} needs`;
  const verdict = isReady(components)
    ? `All that ${who} is there.`
    : `Something that ${who} is missing (marked x).`;
  return [...lines, '', verdict].join('\n');
}
