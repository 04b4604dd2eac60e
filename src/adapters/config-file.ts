import { readFile } from 'node:fs/promises';
import path from 'node:path';
import { isAlias, isMap, LineCounter, parseDocument, type Document } from 'yaml';
import {
  ENVIRONMENT_KEY,
  IMAGE_KEY,
  IMAGE_STACK,
  parseEnvironment,
  parseImage,
  pathText,
  type ConfigProblem,
  type EnvironmentConfig,
  type ImageConfig,
  type Parsed,
} from '../domain/config';
import { BasculeError } from '../domain/errors';

/**
 * Reads and checks `Pulumi.<environment>.yaml` in `folder`. Throws BASCULE_CONFIG_MISSING when there is no
 * such file and BASCULE_CONFIG_INVALID with every problem, its path and its line when it is not right.
 */
export async function loadEnvironmentFile(folder: string, environment: string): Promise<EnvironmentConfig> {
  const file = await open(folder, environment, ENVIRONMENT_KEY);
  return accept(file, parseEnvironment(environment, file.value));
}

/** Reads and checks `Pulumi.image.yaml` in `folder`, with the errors of loadEnvironmentFile. */
export async function loadImageFile(folder: string): Promise<ImageConfig> {
  const file = await open(folder, IMAGE_STACK, IMAGE_KEY);
  return accept(file, parseImage(file.value));
}

interface ConfigFile {
  /** Its name without the folder. */
  name: string;
  /** The key the value stands under. */
  key: string;
  value: unknown;
  document: Document;
  lines: LineCounter;
}

async function open(folder: string, stack: string, key: string): Promise<ConfigFile> {
  const name = `Pulumi.${stack}.yaml`;
  const text = await read(path.join(folder, name), stack);
  const lines = new LineCounter();
  const document = parseDocument(text, { lineCounter: lines, prettyErrors: true });
  if (document.errors.length > 0) {
    throw invalid(
      name,
      document.errors.map((error) => `${name}: ${firstLine(error.message)}`),
    );
  }
  const whole: unknown = document.toJS();
  const config = isRecord(whole) && isRecord(whole['config']) ? whole['config'] : {};
  if (config[key] === undefined) {
    throw invalid(name, [`${name}: config."${key}" is missing; all settings go under it`]);
  }
  return { name, key, value: config[key], document, lines };
}

async function read(file: string, stack: string): Promise<string> {
  try {
    return await readFile(file, 'utf8');
  } catch (cause) {
    const missing = (cause as NodeJS.ErrnoException).code === 'ENOENT';
    throw new BasculeError({
      code: missing ? 'BASCULE_CONFIG_MISSING' : 'BASCULE_CONFIG_UNREADABLE',
      message: missing
        ? `There is no configuration of ${stack}: ${file} does not exist.`
        : `The configuration of ${stack} cannot be read: ${file}.`,
      next: 'Run the command in the folder that holds the file, or copy one of examples/environments and change it.',
      cause,
    });
  }
}

function accept<T>(file: ConfigFile, parsed: Parsed<T>): T {
  if (parsed.ok) return parsed.config;
  const placed = parsed.problems.map((problem) => ({ problem, line: lineOf(file, problem.path) }));
  placed.sort((a, b) => a.line - b.line);
  throw invalid(
    file.name,
    placed.map(({ problem, line }) => describe(file, problem, line)),
  );
}

function describe(file: ConfigFile, problem: ConfigProblem, line: number): string {
  const inner = pathText(problem.path);
  const where = inner === '' ? file.key : `${file.key}${inner.startsWith('[') ? '' : '.'}${inner}`;
  return `${file.name}:${line}: ${where}: ${problem.message}`;
}

/** The line of a path, or of the nearest thing around it that the file has. */
function lineOf(file: ConfigFile, inside: readonly (string | number)[]): number {
  const full = ['config', file.key, ...inside];
  for (let length = full.length; length > 0; length -= 1) {
    const offset = offsetOf(file.document, full.slice(0, length));
    if (offset !== null) return file.lines.linePos(offset).line;
  }
  return 1;
}

function offsetOf(document: Document, full: readonly (string | number)[]): number | null {
  const key = full.at(-1);
  const parent: unknown = document.getIn(full.slice(0, -1), true);
  // What an alias stands for is written elsewhere in the file; its own place is the nearest that can be named.
  if (isAlias(parent)) return null;
  if (isMap(parent)) {
    const pair = parent.items.find((item) => String(item.key) === String(key));
    const range = pair === undefined ? undefined : (pair.key as { range?: [number, number, number] }).range;
    return range?.[0] ?? null;
  }
  const node = document.getIn(full, true) as { range?: [number, number, number] } | undefined;
  return node?.range?.[0] ?? null;
}

function invalid(name: string, lines: string[]): BasculeError {
  const count = lines.length === 1 ? 'one problem' : `${lines.length} problems`;
  return new BasculeError({
    code: 'BASCULE_CONFIG_INVALID',
    message: `${name} has ${count}; nothing was touched.`,
    details: lines,
    next: 'Correct the file and run the command again. README.md describes every key.',
  });
}

function firstLine(text: string): string {
  return text.split('\n')[0] ?? text;
}

function isRecord(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}
