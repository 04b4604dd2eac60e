import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import os from 'node:os';
import path from 'node:path';
import { expect, onTestFinished, test } from 'vitest';
import { elapsed } from '../../scripts/lib/progress.mjs';
import { closingLine, countCheck, countReport, failuresIn, sum } from '../../scripts/lib/results.mjs';

async function report(content) {
  const folder = await mkdtemp(path.join(os.tmpdir(), 'bascule-results-'));
  onTestFinished(() => rm(folder, { recursive: true, force: true }));
  const file = path.join(folder, 'report.json');
  await writeFile(file, typeof content === 'string' ? content : JSON.stringify(content));
  return file;
}

const file = (status, ...statuses) => ({
  status,
  assertionResults: statuses.map((one) => ({ status: one })),
});

test('a report is counted by its tests', async () => {
  const testResults = [file('failed', 'passed', 'failed', 'pending'), file('passed', 'passed', 'todo')];
  const counts = await countReport(await report({ success: false, testResults }), 1);
  expect(counts).toEqual({ passed: 2, failed: 1, skipped: 2 });
});

test('a file that could not be loaded is a failure', async () => {
  const testResults = [file('failed'), file('passed', 'passed')];
  expect(await countReport(await report({ success: false, testResults }), 1)).toEqual({
    passed: 1,
    failed: 1,
    skipped: 0,
  });
});

test.each([
  ['an unhandled error after the last test', { success: true, testResults: [file('passed', 'passed')] }, 1],
  ['a run that calls itself unsuccessful', { success: false, testResults: [file('passed', 'passed')] }, 0],
])('%s is a failure', async (_name, content, code) => {
  expect(await countReport(await report(content), code)).toEqual({ passed: 1, failed: 1, skipped: 0 });
});

test('a run that broke off before or while it wrote its report is a failure', async () => {
  expect(await countReport('/nowhere/report.json', 0)).toEqual(countCheck(false));
  expect(await countReport(await report('{"success": tr'), 0)).toEqual(countCheck(false));
});

test('what failed is named with its file and the first line of why', async () => {
  const failed = (fullName, message) => ({ status: 'failed', fullName, failureMessages: [message] });
  const testResults = [
    {
      name: '/project/test/one.test.ts',
      status: 'failed',
      assertionResults: [
        { status: 'passed', fullName: 'is well' },
        failed('counts', '\u001b[31mAssertionError: 1\u001b[39m\nat …'),
      ],
    },
    { name: '/project/test/two.test.ts', status: 'failed', assertionResults: [], message: 'no such module' },
  ];
  expect(await failuresIn(await report({ success: false, testResults }), '/project')).toEqual([
    'test/one.test.ts > counts: AssertionError: 1',
    'test/two.test.ts: no such module',
  ]);
  const many = Array.from({ length: 25 }, (_, index) => failed(`case ${index}`, 'no'));
  const broken = [{ name: '/project/a.test.ts', status: 'failed', assertionResults: many }];
  const lines = await failuresIn(await report({ testResults: broken }), '/project');
  expect(lines).toHaveLength(21);
  expect(lines.at(-1)).toBe('… and 5 more');
  expect(await failuresIn('/nowhere/report.json', '/project')).toEqual([]);
});

test('the closing line sums up and names what was skipped only if something was', () => {
  expect(closingLine(sum([countCheck(true), countCheck(false), { passed: 5, failed: 0, skipped: 0 }]))).toBe(
    '6 passed, 1 failed',
  );
  expect(closingLine({ passed: 3, failed: 0, skipped: 2 })).toBe('3 passed, 0 failed, 2 skipped');
});

test.each([
  [450, '0.5 s'],
  [12_400, '12 s'],
  [125_000, '2 min 05 s'],
  [119_700, '2 min 00 s'],
])('%d ms read as %s', (ms, text) => {
  expect(elapsed(1_000, 1_000 + ms)).toBe(text);
});
