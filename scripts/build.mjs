import { createHash } from 'node:crypto';
import { copyFile, mkdir, mkdtemp, readFile, readdir, rename, rm, writeFile } from 'node:fs/promises';
import { realpathSync } from 'node:fs';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { withLock } from './lib/lock.mjs';

const PROJECT = path.resolve(fileURLToPath(import.meta.url), '..', '..');
const SOURCES = ['src', 'automation', 'stacks', 'policy'];
const PLUGIN = 'automation/sandbox/plugins/main.ts';
const UNUSED = './automation/sandbox/plugins/awsx/unused.ts';
/** Files that code reads beside itself at run time; everything else that is not TypeScript stays where it is. */
const ASSET = /\.(json|html|css|svg)$/;
const STAMP = '.stamp';
/**
 * What is imported late becomes an ordinary `require`, late as well: with `import()` Node would search the text of
 * each CommonJS module, and of all that it passes on, for what it exports, which takes longer than to compile it.
 */
const REQUIRED_LATE = { 'dynamic-import': false };
/** Packages that Node before 20.19 can only import. */
const IMPORTS_ESM = /import\('(ora|@octokit\/rest)'\)/;

/**
 * Brings dist/ up to date with the sources. Readers may run while it does: files are made apart and then
 * replaced one by one by rename, so that no file is ever missing or half written, and a build of unchanged
 * sources touches nothing.
 * @returns {Promise<'built' | 'unchanged'>}
 */
export async function build(project = PROJECT, { logLevel = 'warning' } = {}) {
  return withLock(path.join(project, '.bascule', 'build.lock'), async () => {
    const dist = path.join(project, 'dist');
    const files = await sourcesOf(project);
    const stamp = await stampOf(project, files);
    if ((await readFile(path.join(dist, STAMP), 'utf8').catch(() => '')) === stamp) return 'unchanged';
    const esbuild = await loadEsbuild();
    const fresh = await mkdtemp(path.join(project, '.bascule', 'build-'));
    try {
      await compile(esbuild, project, files, fresh, logLevel).catch((error) => {
        // esbuild has shown its errors with the code around them already.
        throw error.errors ? new Error('The sources do not compile; dist is left as it was.') : error;
      });
      await rm(path.join(dist, STAMP), { force: true });
      await replaceTree(fresh, dist);
      // Written last: a build that was killed half-way is done again by the next run.
      await writeFile(path.join(dist, STAMP), stamp);
    } finally {
      await rm(fresh, { recursive: true, force: true });
      // Its service would stay for as long as this process does, which may be a whole test run.
      await esbuild.stop();
    }
    return 'built';
  });
}

async function sourcesOf(project) {
  const lists = await Promise.all(SOURCES.map((folder) => filesBelow(path.join(project, folder))));
  return lists
    .flat()
    .filter((file) => (file.endsWith('.ts') && !file.endsWith('.d.ts')) || ASSET.test(file))
    .map((file) => path.relative(project, file))
    .sort();
}

async function filesBelow(folder) {
  const entries = await readdir(folder, { withFileTypes: true, recursive: true }).catch((error) => {
    if (error.code === 'ENOENT') return [];
    throw error;
  });
  return entries
    .filter((entry) => entry.isFile())
    .map((entry) => path.join(entry.parentPath ?? entry.path, entry.name));
}

async function stampOf(project, files) {
  const hash = createHash('sha256');
  // The lock file stands for the compiler and for what is bundled into the plugin.
  for (const file of ['scripts/build.mjs', 'package-lock.json', ...files]) {
    hash
      .update(`${file}\0`)
      .update(await readFile(path.join(project, file)))
      .update('\0');
  }
  return hash.digest('hex');
}

async function compile(esbuild, project, files, out, logLevel) {
  const common = {
    absWorkingDir: project,
    platform: 'node',
    format: 'cjs',
    target: 'node20',
    sourcemap: true,
    logLevel,
  };
  const code = files.filter((file) => file.endsWith('.ts'));
  const modules = { ...common, outdir: out, outbase: '.' };
  const texts = await Promise.all(code.map((file) => readFile(path.join(project, file), 'utf8')));
  const importing = code.filter((_, index) => IMPORTS_ESM.test(texts[index]));
  const requiring = code.filter((file) => !importing.includes(file));
  if (importing.length > 0) await esbuild.build({ ...modules, entryPoints: importing });
  if (requiring.length > 0)
    await esbuild.build({ ...modules, entryPoints: requiring, supported: REQUIRED_LATE });
  if (code.includes(PLUGIN)) await bundlePlugin(esbuild, common, out);
  for (const file of files.filter((name) => ASSET.test(name))) {
    await mkdir(path.dirname(path.join(out, file)), { recursive: true });
    await copyFile(path.join(project, file), path.join(out, file));
  }
}

/** One file, because a plugin starts with every Pulumi operation: 0.25 s as a bundle, over 1 s as modules. */
function bundlePlugin(esbuild, common, out) {
  return esbuild.build({
    ...common,
    entryPoints: [PLUGIN],
    outfile: path.join(out, 'plugins', 'bascule-plugin.js'),
    bundle: true,
    sourcemap: false,
    legalComments: 'none',
    // A third less to read and to compile.
    minifyWhitespace: true,
    // What is compiled once and kept (automation/engine/compiled.ts) must not have any.
    supported: REQUIRED_LATE,
    // Loaded by the Pulumi SDK only to run programs, which a plugin does not do.
    external: ['ts-node', 'ts-node/*'],
    alias: { typescript: UNUSED, '@npmcli/arborist': UNUSED },
  });
}

async function loadEsbuild() {
  try {
    return await import('esbuild');
  } catch (cause) {
    throw new Error(
      'esbuild is not installed, so bascule cannot be built. Next: npm ci (with dev dependencies)',
      { cause },
    );
  }
}

async function replaceTree(from, to) {
  const fresh = (await filesBelow(from)).map((file) => path.relative(from, file));
  for (const file of fresh) {
    await mkdir(path.dirname(path.join(to, file)), { recursive: true });
    await rename(path.join(from, file), path.join(to, file));
  }
  const kept = new Set(fresh);
  for (const file of await filesBelow(to)) {
    if (!kept.has(path.relative(to, file))) await rm(file, { force: true });
  }
}

if (process.argv[1] && realpathSync(process.argv[1]) === fileURLToPath(import.meta.url)) {
  build().then(
    (outcome) => void process.stderr.write(`dist: ${outcome}\n`),
    (error) => {
      process.stderr.write(`${error.message}\n`);
      process.exitCode = 1;
    },
  );
}
