import { percentilesFor } from '../domain/analysis/latency';
import type { AlarmCheck } from '../domain/analysis/check';
import type { Counts, Latencies, Measurement, Period, Window } from '../domain/analysis/measurement';
import type { Colour } from '../domain/colour';
import type { Look, MetricCheck } from '../ports';
import type { Reading, Series } from './metric-data';

/** The load balancer's metrics have a resolution of a minute (Elastic Load Balancing user guide, CloudWatch metrics). */
export const MINUTE = 60_000;

/** Metrics arrive late, as a rule by two or three minutes. What is later than this counts as missing. */
export const LATEST = 5 * MINUTE;

/** A stretch of time, and the shortest period that its metrics have; all in milliseconds. */
export interface Span extends Window {
  period: number;
}

/** What was read for a look: over its own time, and over the time when the former colour had traffic. */
export interface LookData {
  span: Span;
  reading: Reading;
  before: { span: Span; reading: Reading } | null;
}

/** A check that is measured by metrics, and not by the state of alarms. */
export type MeasuredCheck = Exclude<MetricCheck, AlarmCheck>;

export function isMeasured(check: MetricCheck): check is MeasuredCheck {
  return check.kind !== 'alarms';
}

type Failures = 'error-rate' | 'connection-errors';

/** The time of a look in whole periods: one that began earlier would mix what was before into the new weights. */
export function spanOf({ from, to }: Window, period: number): Span {
  return { from: Math.ceil(from / period) * period, to, period };
}

/** The same from the period on that it began in, where what was before belongs to it as well. */
export function wideSpanOf({ from, to }: Window, period: number): Span {
  return { from: Math.floor(from / period) * period, to, period };
}

/** The series that checks need over the time of their look. */
export function seriesFor(checks: readonly MeasuredCheck[], { colour, former }: Look, span: Span): Series[] {
  return checks.flatMap((check) => {
    switch (check.kind) {
      case 'error-rate':
      case 'connection-errors':
        return [colour, former].flatMap((one) => countSeries(one, check.kind, span));
      case 'latency':
        return [colour, former].flatMap((one) => latencySeries(one, check.percentile, span));
      case 'unhealthy-hosts':
        return [unhealthySeries(colour, span)];
    }
  });
}

/** The series of the former colour that checks need over the time when it still had traffic. */
export function seriesBefore(checks: readonly MeasuredCheck[], { former }: Look, span: Span): Series[] {
  return checks.flatMap((check) => {
    if (check.kind === 'error-rate' || check.kind === 'connection-errors')
      return countSeries(former, check.kind, span);
    return check.kind === 'latency' ? latencySeries(former, check.percentile, span) : [];
  });
}

export function measurementOf(check: MeasuredCheck, look: Look, data: LookData): Measurement {
  switch (check.kind) {
    case 'error-rate':
    case 'connection-errors': {
      const { span, reading, before } = data;
      const compared = check.comparison !== null && look.before === null;
      return {
        kind: 'rate',
        window: seen(look, data, compared ? [look.colour, look.former] : [look.colour]),
        periods: periodsOf(check.kind, look, span, reading),
        before: before === null ? null : beforeOf(check.kind, look, before),
      };
    }
    case 'latency': {
      const { percentile, comparison } = check;
      const compared = comparison !== null && look.before === null;
      const old = data.before ?? data;
      return {
        kind: 'latency',
        window: seen(look, data, compared ? [look.colour, look.former] : [look.colour]),
        new: latenciesOf(look.colour, percentile, data.span, data.reading),
        old: latenciesOf(look.former, percentile, old.span, old.reading),
      };
    }
    case 'unhealthy-hosts':
      return hostsMeasurement(check.pacing.intervalSeconds, look, data);
  }
}

/**
 * How far metrics reach that are reported in each period, from the beginning of the span on. A hole of a minute
 * or more ends them as long as it may still be filled; none that is shorter does, as metrics of a finer resolution
 * do not hit each second.
 */
export function reachOf(reports: Iterable<number>, { from, to, period }: Span): number {
  let reached = from;
  for (const at of [...reports].sort((one, other) => one - other)) {
    if (at - reached >= MINUTE && reached > to - LATEST) break;
    reached = at + period;
  }
  return Math.min(reached, to);
}

/** Sums over a span; null where not one period of it was reported. */
export function countsIn(colour: Colour, failures: Failures, span: Span, reading: Reading): Counts | null {
  const periods = [...countsBy(colour, failures, span, reading).values()];
  if (periods.length === 0) return null;
  return periods.reduce((sum, { requests, failures: failed }) => ({
    requests: sum.requests + requests,
    failures: sum.failures + failed,
  }));
}

/** CloudWatch has no RequestCount where there was no request. This one is reported as long as there are targets. */
function reportSeries(colour: Colour, { period }: Span): Series {
  return { colour, metric: 'HealthyHostCount', statistic: 'SampleCount', seconds: period / 1000 };
}

function unhealthySeries(colour: Colour, { period }: Span): Series {
  return { colour, metric: 'UnHealthyHostCount', statistic: 'Maximum', seconds: period / 1000 };
}

function failureSeries(colour: Colour, failures: Failures, { period }: Span): Series[] {
  const common = { colour, statistic: 'Sum', seconds: period / 1000 };
  const refused: Series = { ...common, metric: 'TargetConnectionErrorCount' };
  // A connection that no target took is answered by the load balancer, and is no 5xx of a target's.
  return failures === 'connection-errors'
    ? [refused]
    : [refused, { ...common, metric: 'HTTPCode_Target_5XX_Count' }];
}

function requestSeries(colour: Colour, { period }: Span): Series {
  return { colour, metric: 'RequestCount', statistic: 'Sum', seconds: period / 1000 };
}

export function countSeries(colour: Colour, failures: Failures, span: Span): Series[] {
  return [reportSeries(colour, span), requestSeries(colour, span), ...failureSeries(colour, failures, span)];
}

/** Percentiles of several periods cannot be put together: each is asked for over the whole span. */
function timeSeries(colour: Colour, statistic: string, { from, to }: Span): Series {
  const seconds = Math.max(1, Math.ceil((to - from) / MINUTE)) * (MINUTE / 1000);
  return { colour, metric: 'TargetResponseTime', statistic, seconds };
}

function latencySeries(colour: Colour, percentile: number, span: Span): Series[] {
  const statistics = ['SampleCount', ...percentilesFor(percentile).map((one) => `p${one}`)];
  return [reportSeries(colour, span), ...statistics.map((one) => timeSeries(colour, one, span))];
}

function countsBy(
  colour: Colour,
  failures: Failures,
  span: Span,
  reading: Reading,
): ReadonlyMap<number, Counts> {
  const requests = reading(requestSeries(colour, span));
  const failed = failureSeries(colour, failures, span).map(reading);
  const times = new Set(
    [reading(reportSeries(colour, span)), requests, ...failed].flatMap((one) => [...one.keys()]),
  );
  return new Map(
    [...times].map((at) => [
      at,
      {
        requests: requests.get(at) ?? 0,
        failures: failed.reduce((sum, one) => sum + (one.get(at) ?? 0), 0),
      },
    ]),
  );
}

function periodsOf(failures: Failures, look: Look, span: Span, reading: Reading): Period[] {
  const ofNew = countsBy(look.colour, failures, span, reading);
  const ofOld = countsBy(look.former, failures, span, reading);
  return [...new Set([...ofNew.keys(), ...ofOld.keys()])]
    .sort((one, other) => one - other)
    .map((at) => ({
      from: at,
      to: Math.min(at + span.period, span.to),
      new: ofNew.get(at) ?? null,
      old: ofOld.get(at) ?? null,
    }));
}

/** From the beginning of the look to where the metrics of all these colours reach. */
function seen(look: Look, { span, reading }: LookData, colours: Colour[]): Window {
  const reached = colours.map((colour) => reachOf(reading(reportSeries(colour, span)).keys(), span));
  return windowTo(look, span, Math.min(...reached));
}

function beforeOf(
  failures: Failures,
  { former }: Look,
  { span, reading }: Omit<LookData, 'before'>,
): Counts[] | null {
  const counts = [...countsBy(former, failures, span, reading)].sort(([one], [other]) => one - other);
  return counts.length === 0 ? null : counts.map(([, one]) => one);
}

/** Before the first whole period nothing was seen. */
function windowTo({ from }: Look, span: Span, reached: number): Window {
  return { from, to: reached > span.from ? reached : from };
}

function latenciesOf(colour: Colour, percentile: number, span: Span, reading: Reading): Latencies | null {
  const counts = reading(timeSeries(colour, 'SampleCount', span));
  // One period holds the whole span; should CloudWatch lay its own over it, the one with the most counts.
  const [at, requests] = [...counts].sort(([, one], [, other]) => other - one)[0] ?? [];
  if (at === undefined || requests === undefined) return null;
  const seconds = percentilesFor(percentile).flatMap((one) => {
    const value = reading(timeSeries(colour, `p${one}`, span)).get(at);
    return value === undefined ? [] : [[one, value] as const];
  });
  return { requests, seconds: Object.fromEntries(seconds) };
}

/** The most at a time since the look before, and for a minute at least: what is over must not be judged again. */
function hostsMeasurement(intervalSeconds: number, look: Look, { span, reading }: LookData): Measurement {
  const points = reading(unhealthySeries(look.colour, span));
  const reached = reachOf(points.keys(), span);
  const since = reached - Math.max(MINUTE, intervalSeconds * 1000);
  const recent = [...points].flatMap(([at, value]) => (at >= since ? [value] : []));
  return {
    kind: 'hosts',
    window: windowTo(look, span, reached),
    unhealthy: recent.length === 0 ? null : Math.max(...recent),
  };
}
