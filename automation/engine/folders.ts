import { existsSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';

/**
 * The folder of Bascule itself: the one with package.json, above both the sources and dist/.
 */
export function projectFolder(): string {
  let folder = __dirname;
  while (!existsSync(path.join(folder, 'package-lock.json')) && path.dirname(folder) !== folder) {
    folder = path.dirname(folder);
  }
  return folder;
}

/**
 * Where Bascule keeps what is costly to get and the same for every checkout: $XDG_CACHE_HOME/bascule if set,
 * otherwise ~/Library/Caches/bascule on macOS and ~/.cache/bascule elsewhere.
 */
export function cacheFolder(env: NodeJS.ProcessEnv = process.env): string {
  const base = env['XDG_CACHE_HOME'];
  // The XDG specification says to ignore a relative path.
  if (base && path.isAbsolute(base)) return path.join(base, 'bascule');
  const home = env['HOME'] ?? os.homedir();
  return process.platform === 'darwin'
    ? path.join(home, 'Library', 'Caches', 'bascule')
    : path.join(home, '.cache', 'bascule');
}
