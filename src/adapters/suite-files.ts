import { readFile } from 'node:fs/promises';
import path from 'node:path';
import { isNode, LineCounter, parseDocument, type Document } from 'yaml';
import { pathText, type TestSettings } from '../domain/config';
import { BasculeError, messageOf } from '../domain/errors';
import type { PlannedTest } from '../domain/suite/gate';
import type { Suite } from '../domain/suite/schema';
import type { SuiteProblem } from '../domain/suite/variables';

/**
 * The tests of a configuration, with the suites read from the project's folder.
 * @throws BasculeError BASCULE_SUITE_INVALID (exit code 2) with every problem, its path and its line.
 */
export async function readTests(folder: string, settings: readonly TestSettings[]): Promise<PlannedTest[]> {
  return Promise.all(
    settings.map(async ({ name, when, command, suite: file, timeoutSeconds }): Promise<PlannedTest> => {
      if (file === undefined)
        return { name, when, work: { kind: 'command', command: command ?? [] }, timeoutSeconds };
      const suite = await readSuite(folder, file);
      return { name, when, work: { kind: 'suite', file, suite }, timeoutSeconds };
    }),
  );
}

/** Reads and checks one suite. */
export async function readSuite(folder: string, file: string): Promise<Suite> {
  const text = await readFile(path.resolve(folder, file), 'utf8').catch((cause: unknown) => {
    throw invalid(file, [`${file}: cannot be read: ${messageOf(cause)}`], cause);
  });
  const lines = new LineCounter();
  const document = parseDocument(text, { lineCounter: lines, prettyErrors: true });
  if (document.errors.length > 0)
    throw invalid(
      file,
      document.errors.map(({ message }) => `${file}: ${message.split('\n')[0]}`),
    );
  const { parseSuite } = await import('../domain/suite/parse.js');
  const parsed = parseSuite(document.toJS());
  if (parsed.ok) return parsed.suite;
  const placed = parsed.problems.map((found) => ({ found, line: lineOf(document, lines, found) }));
  placed.sort((one, other) => one.line - other.line);
  throw invalid(
    file,
    placed.map(({ found, line }) => `${file}:${line}: ${wordsOf(found)}`),
  );
}

function wordsOf({ path: at, message }: SuiteProblem): string {
  return at.length === 0 ? message : `${pathText(at)}: ${message}`;
}

/** The line of a path, or of the nearest thing around it that the file has. */
function lineOf(document: Document, lines: LineCounter, { path: at }: SuiteProblem): number {
  for (let length = at.length; length > 0; length -= 1) {
    const node = document.getIn(at.slice(0, length), true);
    if (isNode(node) && node.range) return lines.linePos(node.range[0]).line;
  }
  return 1;
}

function invalid(file: string, details: string[], cause?: unknown): BasculeError {
  const count = details.length === 1 ? 'one problem' : `${details.length} problems`;
  return new BasculeError({
    code: 'BASCULE_SUITE_INVALID',
    message: `The test suite ${file} has ${count}; nothing was touched.`,
    details,
    next: 'Correct it, or `deployment.tests` of the environment that names it. docs/tests.md says what a suite has.',
    ...(cause === undefined ? {} : { cause }),
  });
}
