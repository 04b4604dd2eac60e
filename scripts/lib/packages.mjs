import { createHash } from 'node:crypto';
import { readFile, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { runQuietly } from './children.mjs';
import { withLock } from './lock.mjs';

/**
 * Brings node_modules in line with package-lock.json; costs a file read when it already is.
 * @throws Error with npm's own last lines when it cannot
 */
export async function ensurePackages(project, progress) {
  const wanted = await stampOf(project);
  if (await matches(project, wanted)) return;
  await withLock(
    path.join(project, '.bascule', 'packages.lock'),
    async () => {
      // Another run may have installed them while this one waited.
      if (!(await matches(project, wanted))) await install(project, wanted, progress);
    },
    (pid) => progress.note(`Waiting for another set-up of this folder (process ${pid ?? 'unknown'})`),
  );
}

async function stampOf(project) {
  const hash = createHash('sha256').update(await readFile(path.join(project, 'package-lock.json')));
  // Packages with native parts are installed for one platform.
  return hash.update(`${process.platform}-${process.arch}`).digest('hex');
}

function stampFile(project) {
  return path.join(project, 'node_modules', '.bascule-stamp');
}

async function matches(project, wanted) {
  const found = await readFile(stampFile(project), 'utf8').catch(() => undefined);
  if (found === wanted) return true;
  // Somebody who ran npm by hand, before or since, should not have to wait for it again.
  if (!(await installedByHand(project))) return false;
  await writeFile(stampFile(project), wanted);
  return true;
}

/** npm writes what it installed into node_modules/.package-lock.json. */
async function installedByHand(project) {
  const [wanted, found] = await Promise.all(
    ['package-lock.json', 'node_modules/.package-lock.json'].map((file) => lockedPackages(project, file)),
  );
  if (!wanted || !found) return false;
  return Object.entries(wanted).every(([name, entry]) => {
    if (name === '') return true;
    const installed = found[name];
    if (!installed) return entry.optional === true || entry.peer === true;
    return installed.version === entry.version && installed.integrity === entry.integrity;
  });
}

async function lockedPackages(project, file) {
  try {
    return JSON.parse(await readFile(path.join(project, file), 'utf8')).packages;
  } catch {
    return undefined;
  }
}

async function install(project, stamp, progress) {
  const task = progress.start('Installing the Node packages (npm ci, about a minute the first time)');
  // No install scripts: none of the packages needs one to work here, and `prepare` would build twice.
  // The lower log level hides one warning: @pulumi/pulumi asks for a newer Node than it needs.
  const args = ['ci', '--ignore-scripts', '--loglevel=error', '--no-fund', '--no-audit', '--no-progress'];
  const result = await runQuietly([...npmCommand(), ...args], { cwd: project });
  if (result.code !== 0) {
    task.fail(`npm ci ended with ${result.code ?? result.signal}`);
    throw new Error(
      `The Node packages could not be installed:\n${result.tail}\n` +
        'Next: run `npm ci` by hand to see all of it; behind a proxy or mirror set it up for npm first.',
    );
  }
  await writeFile(stampFile(project), stamp);
  task.done();
}

/** The npm that started this process, so that the one in use does the work; otherwise the one on the PATH. */
function npmCommand() {
  const running = process.env.npm_execpath ?? '';
  return /npm-cli\.[cm]?js$/.test(running) ? [process.execPath, running] : ['npm'];
}
