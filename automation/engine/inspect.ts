import { readFile, realpath, stat } from 'node:fs/promises';
import path from 'node:path';
import { isExecutable, onPath, runCommand } from './command';
import { writeWhole } from './place';
import { isAtLeast, parseVersion, printVersion } from './version';
import type { Version } from './version';

/**
 * The oldest engine that is taken from the PATH. Pulumi's release notes: 3.183.0 is the first that reads
 * deployments of format 4, which newer engines may have written to a shared backend, and runs inline programs
 * on refresh and destroy; 3.186.0 is the first that tells the language host when it is cancelled, without
 * which Ctrl-C leaves processes behind. (The SDK itself would start with any 3.x.)
 */
export const OLDEST_ENGINE: Version = [3, 186, 0];

const ENGINE = 'pulumi';
export const LANGUAGE_HOST = 'pulumi-language-nodejs';
/** Answering takes 0.3 s; a machine under load may need far longer, a hanging wrapper never ends. */
const ANSWER_MS = 30_000;

export interface Attempt {
  what: string;
  why: string;
}

interface Executable {
  path: string;
  version: string;
}

/** What was found in one place; `why` says what is wrong with it, and is empty when nothing is. */
export interface Found {
  folder: string;
  engine?: Executable;
  host?: Executable;
  why: string;
}

/** The engines of all folders on the PATH that are new enough, and why the others are not used. */
export async function enginesOnPath(
  cache: string,
  env: NodeJS.ProcessEnv,
): Promise<{ found: Found[]; rejected: Attempt[] }> {
  const found: Found[] = [];
  const rejected: Attempt[] = [];
  for (const file of onPath(ENGINE, env)) {
    const one = await inspectFolder(path.dirname(file), cache, env);
    if (one.engine && !one.host) {
      const elsewhere = onPath(LANGUAGE_HOST, env)[0];
      if (elsewhere) Object.assign(one, await inspectHost(elsewhere, undefined, cache));
    }
    if (one.engine) found.push(one);
    if (!one.engine || !one.host) rejected.push({ what: `${file} on the PATH`, why: one.why });
    if (one.engine && one.host) break;
  }
  if (found.length + rejected.length === 0)
    rejected.push({ what: 'pulumi on the PATH', why: 'there is none' });
  return { found, rejected };
}

/** Looks at the engine and the language host of one folder by running them. */
export async function inspectFolder(folder: string, cache: string, env: NodeJS.ProcessEnv): Promise<Found> {
  const file = path.join(folder, ENGINE);
  const { version, why } = await versionOf(file, cache, env);
  const engine = version ? { engine: { path: file, version } } : {};
  const beside = await hostBeside(file);
  const host: Pick<Found, 'host' | 'why'> = beside
    ? await inspectHost(beside, version, cache)
    : { why: `it has no ${LANGUAGE_HOST} beside it, nor is one on the PATH` };
  return { folder, ...engine, ...host, why: why || host.why };
}

/** Package managers link `pulumi` alone into a folder of the PATH: the engine looks beside the real file too. */
async function hostBeside(file: string): Promise<string | undefined> {
  const real = await realpath(file).catch(() => file);
  return [file, real].map((one) => path.join(path.dirname(one), LANGUAGE_HOST)).find(isExecutable);
}

async function inspectHost(
  file: string,
  engineVersion: string | undefined,
  cache: string,
): Promise<Pick<Found, 'host' | 'why'>> {
  if ((await recall(cache, file)) === undefined) {
    const asked = await runCommand(file, ['-help'], { timeoutMs: ANSWER_MS });
    // Asked for help, Go programs of different ages end with 0 or with 2; a broken one does not name its options.
    if (!/tracing/.test(asked.stdout + asked.stderr)) return { why: `${file} does not run: ${asked.why}` };
    await remember(cache, file, HOST_RUNS);
  }
  const version = (await originsOf(path.dirname(file)))[LANGUAGE_HOST] ?? engineVersion ?? 'unknown';
  return { host: { path: file, version }, why: '' };
}

async function versionOf(
  file: string,
  cache: string,
  env: NodeJS.ProcessEnv,
): Promise<{ version?: string; why: string }> {
  if (!isExecutable(file)) return { why: 'there is none' };
  const known = await recall(cache, file);
  const version = known ?? parseVersion(await askVersion(file, env));
  if (!version) return { why: '`pulumi version` did not answer with a version' };
  if (!known) await remember(cache, file, version);
  if (version[0] !== OLDEST_ENGINE[0] || !isAtLeast(version, OLDEST_ENGINE)) {
    return { why: `it is ${printVersion(version)}; needed is ${printVersion(OLDEST_ENGINE)} or a later 3.x` };
  }
  return { version: printVersion(version), why: '' };
}

async function askVersion(file: string, env: NodeJS.ProcessEnv): Promise<string> {
  const quiet = { ...env, PULUMI_SKIP_UPDATE_CHECK: 'true' };
  return (await runCommand(file, ['version'], { env: quiet, timeoutMs: ANSWER_MS })).stdout;
}

/** Versions of the executables that Bascule put into a folder itself, by name. */
export async function originsOf(folder: string): Promise<Record<string, string>> {
  try {
    return JSON.parse(await readFile(path.join(folder, 'versions.json'), 'utf8')) as Record<string, string>;
  } catch {
    return {};
  }
}

/** A language host cannot tell its version; of one that ran, this is remembered in its place. */
const HOST_RUNS: Version = [0, 0, 0];

interface Memory {
  fingerprint: string;
  version: Version;
}

/** Starting them only to see that they run costs 0.3 s each time; the file itself says whether to. */
async function recall(cache: string, file: string): Promise<Version | undefined> {
  const fingerprint = await fingerprintOf(file);
  const known = (await memories(cache))[file];
  return fingerprint && known?.fingerprint === fingerprint ? known.version : undefined;
}

async function remember(cache: string, file: string, version: Version): Promise<void> {
  const fingerprint = await fingerprintOf(file);
  if (!fingerprint) return;
  const all = { ...(await memories(cache)), [file]: { fingerprint, version } };
  // Two processes may write at once and one entry be lost: it is asked for again.
  await writeWhole(memoryFile(cache), JSON.stringify(all)).catch(() => undefined);
}

/** Undefined for wrappers, whose answer depends on more than the file: version managers, snap, scripts. */
async function fingerprintOf(file: string): Promise<string | undefined> {
  const real = await realpath(file);
  const { size, mtimeMs } = await stat(real);
  return [ENGINE, LANGUAGE_HOST].includes(path.basename(real)) && size > 1_000_000
    ? `${real} ${size} ${mtimeMs}`
    : undefined;
}

const memoryFile = (cache: string): string => path.join(cache, 'engine', 'seen.json');

async function memories(cache: string): Promise<Partial<Record<string, Memory>>> {
  try {
    return JSON.parse(await readFile(memoryFile(cache), 'utf8')) as Record<string, Memory>;
  } catch {
    return {};
  }
}
