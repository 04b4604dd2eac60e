import path from 'node:path';
import { BasculeError, messageOf } from '../../src/domain/errors';
import { buildWithGo, goAvailability } from './build';
import { exclusively } from './lock';
import { cacheFolder, projectFolder } from './folders';
import { downloadEngine } from './download';
import { enginesOnPath, inspectFolder, LANGUAGE_HOST } from './inspect';
import type { Attempt, Found } from './inspect';
import { silent } from './progress';
import type { Progress } from './progress';
import { linkFolder } from './place';

/** The Pulumi release that Bascule is tested with and installs: that of @pulumi/pulumi in package.json. */
export const ENGINE_VERSION = '3.259.0';

export type Source = 'environment' | 'path' | 'cache' | 'install' | 'go-build';

export interface LanguageHost {
  path: string;
  version: string;
  source: Source;
}

export interface Engine {
  /** To put in front of the PATH: `pulumi` and, as a rule, `pulumi-language-nodejs` are in it. */
  folder: string;
  /** The `pulumi` executable. */
  pulumi: string;
  version: string;
  source: Source;
  languageHost: LanguageHost;
}

export interface EngineOptions {
  /** Default: silence. */
  log?: Progress;
  /** Bascule's cache folder; default: the user's. */
  cache?: string;
  /** Environment with the PATH to search; default: the process's. */
  env?: NodeJS.ProcessEnv;
  /** Ends a download or a build. */
  signal?: AbortSignal;
  /** What fetches the released engine into a folder; default: the Automation API. */
  download?: typeof downloadEngine;
  /** Where to look for Go when it is not on the PATH. */
  goPlaces?: readonly string[];
}

type Settled = Required<Omit<EngineOptions, 'signal' | 'goPlaces'>> &
  Pick<EngineOptions, 'signal' | 'goPlaces'>;

function settle(options: EngineOptions): Settled {
  const env = options.env ?? process.env;
  return {
    env,
    log: options.log ?? silent,
    cache: options.cache ?? cacheFolder(env),
    download: options.download ?? downloadEngine,
    ...(options.signal ? { signal: options.signal } : {}),
    ...(options.goPlaces ? { goPlaces: options.goPlaces } : {}),
  };
}

/** The folder of the cache in which the engine and the language host are kept. */
export function engineFolder(cache: string): string {
  return path.join(cache, 'engine', ENGINE_VERSION);
}

/** The engine that is there already, if one is. Installs nothing. */
export async function findEngine(options: EngineOptions = {}): Promise<Engine | undefined> {
  return (await search(settle(options))).engine;
}

/**
 * The engine, installed if need be: the first that works of the one in BASCULE_ENGINE_FOLDER, one on the PATH,
 * the copy of an earlier run, Pulumi's own installer, and a build from source with Go.
 * @throws BasculeError BASCULE_ENGINE_MISSING listing what was tried and why each failed
 */
export async function ensureEngine(options: EngineOptions = {}): Promise<Engine> {
  const settings = settle(options);
  const first = await search(settings);
  if (first.engine) return first.engine;
  return exclusively(engineFolder(settings.cache), settings, async () => {
    // Another process may have installed it while this one waited for the lock.
    const again = await search(settings);
    return again.engine ?? (await install(settings, again));
  });
}

interface Search {
  engine?: Engine;
  /** Usable engines on the PATH that only lack a language host. */
  alone: Found[];
  attempts: Attempt[];
}

async function search({ env, cache }: Settled): Promise<Search> {
  const attempts: Attempt[] = [];
  const own = engineFolder(cache);
  const named = env['BASCULE_ENGINE_FOLDER'];
  if (named) {
    const found = await inspectFolder(named, cache, env);
    if (found.engine && found.host) {
      return { engine: combine(found, named === own ? 'cache' : 'environment'), alone: [], attempts };
    }
    attempts.push({ what: `BASCULE_ENGINE_FOLDER, ${named}`, why: found.why });
  }
  const { found, rejected } = await enginesOnPath(cache, env);
  const complete = found.find((one) => one.host);
  if (complete) {
    return { engine: combine(complete, complete.folder === own ? 'cache' : 'path'), alone: [], attempts };
  }
  attempts.push(...rejected);
  const kept = await inspectFolder(own, cache, env);
  if (kept.engine && kept.host) return { engine: combine(kept, 'cache'), alone: [], attempts };
  const lone = found[0];
  if (lone && kept.host) return { engine: await joined(lone, kept, cache), alone: [], attempts };
  attempts.push({ what: `the copy of an earlier run, ${own}`, why: kept.why });
  return { alone: found, attempts };
}

function combine(found: Found, source: Source): Engine {
  const { engine, host } = found;
  if (!engine || !host) throw new TypeError('an engine without its language host was taken for whole');
  return {
    folder: found.folder,
    pulumi: engine.path,
    version: engine.version,
    source,
    languageHost: { ...host, source },
  };
}

/** A `pulumi` of the user's and a language host of ours, side by side in a folder of links. */
async function joined(lone: Found, kept: Found, cache: string): Promise<Engine> {
  const { engine } = lone;
  const { host } = kept;
  if (!engine || !host) throw new TypeError('two halves of an engine were taken for whole');
  const folder = await linkFolder(cache, [engine.path, host.path]);
  return {
    folder,
    pulumi: path.join(folder, 'pulumi'),
    version: engine.version,
    source: 'path',
    languageHost: { ...host, path: path.join(folder, path.basename(host.path)), source: 'cache' },
  };
}

async function install(settings: Settled, { alone, attempts }: Search): Promise<Engine> {
  const { cache, env } = settings;
  const tries: { what: string; source: Source; run: () => Promise<void> }[] = [
    {
      what: `Pulumi's own installer, version ${ENGINE_VERSION}`,
      source: 'install',
      run: () => settings.download(engineFolder(cache), settings),
    },
    {
      what: `a build of version ${ENGINE_VERSION} with Go`,
      source: 'go-build',
      run: () => build(settings, alone.length > 0),
    },
  ];
  for (const { what, source, run } of tries) {
    try {
      await run();
      const { engine } = await search(settings);
      if (engine) return { ...engine, source: engine.source === 'cache' ? source : engine.source };
      const kept = await inspectFolder(engineFolder(cache), cache, env);
      attempts.push({ what, why: `it went through, but what it made does not work: ${kept.why}` });
    } catch (error) {
      settings.signal?.throwIfAborted();
      attempts.push({ what, why: messageOf(error) });
    }
  }
  throw missing(attempts);
}

async function build(settings: Settled, engineOnPath: boolean): Promise<void> {
  const { cache, env } = settings;
  const into = engineFolder(cache);
  const kept = await inspectFolder(into, cache, env);
  await buildWithGo({
    ...settings,
    go: await goAvailability(env, settings.goPlaces),
    into,
    tools: path.join(projectFolder(), 'automation', 'engine', 'go'),
    version: ENGINE_VERSION,
    // A build that was interrupted goes on with the part that was not finished.
    skip: [...(kept.engine || engineOnPath ? ['pulumi'] : []), ...(kept.host ? [LANGUAGE_HOST] : [])],
  });
}

function missing(attempts: readonly Attempt[]): BasculeError {
  return new BasculeError({
    code: 'BASCULE_ENGINE_MISSING',
    blame: 'world',
    message: 'The Pulumi engine is not there and could not be installed. This was tried:',
    details: attempts.map(({ what, why }, index) => `${index + 1}. ${what}: ${why}`),
    next:
      'any one of these helps: (1) install Pulumi yourself, so that `pulumi` and `pulumi-language-nodejs` are on ' +
      'the PATH; (2) allow this machine to download from the Pulumi project and run this again; ' +
      '(3) install Go 1.25.11 or later with access to a Go module proxy and run this again. ' +
      '`bascule doctor` shows what was found.',
  });
}
