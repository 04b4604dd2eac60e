import { type Html, html } from './html';

/** One of the numbers at the top of a report. */
export interface Figure {
  name: string;
  value: string;
  note: string;
  bad?: boolean;
}

export function renderFigureList(figures: readonly Figure[]): Html {
  return html`<dl class="figures">
    ${figures.map(
      ({ name, value, note, bad }) =>
        html`<div class="${bad ? 'bad' : ''}">
          <dt>${name}</dt>
          <dd>${value}<small>${note}</small></dd>
        </div>`,
    )}
  </dl>`;
}
