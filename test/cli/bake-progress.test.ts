import { describe, expect, it } from 'vitest';
import { BakeLines, BakeSpinner } from '../../automation/cli/output/bake-progress';

/** What is told, without times. */
function said() {
  const lines: string[] = [];
  const add = (mark: string) => (text: string) =>
    void lines.push(`${mark}${text.replace(/ \(\d+\.\d s\)/, ' (t)')}`);
  return { lines, add };
}

describe('how a bake goes', () => {
  it('is told by lines: each step as it begins and ends, what it came to, and which one failed', () => {
    const { lines, add } = said();
    const reporter = new BakeLines({ write: (text) => add('')(text.trim().replace(/^\d\d:\d\d:\d\d /, '')) });
    reporter.tell({ kind: 'begun', pid: 1, cleaner: 2 });
    reporter.tell({ kind: 'step', title: 'wait for SSH' });
    reporter.tell({ kind: 'step', title: 'Ansible: base (task 1)' });
    reporter.tell({ kind: 'note', text: 'by the way' });
    reporter.tell({ kind: 'done', note: 'ok=1' });
    reporter.tell({ kind: 'step', title: 'make image' });
    reporter.close(false);
    expect(lines).toEqual([
      'wait for SSH…',
      '✓ wait for SSH (t)',
      'Ansible: base (task 1)…',
      'by the way',
      '✓ Ansible: base (task 1) (t): ok=1',
      'make image…',
      '✗ make image (t)',
    ]);
  });

  it('is one living line on a terminal, which leaves each step behind', () => {
    const { lines, add } = said();
    const spinner = {
      text: '',
      start: () => undefined,
      succeed: add('✓ '),
      info: add('i '),
      fail: add('✗ '),
    };
    const reporter = new BakeSpinner(spinner);
    reporter.tell({ kind: 'step', title: 'wait for SSH' });
    reporter.tell({ kind: 'note', text: 'by the way' });
    reporter.tell({ kind: 'step', title: 'Ansible: base (task 1)' });
    reporter.tell({ kind: 'done', note: 'failed=1', failed: true });
    reporter.tell({ kind: 'step', title: 'make image' });
    reporter.close(true);
    expect(lines).toEqual([
      'i by the way',
      '✓ wait for SSH (t)',
      '✗ Ansible: base (task 1) (t): failed=1',
      '✓ make image (t)',
    ]);
  });
});
