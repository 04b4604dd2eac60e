/** What a person is told when a command fails. */
import { afterEach, expect, test, vi } from 'vitest';
import { printError } from '../../automation/cli/output/result';
import { BasculeError, unexpected } from '../../src/domain/errors';

const former = process.exitCode;

afterEach(() => {
  vi.unstubAllEnvs();
  vi.restoreAllMocks();
  process.exitCode = former;
});

function told(thrown: unknown): string {
  const write = vi.spyOn(process.stderr, 'write').mockReturnValue(true);
  printError(thrown, false);
  return write.mock.calls.map(([text]) => String(text)).join('');
}

/** As the driver tells of a defect: with what can be done now, around where it was thrown. */
function interruption(): BasculeError {
  const defect = unexpected(new TypeError('there is no such thing'));
  return new BasculeError({ ...defect, message: `interrupted: ${defect.message}`, cause: defect });
}

test('a defect is told with its code and what to do, and without a stack', () => {
  const text = told(new TypeError('there is no such thing'));
  expect(text).toMatch(/^error BASCULE_UNEXPECTED: .*there is no such thing\nnext: .*BASCULE_DEBUG=1/);
  expect(text).not.toMatch(/^\s+at /m);
  expect(process.exitCode).toBe(5);
});

test('with BASCULE_DEBUG its stack comes first, from where it was thrown, however it was wrapped', () => {
  vi.stubEnv('BASCULE_DEBUG', '1');
  const text = told(interruption());
  expect(text).toMatch(/^TypeError: there is no such thing\n\s+at interruption/);
  expect(text).toMatch(/error BASCULE_UNEXPECTED: interrupted/);
});
