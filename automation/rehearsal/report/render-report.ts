import path from 'node:path';
import { chartDataOf } from './chart-data';
import { renderChecks, renderDeployments, renderFacts, renderFailures } from './details';
import { renderDocument } from './document';
import { html } from './html';
import { renderCharts, renderFigures, renderHeader, renderPhases } from './sections';
import type { RehearsalReport } from './types';
import { passed } from './verdict';

/** The report of a rehearsal as one HTML file. */
export function renderReport(report: RehearsalReport): string {
  return renderDocument({
    title: `${passed(report) ? 'Passed' : 'Failed'}: ${report.title}`,
    body: html`${renderHeader(report)} ${renderFigures(report)} ${renderCharts(report)}
    ${renderFailures(report)} ${renderPhases(report)} ${renderDeployments(report)} ${renderChecks(report)}
    ${renderFacts(report)}`,
    data: chartDataOf(report),
    scripts: [beside('windows.html'), [beside('timeline.html'), beside('client.html')]],
  });
}

function beside(name: string): string {
  return path.join(__dirname, name);
}
