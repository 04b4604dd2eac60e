import { describe, expect, it } from 'vitest';
import { code, html, prose } from '../../automation/cli/output/markdown';
import { COMMENT_LIMIT, renderPreviewMarkdown } from '../../automation/cli/output/preview-markdown';
import { renderPreviewText } from '../../automation/cli/output/preview-text';
import type { Preview } from '../../src/domain/preview/preview';
import { changed, fleetStack, PREVIEWS, routes, serviceStack } from '../support/previews';
import { allTo } from '../../src/domain/traffic';

const plain: Preview = PREVIEWS['new-version'];

/** What is seen before anything is opened. */
const firstScreen = (markdown: string): string => markdown.replace(/<details>.*<\/details>/s, '');

describe('the comment of a preview', () => {
  it('begins with the mark by which it is found again', () => {
    expect(renderPreviewMarkdown(plain).split('\n')[0]).toBe('<!-- bascule:preview:shop:production -->');
  });

  it('says on its first screen what decides, in few lines, and no duration', () => {
    const screen = firstScreen(renderPreviewMarkdown(PREVIEWS['many-rules']));
    expect(screen.split('\n').filter((line) => line !== '').length).toBeLessThan(16);
    for (const text of [
      '`1.0.0` → `2.0.0`',
      'ami-0f3c2a1b9d8e7f605',
      '2 changed',
      '101 routes',
      plain.hash ?? '',
    ])
      expect(screen).toContain(text);
    expect(screen).not.toMatch(/\d (s|min|h)\b/);
  });

  it('is the same when only the history got longer, except below the steps', () => {
    const slower = { ...plain, steps: plain.steps.map((step) => ({ ...step, expectedSeconds: 1234 })) };
    const differing = renderPreviewMarkdown(plain).split('<details>');
    const other = renderPreviewMarkdown(slower).split('<details>');
    const which = differing.filter((part, index) => part !== other[index]);
    expect(which).toHaveLength(1);
    expect(which[0]).toContain('Steps:');
  });

  it('opens as many folds as it closes, and no fence is left open', () => {
    for (const preview of [...Object.values(PREVIEWS), huge()]) {
      const markdown = renderPreviewMarkdown(preview);
      expect(markdown.match(/<details>/g)?.length ?? 0).toBe(markdown.match(/<\/details>/g)?.length ?? 0);
      expect((markdown.match(/^```/gm)?.length ?? 0) % 2).toBe(0);
    }
  });

  it('names each of a hundred rules, yet not in a row of its own for each step', () => {
    const markdown = renderPreviewMarkdown(PREVIEWS['many-rules']);
    for (const { label } of routes(allTo('blue'), 100)) expect(markdown).toContain(label);
    expect(markdown.split('\n').filter((line) => /^\| \d+ \| (shift|cutover)/.test(line))).toHaveLength(5);
    expect(markdown).toContain('blue 60, green 40');
  });

  it('is shortened to what GitHub takes, with a word about it, and keeps its small parts whole', () => {
    const markdown = renderPreviewMarkdown(huge());
    expect(markdown.length).toBeLessThanOrEqual(COMMENT_LIMIT);
    expect(markdown.length).toBeGreaterThan(COMMENT_LIMIT * 0.9);
    expect(markdown).toMatch(/_\d+ lines left out: a comment holds 65,536 characters/);
    expect(markdown).toContain('back to 1.0.0 on blue');
    expect(markdown).toContain(`--plan ${plain.hash}`);
  });

  it('leaves nothing out where there is room', () => {
    for (const preview of Object.values(PREVIEWS))
      expect(renderPreviewMarkdown(preview)).not.toContain('left out');
  });

  it('lets no value become markup, a mention, a cell or the end of anything', () => {
    const evil = '</details><img src=x onerror=y> **b** | `x` ``` @everyone #12 <!-- --> [a](http://b)\n# h';
    const markdown = renderPreviewMarkdown({
      ...plain,
      verdict: { kind: 'refused', reasons: [{ code: 'BASCULE_FROZEN', message: evil, next: evil }] },
      images: [{ region: 'eu-west-3', found: { id: evil, state: evil } }],
      stacks: [
        fleetStack('green', [
          {
            operation: 'update',
            type: 't',
            name: evil,
            properties: [changed(evil, evil, `${evil}\`\`\`\``)],
          },
        ]),
      ],
      steps: [
        {
          id: 'shift',
          kind: 'shift',
          region: 'eu-west-3',
          text: evil,
          weights: {
            before: [{ id: '1', label: evil, weights: allTo('blue') }],
            after: [{ id: '1', label: evil, weights: allTo('green') }],
          },
          expectedSeconds: null,
        },
      ],
      warnings: [{ code: 'drift', message: evil, next: evil }],
    });
    const outside = withoutCode(markdown);
    expect(outside).not.toMatch(/(?<!\\)<img|(?<!\\)<\/details>\s*\\?<img/);
    expect(outside).not.toContain('@everyone');
    expect(outside).not.toContain('#12');
    expect(outside).not.toMatch(/(?<!\\)\*\*b/);
    expect(outside).not.toMatch(/^# h/m);
    for (const row of markdown.split('\n').filter((line) => line.startsWith('| eu-west-3')))
      expect(row.match(/(?<!\\)\|/g)).toHaveLength(3);
    // The property's value holds a run of four backticks: only a longer one may close its fence.
    expect(markdown).toMatch(/^`{5}diff$/m);
  });

  it('shows nothing of a secret but that it changes', () => {
    const preview = { ...plain, stacks: [fleetStack('green', [secretChange()])] };
    for (const text of [renderPreviewMarkdown(preview), renderPreviewText(preview)])
      expect(text).toContain('userData: [secret] → [secret]');
  });
});

describe('a value that is too long', () => {
  it('is shown around the place where it differs', () => {
    const [before, after] = ['1.0.0', '2.0.0'].map(
      (version) => `${'a'.repeat(400)}VERSION=${version}${'b'.repeat(400)}`,
    );
    const stack = fleetStack('green', [
      { operation: 'update', type: 't', name: 'n', properties: [changed('userData', before, after)] },
    ]);
    const text = renderPreviewText({ ...plain, stacks: [stack] });
    const line = text.split('\n').find((one) => one.includes('userData')) ?? '';
    expect(line).toContain('VERSION=1.0.0');
    expect(line).toContain('VERSION=2.0.0');
    expect(line.length).toBeLessThan(400);
  });
});

describe('user data', () => {
  it('is shown as the script that it is', () => {
    const [before, after] = ['blue', 'green'].map((colour) =>
      Buffer.from(`#!/bin/sh\nexport COLOUR=${colour}\n`).toString('base64'),
    );
    const stack = fleetStack('green', [
      { operation: 'update', type: 't', name: 'n', properties: [changed('userData', before, after)] },
    ]);
    const text = renderPreviewText({ ...plain, stacks: [stack] });
    expect(text).toContain('"#!/bin/sh\\nexport COLOUR=blue\\n" → "#!/bin/sh\\nexport COLOUR=green\\n"');
  });
});

describe('a preview on a terminal', () => {
  it('sends no control characters', () => {
    const preview = {
      ...plain,
      warnings: [{ code: 'drift' as const, message: 'a\u001b[2Jb\u0007c\u202ed' }],
    };
    // eslint-disable-next-line no-control-regex
    expect(renderPreviewText(preview)).not.toMatch(/[\u0000-\u0009\u000b-\u001f\u007f-\u009f\u202e]/);
  });

  it('stays readable with a hundred rules', () => {
    const text = renderPreviewText(PREVIEWS['many-rules']);
    expect(text.split('\n').length).toBeLessThan(60);
    expect(text).toContain('100 routes (');
  });
});

describe('Markdown', () => {
  it('puts a value into a span that it cannot end', () => {
    expect(code('a`b')).toBe('``a`b``');
    expect(code('`a')).toBe('`` `a ``');
    expect(code('a|b', 'table')).toBe('`a\\|b`');
  });

  it('keeps commands in sentences and nothing else', () => {
    expect(prose('run `bascule up p` *now*')).toBe('run `bascule up p` \\*now\\*');
    expect(html('<b>&')).toBe('&lt;b&gt;&amp;');
  });
});

function secretChange() {
  return {
    operation: 'update' as const,
    type: 'aws:ec2/launchTemplate:LaunchTemplate',
    name: 'green',
    properties: [changed('userData', '[secret]', '[secret]')],
  };
}

/** More than any comment holds: two thousand resources and a thousand rules. */
function huge(): Preview {
  const many = Array.from({ length: 2000 }, (_, index) => ({
    operation: 'update' as const,
    type: 'aws:lb/listenerRule:ListenerRule',
    name: `rule-${index}`,
    properties: [changed('priority', index, index + 1)],
  }));
  const shift = plain.steps.map((step) =>
    step.weights === undefined
      ? step
      : { ...step, weights: { before: routes(allTo('blue'), 1000), after: routes(allTo('green'), 1000) } },
  );
  return { ...plain, stacks: [serviceStack(many)], steps: shift };
}

/** What Markdown does not read as code. */
function withoutCode(markdown: string): string {
  return markdown.replace(/^(`{3,})diff$.*?^\1$/gms, '').replace(/(?<![\\`])(`+)(?!`).*?(?<!`)\1(?!`)/g, '');
}
