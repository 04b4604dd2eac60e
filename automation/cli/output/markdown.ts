/** Text of unknown content as Markdown that GitLab and GitHub show as it is. */

/** An inline code span: no markup, mention or reference is read in it. */
export function code(text: string, within: 'text' | 'table' = 'text'): string {
  const line = oneLine(text);
  if (line === '') return '';
  const fence = '`'.repeat(longestRun(line) + 1);
  const padded = /^`|`$|^ .* $/.test(line) ? ` ${line} ` : line;
  const span = `${fence}${padded}${fence}`;
  // The only character that a table takes before the span does (GitHub Flavored Markdown, 4.10).
  return within === 'table' ? span.replaceAll('|', '\\|') : span;
}

/** A sentence: what stands between backticks is code, everything else is shown letter by letter. */
export function prose(text: string, within: 'text' | 'table' = 'text'): string {
  return oneLine(text)
    .split(/(`[^`]+`)/)
    .map((part) => (/^`[^`]+`$/.test(part) ? code(part.slice(1, -1), within) : escaped(part)))
    .join('');
}

/** For HTML elements as `<summary>`, in which Markdown is not read. */
export function html(text: string): string {
  return unlinked(
    oneLine(text)
      .replaceAll('&', '&amp;')
      .replaceAll('<', '&lt;')
      .replaceAll('>', '&gt;')
      .replaceAll('"', '&quot;'),
  );
}

/** The fence of a code block that no line of it can close. */
export function fenceFor(lines: readonly string[]): string {
  return '`'.repeat(Math.max(3, ...lines.map((line) => longestRun(line) + 1)));
}

/** A sentence always stands behind something else: what only opens a block at the beginning of a line is left. */
function escaped(text: string): string {
  return unlinked(text.replace(/[\\`*_[\]<>|~$]/g, '\\$&').replaceAll('&', '&amp;'));
}

/** People and issues that a value seems to name must not hear of it: a character without width is put between. */
function unlinked(text: string): string {
  return text.replace(/([@#!$%~])(?=[\w"])/g, '$1\u200b');
}

function oneLine(text: string): string {
  // eslint-disable-next-line no-control-regex
  return text.replace(/[\u0000-\u001f\u007f-\u009f\u2028-\u202e\u2066-\u2069]+/g, ' ').trim();
}

function longestRun(text: string): number {
  return Math.max(0, ...[...text.matchAll(/`+/g)].map(([run]) => run.length));
}
