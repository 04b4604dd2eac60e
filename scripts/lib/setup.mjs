import { createRequire } from 'node:module';
import path from 'node:path';
import { build } from '../build.mjs';
import { stopping } from './children.mjs';
import { ensurePackages } from './packages.mjs';

/**
 * Everything that the project needs before it can run, each part found again at no cost: Node packages, the
 * compiled code, the Pulumi engine, and the control plane's Python.
 * @returns {Promise<Record<string, string>>} environment variables that spare others the search
 */
export async function setUp(project, progress) {
  await ensurePackages(project, progress);
  await build(project);
  const engine = createRequire(import.meta.url)(
    path.join(project, 'dist', 'automation', 'engine', 'index.js'),
  );
  // One after the other: each may take all cores, and a person reads one line at a time.
  const found = await engine.ensureEngine({ log: progress, signal: stopping });
  const sandbox = await engine.ensurePython({ log: progress, signal: stopping });
  return { BASCULE_ENGINE_FOLDER: found.folder, BASCULE_SANDBOX_PYTHON: sandbox.python };
}

/** The Python of the lint of automation/sandbox/moto, which nothing but `npm test` needs. */
export async function setUpLint(project, progress) {
  const engine = createRequire(import.meta.url)(
    path.join(project, 'dist', 'automation', 'engine', 'index.js'),
  );
  const { python } = await engine.ensureLintPython({ log: progress, signal: stopping });
  return python;
}
