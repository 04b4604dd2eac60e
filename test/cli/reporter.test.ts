import { describe, expect, it } from 'vitest';
import { LineReporter } from '../../automation/cli/output/reporter';
import type { Step } from '../../src/domain/step';

const STEP: Step = {
  kind: 'keep-warm',
  id: 'keep-warm:eu-west-3',
  region: 'eu-west-3',
  colour: 'blue',
  seconds: 30,
};

describe('a wait in a log', () => {
  function linesOf(waits: { at: number; for: string }[]): string[] {
    const lines: string[] = [];
    const reporter = new LineReporter({ write: (text) => lines.push(text.trim()) });
    for (const wait of waits) reporter.say({ kind: 'waiting', step: STEP, ...wait });
    return lines.map((line) => line.replace(/^\S+\s+/, '').replace(/ \(.*/, ''));
  }

  it('is no countdown: only another subject, or ten seconds, make another line', () => {
    const countdown = Array.from({ length: 21 }, (_, second) => ({
      at: second * 1000,
      for: `${30 - second} s more`,
    }));
    expect(linesOf(countdown)).toEqual(['waits for 30 s more', 'waits for 20 s more', 'waits for 10 s more']);
  });

  it('says at once that it waits for something else', () => {
    const waits = [
      { at: 0, for: '1 of 2 healthy' },
      { at: 1000, for: 'a person who says `advance`' },
    ];
    expect(linesOf(waits)).toEqual(['waits for 1 of 2 healthy', 'waits for a person who says `advance`']);
  });

  it('of several regions side by side is said once for each of them, with its region', () => {
    const lines: string[] = [];
    const reporter = new LineReporter({ write: (text) => lines.push(text.trim()) });
    const steps = ['a', 'b'].map((region): Step => ({
      ...{ kind: 'soak', id: `soak:${region}`, region, colour: 'blue', version: '2.0.0' },
      ...{ instances: 1, seconds: 9, intervalSeconds: 1, group: 'wave-1:soak' },
    }));
    for (const second of [0, 1, 2])
      for (const step of steps)
        reporter.say({ kind: 'waiting', step, for: `${9 - second} s more`, at: second * 1000 });
    expect(lines.map((line) => line.replace(/^\S+\s+/, '').replace(/ \(.*/, ''))).toEqual([
      'waits for 9 s more [a]',
      'waits for 9 s more [b]',
    ]);
  });
});
