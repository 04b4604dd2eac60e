import { clock, count, duration } from './format';
import { type Phase, phasesOf, versionsOf } from './phases';
import { type Column, cut, textTable } from './text-table';
import type { RehearsalReport, RehearsedDeployment } from './types';
import { passed } from './verdict';

/** No line is wider than this many columns. */
const WIDTH = 100;
/** A longer note is a whole message, said below its deployment; in a column it would push the names out. */
const NOTE_WIDTH = 40;
/** More versions than these share one column, or the lines would not fit. */
const VERSION_COLUMNS = 3;

function headline(report: RehearsalReport): string[] {
  const { load } = report;
  const facts = [
    ['Requests sent', count(load.sent)],
    ['Requests failed', count(load.failed)],
    [
      'Longest gap',
      `${duration(load.longestGapMilliseconds)} (at ${clock(load.longestGapAt - load.startedAt)})`,
    ],
    [
      'Latency',
      `p50 ${duration(load.latency.p50)}, p95 ${duration(load.latency.p95)}, max ${duration(load.latency.max)}`,
    ],
  ];
  if (load.byKind.slow.sent > 0) {
    const { sent, failed, longestMilliseconds } = load.byKind.slow;
    facts.push([
      'Slow requests',
      `${count(sent)}, ${count(failed)} failed, longest ${duration(longestMilliseconds)}`,
    ]);
  }
  const untitled: Column[] = [
    { title: '', align: 'left' },
    { title: '', align: 'left' },
  ];
  return [
    cut(`${report.title}: ${passed(report) ? 'passed' : 'FAILED'}`, WIDTH),
    '',
    ...textTable(untitled, facts, WIDTH),
  ];
}

function phaseTable(report: RehearsalReport): string[] {
  const versions = versionsOf(report);
  const shown = versions.length > VERSION_COLUMNS ? versions.slice(0, VERSION_COLUMNS - 1) : versions;
  const other = versions.filter((version) => !shown.includes(version));
  const sum = (byVersion: Record<string, number>, keys: string[]): string =>
    count(keys.reduce((total, key) => total + (byVersion[key] ?? 0), 0));
  const cells = (byVersion: Record<string, number>): string[] => [
    ...shown.map((version) => sum(byVersion, [version])),
    ...(other.length > 0 ? [sum(byVersion, other)] : []),
  ];
  const titles = [...shown.map((version) => cut(version, 16)), ...(other.length > 0 ? ['other'] : [])];
  const columns: Column[] = [
    { title: 'Phase', align: 'left' },
    { title: 'At', align: 'right' },
    { title: 'Took', align: 'right' },
    ...titles.map((title): Column => ({ title, align: 'right' })),
    { title: 'Failed', align: 'right' },
    { title: 'Longest gap', align: 'right' },
  ];
  const { load } = report;
  const row = (phase: Phase): string[] => [
    phase.name,
    clock(phase.startedAt - load.startedAt),
    duration(phase.endedAt - phase.startedAt),
    ...cells(phase.byVersion),
    count(phase.failed),
    duration(phase.longestGapMilliseconds),
  ];
  const total = [
    'total',
    '',
    duration(load.endedAt - load.startedAt),
    ...cells(load.byVersion),
    count(load.failed),
    '',
  ];
  total[total.length - 1] = duration(load.longestGapMilliseconds);
  return textTable(columns, [...phasesOf(report).map(row), total], WIDTH);
}

function deploymentLines(deployment: RehearsedDeployment): string[] {
  const { what, outcome, expected, asExpected, startedAt, endedAt, steps, message } = deployment;
  const judged = asExpected ? `${outcome}, as expected` : `${outcome}, EXPECTED ${expected}`;
  const untitled: Column[] = [
    { title: '', align: 'left' },
    { title: '', align: 'right' },
    { title: '', align: 'left' },
  ];
  const rows = steps.map((step) => [
    `  ${step.name}`,
    duration(step.endedAt - step.startedAt),
    [step.outcome, ...(step.note && step.note.length <= NOTE_WIDTH ? [step.note] : [])].join(': '),
  ]);
  return [
    ...textTable(untitled, [[what, duration(endedAt - startedAt), judged], ...rows], WIDTH).map((line) =>
      cut(line, WIDTH),
    ),
    ...(message ? message.split('\n').map((line) => cut(`    ${line}`, WIDTH)) : []),
  ];
}

function checkLines(report: RehearsalReport): string[] {
  return report.checks.flatMap(({ name, expected, found, ok }) =>
    ok
      ? [cut(`  ok    ${name}: ${found}`, WIDTH)]
      : [cut(`  FAIL  ${name}: expected ${expected}, found ${found}`, WIDTH)],
  );
}

function failureLines(report: RehearsalReport): string[] {
  const { failuresByReason, failed } = report.load;
  if (failed === 0) return [];
  const reasons = Object.entries(failuresByReason).sort(([, one], [, other]) => other - one);
  return [
    '',
    'Failed requests',
    ...reasons.map(([reason, times]) => cut(`  ${count(times)} × ${reason}`, WIDTH)),
  ];
}

/** The end of a rehearsal for the terminal: plain text, aligned, no wider than 100 columns. */
export function renderClosingTable(report: RehearsalReport): string {
  const deployments = report.deployments.flatMap((deployment) => ['', ...deploymentLines(deployment)]);
  const checks = report.checks.length > 0 ? ['', 'Checks', ...checkLines(report)] : [];
  const lines = [
    ...headline(report),
    '',
    ...phaseTable(report),
    ...failureLines(report),
    ...deployments,
    ...checks,
  ];
  return `${lines.join('\n')}\n`;
}
