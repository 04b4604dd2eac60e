import { createHash } from 'node:crypto';
import { readFileSync } from 'node:fs';
import path from 'node:path';
import { chartDataOf } from './chart-data';
import { renderChecks, renderDeployments, renderFacts, renderFailures } from './details';
import { Html, html, jsonForScript } from './html';
import { renderCharts, renderFigures, renderHeader, renderPhases } from './sections';
import type { RehearsalReport } from './types';
import { passed } from './verdict';

/** In this order: what comes later refines what came before. */
const STYLES = ['theme.css', 'page.css', 'charts.css', 'print.css'];

function read(file: string): string {
  return readFileSync(file, 'utf8');
}

/** A file that lies beside this module. */
function asset(name: string): string {
  return read(path.join(__dirname, name));
}

/** The script of a file that holds one script element, so that tools see it as the browser code that it is. */
function scriptOf(markup: string): string {
  return markup.slice(markup.indexOf('<script>') + '<script>'.length, markup.lastIndexOf('</script>'));
}

/** A script element's content must not hold its own end tag, which uPlot and the page's script do not. */
function scriptElement(code: string): { element: Html; hash: string } {
  if (/<\/script/i.test(code)) throw new Error('A script of the report holds the end tag of its element.');
  const hash = createHash('sha256').update(code).digest('base64');
  return { element: new Html(`<script>${code}</script>`), hash: `'sha256-${hash}'` };
}

/**
 * The report of a rehearsal as one HTML file that needs nothing else: no request leaves it, and its policy
 * lets no script run but its own.
 */
export function renderReport(report: RehearsalReport): string {
  const uplot = scriptElement(read(require.resolve('uplot/dist/uPlot.iife.min.js')));
  const windows = scriptElement(scriptOf(asset('windows.html')));
  const client = scriptElement(scriptOf(asset('client.html')));
  const scripts = [uplot, windows, client];
  const sheets = [read(require.resolve('uplot/dist/uPlot.min.css')), ...STYLES.map(asset)];
  const styles = new Html(`<style>${sheets.join('\n')}</style>`);
  const policy = `default-src 'none'; style-src 'unsafe-inline'; script-src ${scripts.map(({ hash }) => hash).join(' ')}`;
  const page = html`<!doctype html>
    <html lang="en">
      <head>
        <meta charset="utf-8" />
        <meta http-equiv="Content-Security-Policy" content="${policy}" />
        <meta name="viewport" content="width=device-width, initial-scale=1" />
        <meta name="color-scheme" content="light dark" />
        <title>${passed(report) ? 'Passed' : 'Failed'}: ${report.title}</title>
        ${styles}
      </head>
      <body>
        <main>
          ${renderHeader(report)} ${renderFigures(report)} ${renderCharts(report)} ${renderFailures(report)}
          ${renderPhases(report)} ${renderDeployments(report)} ${renderChecks(report)} ${renderFacts(report)}
        </main>
        <script type="application/json" id="data">
          ${jsonForScript(chartDataOf(report))}
        </script>
        ${scripts.map(({ element }) => element)}
      </body>
    </html>`;
  return `${page.text}\n`;
}
