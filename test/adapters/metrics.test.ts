import { describe, expect, it } from 'vitest';
import { coveredUntil } from '../../src/adapters/metrics';

const MINUTE = 60_000;
const noon = Date.parse('2026-11-21T12:00:00Z');
const minutes = (...numbers: number[]) => numbers.map((number) => noon + number * MINUTE);

describe('coveredUntil', () => {
  it('ends with the last reported minute when the metrics are late', () => {
    expect(coveredUntil(minutes(0, 1, 2), 2 * MINUTE, noon + 5 * MINUTE)).toBe(noon + 3 * MINUTE);
  });

  it('ends where the question ends when the metrics are further', () => {
    expect(coveredUntil(minutes(0, 1, 2), MINUTE, noon + 2.5 * MINUTE)).toBe(noon + 2.5 * MINUTE);
  });

  it('takes reports that do not begin with a minute', () => {
    const reports = minutes(0, 1).map((at) => at + 17_000);
    expect(coveredUntil(reports, 5_000, noon + 90_000)).toBe(noon + 90_000);
  });

  it('has no answer without reports, after a gap, and before the first report', () => {
    expect(coveredUntil([], MINUTE, noon)).toBeUndefined();
    expect(coveredUntil(minutes(0, 2), 2 * MINUTE, noon + 3 * MINUTE)).toBeUndefined();
    expect(coveredUntil(minutes(2), 2 * MINUTE, noon + 3 * MINUTE)).toBeUndefined();
  });

  it('has no answer once the reports ended more than five minutes ago', () => {
    expect(coveredUntil(minutes(0), MINUTE, noon + 6 * MINUTE)).toBe(noon + MINUTE);
    expect(coveredUntil(minutes(0), MINUTE, noon + 6 * MINUTE + 1)).toBeUndefined();
  });
});
