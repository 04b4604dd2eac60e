import { readdir } from 'node:fs/promises';
import path from 'node:path';
import { runCommand } from './command';
import { LANGUAGE_HOST, originsOf } from './inspect';
import type { Progress } from './progress';
import { besides, moveInto, writeWhole } from './place';

/** Pulumi's installer fetches about 150 MB; on a very slow line it is better to say so than to hang. */
const DOWNLOAD_MS = 30 * 60_000;

const PROGRAM =
  'require(process.argv[1]).PulumiCommand.install({ root: process.argv[2] })' +
  '.catch((error) => { process.stderr.write(String(error.message) + "\\n"); process.exitCode = 1; })';

/**
 * Installs the engine with the Automation API, which takes the release of the SDK itself.
 * It runs apart, so that a stuck download can be ended and a finder need not load the SDK.
 */
export async function downloadEngine(
  into: string,
  { env, log, signal }: { env: NodeJS.ProcessEnv; log: Progress; signal?: AbortSignal },
): Promise<void> {
  const task = log.start('Downloading the Pulumi engine');
  await besides(into, async (root) => {
    const api = require.resolve('@pulumi/pulumi/automation');
    const result = await runCommand(process.execPath, ['-e', PROGRAM, api, root], {
      // Later Nodes go through the proxy that the environment names, as the installer itself does.
      env: { ...env, NODE_USE_ENV_PROXY: '1' },
      timeoutMs: DOWNLOAD_MS,
      ...(signal ? { signal } : {}),
    });
    if (!result.ok) {
      task.fail('not possible here');
      throw new Error(result.why);
    }
    const bin = path.join(root, 'bin');
    await moveInto(
      into,
      (await readdir(bin)).map((name) => path.join(bin, name)),
    );
    // The host comes with the engine now, whatever was there before.
    const versions = await originsOf(into);
    delete versions[LANGUAGE_HOST];
    await writeWhole(path.join(into, 'versions.json'), JSON.stringify(versions));
    task.done();
  });
}
