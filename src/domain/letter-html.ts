/** A notification as a mail's HTML: tables and inline styles alone, for mail programs know little else. Pure. */
import type { Fact, Letter, Section, Tone } from './letter';

/** The bar at the left: it tells at a glance, beside the words, never in their place. */
const BAR: Record<Tone, string> = { plain: '#4b5563', asks: '#b45309', good: '#15803d', bad: '#b91c1c' };

const FONT = "font-family:-apple-system,'Segoe UI',Roboto,Helvetica,Arial,sans-serif";
const MONO = 'font-family:ui-monospace,Menlo,Consolas,monospace';

export function letterHtml(letter: Letter): string {
  const { id, title, tone, lines, facts, sections, commands } = letter;
  const body = [
    `<h1 style="margin:0 0 12px;font-size:20px;line-height:28px;font-weight:600;color:#111827">${escaped(title)}</h1>`,
    ...lines.map((line) => `<p style="margin:0 0 12px">${escaped(line)}</p>`),
    factTable(facts),
    ...sections.map(sectionHtml),
    ...commands.map(commandHtml),
    `<p style="margin:24px 0 0;font-size:12px;line-height:18px;color:#6b7280">Notification ${escaped(id)}; it may come twice.</p>`,
  ].join('\n');
  return `<!doctype html>
<html lang="en">
<head><meta charset="utf-8"><meta name="viewport" content="width=device-width"><title>${escaped(title)}</title></head>
<body style="margin:0;padding:16px;background:#f3f4f6;color:#1f2937;${FONT};font-size:14px;line-height:21px">
<table role="presentation" width="100%" cellspacing="0" cellpadding="0"><tr><td align="center">
<table role="presentation" width="100%" cellspacing="0" cellpadding="0" style="max-width:680px;background:#ffffff;border:1px solid #e5e7eb;border-left:6px solid ${BAR[tone]}"><tr><td style="padding:24px">
${body}
</td></tr></table>
</td></tr></table>
</body>
</html>
`;
}

function factTable(facts: readonly Fact[]): string {
  const rows = facts.map(
    ([label, value]) =>
      `<tr><td style="padding:4px 16px 4px 0;vertical-align:top;color:#6b7280;white-space:nowrap">${escaped(label)}</td>` +
      `<td style="padding:4px 0;vertical-align:top;overflow-wrap:anywhere;white-space:pre-line">${escaped(value)}</td></tr>`,
  );
  return `<table role="presentation" cellspacing="0" cellpadding="0" style="margin:0 0 8px">${rows.join('')}</table>`;
}

function sectionHtml({ title, lines }: Section): string {
  const items = lines.map(
    (line) => `<li style="margin:0 0 4px;overflow-wrap:anywhere">${escaped(line)}</li>`,
  );
  return (
    `<h2 style="margin:20px 0 8px;font-size:15px;line-height:22px;font-weight:600;color:#111827">${escaped(title)}</h2>` +
    `<ul style="margin:0;padding:0 0 0 20px">${items.join('')}</ul>`
  );
}

function commandHtml([label, command]: Fact): string {
  return (
    `<p style="margin:20px 0 4px;color:#6b7280">To ${escaped(label)}:</p>` +
    `<pre style="margin:0;padding:12px;background:#f3f4f6;border:1px solid #e5e7eb;${MONO};font-size:13px;line-height:20px;white-space:pre-wrap;overflow-wrap:anywhere">${escaped(command)}</pre>`
  );
}

function escaped(text: string): string {
  return text
    .replaceAll('&', '&amp;')
    .replaceAll('<', '&lt;')
    .replaceAll('>', '&gt;')
    .replaceAll('"', '&quot;')
    .replaceAll("'", '&#39;');
}
