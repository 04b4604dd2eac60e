import { renderBlock, type Block } from './block';
import { chartEnd, isShift } from './chart-data';
import { clock, duration, plural } from './format';
import { type Html, html } from './html';
import type { RehearsalReport, RehearsedDeployment, RehearsedStep } from './types';

/** How an outcome looks: gone well, turned back or left unfinished, or gone wrong. */
export function lookOf(outcome: string): 'good' | 'back' | 'bad' {
  if (/undo|undone|roll|^(started|ran|pending)$/i.test(outcome)) return 'back';
  return /fail|refus|unmet|halt|abort|timed|error/i.test(outcome) ? 'bad' : 'good';
}

function deploymentBlock(deployment: RehearsedDeployment): Block {
  const { what, outcome, expected, asExpected, startedAt, endedAt } = deployment;
  const judged = asExpected ? `${outcome}, as expected` : `${outcome}, expected ${expected}`;
  return {
    from: startedAt,
    to: endedAt,
    look: asExpected ? 'run' : 'run wrong',
    label: what,
    details: `${what}: ${judged}. ${duration(endedAt - startedAt)}.`,
  };
}

function stepBlock(step: RehearsedStep, load: { startedAt: number }): Block {
  const { name, startedAt, endedAt, outcome, note } = step;
  const when = `${clock(startedAt - load.startedAt)} to ${clock(endedAt - load.startedAt)}`;
  return {
    from: startedAt,
    to: endedAt,
    look: `step ${lookOf(outcome)}${isShift(name) ? ' shift' : ''}`,
    // A step's id ends in its region, for which a block has no room; the details have the whole of it.
    label: name.split(':')[0] ?? name,
    details: `${name}: ${outcome}, ${duration(endedAt - startedAt)}, ${when}.${note ? ` ${note}` : ''}`,
  };
}

/** The stretches in which requests failed: neighbouring buckets are one. */
function failureBlocks(report: RehearsalReport): Block[] {
  const { buckets, bucketMilliseconds, startedAt } = report.load;
  const stretches: { from: number; to: number; failed: number }[] = [];
  for (const { at, failed } of buckets) {
    if (failed === 0) continue;
    const last = stretches.at(-1);
    if (last?.to === at) Object.assign(last, { to: at + bucketMilliseconds, failed: last.failed + failed });
    else stretches.push({ from: at, to: at + bucketMilliseconds, failed });
  }
  // What fails after the load was stopped has failed all the same, and is drawn where the lane ends.
  const latest = Math.max(startedAt, chartEnd(report) - bucketMilliseconds);
  return stretches.map(({ from, to, failed }) => ({
    from: Math.min(from, latest),
    to: Math.min(to, latest + bucketMilliseconds),
    look: 'failure',
    label: '',
    details: `${plural(failed, 'request')} failed from ${clock(from - startedAt)} to ${clock(to - startedAt)}.`,
  }));
}

/** Blocks that overlap go on tracks of their own, so that none hides another. */
function tracksOf(blocks: Block[]): Block[][] {
  const tracks: Block[][] = [];
  for (const block of [...blocks].sort((one, other) => one.from - other.from)) {
    const free = tracks.find((track) => (track.at(-1)?.to ?? 0) <= block.from);
    if (free) free.push(block);
    else tracks.push([block]);
  }
  return tracks;
}

function lane(report: RehearsalReport, name: string, blocks: Block[], empty: string): Html {
  const { startedAt } = report.load;
  const length = Math.max(1, chartEnd(report) - startedAt);
  const within = blocks.filter(({ from, to }) => to > startedAt && from < startedAt + length);
  const draw = (block: Block): Html => renderBlock(block, startedAt, length);
  const tracks = tracksOf(within).map((track) => html`<div class="track">${track.map(draw)}</div>`);
  return html`<div class="lane">
    <span class="lane-name">${name}</span>
    <div class="tracks">${tracks.length > 0 ? tracks : html`<div class="track none">${empty}</div>`}</div>
  </div>`;
}

/** What ran when, drawn on the time axis of the charts below it. */
export function renderLanes(report: RehearsalReport): Html {
  const steps = report.deployments.flatMap((deployment) => deployment.steps);
  return html`<div class="lanes">
    ${lane(report, 'Runs', report.deployments.map(deploymentBlock), 'nothing was deployed')}
    ${lane(
      report,
      'Steps',
      steps.map((step) => stepBlock(step, report.load)),
      'no step',
    )}
    ${lane(report, 'Failed', failureBlocks(report), 'no request failed')}
  </div>`;
}
