import { createHash } from 'node:crypto';
import { describe, expect, it } from 'vitest';
import { blocksOf } from '../../automation/report/blocks';
import { chartsOf, type ReportCharts } from '../../automation/report/chart-data';
import { renderDeployment } from '../../automation/report/render';
import { storyOf } from '../../automation/report/story';
import type { RecordBody } from '../../src/domain/records';
import { holder, journalOf, looked, opened, OPENED_AT, steps, turnedBack } from './journal';

const second = (at: number): number => (at - OPENED_AT) / 1000;

describe('a deployment told by its journal', () => {
  const story = storyOf(turnedBack);

  it('has the weights over time: up in steps, and back in one', () => {
    expect(story.weights).toHaveLength(1);
    expect(story.weights[0]).toMatchObject({ region: 'eu-west-3', colour: 'green' });
    const points = story.weights[0]?.points.map(({ at, percent }) => [second(at), percent]);
    expect(points).toEqual([
      [0, 0],
      [3, 0],
      [4.9, 5],
      [5, 5],
      [65, 5],
      [67.9, 25],
      [68, 25],
      [98.2, 25],
      [100, 0],
      [101, 0],
    ]);
  });

  it('has what was worked on when, also the way back', () => {
    expect(story.blocks.map(({ id, from, to, outcome }) => [id, second(from), second(to), outcome])).toEqual([
      ['point-test:eu-west-3', 1, 3, 'done'],
      ['shift:eu-west-3:5', 3, 5, 'done'],
      ['analyse:eu-west-3:5', 5, 65, 'done'],
      ['shift:eu-west-3:25', 65, 68, 'done'],
      ['analyse:eu-west-3:25', 68, 98, 'failed'],
      ['shift:eu-west-3:25', 98.2, 100, 'undone'],
    ]);
  });

  it('has every look of every check over all steps', () => {
    expect(story.checks.map(({ name, looks }) => [name, looks.length])).toEqual([
      ['errors', 9],
      ['orders', 9],
    ]);
    expect(story.checks[0]?.looks.map(({ verdict }) => verdict)).toEqual([
      'inconclusive',
      ...Array.from({ length: 7 }, () => 'pass'),
      'fail',
    ]);
  });

  it('says who asked for what', () => {
    expect(story.events).toEqual([
      { at: OPENED_AT + 30_000, what: expect.stringMatching(/^pause .*by ann on ci-7/) },
    ]);
  });

  it('ends where the journal does while it runs', () => {
    const running = storyOf(turnedBack.slice(0, 12));
    expect(running).toMatchObject({ outcome: null, message: null });
    expect(running.blocks.at(-1)).toMatchObject({ id: 'analyse:eu-west-3:5', outcome: 'under way' });
    expect(running.endedAt).toBe(turnedBack[11]?.at);
  });
});

describe('the time nobody worked on a step', () => {
  it('belongs to no block: a process that takes over begins one of its own', () => {
    const id = 'analyse:eu-west-3:5';
    const records = journalOf([
      [0, opened],
      [5, { kind: 'started', step: id }],
      [6, { kind: 'ran', step: id, facts: {} }],
      [100, { kind: 'resumed', holder }],
      [110, { kind: 'verified', step: id, facts: {} }],
    ]);
    const blocks = blocksOf(records, new Map(steps.map((step) => [step.id, step])));
    expect(blocks.map(({ from, to, outcome }) => [second(from), second(to), outcome])).toEqual([
      [5, 6, 'left'],
      [100, 110, 'done'],
    ]);
  });
});

describe('the charts', () => {
  const { panels, shifts, endSecond } = chartsOf(storyOf(turnedBack));
  const panel = (title: string) => panels.find((one) => one.title.startsWith(title));

  it('show each number of a check with its limit, and mark the looks that did not pass', () => {
    const chart = panel('errors: new colour,');
    const line = (look: string) => chart?.lines.find((one) => one.look === look)?.values;
    expect(chart?.seconds).toEqual([15, 25, 35, 45, 55, 65, 71.5, 78, 88, 98]);
    expect(line('value')?.at(0)).toBeNull();
    expect(line('value')?.at(-1)).toBe(0.04);
    expect(line('limit')?.filter((one) => one === 0.02)).toHaveLength(9);
    expect(line('fail')).toEqual([...Array.from({ length: 9 }, () => null), 0.04]);
    expect(line('undecided')).toEqual([0, ...Array.from({ length: 9 }, () => null)]);
    // Nobody looked between the two weights: no line goes across.
    expect(line('value')?.at(6)).toBeNull();
    expect(panel('errors: new colour against')?.lines[1]?.values.at(-1)).toBe(0.011);
  });

  it('have the weights and the shifts on the same axis', () => {
    expect(panel('Traffic on green')?.lines[0]).toMatchObject({ look: 'green' });
    expect(shifts).toEqual([5, 68, 100]);
    expect(endSecond).toBe(101);
  });
});

describe('the page', () => {
  const page = renderDeployment(storyOf(turnedBack));

  it('says what became of it and why, with the numbers', () => {
    expect(page).toContain('<title>rolled-back: deploy of shop in production: 1.0.0 → 2.0.0</title>');
    expect(page).toContain('production runs 1.0.0 again.');
    expect(page).toContain('40 of 1000 requests (4 %) failed on the new colour, over the limit of 2 %.');
    expect(page).toContain('51 of 9000 (0.57 %)');
    expect(page).toContain('the command exited with 0: orders flow');
    expect(page.match(/>not begun</g)).toHaveLength(1);
    expect(page).not.toContain('>pending<');
  });

  it('has a place for each chart that its data has', () => {
    const data = /<script type="application\/json" id="data">([\s\S]*?)<\/script>/.exec(page)?.[1] ?? '';
    const { panels } = JSON.parse(data) as ReportCharts;
    expect(panels).toHaveLength(3);
    for (const { id } of panels) expect(page).toContain(`id="${id}"`);
  });

  it('needs nothing but itself, and lets no script run but its own', () => {
    expect(page).not.toMatch(/<(link|img|iframe|object|embed|base)\b/i);
    expect(page).not.toMatch(/\s(src|srcset|href|action)\s*=/i);
    const scripts = [...page.matchAll(/<script>([\s\S]*?)<\/script>/g)].map((found) => found[1] ?? '');
    expect(scripts).toHaveLength(3);
    const policy = /Content-Security-Policy"\s+content="([^"]*)"/.exec(page)?.[1] ?? '';
    for (const script of scripts)
      expect(policy).toContain(createHash('sha256').update(script).digest('base64'));
  });

  it('shows text as text, wherever it comes from', () => {
    const evil = `</script><img src=x onerror="alert('1')">`;
    const spoilt: RecordBody = looked(20, 5, 'fail', 0.1);
    if (spoilt.kind === 'assessed')
      for (const one of spoilt.assessments)
        Object.assign(one, { check: evil, assessment: { ...one.assessment, reason: evil } });
    const records = journalOf([
      [0, opened],
      [1, { kind: 'started', step: 'analyse:eu-west-3:5' }],
      [20, spoilt],
      [21, { kind: 'closed', outcome: 'halted', message: evil }],
    ]);
    const bad = renderDeployment(storyOf(records));
    expect(bad).not.toContain('<img');
    expect(bad).toContain('&lt;img src=x');
    expect([...bad.matchAll(/<\/script>/g)]).toHaveLength(4);
  });
});
