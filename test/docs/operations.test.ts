/** docs/operations.md and README.md against the source: what can be met at 3 a.m. is in them. */
import { readdir, readFile } from 'node:fs/promises';
import path from 'node:path';
import { beforeAll, describe, expect, it } from 'vitest';

const PROJECT = path.resolve(__dirname, '../..');

/** Where errors come from that a command on an environment can end with; rehearsal, sandbox and engine tell their own. */
const SOURCES = [
  'src',
  'stacks',
  'automation/driver.ts',
  'automation/journaling.ts',
  'automation/analysis',
  'automation/bake',
  'automation/steps',
  'automation/operations',
  'automation/web',
  'automation/cli/compose.ts',
  'automation/cli/commands',
];
/** Commands that never touch an environment. */
const APART = /commands\/(rehearse|sandbox|doctor|bake)\.ts$/;

async function filesOf(place: string): Promise<string[]> {
  const whole = path.join(PROJECT, place);
  if (place.endsWith('.ts')) return [whole];
  const entries = await readdir(whole, { recursive: true, withFileTypes: true });
  return entries
    .filter((entry) => entry.isFile() && entry.name.endsWith('.ts'))
    .map((entry) => path.join(entry.parentPath, entry.name));
}

/** Every code that stands in the source as a text of its own; names of environment variables are no codes. */
async function codesInSource(): Promise<string[]> {
  const files = (await Promise.all(SOURCES.map(filesOf))).flat().filter((file) => !APART.test(file));
  const texts = await Promise.all(files.map((file) => readFile(file, 'utf8')));
  const codes = texts.flatMap((text) =>
    [...text.matchAll(/(?<!env\[|= )'(BASCULE_[A-Z_]*[A-Z])'/g)].flatMap((match) => match[1] ?? []),
  );
  return [...new Set(codes)].sort();
}

let operations: string;
let codes: string[];

beforeAll(async () => {
  operations = await readFile(path.join(PROJECT, 'docs', 'operations.md'), 'utf8');
  codes = await codesInSource();
});

describe('docs/operations.md', () => {
  it('has a place for every code that a command on an environment can end with', () => {
    expect(codes.length).toBeGreaterThan(30);
    expect(codes.filter((code) => !operations.includes(`\`${code}\``))).toEqual([]);
  });

  it('names no code that nothing ends with', () => {
    const named = [...operations.matchAll(/`(BASCULE_[A-Z_]+)`/g)].flatMap((match) => match[1] ?? []);
    expect([...new Set(named)].filter((code) => !codes.includes(code))).toEqual([]);
  });

  it('leads to places that it has', () => {
    const anchors = [...operations.matchAll(/^#+ (.+)$/gm)].map((match) => anchorOf(match[1] ?? ''));
    const links = [...operations.matchAll(/\]\(#([^)]+)\)/g)].map((match) => match[1]);
    expect(links.length).toBeGreaterThan(5);
    expect(links.filter((link) => !anchors.includes(link ?? ''))).toEqual([]);
  });
});

/** As GitHub makes them. */
function anchorOf(heading: string): string {
  return heading
    .toLowerCase()
    .replace(/[^\p{L}\p{N}\s_-]/gu, '')
    .replace(/\s/g, '-');
}

describe('README.md', () => {
  it('names every command', async () => {
    const readme = await readFile(path.join(PROJECT, 'README.md'), 'utf8');
    const texts = await Promise.all(
      (await filesOf('automation/cli/commands')).map((file) => readFile(file, 'utf8')),
    );
    const commands = texts.flatMap((text) =>
      [...text.matchAll(/^ {2}(?:command|name): '([a-z]+)/gm)].flatMap((match) => match[1] ?? []),
    );
    expect(commands.length).toBeGreaterThan(10);
    const table = readme.split('\n').filter((line) => line.startsWith('| `bascule '));
    const missing = commands.filter((name) => !table.some((line) => new RegExp(`\\b${name}\\b`).test(line)));
    expect(missing).toEqual([]);
  });
});
