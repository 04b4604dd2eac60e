import { isShift } from './chart-data';
import { clock, count, dateTime, duration, plural } from './format';
import { type Html, html } from './html';
import { lookOf } from './lanes';
import { badge, outcomeWord } from './sections';
import type { RehearsalReport, RehearsedDeployment, RehearsedStep } from './types';

function stepRow(step: RehearsedStep, deployment: RehearsedDeployment): Html {
  const whole = Math.max(1, deployment.endedAt - deployment.startedAt);
  const left = (100 * (step.startedAt - deployment.startedAt)) / whole;
  const width = (100 * (step.endedAt - step.startedAt)) / whole;
  return html`<tr>
    <th scope="row">${step.name}</th>
    <td class="n">${duration(step.endedAt - step.startedAt)}</td>
    <td class="bar">
      <span
        ><i
          class="${lookOf(step.outcome)} ${isShift(step.name) ? 'shift' : ''}"
          style="left:${left.toFixed(2)}%;width:${width.toFixed(2)}%"
        ></i
      ></span>
    </td>
    <td>${outcomeWord(step.outcome)}</td>
    <td class="note">${step.note ?? ''}</td>
  </tr>`;
}

function releasesOf({ from, to }: RehearsedDeployment): string {
  if (from === undefined && to === undefined) return '';
  if (from === to) return `${to ?? ''} stays live`;
  return `${from ?? 'nothing'} → ${to ?? 'nothing'}`;
}

function renderDeployment(deployment: RehearsedDeployment, startedAt: number): Html {
  const { id, what, outcome, expected, asExpected, steps, message } = deployment;
  const at = deployment.startedAt - startedAt;
  return html`<article class="deployment ${asExpected ? '' : 'wrong'}">
    <h3>
      ${what}<span class="releases">${releasesOf(deployment)}</span
      >${badge(asExpected, asExpected ? `${outcome}, as expected` : `${outcome}, expected ${expected}`)}
    </h3>
    <p class="meta">
      <span>${duration(deployment.endedAt - deployment.startedAt)}</span
      ><span>${at >= 0 ? `at ${clock(at)}` : 'before the load'}</span
      ><span>deployment <code>${id}</code></span>
    </p>
    ${message ? html`<pre class="message">${message}</pre>` : null}
    <div class="scroll">
      <table class="steps">
        <thead>
          <tr>
            <th scope="col">Step</th>
            <th scope="col" class="n">Took</th>
            <th scope="col" class="bar">When</th>
            <th scope="col">Outcome</th>
            <th scope="col">Note</th>
          </tr>
        </thead>
        <tbody>
          ${steps.map((step) => stepRow(step, deployment))}
        </tbody>
      </table>
    </div>
  </article>`;
}

/** Each deployment with its steps, how long they took, and what was said of it. */
export function renderDeployments(report: RehearsalReport): Html {
  return html`<section class="card" aria-labelledby="deployments">
    <div class="card-head"><h2 id="deployments">Deployments</h2></div>
    ${report.deployments.map((deployment) => renderDeployment(deployment, report.load.startedAt))}
  </section>`;
}

/** What had to be so, and what was found. */
export function renderChecks(report: RehearsalReport): Html | null {
  if (report.checks.length === 0) return null;
  const rows = report.checks.map(
    ({ name, expected, found, ok }) =>
      html`<tr>
        <td class="sign">${badge(ok, ok ? 'ok' : 'no')}</td>
        <th scope="row">${name}</th>
        <td>${expected}</td>
        <td class="${ok ? '' : 'wrong'}">${found}</td>
      </tr>`,
  );
  return html`<section class="card" aria-labelledby="checks">
    <div class="card-head"><h2 id="checks">What was expected, and what was found</h2></div>
    <div class="scroll">
      <table>
        <thead>
          <tr>
            <th scope="col"><span class="hidden">Result</span></th>
            <th scope="col">Check</th>
            <th scope="col">Expected</th>
            <th scope="col">Found</th>
          </tr>
        </thead>
        <tbody>
          ${rows}
        </tbody>
      </table>
    </div>
  </section>`;
}

/** The first failed requests with all that is known of them. */
export function renderFailures(report: RehearsalReport): Html | null {
  const { failures, failed, startedAt } = report.load;
  if (failed === 0) return null;
  const rows = failures.map(
    (failure) =>
      html`<tr>
        <td class="n">${clock(failure.at - startedAt)}</td>
        <th scope="row">${failure.reason}</th>
        <td>${failure.kind}${failure.reusedConnection ? ', connection used before' : ''}</td>
        <td><code>${failure.path}</code></td>
        <td class="n">${duration(failure.durationMilliseconds)}</td>
        <td>${failure.target ?? ''}</td>
      </tr>`,
  );
  return html`<section class="card" aria-labelledby="failures">
    <div class="card-head">
      <h2 id="failures">Failed requests</h2>
      <p class="aside">
        ${
          failures.length < failed
            ? `the first ${failures.length} of ${count(failed)}`
            : plural(failed, 'request')
        }
      </p>
    </div>
    <div class="scroll tall">
      <table>
        <thead>
          <tr>
            <th scope="col" class="n">Ended at</th>
            <th scope="col">Reason</th>
            <th scope="col">Connection</th>
            <th scope="col">Path</th>
            <th scope="col" class="n">Took</th>
            <th scope="col">Answered by</th>
          </tr>
        </thead>
        <tbody>
          ${rows}
        </tbody>
      </table>
    </div>
  </section>`;
}

/** What was measured on, and how to read the numbers. */
export function renderFacts(report: RehearsalReport): Html {
  const { byKind, generatorStallMilliseconds } = report.load;
  const kinds = `${count(byKind['keep-alive'].sent)} over kept connections, ${count(byKind.fresh.sent)} over a new connection each, ${count(byKind.slow.sent)} slow`;
  const facts = {
    ...report.facts,
    Requests: kinds,
    'Longest stall of the generator itself': `${duration(generatorStallMilliseconds)} (part of a gap may be its own)`,
    Ended: dateTime(report.endedAt),
  };
  return html`<section class="card" aria-labelledby="facts">
    <div class="card-head"><h2 id="facts">Measured on</h2></div>
    <dl class="facts">
      ${Object.entries(facts).map(
        ([name, value]) =>
          html`<div>
            <dt>${name}</dt>
            <dd>${value}</dd>
          </div>`,
      )}
    </dl>
    <p class="hint">
      A request counts as failed when its connection was refused, reset or closed before the whole response
      was there, when no response came in time, or when its status was not one of success. Latencies are of
      the quick requests; the gap is the longest time in which no request at all, on any connection, got a
      whole successful response.
    </p>
  </section>`;
}
