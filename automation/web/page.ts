import path from 'node:path';
import { renderDocument } from '../rehearsal/report/document';
import { html } from '../rehearsal/report/html';
import type { WatchView } from '../watch/view';

/** The live page: a frame that its script fills from the events, and from what is known when it is served. */
export function renderPage(view: WatchView | undefined, token: string): string {
  return renderDocument({
    title: view === undefined ? 'bascule' : `${view.service} ${view.environment}: ${view.to}`,
    body: html`<div id="live" class="live"></div>
      <noscript>This page needs its script.</noscript>
      <dialog id="sure" aria-labelledby="sure-what">
        <p id="sure-what"></p>
        <button type="button" value="no" autofocus>No</button>
        <button type="button" value="yes" class="danger">Yes, go back</button>
      </dialog>`,
    data: { token, view: view ?? null },
    scripts: ['parts.html', 'charts.html', 'client.html'].map((name) => path.join(__dirname, name)),
    styles: [path.join(__dirname, 'watch.css')],
    policy: "connect-src 'self'",
  });
}
