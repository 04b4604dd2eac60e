import { describe, expect, it } from 'vitest';
import { renderPreviewMarkdown } from '../../automation/cli/output/preview-markdown';
import { renderPreviewText } from '../../automation/cli/output/preview-text';
import { expectGolden } from '../support/golden';
import { PREVIEWS } from '../support/previews';

describe.each(Object.entries(PREVIEWS))('a preview: %s', (name, preview) => {
  it('is a text as it was', async () => {
    await expectGolden(`previews/${name}.txt`, renderPreviewText(preview));
  });

  it('is a comment as it was', async () => {
    const markdown = renderPreviewMarkdown(preview);
    await expectGolden(`previews/${name}.md`, markdown);
    // An update in place needs the same text of the same facts.
    expect(renderPreviewMarkdown(structuredClone(preview))).toBe(markdown);
  });
});
