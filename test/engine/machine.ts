import { chmod, mkdir, mkdtemp, realpath, rm, symlink, writeFile } from 'node:fs/promises';
import os from 'node:os';
import path from 'node:path';
import { onTestFinished } from 'vitest';

/** A machine of the test's own: a PATH, a home and a cache that hold only what the test puts there. */
export interface Machine {
  root: string;
  cache: string;
  env: NodeJS.ProcessEnv;
  /** Puts a shell script on the machine, by a path relative to its root. */
  script(file: string, body: string): Promise<string>;
  link(file: string, target: string): Promise<void>;
  /** Appends a folder to the PATH. */
  onPath(folder: string): void;
  at(file: string): string;
}

export async function machine(): Promise<Machine> {
  const root = await realpath(await mkdtemp(path.join(os.tmpdir(), 'bascule-machine-')));
  onTestFinished(() => rm(root, { recursive: true, force: true }));
  const at = (file: string): string => path.join(root, file);
  const env: NodeJS.ProcessEnv = { HOME: at('home'), PATH: '' };
  const place = async (file: string): Promise<string> => {
    await mkdir(path.dirname(at(file)), { recursive: true });
    return at(file);
  };
  return {
    root,
    cache: at('cache'),
    env,
    at,
    script: async (file, body) => {
      const full = await place(file);
      // What the script itself needs comes from the real system, whatever the machine's PATH is.
      await writeFile(full, `#!/bin/sh\nPATH=/usr/bin:/bin\n${body}\n`);
      await chmod(full, 0o755);
      return full;
    },
    link: async (file, target) => symlink(target, await place(file)),
    onPath: (folder) => {
      env['PATH'] = [env['PATH'], at(folder)].filter(Boolean).join(path.delimiter);
    },
  };
}

/** Answers `pulumi version` as the engine does. */
export const engineScript = (version: string): string => `[ "$1" = version ] && echo v${version}`;

/** Answers a request for help as the language host does, on standard error and with exit code 2. */
export const HOST_SCRIPT = 'echo "  -tracing string" >&2; exit 2';
