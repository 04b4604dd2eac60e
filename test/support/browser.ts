/** A real browser without a screen, also on a machine that has none and where nobody is root. */
import { execFile } from 'node:child_process';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { promisify } from 'node:util';
import { chromium, type Browser } from 'playwright-core';

const UNPACK = `import('@sparticuz/chromium').then((pack) => pack.default.executablePath()).then(console.log)`;
/** Makes the package unpack the libraries too that a browser needs and a bare machine has not. */
const WITH_LIBRARIES = { AWS_EXECUTION_ENV: 'AWS_Lambda_nodejs22.x' };

export interface OpenBrowser {
  browser: Browser;
  close(): Promise<void>;
}

/** The browser that BASCULE_BROWSER names; otherwise the one that comes with the dev dependencies. */
export async function openBrowser(): Promise<OpenBrowser> {
  const named = process.env['BASCULE_BROWSER'];
  if (named !== undefined) {
    const browser = await launch(named);
    return { browser, close: () => browser.close() };
  }
  // The package always unpacks into the folder for temporary files: one of our own is nobody else's half-way.
  const folder = await mkdtemp(path.join(tmpdir(), 'bascule-browser-'));
  const discard = (): Promise<void> => rm(folder, { recursive: true, force: true });
  try {
    const { stdout } = await promisify(execFile)(process.execPath, ['-e', UNPACK], {
      cwd: __dirname,
      env: { ...process.env, ...WITH_LIBRARIES, TMPDIR: folder },
    });
    const libraries = path.join(folder, 'al2023', 'lib');
    const browser = await launch(stdout.trim()).catch(() => launch(stdout.trim(), libraries));
    return {
      browser,
      close: async () => {
        await browser.close();
        await discard();
      },
    };
  } catch (problem) {
    await discard();
    throw problem;
  }
}

/** The package's own flags would switch off the very protections that are to be tested. */
function launch(executablePath: string, libraries?: string): Promise<Browser> {
  const env = libraries === undefined ? {} : { LD_LIBRARY_PATH: libraries };
  return chromium.launch({
    executablePath,
    chromiumSandbox: false,
    args: ['--disable-gpu'],
    env: { ...process.env, ...env },
  });
}
