import { createHash } from 'node:crypto';
import { readdir, stat } from 'node:fs/promises';
import path from 'node:path';
import type { ImageConfig } from '../../src/domain/config';
import { BasculeError } from '../../src/domain/errors';
import { hashContent, hashFile, listFiles } from './files';

/** Template and playbook, as paths that hold wherever one stands. */
export interface Recipe {
  template: string;
  playbook: string;
}

/**
 * Folders that Ansible reads beside a playbook (Ansible community documentation, "Sample Ansible setup"); other
 * folders there have nothing to do with the image.
 */
const ANSIBLE_FOLDERS = new Set([
  ...['roles', 'group_vars', 'host_vars', 'vars', 'files', 'templates', 'tasks', 'handlers', 'meta'],
  ...['library', 'module_utils', 'filter_plugins', 'lookup_plugins', 'callback_plugins', 'collections'],
]);
const ANSIBLE_FILES = /\.(ya?ml|j2|hcl|json|cfg)$/;
/** Stacks' configuration, where the playbook stands in the project's own folder. */
const NOT_OURS = /^(Pulumi\..*|package(-lock)?\.json|tsconfig.*\.json)$/;

/** Where template and playbook are: the project's, or else Bascule's own. */
export function recipeOf(config: ImageConfig, project: string, own: string): Recipe {
  const { template, playbook } = config.packer;
  return {
    template: template === undefined ? path.join(own, 'bascule.pkr.hcl') : path.resolve(project, template),
    playbook: playbook === undefined ? path.join(own, 'playbook.yml') : path.resolve(project, playbook),
  };
}

/**
 * SHA-256 over everything that makes the image besides the release: template, playbook and what Ansible reads
 * beside it, variables, base image filter.
 * @throws BasculeError BASCULE_RECIPE_MISSING (exit code 2).
 */
export async function hashRecipe(recipe: Recipe, config: ImageConfig): Promise<string> {
  await Promise.all([requireFile('template', recipe.template), requireFile('playbook', recipe.playbook)]);
  const { baseImage, packer, application, port, logGroup } = config;
  const settings = {
    baseImage,
    variables: packer.variables,
    ansibleVariables: packer.ansibleVariables,
    application,
    port,
    logGroup: logGroup ?? null,
  };
  const folders = [...new Set([path.dirname(recipe.template), path.dirname(recipe.playbook)])];
  const hash = createHash('sha256').update(JSON.stringify(sorted(settings)));
  hash.update(`${await hashFile(recipe.template)}\n${await hashFile(recipe.playbook)}\n`);
  for (const folder of folders) hash.update(await hashContent(folder, await partsOf(folder, recipe)));
  return hash.digest('hex');
}

/** Both of a release and of what makes its image. */
export function combined(release: string, recipe: string): string {
  return createHash('sha256').update(`${release}\n${recipe}\n`).digest('hex');
}

async function partsOf(folder: string, { template, playbook }: Recipe): Promise<string[]> {
  const entries = await readdir(folder, { withFileTypes: true });
  const parts = await Promise.all(
    entries.map(async (entry) => {
      if (entry.isDirectory()) return ANSIBLE_FOLDERS.has(entry.name) ? listFiles(folder, entry.name) : [];
      const full = path.join(folder, entry.name);
      if (full === template || full === playbook) return [];
      return ANSIBLE_FILES.test(entry.name) && !NOT_OURS.test(entry.name) ? [entry.name] : [];
    }),
  );
  return parts.flat().sort();
}

async function requireFile(what: 'template' | 'playbook', file: string): Promise<void> {
  const found = await stat(file).catch(() => undefined);
  if (found?.isFile() === true) return;
  throw new BasculeError({
    code: 'BASCULE_RECIPE_MISSING',
    message: `The ${what} of the image does not exist: ${file}.`,
    next: `Correct bascule:image.packer.${what} in Pulumi.image.yaml, which is relative to the project's folder, or remove it to use Bascule's own.`,
  });
}

/** The same text for the same settings, in whichever order they were written. */
function sorted(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(sorted);
  if (typeof value !== 'object' || value === null) return value;
  const entries = Object.entries(value).sort(([one], [other]) => (one < other ? -1 : 1));
  return Object.fromEntries(entries.map(([key, part]) => [key, sorted(part)]));
}
