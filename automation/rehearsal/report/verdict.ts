import { count, plural } from './format';
import type { RehearsalReport } from './types';

/** Whether everything was as it should be: no request failed, none is unaccounted for, all as expected. */
export function passed(report: RehearsalReport): boolean {
  return problems(report).length === 0;
}

/** What was not as it should be, one sentence each; empty when the rehearsal passed. */
export function problems(report: RehearsalReport): string[] {
  const { load, deployments, checks } = report;
  const found: string[] = [];
  if (load.sent === 0) found.push('No request was sent.');
  if (load.failed > 0) found.push(`${count(load.failed)} of ${plural(load.sent, 'request')} failed.`);
  if (load.unaccounted !== 0) found.push(`${plural(load.unaccounted, 'request')} unaccounted for.`);
  for (const { what, expected, outcome, asExpected } of deployments) {
    if (!asExpected) found.push(`${what}: expected ${expected}, found ${outcome}.`);
  }
  for (const { name, expected, found: seen, ok } of checks) {
    if (!ok) found.push(`${name}: expected ${expected}, found ${seen}.`);
  }
  return found;
}
