import { createHash } from 'node:crypto';
import { readFileSync } from 'node:fs';
import path from 'node:path';
import { Html, html, jsonForScript } from './html';

/** In this order: what comes later refines what came before. */
const STYLES = ['theme.css', 'page.css', 'charts.css', 'print.css'];

export interface Document {
  title: string;
  body: Html;
  /** For the page's scripts to read. */
  data: unknown;
  /**
   * Files that hold one script element each, in the order in which they run; uPlot runs before them. Several in
   * one place run as one element: what a page shares with another, and what is its own.
   */
  scripts: (string | string[])[];
  /** Files of style sheets beside the reports' own. */
  styles?: string[];
  /** What else the page may do, as directives of its content security policy. */
  policy?: string;
}

function read(file: string): string {
  return readFileSync(file, 'utf8');
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
 * A report as one HTML file that needs nothing else: no request leaves it, and its policy lets no script run
 * but its own.
 */
export function renderDocument({
  title,
  body,
  data,
  scripts,
  styles: more = [],
  policy: also,
}: Document): string {
  const elements = [
    scriptOf(read(path.join(__dirname, 'language.html'))),
    read(require.resolve('uplot/dist/uPlot.iife.min.js')),
    ...scripts.map((files) =>
      [files]
        .flat()
        .map((file) => scriptOf(read(file)))
        .join(''),
    ),
  ].map(scriptElement);
  const sheets = [
    read(require.resolve('uplot/dist/uPlot.min.css')),
    ...STYLES.map((name) => read(path.join(__dirname, name))),
    ...more.map(read),
  ];
  const styles = new Html(`<style>${sheets.join('\n')}</style>`);
  const policy = `default-src 'none'; style-src 'unsafe-inline'; script-src ${elements.map(({ hash }) => hash).join(' ')}${also === undefined ? '' : `; ${also}`}`;
  const page = html`<!doctype html>
    <html lang="en">
      <head>
        <meta charset="utf-8" />
        <meta http-equiv="Content-Security-Policy" content="${policy}" />
        <meta name="viewport" content="width=device-width, initial-scale=1" />
        <meta name="color-scheme" content="light dark" />
        <title>${title}</title>
        ${styles}
      </head>
      <body>
        <main>${body}</main>
        <script type="application/json" id="data">
          ${jsonForScript(data)}
        </script>
        ${elements.map(({ element }) => element)}
      </body>
    </html>`;
  return `${page.text}\n`;
}
