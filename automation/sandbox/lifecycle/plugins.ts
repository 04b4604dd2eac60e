import { existsSync } from 'node:fs';
import { mkdir, readFile } from 'node:fs/promises';
import * as path from 'node:path';
import { z } from 'zod';
import { projectFolder } from '../../engine/folders';
import { writeFileAtomically } from './files';

const PROVIDERS = ['aws', 'awsx', 'command'] as const;

/**
 * Puts the sandbox's Pulumi plugins where the engine looks for them, one for each version that the installed
 * npm packages ask for. Safe to repeat; a plugin that is already right is not touched.
 */
export async function placePlugins(pulumiHome: string, log: (line: string) => void): Promise<void> {
  const dist = path.join(projectFolder(), 'dist');
  const bundle = path.join(dist, 'plugins', 'bascule-plugin.js');
  if (!existsSync(bundle))
    log(`the sandbox's Pulumi plugins are not built (${bundle}): run \`npm run build\``);
  const start = path.join(dist, 'automation', 'sandbox', 'plugins', 'start.js');
  for (const provider of PROVIDERS) {
    const folder = path.join(
      pulumiHome,
      'plugins',
      `resource-${provider}-v${await packageVersion(provider)}`,
    );
    await mkdir(folder, { recursive: true });
    const file = path.join(folder, `pulumi-resource-${provider}`);
    const script = `#!/bin/sh\nexec ${quote(process.execPath)} ${quote(start)} ${provider} "$@"\n`;
    if ((await readFile(file, 'utf8').catch(() => '')) !== script) {
      await writeFileAtomically(file, script, 0o755);
    }
  }
}

async function packageVersion(provider: string): Promise<string> {
  const file = require.resolve(`@pulumi/${provider}/package.json`);
  const { version } = z.object({ version: z.string() }).parse(JSON.parse(await readFile(file, 'utf8')));
  // Some packages write their version with a v, which the engine does not.
  return version.replace(/^v/, '');
}

/** A word for the shell, whatever is in it. */
export function quote(text: string): string {
  return `'${text.replaceAll("'", `'\\''`)}'`;
}
