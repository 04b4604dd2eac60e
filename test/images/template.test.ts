/** The template against what Bascule tells it; that Packer takes it is seen by `packer validate` in the lint. */
import { readFile } from 'node:fs/promises';
import path from 'node:path';
import { describe, expect, it } from 'vitest';
import { TEMPLATE_VARIABLES } from '../../src/domain/config/image';

const IMAGES = path.resolve(__dirname, '..', '..', 'images');
const DOCUMENTATION = path.resolve(IMAGES, '..', 'docs', 'images.md');

async function declared(): Promise<{ name: string; optional: boolean }[]> {
  const template = await readFile(path.join(IMAGES, 'bascule.pkr.hcl'), 'utf8');
  return [...template.matchAll(/^variable "(\w+)" \{\n([\s\S]*?)^\}/gm)].map(([, name = '', body = '']) => ({
    name,
    optional: /^ {2}default /m.test(body),
  }));
}

describe('the Packer template', () => {
  it('declares what Bascule tells it, and needs nothing else', async () => {
    const all = await declared();
    const told: readonly string[] = TEMPLATE_VARIABLES;
    expect(all.map(({ name }) => name)).toEqual(expect.arrayContaining([...told]));
    expect(all.filter(({ name, optional }) => !optional && !told.includes(name))).toEqual([]);
  });

  it('has each of its variables in docs/images.md', async () => {
    const text = await readFile(DOCUMENTATION, 'utf8');
    const undocumented = (await declared())
      .map(({ name }) => name)
      .filter((name) => !text.includes(`\`${name}\``));
    expect(undocumented).toEqual([]);
  });

  it.each(['base', 'app_archive', 'app_container', 'app_logs', 'hardening'])(
    'has each default of the role %s in docs/images.md',
    async (role) => {
      const defaults = await readFile(path.join(IMAGES, 'roles', role, 'defaults', 'main.yml'), 'utf8');
      const names = [...defaults.matchAll(/^(\w+):/gm)].map(([, name = '']) => name);
      expect(names.length).toBeGreaterThan(3);
      expect(names.filter((name) => !name.startsWith(`${role}_`))).toEqual([]);
      const text = await readFile(DOCUMENTATION, 'utf8');
      expect(names.filter((name) => !text.includes(`\`${name}\``))).toEqual([]);
    },
  );
});
