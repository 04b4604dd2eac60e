import { countsText } from '../../../src/domain/suite/result';
import type { Expectations } from '../../operations/expect-version';
import type { DatabaseStatus, EnvironmentStatus } from '../../operations/status';
import type { EventEntry, HistoryEntry } from '../../operations/history';

/** Rows in aligned columns. */
export function table(rows: readonly (readonly string[])[]): string {
  const widths: number[] = [];
  for (const row of rows)
    row.forEach((cell, index) => (widths[index] = Math.max(widths[index] ?? 0, cell.length)));
  return rows
    .map((row) =>
      row
        .map((cell, index) => cell.padEnd(widths[index] ?? 0))
        .join('  ')
        .trimEnd(),
    )
    .join('\n');
}

/** The status of an environment for people. */
export function renderStatus(status: EnvironmentStatus): string {
  const lines = [`${status.service} ${status.environment}`];
  for (const region of status.regions) {
    if (region.unknown !== null) {
      lines.push('', `${region.region}  unknown  ${region.url}`, `  it gave no answer: ${region.unknown}`);
      continue;
    }
    const version = region.version ?? 'no single version';
    lines.push('', `${region.region}  live: ${region.live ?? 'no single colour'}  ${version}  ${region.url}`);
    const fleets = region.fleets.map((fleet) => [
      `  ${fleet.colour}`,
      fleet.role,
      fleet.version ?? 'no version',
      `${fleet.healthy} of ${fleet.desired} healthy`,
      `(${fleet.minimum} to ${fleet.maximum})`,
    ]);
    lines.push(fleets.length === 0 ? '  no fleet yet' : table(fleets));
    lines.push(table(region.routes.map((route) => [`  ${route.listener}`, route.label, route.weights])));
    const unwell = region.fleets.flatMap((fleet) => (fleet.healthy < fleet.desired ? fleet.instances : []));
    lines.push(...unwell.map((instance) => `  ${instance}`));
    lines.push(...region.drift.map((what) => `  drift: ${what}`));
  }
  lines.push('');
  if (status.open === null) lines.push('No deployment is under way.');
  else {
    const waits = status.open.approvals.some(({ waiting }) => waiting);
    const state = status.open.running ? 'under way' : waits ? 'left open' : 'interrupted';
    lines.push(
      `Deployment ${status.open.deployment} to ${status.open.version} is ${state}, at: ${status.open.step}.`,
    );
    for (const { name, waiting, needed, by } of status.open.approvals)
      lines.push(
        `${waiting ? 'It waits for' : 'It will need'} the approval ${name}, ${by.length} of ${needed}: \`bascule approve ${status.environment} --step ${name} --comment <why>\`.`,
      );
    if (status.open.planHash !== null) lines.push(`Its plan was given as ${status.open.planHash}.`);
    if (!status.open.running)
      lines.push(
        `\`bascule resume ${status.environment}\` goes on; \`bascule abort ${status.environment}\` goes back.`,
      );
  }
  if (status.open?.torn != null)
    lines.push(
      `Record ${status.open.torn} of its journal was cut off while it was written; what comes next takes its place.`,
    );
  if (status.holder !== null) {
    const { user, host, pid, job, since, gone } = status.holder;
    lines.push(
      `Held by ${user} on ${host} (process ${pid}${job === null ? '' : `, ${job}`}) since ${since}.`,
    );
    if (gone !== null) lines.push(`Its holder is gone: ${gone}.`);
  }
  if (status.database !== null) lines.push(databaseLine(status.database));
  for (const { name, reason, until, by } of status.freezes)
    lines.push(`Frozen until ${until} by ${by.user} on ${by.host} (${name}): ${reason}`);
  return lines.join('\n');
}

/** Whether every region serves a version, for people. */
export function renderExpectations({ version, proven, requests, regions }: Expectations): string {
  const rows = regions.map(({ region, answered, proven: here }) => [
    `  ${region}`,
    here ? 'proven' : 'not proven',
    Object.entries(answered)
      .map(([by, count]) => `${count} of ${requests} answered by ${by}`)
      .join(', '),
  ]);
  const problems = regions.flatMap(({ region, problems: why }) => why.map((one) => `  ${region}: ${one}`));
  const head = proven
    ? `Every region serves ${version} by its own traffic.`
    : `Not every region is proven to serve ${version} by its own traffic.`;
  return [head, table(rows), ...problems].join('\n');
}

function databaseLine({ schema, contract }: DatabaseStatus): string {
  const range = schema === null ? 'schema not declared' : `schema ${schema.from} to ${schema.to}`;
  const last =
    contract === null
      ? 'never contracted'
      : `contracted last for ${contract.version} by ${contract.deployment} at ${contract.at}`;
  return `Database: ${range}, ${last}.`;
}

/** The history of an environment for people. */
export function renderHistory(
  entries: readonly HistoryEntry[],
  events: readonly EventEntry[],
  detailed: boolean,
): string {
  const beside =
    events.length === 0
      ? []
      : ['', table([['WHEN', 'WHAT', 'BY'], ...events.map(({ at, what, by }) => [shortTime(at), what, by])])];
  if (entries.length === 0) return ['No deployment yet.', ...beside].join('\n');
  const head = ['DEPLOYMENT', 'WHEN', 'WHAT', 'OUTCOME', 'TOOK', 'BY'];
  const rows = entries.map((entry) => [
    entry.deployment,
    shortTime(entry.openedAt),
    entry.purpose === 'retire' ? 'retire' : `${entry.purpose} ${entry.from ?? 'nothing'} → ${entry.to}`,
    entry.outcome ?? 'not ended',
    entry.seconds === null ? '-' : `${entry.seconds} s`,
    `${entry.by.user}@${entry.by.host}`,
  ]);
  const lines = [table([head, ...rows])];
  if (detailed)
    for (const entry of entries) {
      lines.push('', `${entry.deployment}: ${entry.message ?? 'not ended'}`);
      lines.push(...entry.notes.map((note) => `  ${note}`));
      lines.push(
        table(
          entry.steps.map((step) => [
            `  ${step.phase}`,
            step.step,
            step.seconds === null ? '' : `${step.seconds} s`,
            step.reason ?? testedText(step),
          ]),
        ),
      );
    }
  return [...lines, ...beside].join('\n');
}

/** What a test that passed came to; of other steps nothing. */
function testedText({ facts }: HistoryEntry['steps'][number]): string {
  const { passed, failed, skipped, results } = facts;
  if (typeof passed !== 'number' || typeof failed !== 'number' || typeof skipped !== 'number') return '';
  return `${countsText({ passed, failed, skipped })}: ${String(results)}`;
}

function shortTime(at: string): string {
  return at.slice(0, 19).replace('T', ' ');
}
