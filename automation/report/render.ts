import path from 'node:path';
import { renderDocument } from '../rehearsal/report/document';
import { renderFigureList, type Figure } from '../rehearsal/report/figures';
import { clock, dateTime, duration } from '../rehearsal/report/format';
import { type Html, html } from '../rehearsal/report/html';
import { badge, outcomeWord } from '../rehearsal/report/sections';
import { chartsOf, type Panel } from './chart-data';
import { renderLanes, verdictLook } from './lanes';
import type { CheckCourse, DeploymentStory, ToldStep } from './story';
import { table } from './table';
import { testTable } from './tests';

/** What its charts share with those of a rehearsal. */
const TIMELINE = path.join(__dirname, '..', 'rehearsal', 'report', 'timeline.html');

/** The report of a deployment as one HTML file that needs nothing else. */
export function renderDeployment(story: DeploymentStory): string {
  const charts = chartsOf(story);
  return renderDocument({
    title: `${outcomeOf(story)}: ${titleOf(story)}`,
    body: html`${header(story)} ${figures(story)} ${chartSection(story, charts.panels)} ${checkTable(story)}
    ${testTable(story)} ${stepTable(story)} ${eventTable(story)} ${facts(story)}`,
    data: charts,
    scripts: [[TIMELINE, path.join(__dirname, 'client.html')]],
  });
}

function outcomeOf({ outcome }: DeploymentStory): string {
  return outcome ?? 'not ended';
}

function titleOf({ plan }: DeploymentStory): string {
  const { purpose, service, environment, version, formerVersion } = plan;
  const releases = formerVersion === null ? version : `${formerVersion} → ${version}`;
  return `${purpose} of ${service} in ${environment}: ${purpose === 'retire' ? version : releases}`;
}

function header(story: DeploymentStory): Html {
  const { outcome, message, reason, openedAt, endedAt, by } = story;
  const good = outcome === 'succeeded';
  const told = outcome !== 'succeeded' && reason !== null;
  return html`<header>
    <p class="eyebrow">Bascule deployment</p>
    <div class="title">
      <h1>${titleOf(story)}</h1>
      ${outcome === null ? outcomeWord('started') : badge(good, outcome)}
    </div>
    <p class="lead">
      ${message ?? reason?.message ?? 'It did not end: it still runs, or it was interrupted.'}
    </p>
    ${
      told
        ? html`<pre class="message">
${[`${reason.code}: ${reason.message}`, ...reason.details].join('\n')}</pre>`
        : null
    }
    <p class="meta">
      <span>Deployment <b>${story.deployment}</b></span
      ><span>By <b>${by}</b></span
      ><span>${dateTime(openedAt)}</span><span>${duration(endedAt - openedAt)} in all</span>
    </p>
  </header>`;
}

function figures(story: DeploymentStory): Html {
  const points = story.weights.flatMap((course) => course.points);
  const most = points.reduce((max, { percent }) => Math.max(max, percent), 0);
  const looks = story.checks.flatMap((course) => course.looks);
  const failed = looks.filter(({ verdict }) => verdict === 'fail').length;
  const done = story.steps.filter(({ phase }) => phase === 'verified').length;
  const numbers: Figure[] = [
    {
      name: 'Took',
      value: duration(story.endedAt - story.openedAt),
      note: story.outcome === null ? 'until the last that is known' : 'from opening to end',
    },
    { name: 'Steps done', value: String(done), note: `of ${story.steps.length}` },
  ];
  if (points.length > 0)
    numbers.push({
      name: 'Most traffic on the new colour',
      value: `${percent(most)} %`,
      note: `${percent(points.at(-1)?.percent ?? 0)} % at the end`,
    });
  if (looks.length > 0)
    numbers.push({
      name: 'Looks of the checks',
      value: String(looks.length),
      note: failed === 0 ? 'none failed' : `${failed} failed`,
      bad: failed > 0,
    });
  return renderFigureList(numbers);
}

function percent(value: number): string {
  return String(Number(value.toFixed(1)));
}

function chartSection(story: DeploymentStory, panels: readonly Panel[]): Html {
  return html`<section class="card charts deployment-charts" aria-labelledby="course">
    <div class="card-head">
      <h2 id="course">Steps, weights and checks</h2>
      <ul class="legend">
        <li><i class="swatch line"></i>traffic shifts</li>
        <li><i class="stroke limit"></i>limit of a check</li>
        <li><i class="swatch bad"></i>failed</li>
        <li><i class="swatch undecided"></i>undecided</li>
      </ul>
      <button type="button" class="reset" id="reset" hidden>Show all of it</button>
    </div>
    ${renderLanes(story)}
    <div class="plots" id="plots">
      ${panels.map(
        ({ id, title }) =>
          html`<h3>${title}</h3>
            <div
              id="${id}"
              class="plot"
              role="img"
              aria-label="${title} over time; the tables below have it in words."
            ></div>`,
      )}
      <div class="tip" id="tip" hidden></div>
    </div>
    <noscript><p>The charts need JavaScript; the tables below have the same in words.</p></noscript>
    <p class="hint">
      Drag over a chart to look closer, or choose a step above it; a double click shows all of it again.
    </p>
  </section>`;
}

function checkRow(course: CheckCourse): Html {
  const { name, region, looks } = course;
  const number = (...verdicts: string[]): number =>
    looks.filter(({ verdict }) => verdicts.includes(verdict)).length;
  const last = looks.at(-1);
  return html`<tr>
    <th scope="row">${name}</th>
    <td class="region">${region}</td>
    <td class="n">${looks.length}</td>
    <td class="n">${number('pass')}</td>
    <td class="n ${number('fail') > 0 ? 'wrong' : 'zero'}">${number('fail')}</td>
    <td class="n">${number('inconclusive', 'error')}</td>
    <td>
      ${last === undefined ? null : html`<span class="outcome ${verdictLook(last.verdict)}">${last.verdict}</span>`}
    </td>
    <td class="note">${last?.reason ?? ''}</td>
  </tr>`;
}

function checkTable({ checks }: DeploymentStory): Html | null {
  if (checks.length === 0) return null;
  return table({
    id: 'checks',
    title: 'What the checks found',
    columns: ['Check', 'Region', '#Looks', '#Passed', '#Failed', '#Undecided', 'Last', 'In words'],
    rows: checks.map(checkRow),
  });
}

/** Of a deployment that ended, what it never came to is not pending any more. */
function phaseWord(phase: string, ended: boolean): Html {
  return phase === 'pending' && ended
    ? html`<span class="outcome zero">not begun</span>`
    : outcomeWord(phase);
}

function stepRow(step: ToldStep, { openedAt, outcome }: DeploymentStory): Html {
  const { name, region, phase, startedAt, endedAt, note } = step;
  const took = startedAt === null || endedAt === null ? '' : duration(endedAt - startedAt);
  return html`<tr>
    <th scope="row">${name}</th>
    <td class="region">${region}</td>
    <td class="n">${startedAt === null ? '' : clock(startedAt - openedAt)}</td>
    <td class="n">${took}</td>
    <td>${phaseWord(phase, outcome !== null)}</td>
    <td class="note">${note}</td>
  </tr>`;
}

function stepTable(story: DeploymentStory): Html {
  return table({
    id: 'steps',
    title: 'Steps',
    columns: ['Step', 'Region', '#At', '#Took', 'Outcome', 'Note'],
    rows: story.steps.map((step) => stepRow(step, story)),
  });
}

function eventTable({ events, openedAt }: DeploymentStory): Html | null {
  if (events.length === 0) return null;
  return table({
    id: 'events',
    title: 'What people and processes did',
    columns: ['#At', 'What'],
    rows: events.map(
      ({ at, what }) =>
        html`<tr>
          <td class="n">${clock(at - openedAt)}</td>
          <td>${what}</td>
        </tr>`,
    ),
  });
}

function facts({ plan, deployment }: DeploymentStory): Html {
  return html`<p class="hint">
    Made from the journal of ${deployment};
    <code>bascule report ${plan.environment} ${deployment}</code> makes it again from any machine. A check is
    drawn at the times it looked; undecided are the looks that had too few requests or no answer.
  </p>`;
}
