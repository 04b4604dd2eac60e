/** Texts that are kept in files under test/golden and compared letter by letter. */
import { existsSync } from 'node:fs';
import { mkdir, readFile, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { expect } from 'vitest';
import { renderPreviewMarkdown } from '../../automation/cli/output/preview-markdown';
import { renderPreviewText } from '../../automation/cli/output/preview-text';
import type { Preview } from '../../src/domain/preview/preview';

const GOLDEN = path.resolve(__dirname, '../golden');

/** Only this writes golden files: what changed is to be read before it is kept. */
export const UPDATE = 'BASCULE_UPDATE_GOLDEN';

/**
 * Compares a text with its golden file; with BASCULE_UPDATE_GOLDEN=1 it is written there instead.
 * @throws where the file is missing: a new one is not kept by itself.
 */
export async function expectGolden(name: string, text: string): Promise<void> {
  const file = path.join(GOLDEN, name);
  if (process.env[UPDATE] === '1') {
    await mkdir(path.dirname(file), { recursive: true });
    await writeFile(file, text);
    return;
  }
  if (!existsSync(file)) throw new Error(`test/golden/${name} is missing; ${UPDATE}=1 writes it`);
  expect(text, `test/golden/${name}; if it is meant to change: ${UPDATE}=1`).toBe(
    await readFile(file, 'utf8'),
  );
}

/**
 * Without what AWS and Pulumi choose anew in each run: the same id gets the same number throughout a text, so
 * that it still shows which ids are the same.
 */
export function normalised(text: string): string {
  const numbers = new Map<string, string>();
  const counts = new Map<string, number>();
  const named =
    (kind: string) =>
    (id: string): string => {
      const known = numbers.get(id);
      if (known !== undefined) return known;
      const number = (counts.get(kind) ?? 0) + 1;
      counts.set(kind, number);
      const name = `${kind}-${number}`;
      numbers.set(id, name);
      return name;
    };
  return text
    .replace(/\bplan-[0-9a-f]{32}-[0-9a-f]+\b/g, named('plan'))
    .replace(/\b(?:ami|lt|sg|vpc|subnet|i)-[0-9a-f]{8,17}\b/g, (id) => named(id.split('-')[0] ?? '')(id))
    .replace(/\b\d{8}-\d{6}-[0-9a-f]{4}\b/g, named('deployment'))
    .replace(/\b[0-9a-f]{16,64}\b/g, named('id'))
    .replace(/\b\d{12}\b/g, named('account'))
    .replace(/ by \S+ on \S+ \(process \d+[^)]*\)/g, ' by somebody')
    .replace(/\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(?:\.\d+)?Z/g, named('time'));
}

/** A preview that a real command printed, in both forms; a step that has a history is said to take a minute. */
export async function expectGoldenPreview(name: string, preview: Preview): Promise<void> {
  const steps = preview.steps.map((step) =>
    step.expectedSeconds === null ? step : { ...step, expectedSeconds: 60 },
  );
  const stable = { ...preview, steps };
  await expectGolden(`live-previews/${name}.txt`, normalised(renderPreviewText(stable)));
  await expectGolden(`live-previews/${name}.md`, normalised(renderPreviewMarkdown(stable)));
}
