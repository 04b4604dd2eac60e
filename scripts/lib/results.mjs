import { readFile } from 'node:fs/promises';
import path from 'node:path';
import { stripVTControlCharacters } from 'node:util';

export const NOTHING = Object.freeze({ passed: 0, failed: 0, skipped: 0 });

/** The sum of several counts. */
export function sum(counts) {
  return counts.reduce(
    (total, one) => ({
      passed: total.passed + one.passed,
      failed: total.failed + one.failed,
      skipped: total.skipped + one.skipped,
    }),
    NOTHING,
  );
}

/** The line that ends every test run, which CI systems look for. */
export function closingLine({ passed, failed, skipped }) {
  return `${passed} passed, ${failed} failed${skipped > 0 ? `, ${skipped} skipped` : ''}`;
}

/** A check that has no tests inside it counts as one. */
export function countCheck(ok) {
  return { passed: ok ? 1 : 0, failed: ok ? 0 : 1, skipped: 0 };
}

const SHOWN = 20;

/** What failed by vitest's JSON report, a line each, so that the end of a long output says it once more. */
export async function failuresIn(file, project) {
  const report = await readFile(file, 'utf8')
    .then(JSON.parse)
    .catch(() => undefined);
  const lines = (report?.testResults ?? []).flatMap((entry) => {
    const failed = (entry.assertionResults ?? []).filter((test) => test.status === 'failed');
    const name = path.relative(project, entry.name);
    if (failed.length === 0) return entry.status === 'failed' ? [`${name}: ${firstLine(entry.message)}`] : [];
    return failed.map((test) => `${name} > ${test.fullName}: ${firstLine(test.failureMessages?.[0])}`);
  });
  const more = lines.length - SHOWN;
  return more > 0 ? [...lines.slice(0, SHOWN), `… and ${more} more`] : lines;
}

function firstLine(text = '') {
  return stripVTControlCharacters(text).split('\n')[0].slice(0, 300);
}

/**
 * Counts a report of vitest's JSON reporter. What vitest calls failed but no test accounts for (a file that
 * could not be loaded, a hook, an unhandled rejection, a run that broke off before it wrote its report)
 * counts as a failure too: a run that did not end well is never green.
 */
export async function countReport(file, exitCode) {
  const report = await readFile(file, 'utf8')
    .then(JSON.parse)
    .catch(() => undefined);
  if (!report) return countCheck(false);
  const files = report.testResults ?? [];
  const tests = files.flatMap((entry) => entry.assertionResults ?? []);
  const broken = files.filter(
    (entry) =>
      entry.status === 'failed' && !(entry.assertionResults ?? []).some((test) => test.status === 'failed'),
  ).length;
  const failed = tests.filter((test) => test.status === 'failed').length + broken;
  const passed = tests.filter((test) => test.status === 'passed').length;
  const unaccounted = failed === 0 && (exitCode !== 0 || report.success !== true) ? 1 : 0;
  return { passed, failed: failed + unaccounted, skipped: tests.length - passed - (failed - broken) };
}
