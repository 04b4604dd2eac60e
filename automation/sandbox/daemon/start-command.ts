import { readFile } from 'node:fs/promises';
import * as path from 'node:path';
import { UnusableRelease } from './release-store';

/** How a release is started, wherever it came from. */
export interface Start {
  /** Where its process runs. */
  folder: string;
  /** For /bin/sh. */
  command: string;
  /** Variables besides those that every instance has, which go before these. */
  environment: Record<string, string>;
}

/**
 * The line that starts a release: `web:` of its Procfile, else `scripts.start` of its package.json.
 * Throws UnusableRelease when the folder has neither.
 */
export async function startCommand(folder: string): Promise<string> {
  const procfile = await readFile(path.join(folder, 'Procfile'), 'utf8').catch(() => '');
  const web = /^web:[ \t]*(\S.*)$/m.exec(procfile)?.[1]?.trim();
  if (web) return web;
  const script = startScript(await readFile(path.join(folder, 'package.json'), 'utf8').catch(() => ''));
  if (script) return script;
  throw new UnusableRelease(
    'the release says nowhere how it is started: it has neither a Procfile with a `web:` line nor a package.json with `scripts.start`',
  );
}

function startScript(packageJson: string): string | undefined {
  if (packageJson === '') return undefined;
  let content: unknown;
  try {
    content = JSON.parse(packageJson);
  } catch (problem) {
    throw new UnusableRelease(`the release's package.json is not valid JSON: ${String(problem)}`);
  }
  const scripts = (content as { scripts?: { start?: unknown } } | null)?.scripts;
  return typeof scripts?.start === 'string' && scripts.start.trim() !== '' ? scripts.start : undefined;
}
