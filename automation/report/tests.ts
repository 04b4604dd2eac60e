import { countsOf, type TestCase } from '../../src/domain/suite/result';
import { duration } from '../rehearsal/report/format';
import { type Html, html } from '../rehearsal/report/html';
import { table } from './table';
import type { DeploymentStory, ToldTest } from './story';

/** Cases of one test that are shown; all of those that failed come first. */
const SHOWN = 100;

/** The tests that were gates, each with its cases; nothing where there were none. */
export function testTable({ tests }: DeploymentStory): Html | null {
  if (tests.length === 0) return null;
  return table({
    id: 'tests',
    title: 'Tests',
    columns: ['Test', 'Region', 'Against', '#Took', 'Outcome', 'In words'],
    rows: tests.flatMap(rowsOf),
  });
}

function rowsOf(test: ToldTest): Html[] {
  const cases = shown(test.cases ?? []);
  const more = (test.cases?.length ?? 0) - cases.length;
  return [testRow(test), ...cases.map((one) => caseRow(one, test)), ...(more > 0 ? [moreRow(more)] : [])];
}

function shown(cases: readonly TestCase[]): TestCase[] {
  if (cases.length <= SHOWN) return [...cases];
  const failed = cases.filter(({ outcome }) => outcome === 'failed');
  return [...failed, ...cases.filter((one) => !failed.includes(one))].slice(0, SHOWN);
}

function testRow(test: ToldTest): Html {
  const { name, region, when, startedAt, endedAt } = test;
  return html`<tr>
    <th scope="row">${name}</th>
    <td class="region">${region}</td>
    <td>${when === 'idle' ? 'idle colour' : 'production'}</td>
    <td class="n">${startedAt === null || endedAt === null ? '' : duration(endedAt - startedAt)}</td>
    <td>${word(outcomeOf(test))}</td>
    <td class="note">${inWords(test)}</td>
  </tr>`;
}

function outcomeOf({ phase, endedAt }: ToldTest): string {
  switch (phase) {
    case 'verified':
      return 'passed';
    case 'failed':
      return 'failed';
    case 'pending':
      return 'not begun';
    default:
      return endedAt === null ? 'did not end' : phase;
  }
}

/** What the results say; without them, what the journal says. */
function inWords({ cases, problems, phase }: ToldTest): string {
  if (cases === null || cases.length === 0) return problems.join('\n');
  const { passed, failed, skipped } = countsOf(cases);
  const counts = [`${passed} passed`, `${failed} failed`, `${skipped} skipped`];
  const told = counts.filter((one) => !one.startsWith('0 ')).join(', ');
  // How a command ended is no case of its own.
  return phase === 'failed' && failed === 0 ? `${told}; ${problems.join('\n')}` : told;
}

function caseRow({ name, seconds, outcome, problems }: TestCase, test: ToldTest): Html {
  // The results name the test in each case, for readers that know them alone.
  const own = name.startsWith(`${test.name} `) ? name.slice(test.name.length + 1) : name;
  return html`<tr class="case">
    <td colspan="3">↳ ${own}</td>
    <td class="n">${outcome === 'skipped' ? '' : duration(seconds * 1000)}</td>
    <td>${word(outcome)}</td>
    <td class="note">${problems.join('\n')}</td>
  </tr>`;
}

function moreRow(more: number): Html {
  return html`<tr class="case">
    <td colspan="6">… and ${String(more)} more, in the results that are kept</td>
  </tr>`;
}

function word(outcome: string): Html {
  const look = outcome === 'passed' ? 'good' : outcome === 'failed' ? 'bad' : 'zero';
  return html`<span class="outcome ${look}">${outcome}</span>`;
}
