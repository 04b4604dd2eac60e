import { createHash } from 'node:crypto';
import { mkdirSync, readFileSync, renameSync, writeFileSync } from 'node:fs';
import Module from 'node:module';
import path from 'node:path';
import { Script, type ScriptOptions } from 'node:vm';
import { cacheFolder, projectFolder } from './folders';

/** What Node's loader has, and its types leave out. */
interface Loader {
  prototype: { _compile: Compile };
  wrap(content: string): string;
  _resolveFilename(request: string, parent: unknown, isMain: boolean, options: unknown): string;
  _extensions: unknown;
  _cache: unknown;
  /** Node 22 and newer do by themselves what this file does for Node 20. */
  enableCompileCache?: (folder: string) => unknown;
}

type Compile = (this: Loaded, content: string, filename: string, ...more: unknown[]) => unknown;
type Loaded = NodeJS.Module & { exports: unknown };
type Wrapped = (...names: unknown[]) => unknown;

const loader = Module as unknown as Loader;

/** Of modules that were compiled here for want of a kept one: what is to be kept, by its file. */
const fresh = new Map<string, Script>();

/**
 * Keeps the compiled form of modules in the cache folder, and takes it from there the next time: a command that
 * runs a program loads a thousand modules, and compiling them is half of what that takes. Kept `at-exit` it holds
 * the functions that were used; a process that is ended by a signal, as plugins are, keeps it `soon`.
 * Without a folder that can be written to, everything is compiled as ever.
 */
export function keepCompiled(when: 'at-exit' | 'soon'): void {
  const folder = path.join(cacheFolder(), 'compiled', `${process.version}-${process.arch}`);
  if (loader.enableCompileCache !== undefined) {
    loader.enableCompileCache(folder);
    return;
  }
  const compile = loader.prototype._compile;
  loader.prototype._compile = function (content, filename, ...more) {
    const script = isNodes(content, filename) ? undefined : scriptOf(content, filename, folder);
    return script === undefined
      ? compile.call(this, content, filename, ...more)
      : evaluate(this, script, filename);
  };
  if (when === 'at-exit') process.once('exit', writeFresh);
  else setTimeout(writeFresh, SOON_MILLISECONDS).unref();
}

/**
 * What Node compiles itself: ES modules that are required, and what has an `import()`, which Node leads back to its
 * loader from nowhere else. Such files are few and small; a bundle of the build has the word in it, and no such call.
 */
function isNodes(content: string, filename: string): boolean {
  return filename.endsWith('.mjs') || (content.includes('import(') && !filename.startsWith(BUNDLES));
}

const PROJECT = projectFolder();
const BUNDLES = path.join(PROJECT, 'dist', 'plugins') + path.sep;

/** Loading is over by then, and the engine has not ended its plugins yet. */
const SOON_MILLISECONDS = 1000;

/** undefined for what is no CommonJS: an ES module that is required, as Node 20.19 allows, or a mistake. */
function scriptOf(content: string, filename: string, folder: string): Script | undefined {
  const file = path.join(folder, keyOf(content, filename));
  const cachedData = kept(file);
  const script = compiled(content, { filename, ...(cachedData && { cachedData }) });
  if (script === undefined) return undefined;
  // Refused, for example, after other flags of Node's: then the one that is there is replaced.
  if (cachedData === undefined || script.cachedDataRejected === true) fresh.set(file, script);
  return script;
}

function compiled(content: string, options: ScriptOptions): Script | undefined {
  try {
    return new Script(loader.wrap(content), options);
  } catch (thrown) {
    // Whatever Node makes of it, and how it says so, is Node's own.
    if (thrown instanceof SyntaxError) return undefined;
    throw thrown;
  }
}

/** The same for every checkout, and another one once a file has changed. */
function keyOf(content: string, filename: string): string {
  const name = path.relative(PROJECT, filename);
  return createHash('sha1').update(name).update('\0').update(content).digest('hex');
}

function kept(file: string): Buffer | undefined {
  try {
    return readFileSync(file);
  } catch {
    return undefined;
  }
}

function evaluate(module: Loaded, script: Script, filename: string): unknown {
  const wrapped = script.runInThisContext() as Wrapped;
  const require = Object.assign((id: string): unknown => module.require(id), {
    resolve: (request: string, options?: unknown) => loader._resolveFilename(request, module, false, options),
    main: process.mainModule,
    extensions: loader._extensions,
    cache: loader._cache,
  });
  return wrapped.call(module.exports, module.exports, require, module, filename, path.dirname(filename));
}

/** A file is whole or not there, however this process ends, and whoever else writes the same one. */
function writeFresh(): void {
  try {
    for (const [file, script] of fresh) {
      mkdirSync(path.dirname(file), { recursive: true });
      const unfinished = `${file}.${process.pid}`;
      writeFileSync(unfinished, script.createCachedData());
      renameSync(unfinished, file);
    }
  } catch {
    // A cache that cannot be written saves no time, and is no reason to fail.
  }
  fresh.clear();
}
