/** One column of a plain text table. */
export interface Column {
  title: string;
  align: 'left' | 'right';
}

const GAP = '  ';

function pad(text: string, width: number, align: 'left' | 'right'): string {
  return align === 'left' ? text.padEnd(width) : text.padStart(width);
}

/** A text cut to a width, the cut shown by an ellipsis. */
export function cut(text: string, width: number): string {
  return text.length <= width ? text : `${text.slice(0, Math.max(0, width - 1))}…`;
}

/**
 * Lines of aligned columns no wider than `limit`: where they would be, the first column is cut. A title of
 * no text at all in every column leaves the heading out.
 */
export function textTable(columns: Column[], rows: string[][], limit: number): string[] {
  const widths = columns.map(({ title }, index) =>
    Math.max(title.length, ...rows.map((row) => (row[index] ?? '').length)),
  );
  const total = widths.reduce((sum, width) => sum + width, 0) + GAP.length * (columns.length - 1);
  widths[0] = Math.max(1, (widths[0] ?? 0) - Math.max(0, total - limit));
  const line = (cells: string[]): string =>
    columns
      .map(({ align }, index) => pad(cut(cells[index] ?? '', widths[index] ?? 0), widths[index] ?? 0, align))
      .join(GAP)
      .trimEnd();
  const heading = columns.some(({ title }) => title !== '');
  const titles = heading
    ? [line(columns.map(({ title }) => title)), line(widths.map((width) => '─'.repeat(width)))]
    : [];
  return [...titles, ...rows.map(line)];
}
