import { chartDataOf, isShift } from './chart-data';
import { renderFigureList, type Figure } from './figures';
import { clock, count, dateTime, duration, plural } from './format';
import { type Html, html } from './html';
import { lookOf, renderLanes } from './lanes';
import { phasesOf, slowInFlightAt, versionsOf } from './phases';
import type { RehearsalReport } from './types';
import { problems } from './verdict';

const TICK = html`<svg viewBox="0 0 16 16" aria-hidden="true"><path d="M3 8.5l3.2 3.2L13 4.8" /></svg>`;
const CROSS = html`<svg viewBox="0 0 16 16" aria-hidden="true"><path d="M4 4l8 8M12 4l-8 8" /></svg>`;

/** A word with a sign and a colour; the word alone says all. */
export function badge(good: boolean, word: string): Html {
  return html`<span class="badge ${good ? 'good' : 'bad'}">${good ? TICK : CROSS}${word}</span>`;
}

/** Verdict, what was rehearsed and when. */
export function renderHeader(report: RehearsalReport): Html {
  const { load } = report;
  const found = problems(report);
  const good = found.length === 0;
  const summary = `${plural(load.sent, 'request')} in ${duration(load.endedAt - load.startedAt)}`;
  const lead = good
    ? html`${summary}, and not one failed. The longest time without a response was
      ${duration(load.longestGapMilliseconds)}.`
    : html`${summary}; not everything was as it should be:`;
  return html`<header>
    <p class="eyebrow">Bascule rehearsal</p>
    <div class="title">
      <h1>${report.title}</h1>
      ${badge(good, good ? 'Passed' : 'Failed')}
    </div>
    <p class="lead">${lead}</p>
    ${
      good
        ? null
        : html`<ul class="problems">
            ${found.map((problem) => html`<li>${problem}</li>`)}
          </ul>`
    }
    <p class="meta">
      <span>Service <b>${report.service}</b></span
      ><span>Load on <b>${report.url}</b></span
      ><span>${dateTime(report.startedAt)}</span
      ><span>${duration(report.endedAt - report.startedAt)} in all</span>
    </p>
  </header>`;
}

/** The fewest slow requests that were in flight when a step moved traffic under load. */
function slowFigure(report: RehearsalReport): Figure[] {
  const { byKind, startedAt, endedAt, buckets } = report.load;
  if (byKind.slow.sent === 0) return [];
  const shifts = report.deployments
    .flatMap(({ steps }) => steps)
    .filter((step) => isShift(step.name) && step.startedAt >= startedAt && step.startedAt <= endedAt);
  const note = `of ${count(byKind.slow.sent)}, longest ${duration(byKind.slow.longestMilliseconds)}`;
  if (shifts.length === 0) return [{ name: 'Slow requests', value: count(byKind.slow.completed), note }];
  const least = Math.min(...shifts.map((shift) => slowInFlightAt(buckets, shift.startedAt)));
  return [{ name: 'In flight at each shift', value: `${count(least)} slow`, note }];
}

/** The few numbers that matter most. */
export function renderFigures(report: RehearsalReport): Html {
  const { load } = report;
  const { sent, failed, latency } = load;
  const seconds = Math.max(0.001, ((load.stoppedAt ?? load.endedAt) - load.startedAt) / 1000);
  const figures: Figure[] = [
    { name: 'Requests sent', value: count(sent), note: `${count(sent / seconds)} a second` },
    {
      name: 'Requests failed',
      value: count(failed),
      note: `${count(load.completed)} completed`,
      bad: failed > 0,
    },
    {
      name: 'Longest gap',
      value: duration(load.longestGapMilliseconds),
      note: `no response from ${clock(load.longestGapAt - load.startedAt)}`,
    },
    {
      name: '95 % answered within',
      value: duration(latency.p95),
      note: `median ${duration(latency.p50)}, max ${duration(latency.max)}`,
    },
    ...slowFigure(report),
  ];
  return renderFigureList(figures);
}

/** The charts and what ran at the same time. Their places are filled by the page's script. */
export function renderCharts(report: RehearsalReport): Html {
  const { versions } = chartDataOf(report);
  const { byVersion, failed } = report.load;
  return html`<section class="card charts" aria-labelledby="traffic">
    <div class="card-head">
      <h2 id="traffic">Traffic by version</h2>
      <ul class="legend">
        ${versions.map(
          ({ label, colour, shade }) =>
            html`<li>
              <i class="swatch ${colour}" data-shade="${shade}"></i>${label}<small
                >${count(byVersion[label] ?? 0)}</small
              >
            </li>`,
        )}
        ${failed > 0 ? html`<li><i class="swatch bad"></i>failed<small>${count(failed)}</small></li>` : null}
        <li><i class="swatch line"></i>traffic shifts</li>
      </ul>
      <button type="button" class="reset" id="reset" hidden>Show all of it</button>
    </div>
    ${renderLanes(report)}
    <div class="plots" id="plots">
      <h3>Requests a second</h3>
      <div
        id="traffic-plot"
        class="plot"
        role="img"
        aria-label="Responses a second by version over time; the table below has the same by phase."
      ></div>
      <h3>
        Latency, ms
        <span class="key"><i class="stroke p95"></i>95th percentile <i class="stroke max"></i>longest</span>
      </h3>
      <div
        id="latency-plot"
        class="plot"
        role="img"
        aria-label="Latency over time, 95th percentile and longest."
      ></div>
      <h3>Slow requests in flight</h3>
      <div
        id="slow-plot"
        class="plot"
        role="img"
        aria-label="Requests of several seconds in flight over time."
      ></div>
      <div class="tip" id="tip" hidden></div>
    </div>
    <noscript><p>The charts need JavaScript; the tables below have the same numbers.</p></noscript>
    <p class="hint">
      Drag over a chart to look closer, or choose a run above it; a double click shows all of it again.
    </p>
  </section>`;
}

/** Requests by version, phase by phase. */
export function renderPhases(report: RehearsalReport): Html {
  const versions = versionsOf(report);
  const { load } = report;
  const cells = (byVersion: Record<string, number>): Html[] =>
    versions.map((version) => {
      const responses = byVersion[version] ?? 0;
      return html`<td class="n ${responses === 0 ? 'zero' : ''}">${count(responses)}</td>`;
    });
  const rows = phasesOf(report).map(
    (phase) =>
      html`<tr class="${phase.deployment ? 'run' : ''}">
        <th scope="row">${phase.name}</th>
        <td class="n">${clock(phase.startedAt - load.startedAt)}</td>
        <td class="n">${duration(phase.endedAt - phase.startedAt)}</td>
        ${cells(phase.byVersion)}
        <td class="n ${phase.failed > 0 ? 'wrong' : 'zero'}">${count(phase.failed)}</td>
        <td class="n">${duration(phase.longestGapMilliseconds)}</td>
      </tr>`,
  );
  return html`<section class="card" aria-labelledby="phases">
    <div class="card-head"><h2 id="phases">Who answered, phase by phase</h2></div>
    <div class="scroll">
      <table>
        <thead>
          <tr>
            <th scope="col">Phase</th>
            <th scope="col" class="n">At</th>
            <th scope="col" class="n">Took</th>
            ${versions.map((version) => html`<th scope="col" class="n">${version}</th>`)}
            <th scope="col" class="n">Failed</th>
            <th scope="col" class="n">Longest gap</th>
          </tr>
        </thead>
        <tbody>
          ${rows}
        </tbody>
        <tfoot>
          <tr>
            <th scope="row">total</th>
            <td></td>
            <td class="n">${duration(load.endedAt - load.startedAt)}</td>
            ${cells(load.byVersion)}
            <td class="n ${load.failed > 0 ? 'wrong' : ''}">${count(load.failed)}</td>
            <td class="n">${duration(load.longestGapMilliseconds)}</td>
          </tr>
        </tfoot>
      </table>
    </div>
  </section>`;
}

/** How an outcome is written: the word, its colour by how it went. */
export function outcomeWord(outcome: string): Html {
  return html`<span class="outcome ${lookOf(outcome)}">${outcome}</span>`;
}
