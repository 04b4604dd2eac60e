import { readFile } from 'node:fs/promises';
import path from 'node:path';
import { isExecutable, onPath, runCommand } from './command';
import { LANGUAGE_HOST, originsOf } from './inspect';
import { besides, moveInto, writeWhole } from './place';
import type { Progress } from './progress';
import { isAtLeast, parseVersion, printVersion } from './version';
import type { Version } from './version';

/** What the go.mod of the engine's tools asks for. */
export const OLDEST_GO: Version = [1, 25, 11];
/** From here on Go fetches a newer toolchain by itself when a module asks for one and it is allowed to. */
const FETCHES_TOOLCHAIN: Version = [1, 21, 0];
/** Where Go's own package puts it, which is on the PATH only if the user saw to that. */
const USUAL_PLACES = ['/usr/local/go/bin/go'];

export interface GoFound {
  path?: string;
  version?: string;
  /** Why it cannot build the engine; empty when it can. */
  why: string;
}

/** The Go that would build the engine. Its version is asked without letting it fetch another toolchain. */
export async function goAvailability(
  env: NodeJS.ProcessEnv,
  places: readonly string[] = USUAL_PLACES,
): Promise<GoFound> {
  const file = onPath('go', env)[0] ?? places.find(isExecutable);
  if (!file) return { why: 'there is no Go on the PATH' };
  const asked = await runCommand(file, ['version'], {
    env: { ...env, GOTOOLCHAIN: 'local' },
    timeoutMs: 30_000,
  });
  const version = parseVersion(asked.stdout.replace(/^.*\bgo(?=\d)/, ''));
  if (!version) return { path: file, why: `\`${file} version\` did not answer with a version: ${asked.why}` };
  return { path: file, version: printVersion(version), why: await complaint(file, version, env) };
}

async function complaint(file: string, version: Version, env: NodeJS.ProcessEnv): Promise<string> {
  if (isAtLeast(version, OLDEST_GO)) return '';
  const needed = `it is ${printVersion(version)}; needed is ${printVersion(OLDEST_GO)} or later`;
  if (!isAtLeast(version, FETCHES_TOOLCHAIN)) return needed;
  const mode = (await runCommand(file, ['env', 'GOTOOLCHAIN'], { env, timeoutMs: 30_000 })).stdout.trim();
  return mode.startsWith('local') ? `${needed}, and GOTOOLCHAIN=${mode} keeps it from fetching one` : '';
}

export interface BuildOptions {
  go: GoFound;
  env: NodeJS.ProcessEnv;
  log: Progress;
  /** Folder that receives the executables. */
  into: string;
  /** Folder of the pinned modules, one below it for each executable. */
  tools: string;
  /** The engine's version, stamped into it. */
  version: string;
  /** Executables that need not be built, by name. */
  skip: readonly string[];
  signal?: AbortSignal;
}

interface Target {
  name: string;
  folder: string;
  package: string;
  flags: string[];
  title: string;
}

/**
 * Builds the language host and the engine from the pinned modules.
 * @throws Error saying why, with the compiler's last lines
 */
export async function buildWithGo(options: BuildOptions): Promise<void> {
  const { go, log } = options;
  if (go.why || !go.path) throw new Error(go.why);
  const targets = targetsOf(options);
  log.note(
    `Building ${targets.map((target) => target.name).join(' and ')} from source with Go ${go.version ?? ''}. ` +
      'From nothing this downloads about 500 MB of sources and takes some 7 minutes on 2 cores; it happens once.',
  );
  for (const target of targets) await buildOne(go.path, target, options);
}

function targetsOf({ tools, version, skip }: BuildOptions): Target[] {
  const host: Target = {
    name: LANGUAGE_HOST,
    folder: path.join(tools, 'language-nodejs'),
    package: `github.com/pulumi/pulumi/sdk/v3/nodejs/cmd/${LANGUAGE_HOST}`,
    flags: ['-ldflags', '-s -w'],
    title: 'Building the Node.js language host (about half a minute)',
  };
  const engine: Target = {
    name: 'pulumi',
    folder: path.join(tools, 'pulumi'),
    package: 'github.com/pulumi/pulumi/pkg/v3/cmd/pulumi',
    flags: ['-ldflags', `-s -w -X github.com/pulumi/pulumi/sdk/v3/go/common/version.Version=v${version}`],
    title: 'Building the Pulumi engine (about 6 minutes)',
  };
  return [host, engine].filter((target) => !skip.includes(target.name));
}

async function buildOne(go: string, target: Target, options: BuildOptions): Promise<void> {
  const task = options.log.start(target.title);
  await besides(path.join(options.into, target.name), async (folder) => {
    const out = path.join(folder, target.name);
    let compiled = 0;
    const args = ['build', '-v', '-trimpath', '-buildvcs=false', ...target.flags, '-o', out, target.package];
    const result = await runCommand(go, args, {
      cwd: target.folder,
      env: goEnvironment(options.env),
      ...(options.signal ? { signal: options.signal } : {}),
      onLine: (line) => {
        if (!line.startsWith('go: ')) compiled += 1;
        task.update(line.startsWith('go: ') ? line.slice(4) : `${compiled} packages compiled, now ${line}`);
      },
    });
    if (!result.ok) {
      task.fail(result.why);
      throw new Error(result.why);
    }
    await moveInto(options.into, [out]);
  });
  await recordVersion(target, options);
  task.done();
}

/** A user's own GOFLAGS or workspace would build something else than what the go.sum pins. */
function goEnvironment(env: NodeJS.ProcessEnv): NodeJS.ProcessEnv {
  return { ...env, GOFLAGS: '-mod=readonly', GOWORK: 'off', GO111MODULE: 'on' };
}

/** The language host cannot tell its version itself; it is that of the module it was built from. */
async function recordVersion(target: Target, { into }: BuildOptions): Promise<void> {
  if (target.name !== LANGUAGE_HOST) return;
  const pinned = /pulumi\/sdk\/v3 v(\S+)/.exec(
    await readFile(path.join(target.folder, 'go.mod'), 'utf8'),
  )?.[1];
  if (!pinned) return;
  const versions = { ...(await originsOf(into)), [LANGUAGE_HOST]: pinned };
  await writeWhole(path.join(into, 'versions.json'), JSON.stringify(versions));
}
