import { describe, expect, it } from 'vitest';
import { LiveBlock } from '../../automation/cli/output/live-block';
import { figureText, renderWatch } from '../../automation/cli/output/watch';
import { must } from '../support/until';
import { aView } from '../support/views';

const ESC = '\u001b';
const PARTS = new RegExp(`${ESC}\\[\\??\\d*[A-Za-z]|\\n|\\r|[^${ESC}\\n\\r]+`, 'g');
const UP = new RegExp(`^${ESC}\\[(\\d+)A$`);

/** What a terminal shows after all that was written to it, of the few sequences that are used. */
class Terminal {
  lines = [''];

  constructor(
    readonly columns = 80,
    readonly rows = 24,
  ) {}

  write(text: string): void {
    for (const [part] of text.matchAll(PARTS)) {
      const up = UP.exec(part)?.[1];
      if (up !== undefined) this.lines.length -= Number(up);
      else if (part === '\u001b[J') this.lines[this.lines.length - 1] = '';
      else if (part === '\n') this.lines.push('');
      else if (!part.startsWith('\u001b') && part !== '\r') this.lines[this.lines.length - 1] += part;
    }
  }
}

describe('what is watched in a terminal', () => {
  it('names weights, steps with what is left, each instance, and each check with value and limit', () => {
    const view = aView();
    const text = renderWatch({ ...view, at: view.openedAt + 69_000 });
    expect(text).toMatch(/^shop production {2}1\.0\.0 → 2\.0\.0 .* for 1 min 9 s$/m);
    expect(text).toMatch(/^ {2}blue 95, green 5 on 2 routes$/m);
    expect(text).toMatch(/^ {2} {2}✗ i-bad: InService, target unhealthy$/m);
    expect(text).toMatch(/▸ 5 % on green for 300 s +eu-west-3 +4 min 0 s left, until a person goes on/);
    expect(text).toMatch(/check errors +eu-west-3 +pass +0 failed \(limit 2\)/);
    expect(text).toContain('failed share 1 % (limit 5 %)');
  });

  it('says first what a person has to know', () => {
    const view = aView({ paused: 'ada on desk', problem: 'AWS is silent', trouble: 'errors failed' });
    expect(renderWatch(view).split('\n').slice(1, 4)).toEqual([
      'paused by ada on desk; advance goes on',
      'goes back: errors failed',
      'what is shown may be old: AWS is silent',
    ]);
    expect(renderWatch(aView({ outcome: 'succeeded', paused: 'ada' }))).not.toContain('paused');
  });

  it('tells a number that is not known as such, and times in the unit that fits', () => {
    const figure = must(must(aView().checks[0]).figures[0]);
    expect(figureText({ ...figure, value: null })).toBe('failed share unknown (limit 5 %)');
    expect(figureText({ ...figure, unit: 'seconds', value: 0.25, limit: null })).toBe('failed share 250 ms');
  });
});

describe('a living block of lines', () => {
  it('is written over, and left behind whole at the end', () => {
    const terminal = new Terminal();
    const block = new LiveBlock(terminal);
    terminal.write('before\n');
    block.show('one\ntwo\nthree');
    block.show('one');
    expect(terminal.lines).toEqual(['before', 'one', '']);
    block.show('two\nlines');
    block.end('the end');
    expect(terminal.lines).toEqual(['before', 'the end', '']);
  });

  it('is never wider nor taller than the screen', () => {
    const terminal = new Terminal(10, 4);
    const block = new LiveBlock(terminal);
    block.show(['0123456789abc', 'b', 'c', 'd', 'e'].join('\n'));
    expect(terminal.lines).toEqual(['012345678', 'b', '…', '']);
    block.end('');
  });
});
