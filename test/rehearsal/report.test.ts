import { createHash } from 'node:crypto';
import { readFileSync } from 'node:fs';
import path from 'node:path';
import vm from 'node:vm';
import { beforeAll, describe, expect, it } from 'vitest';
import { percentile } from '../../automation/rehearsal/load/histogram';
import { type ChartData, chartDataOf } from '../../automation/rehearsal/report/chart-data';
import { renderClosingTable } from '../../automation/rehearsal/report/closing-table';
import { phasesOf } from '../../automation/rehearsal/report/phases';
import { renderReport } from '../../automation/rehearsal/report/render-report';
import type { RehearsalReport } from '../../automation/rehearsal/report/types';
import { passed, problems } from '../../automation/rehearsal/report/verdict';
import { Miniature, rehearseInSmall } from './miniature';

let good: RehearsalReport;
let broken: RehearsalReport;

beforeAll(async () => {
  good = await rehearseInSmall({ rate: 400, slowSeconds: 0.3, requestsPerStep: 20 });
  const miniature = await Miniature.start({ rate: 400, slowSeconds: 60, requestsPerStep: 20 });
  try {
    await miniature.traffic(60);
    await miniature.breakDown();
    broken = await miniature.finish(Date.now());
  } finally {
    await miniature.close();
  }
});

const clone = (report: RehearsalReport): RehearsalReport => structuredClone(report);

function dataOf(page: string): ChartData {
  const text = /<script type="application\/json" id="data">([\s\S]*?)<\/script>/.exec(page)?.[1];
  return JSON.parse(text ?? '') as ChartData;
}

describe('renderReport', () => {
  it('says what happened: verdict, figures, deployments, steps, checks, facts', () => {
    const page = renderReport(good);
    expect(page).toMatch(/^<!doctype html>/);
    expect(page).toContain('<title>Passed: Rehearsal of hello</title>');
    expect(page).toContain(new Intl.NumberFormat('en-GB').format(good.load.sent));
    for (const { what, id, steps } of good.deployments) {
      expect(page).toContain(what);
      expect(page).toContain(id);
      for (const { name } of steps) expect(page).toMatch(new RegExp(`aria-label="\\s*${name}: `));
    }
    expect(page).toContain('refused, as expected');
    expect(page).toContain('Target.FailedHealthChecks');
    expect(page).toContain('live at the end');
    expect(page).toContain(process.version);
    expect(page).not.toContain('Failed requests</h2>');
  });

  it('needs nothing but itself, and lets no script run but its own', () => {
    const page = renderReport(good);
    expect(page).not.toMatch(/<(link|img|iframe|object|embed|base)\b/i);
    expect(page).not.toMatch(/\s(src|srcset|href|action)\s*=/i);
    expect(page).not.toMatch(/@import|url\(/i);
    const scripts = [...page.matchAll(/<script>([\s\S]*?)<\/script>/g)].map((found) => found[1] ?? '');
    expect(scripts).toHaveLength(4);
    const policy = /Content-Security-Policy"\s+content="([^"]*)"/.exec(page)?.[1] ?? '';
    expect(policy).toContain('default-src &#39;none&#39;');
    for (const script of scripts) {
      expect(policy).toContain(createHash('sha256').update(script).digest('base64'));
    }
    expect([...page.matchAll(/<script\b/g)]).toHaveLength(5);
  });

  it('gives the charts every response that came before the load was stopped', () => {
    const data = dataOf(renderReport(good));
    const counted = data.versions.map(({ label, counts }) => [label, counts.reduce((a, b) => a + b, 0)]);
    const { stoppedAt, buckets } = good.load;
    const expected = new Map<string, number>();
    for (const { at, byVersion } of buckets.filter((bucket) => bucket.at < (stoppedAt as number))) {
      for (const [version, count] of Object.entries(byVersion)) {
        expected.set(version, (expected.get(version) ?? 0) + count);
      }
      expect(at).toBeGreaterThan(0);
    }
    expect(counted).toEqual([...expected]);
    expect(data.versions.map(({ colour }) => colour)).toEqual(['blue', 'green']);
    expect(data.shifts).toHaveLength(2);
  });

  it('shows every text as text, wherever it comes from', () => {
    const evil = `</script><img src=x onerror="alert('1')">&amp;`;
    const report = clone(good);
    report.title = report.service = report.url = evil;
    report.facts[evil] = evil;
    report.checks.push({ name: evil, expected: evil, found: evil, ok: false });
    for (const deployment of report.deployments) {
      Object.assign(deployment, {
        id: evil,
        what: evil,
        from: evil,
        to: evil,
        outcome: evil,
        expected: evil,
        message: evil,
      });
      for (const step of deployment.steps) Object.assign(step, { name: evil, outcome: evil, note: evil });
    }
    report.load.byVersion[evil] = 1;
    for (const bucket of report.load.buckets) bucket.byVersion[evil] = 1;
    report.load.failed = 1;
    report.load.failures.push({
      at: report.load.startedAt,
      path: evil,
      kind: 'fresh',
      reason: evil,
      durationMilliseconds: 1,
      reusedConnection: false,
      status: null,
      target: evil,
    });
    const page = renderReport(report);
    expect(page).not.toContain('<img');
    expect([...page.matchAll(/<\/script>/g)]).toHaveLength(5);
    expect(page).toContain('&lt;img src=x onerror=&quot;alert(&#39;1&#39;)&quot;&gt;&amp;amp;');
    expect(dataOf(page).versions.map(({ label }) => label)).toContain(evil);
  });

  it('says what was wrong when something was', () => {
    expect(broken.load.failed).toBeGreaterThan(0);
    expect(passed(broken)).toBe(false);
    const page = renderReport(broken);
    expect(page).toContain('<title>Failed: Rehearsal of hello</title>');
    expect(page).toContain('Failed requests</h2>');
    expect(page).toContain('connection closed before any response');
    expect(page).toMatch(/class="block failure"/);
  });

  it('shows requests that failed only after the load was stopped', () => {
    const late = clone(broken);
    late.load.stoppedAt = late.load.buckets.find(({ failed }) => failed > 0)?.at ?? NaN;
    const page = renderReport(late);
    expect(page).toMatch(/class="block failure"/);
    expect(page).not.toContain('no request failed');
  });
});

describe('the verdict', () => {
  const cases: [string, (report: RehearsalReport) => void, RegExp][] = [
    ['a failed request', (report) => void (report.load.failed = 1), /^1 of [\d,]+ requests failed\.$/],
    ['no request at all', (report) => void (report.load.sent = 0), /^No request was sent\.$/],
    [
      'a request unaccounted for',
      (report) => void (report.load.unaccounted = 1),
      /^1 request unaccounted for\.$/,
    ],
    [
      'an outcome not expected',
      ({ deployments }) =>
        void Object.assign(deployments[0] ?? {}, { outcome: 'refused', asExpected: false }),
      /^deploy 2\.0\.0: expected succeeded, found refused\.$/,
    ],
    [
      'a check',
      ({ checks }) => void Object.assign(checks[1] ?? {}, { found: '2.0.0', ok: false }),
      /found 2\.0\.0\.$/,
    ],
  ];
  it.each(cases)('falls with %s', (_, spoil, problem) => {
    expect(problems(good)).toEqual([]);
    const report = clone(good);
    spoil(report);
    expect(passed(report)).toBe(false);
    expect(problems(report)).toEqual([expect.stringMatching(problem)]);
  });
});

describe('phases', () => {
  it('add up to what was counted, each bucket in exactly one', () => {
    for (const report of [good, broken]) {
      const phases = phasesOf(report);
      expect(phases.reduce((sum, { completed }) => sum + completed, 0)).toBe(report.load.completed);
      expect(phases.reduce((sum, { failed }) => sum + failed, 0)).toBe(report.load.failed);
      phases.slice(1).forEach(({ startedAt }, at) => expect(startedAt).toBe(phases[at]?.endedAt));
    }
  });

  it('name each run and what lies between two', () => {
    expect(phasesOf(good).map(({ name }) => name)).toEqual([
      'before deploy 2.0.0',
      'deploy 2.0.0',
      'after deploy 2.0.0',
      'rollback',
      'after rollback',
      'deploy 3.0.0-crash',
      'after deploy 3.0.0-crash',
      'deploy 3.0.1-sick',
      'after deploy 3.0.1-sick',
    ]);
    const after = phasesOf(good).find(({ name }) => name === 'after deploy 2.0.0');
    expect(after?.byVersion['2.0.0 green']).toBeGreaterThan(0);
  });

  it('leave out a deployment that ended before the load began', () => {
    const report = clone(good);
    const [first] = report.deployments;
    if (first)
      report.deployments.unshift({ ...first, what: 'deploy 1.0.0', startedAt: 1, endedAt: 2, steps: [] });
    expect(phasesOf(report)[0]?.name).toBe('before deploy 2.0.0');
    // Nor does its shift, when nothing was in flight yet, count among those under load.
    report.deployments[0]?.steps.push({ name: 'shift:r', startedAt: 1, endedAt: 2, outcome: 'verified' });
    expect(renderReport(report)).toMatch(/>\s*[1-8] slow/);
    expect(renderReport(report)).toContain('before the load');
  });
});

describe('chart data', () => {
  it('shows time in which nothing ended as zero, not as a line across it', () => {
    const report = clone(good);
    const width = report.load.bucketMilliseconds;
    const [first, , , , ...rest] = report.load.buckets;
    if (first) report.load.buckets = [first, ...rest];
    const data = chartDataOf(report);
    const hole = data.versions[0]?.counts.slice(1, 4);
    expect(hole).toEqual([0, 0, 0]);
    const last =
      report.load.buckets.filter(({ at }) => at < (report.load.stoppedAt as number)).at(-1)?.at ?? 0;
    expect(data.failed).toHaveLength((last - (first?.at ?? 0)) / width + 1);
  });

  it('is read by the page as it was written: rates and percentiles', () => {
    const markup = readFileSync(
      path.join(__dirname, '../../automation/rehearsal/report/windows.html'),
      'utf8',
    );
    const code = markup.slice(markup.indexOf('<script>') + 8, markup.lastIndexOf('</script>'));
    const data = chartDataOf(good);
    const document = { getElementById: () => ({ textContent: JSON.stringify(data) }) };
    const windows = vm.runInNewContext(`${code}; rehearsal.windowsOf([0, ${data.endSecond}])`, {
      document,
    }) as {
      from: number;
      to: number;
      rates: number[];
      p95: number | null;
    }[];
    const responses = windows.reduce((sum, { from, to, rates }) => sum + (rates[0] ?? 0) * (to - from), 0);
    const counted = data.versions[0]?.counts.reduce((a, b) => a + b, 0) ?? 0;
    // The last sliver of a window may be left out.
    expect(responses).toBeGreaterThan(counted * 0.95);
    expect(responses).toBeLessThanOrEqual(counted + 1e-6);
    const bucket = good.load.buckets[3];
    const counts: number[] = [];
    for (const [bin, count] of bucket?.latency.histogram ?? []) counts[bin] = count;
    expect(windows[3]?.p95).toBeCloseTo(percentile(counts, 0.95, bucket?.latency.maxMilliseconds ?? 0), 0);
  });
});

describe('renderClosingTable', () => {
  it('has the totals, a row for each phase with its versions, and the time of each step', () => {
    const table = renderClosingTable(good);
    expect(table).toMatch(/^Rehearsal of hello: passed\n/);
    expect(table).toMatch(new RegExp(`^Requests sent +${good.load.sent.toLocaleString('en-GB')}$`, 'm'));
    expect(table).toMatch(/^Requests failed +0$/m);
    expect(table).toMatch(/^Longest gap +[\d.]+ m?s \(at \d+:\d\d\.\d\)$/m);
    expect(table).toMatch(/^Phase +At +Took +1\.0\.0 blue +2\.0\.0 green +Failed +Longest gap$/m);
    expect(table).toMatch(/^after deploy 2\.0\.0 +/m);
    expect(table).toMatch(/^ {2}shift +[\d.]+ m?s {2}done: 1 listener, green 100 %$/m);
    expect(table).toMatch(/^deploy 3\.0\.0-crash +.* refused, as expected$/m);
    expect(table).toMatch(/^ {4}i-0c3 never became healthy/m);
  });

  it('keeps its columns aligned', () => {
    const lines = renderClosingTable(good).split('\n');
    const heading = lines.findIndex((line) => line.startsWith('Phase'));
    const end = lines.indexOf('', heading);
    const widths = new Set(lines.slice(heading, end).map((line) => line.length));
    expect(widths.size).toBe(1);
  });

  it('is never wider than 100 columns, whatever the names', () => {
    const report = clone(broken);
    const long =
      'a name much longer than anybody would ever want to see in a terminal, and then some more '.repeat(2);
    report.title = long;
    report.deployments.push({
      ...(good.deployments[0] as (typeof good.deployments)[0]),
      what: long,
      message: long,
    });
    report.checks.push({ name: long, expected: long, found: long, ok: false });
    for (let version = 0; version < 9; version++) {
      report.load.byVersion[`${version}.0.0-${long} blue`] = 100_000_000;
      const [bucket] = report.load.buckets;
      if (bucket) bucket.byVersion[`${version}.0.0-${long} blue`] = 100_000_000;
    }
    const lines = renderClosingTable(report).split('\n');
    expect(Math.max(...lines.map((line) => line.length))).toBeLessThanOrEqual(100);
    expect(lines.join('\n')).toContain('connection closed before any response');
    expect(lines.some((line) => /Phase.* other +Failed/.test(line))).toBe(true);
  });
});
