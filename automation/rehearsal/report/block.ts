import { type Html, html } from './html';

/** A piece of a lane. Times are Unix milliseconds. */
export interface Block {
  from: number;
  to: number;
  look: string;
  label: string;
  /** Shown on hover and read aloud. */
  details: string;
}

/** A piece at its place in a lane that begins at `startedAt` and lasts `length` milliseconds. */
export function renderBlock(block: Block, startedAt: number, length: number): Html {
  const { from, to, look, label, details } = block;
  const left = (100 * (from - startedAt)) / length;
  const width = (100 * (to - from)) / length;
  return html`<button
    type="button"
    class="block ${look}"
    data-from="${((from - startedAt) / 1000).toFixed(3)}"
    data-to="${((to - startedAt) / 1000).toFixed(3)}"
    data-details="${details}"
    aria-label="${details}"
    style="left:${left.toFixed(3)}%;width:${width.toFixed(3)}%"
  >
    <span>${label}</span>
  </button>`;
}
