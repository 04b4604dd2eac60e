import { mkdir, readdir, realpath, writeFile } from 'node:fs/promises';
import * as path from 'node:path';
import * as lockfile from 'proper-lockfile';
import { z } from 'zod';
import { BasculeError, messageOf } from '../../../src/domain/errors';
import { readJson, writeJson } from './files';
import { defaultSandboxFolder, sandboxPaths, type SandboxPaths } from './paths';

/** The region that the sandbox's environment names, and that its own bucket is in. */
export const SANDBOX_REGION = 'eu-west-3';
/** Holds the Pulumi state, and may hold a service's releases and journals too. */
export const SANDBOX_BUCKET = 'bascule-sandbox';
/** The account of whoever uses the sandbox's environment as it is printed. */
export const SANDBOX_ACCOUNT = '123456789012';
/** Any key works in the sandbox; this one says in logs and error messages what it is. */
export const SANDBOX_KEY = 'sandbox';

const settingsSchema = z.object({
  /** The control plane's port, kept so that an environment printed before stays valid after a restart. */
  port: z.int().min(1).max(65535).nullable(),
  /** The folder of the Pulumi engine, when it is not on the PATH. */
  engineFolder: z.string().nullable(),
  /** Whether the bucket and the default VPC were made; the control plane keeps them from then on. */
  founded: z.boolean(),
  /** The accounts that exist from the start; any other springs up when a role of it is assumed. */
  accounts: z.array(z.string().regex(/^\d{12}$/)).default([SANDBOX_ACCOUNT]),
  /** Where the build machine listens and who logs in to it; null when the sandbox is to have none. */
  buildMachine: z
    .object({ port: z.int().min(1).max(65535), user: z.string() })
    .nullable()
    .default(null),
});

export const NEW_SANDBOX: SandboxSettings = {
  port: null,
  engineFolder: null,
  founded: false,
  accounts: [SANDBOX_ACCOUNT],
  buildMachine: null,
};

export type SandboxSettings = z.infer<typeof settingsSchema>;

const controlPlaneSchema = z.object({ pid: z.int().positive(), port: z.int().min(1).max(65535) });
const daemonSchema = z.object({
  pid: z.int().positive(),
  startedAt: z.number(),
  adminPort: z.int().min(1).max(65535),
});

export type ControlPlaneFile = z.infer<typeof controlPlaneSchema>;
export type DaemonFile = z.infer<typeof daemonSchema>;

export const readSettings = (paths: SandboxPaths): Promise<SandboxSettings | undefined> =>
  readJson(paths.settings, settingsSchema);

export const writeSettings = (paths: SandboxPaths, settings: SandboxSettings): Promise<void> =>
  writeJson(paths.settings, settings);

export const readControlPlaneFile = (paths: SandboxPaths): Promise<ControlPlaneFile | undefined> =>
  readJson(paths.controlPlane, controlPlaneSchema);

export const readDaemonFile = (paths: SandboxPaths): Promise<DaemonFile | undefined> =>
  readJson(paths.daemon, daemonSchema);

/** The paths of a sandbox that exists, or undefined when its folder does not. */
export async function existingSandbox(folder: string | undefined): Promise<SandboxPaths | undefined> {
  const real = await realpath(path.resolve(folder ?? defaultSandboxFolder())).catch(() => undefined);
  if (real === undefined) return undefined;
  const paths = sandboxPaths(real);
  return (await readSettings(paths)) ? paths : undefined;
}

/**
 * Makes the folder, if it must, and marks it as a sandbox's. A folder that holds anything else is refused:
 * `reset` deletes all of a sandbox's folder, and that must never be somebody's home.
 */
export async function claimFolder(folder: string | undefined): Promise<SandboxPaths> {
  const wanted = path.resolve(folder ?? defaultSandboxFolder());
  const real = await mkdir(wanted, { recursive: true })
    .then(() => realpath(wanted))
    .catch((problem: unknown) => {
      throw new BasculeError({
        code: 'BASCULE_SANDBOX_FOLDER_UNUSABLE',
        message: `The sandbox cannot keep its state in ${wanted}: ${messageOf(problem)}`,
        next: 'Name a folder that can be written with --folder.',
        cause: problem,
      });
    });
  const paths = sandboxPaths(real);
  if (await readSettings(paths)) return paths;
  const names = await readdir(real);
  // Only the settings are written before anything else, so an unreadable file of that name is still ours.
  if (names.length > 0 && !names.some((name) => name.startsWith('sandbox.json'))) throw foreign(real, names);
  // Exclusive: of two starts at the same instant the later must not undo what the earlier already noted.
  await writeFile(paths.settings, JSON.stringify(NEW_SANDBOX), { flag: 'wx' }).catch(() => undefined);
  return paths;
}

function foreign(folder: string, names: string[]): BasculeError {
  return new BasculeError({
    code: 'BASCULE_SANDBOX_FOLDER_FOREIGN',
    message: `${folder} is not empty and was not made by a sandbox, so the sandbox leaves it alone.`,
    next: 'Name an empty folder, or one that does not exist yet, with --folder.',
    details: names.slice(0, 5).map((name) => `holds ${name}`),
  });
}

/**
 * Runs `work` while no other process starts, stops or resets the same sandbox. Waits for the other one, at
 * the latest for `waitSeconds`. A holder that was killed is recognised after ten seconds.
 */
export async function withSandboxLock<T>(
  folder: string,
  waitSeconds: number,
  work: () => Promise<T>,
): Promise<T> {
  const release = await lockfile
    .lock(folder, {
      stale: 10_000,
      update: 2_500,
      retries: { retries: Math.ceil(waitSeconds / 0.2), factor: 1, minTimeout: 200, maxTimeout: 200 },
      // A lock lost while the machine slept ends nothing here: all that the work does can be done again.
      onCompromised: () => undefined,
    })
    .catch((problem: unknown) => {
      throw new BasculeError({
        code: 'BASCULE_SANDBOX_BUSY',
        message: `Another command has been starting or stopping the sandbox in ${folder} for ${waitSeconds} s (${messageOf(problem)}).`,
        next: 'Wait until it has finished, then try again.',
        blame: 'world',
        exitCode: 3,
        cause: problem,
      });
    });
  try {
    return await work();
  } finally {
    // Fails only when the lock was lost on the way, and then there is nothing to give back.
    await release().catch(() => undefined);
  }
}
