import { type Html, html } from '../rehearsal/report/html';

/** A section of the report with one table; columns of numbers begin with `#`. */
export function table(of: { id: string; title: string; columns: string[]; rows: Html[] }): Html {
  const heads = of.columns.map((column) =>
    column.startsWith('#')
      ? html`<th scope="col" class="n">${column.slice(1)}</th>`
      : html`<th scope="col">${column}</th>`,
  );
  return html`<section class="card" aria-labelledby="${of.id}">
    <div class="card-head"><h2 id="${of.id}">${of.title}</h2></div>
    <div class="scroll">
      <table class="steps">
        <thead>
          <tr>
            ${heads}
          </tr>
        </thead>
        <tbody>
          ${of.rows}
        </tbody>
      </table>
    </div>
  </section>`;
}
