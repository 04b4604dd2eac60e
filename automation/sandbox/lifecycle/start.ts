import { existsSync } from 'node:fs';
import { mkdir, writeFile } from 'node:fs/promises';
import * as path from 'node:path';
import { foundAccounts } from './accounts';
import { ensureBuildMachine, findPrograms, removeBuildMachine } from './build-machine';
import { ensureControlPlane } from './control-plane';
import { ensureDaemon } from './daemon-process';
import { awsConfigFile } from './env';
import { writeFileAtomically } from './files';
import { layFoundation, preloadFoundation } from './foundation';
import { describeSandbox, type SandboxInfo } from './info';
import type { SandboxPaths } from './paths';
import { placePlugins } from './plugins';
import { claimFolder, NEW_SANDBOX, readSettings, withSandboxLock, writeSettings } from './settings';
import { writeTrustedCertificates } from './trust';

export interface StartOptions {
  /** Where the sandbox keeps all its state; `.bascule/sandbox` of the project by default. */
  folder?: string;
  /** A Python interpreter that has moto. */
  python: string;
  /** The folder of the Pulumi engine; undefined when `pulumi` on the PATH is to be used. */
  engineFolder: string | undefined;
  /** Whether it has a machine on which Packer makes images; as before when undefined. */
  buildMachine?: boolean;
  /** Accounts that it is to have besides those that it has; it keeps them from then on. */
  accounts?: readonly string[];
  /** How long each part may take to come up; 90 s by default. */
  deadlineSeconds?: number;
  log: (line: string) => void;
}

/**
 * Brings the sandbox up, or mends what is missing of it. Parts that run are left as they are, so that
 * calling it again costs nothing; two calls at the same instant, also from two processes, do it once.
 *
 * Throws BASCULE_SANDBOX_START_FAILED with the last lines of the log of the part that did not come up.
 */
export async function startSandbox(options: StartOptions): Promise<SandboxInfo> {
  const paths = await claimFolder(options.folder);
  return withSandboxLock(paths.folder, 180, () => bringUp(paths, options));
}

/** As startSandbox, for a caller that already holds the sandbox's lock. */
export async function bringUp(paths: SandboxPaths, options: StartOptions): Promise<SandboxInfo> {
  const { log, python } = options;
  const deadlineMs = (options.deadlineSeconds ?? 90) * 1000;
  const known = (await readSettings(paths)) ?? NEW_SANDBOX;
  const withMachine = options.buildMachine ?? known.buildMachine !== null;
  // Before anything is started: what is lacking for it is for a person to install.
  const programs = withMachine ? await findPrograms() : undefined;
  const accounts = [...new Set([...known.accounts, ...(options.accounts ?? [])])];
  await prepareFolders(paths, accounts, log);
  if (!known.founded) preloadFoundation();

  const machine =
    programs && (await ensureBuildMachine(paths, { known: known.buildMachine, programs, deadlineMs, log }));
  if (!machine) await removeBuildMachine(paths);
  const controlPlane = await ensureControlPlane({ paths, python, port: known.port, deadlineMs, log });
  const { port } = controlPlane;
  const settings = {
    ...known,
    port,
    accounts,
    engineFolder: options.engineFolder ?? known.engineFolder,
    buildMachine: machine ? { port: machine.port, user: machine.user } : null,
  };
  // Before anything else can fail: the next start must find the same port.
  await writeSettings(paths, settings);
  if (controlPlane.started) log(`control plane: answers on http://127.0.0.1:${port}`);

  const [daemon] = await Promise.all([
    ensureDaemon(paths, { deadlineMs, log }),
    foundAccounts(`http://127.0.0.1:${port}`, accounts),
    known.founded ? undefined : layFoundation(`http://127.0.0.1:${port}`),
  ]);
  if (daemon.started) log('daemon: load balancers and instances are in force');
  await writeTrustedCertificates(paths, process.env['NODE_EXTRA_CA_CERTS']);
  await writeSettings(paths, { ...settings, founded: true });

  const parts = [
    controlPlane.started && 'control plane',
    daemon.started && 'daemon',
    machine?.started === true && 'build machine',
  ];
  const started = parts.filter((part) => part !== false);
  return describeSandbox(paths, settings, started);
}

async function prepareFolders(
  paths: SandboxPaths,
  accounts: readonly string[],
  log: (line: string) => void,
): Promise<void> {
  const folders = [paths.instances, paths.releases, paths.pulumiHome, path.dirname(paths.awsConfig)];
  await Promise.all(folders.map((folder) => mkdir(folder, { recursive: true })));
  await Promise.all([
    placePlugins(paths.pulumiHome, log),
    keepNoEngineLogs(paths.pulumiHome),
    writeFileAtomically(paths.awsConfig, awsConfigFile(accounts)),
    writeFileAtomically(paths.awsCredentials, ''),
  ]);
}

/**
 * The engine would write a log of each run, for which it takes a third of its time, and nobody reads those of a
 * sandbox. With a file in the folder's place it has none. A sandbox that has such a folder already keeps it.
 */
async function keepNoEngineLogs(pulumiHome: string): Promise<void> {
  const logs = path.join(pulumiHome, 'logs');
  if (!existsSync(logs)) await writeFile(logs, '');
}
