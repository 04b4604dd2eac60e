import { html } from './markdown';

/** Lines that belong together, as the rows of a table or the content of a fence. */
export interface Block {
  open: string[];
  lines: string[];
  close: string[];
}

/** A part of a comment that is opened by a click. */
export interface Fold {
  summary: string;
  blocks: Block[];
}

/** The lines of a fold. */
export function folded({ summary, blocks }: Fold): string[] {
  const content = blocks.flatMap(({ open, lines, close }) => [...open, ...lines, ...close]);
  while (content.at(-1) === '') content.pop();
  // Markdown is read in an HTML block only after an empty line.
  return [`<details><summary>${html(summary)}</summary>`, '', ...content, '', '</details>'];
}

interface Shortening {
  /** Characters for all of them. */
  limit: number;
  /** What is said in place of so many lines. */
  leftOut: (lines: number) => string;
}

/** Folds cut, where need be, so that they fit: small ones stay whole, the largest give what is missing. */
export function within(folds: readonly Fold[], shortening: Shortening): Fold[] {
  let left = shortening.limit;
  let others = folds.length;
  const kept = new Map<Fold, Fold>();
  for (const fold of [...folds].sort((one, other) => sizeOf(one) - sizeOf(other))) {
    const share = Math.floor(left / others);
    const fitting = sizeOf(fold) <= share ? fold : cutTo(fold, share, shortening.leftOut);
    kept.set(fold, fitting);
    left -= sizeOf(fitting);
    others -= 1;
  }
  return folds.map((fold) => kept.get(fold) ?? fold);
}

/** Each line with its line break. */
const length = (lines: readonly string[]): number => lines.reduce((sum, line) => sum + line.length + 1, 0);
const sizeOf = (fold: Fold): number => length(folded(fold));

function cutTo(fold: Fold, size: number, leftOut: Shortening['leftOut']): Fold {
  const all = fold.blocks.reduce((sum, { lines }) => sum + lines.length, 0);
  const notice = block([leftOut(all)]);
  let room = size - sizeOf({ summary: fold.summary, blocks: [notice] });
  const blocks: Block[] = [];
  for (const { open, lines, close } of fold.blocks) {
    room -= length(open) + length(close);
    const fitting = fittingLines(lines, room);
    if (fitting.length > 0) blocks.push({ open, lines: fitting, close });
    if (fitting.length < lines.length) break;
    room -= length(fitting);
  }
  const shown = blocks.reduce((sum, { lines }) => sum + lines.length, 0);
  return { ...fold, blocks: [...blocks, block([leftOut(all - shown)])] };
}

function fittingLines(lines: readonly string[], room: number): string[] {
  let used = 0;
  const end = lines.findIndex((line) => (used += line.length + 1) > room);
  return end === -1 ? [...lines] : lines.slice(0, end);
}

/** An empty line before it ends whatever stands above. */
function block(lines: string[]): Block {
  return { open: [''], lines, close: [] };
}
