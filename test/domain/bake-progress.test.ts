import { describe, expect, it } from 'vitest';
import { bakeEventIn, bakeFailed, bakeLine, toldError } from '../../src/domain/bake-progress';

describe('what the bake script tells', () => {
  it('is read as it was told, whatever stands in it', () => {
    const event = { kind: 'step', title: 'Ansible: a "task"\nwith, commas' } as const;
    expect(bakeLine(event)).not.toContain('\n');
    expect(bakeEventIn(`  ${bakeLine(event)}`)).toEqual(event);
  });

  it('is nothing in any other line, and in one that was cut off', () => {
    expect(bakeEventIn('Debugger attached.')).toBeUndefined();
    expect(bakeEventIn(bakeLine({ kind: 'note', text: 'x' }).slice(0, -2))).toBeUndefined();
  });

  it('stays within what the provider takes for a line', () => {
    const details = Array.from({ length: 200 }, () => 'x'.repeat(5000));
    const error = toldError(bakeFailed('shop 1', 'y'.repeat(100_000), details));
    expect(Buffer.byteLength(bakeLine({ kind: 'failed', error }))).toBeLessThan(64 * 1024);
  });
});
