import {
  GetMetricStatisticsCommand,
  type CloudWatchClient,
  type Datapoint,
} from '@aws-sdk/client-cloudwatch';
import type { Counts, Measurement, Window } from '../domain/analysis/measurement';
import type { Colour } from '../domain/colour';
import { messageOf } from '../domain/errors';
import type { Look, MetricCheck, Metrics, TrafficSeen } from '../ports';
import { MetricData, type Reading, type Series } from './metric-data';
import {
  countSeries,
  countsIn,
  isMeasured,
  LATEST,
  measurementOf,
  MINUTE,
  seriesBefore,
  seriesFor,
  spanOf,
  wideSpanOf,
  type LookData,
  type MeasuredCheck,
} from './metric-measurements';

const NAMESPACE = 'AWS/ApplicationELB';

/** The shortest period of metrics of high resolution. */
const SECOND = 1000;

/** CloudWatch of one region, about one load balancer. */
export class AwsMetrics implements Metrics {
  private readonly data: MetricData;
  private finest: number | undefined;

  constructor(
    private readonly cloudWatch: CloudWatchClient,
    private readonly loadBalancerArn: string,
    private readonly targetGroups: Record<Colour, string>,
  ) {
    this.data = new MetricData(cloudWatch, loadBalancerArn, targetGroups);
  }

  /** @inheritdoc */
  async measure(checks: readonly MetricCheck[], look: Look): Promise<Measurement[]> {
    const measured = checks.filter(isMeasured);
    const named = checks.flatMap((check) => (check.kind === 'alarms' ? check.names : []));
    const [metrics, alarms] = await Promise.all([
      attempt(() => this.lookAt(measured, look)),
      attempt(() => this.data.alarms([...new Set(named)])),
    ]);
    const window = { from: look.from, to: look.to };
    return checks.map((check): Measurement => {
      if (!isMeasured(check))
        return alarms.kind === 'answer'
          ? { kind: 'alarms', window, alarms: check.names.flatMap((name) => alarms.answer.get(name) ?? []) }
          : { kind: 'none', window, reason: alarms.reason };
      return metrics.kind === 'answer'
        ? measurementOf(check, look, metrics.answer)
        : { kind: 'none', window, reason: metrics.reason };
    });
  }

  /** @inheritdoc */
  async totals(colour: Colour, from: number, to: number): Promise<Counts | null> {
    const answer = await attempt(async () => {
      const span = wideSpanOf({ from, to }, await this.period(to));
      return countsIn(
        colour,
        'error-rate',
        span,
        await this.read(countSeries(colour, 'error-rate', span), span),
      );
    });
    return answer.kind === 'answer' ? answer.answer : null;
  }

  /**
   * Counts within the latest window as long as the one asked for that the metrics cover, which ends at most
   * five minutes before it; null when there is none, or when it began before `notBefore`.
   */
  async requestsTo(colour: Colour, from: number, to: number, notBefore: number): Promise<TrafficSeen> {
    // CloudWatch has no RequestCount where there was no request. Only a metric that is always reported tells
    // such silence from metrics that did not arrive.
    const length = to - from;
    const reports = await this.points('HealthyHostCount', colour, from - LATEST, to);
    const times = reports.flatMap((point) => point.Timestamp?.getTime() ?? []);
    const end = coveredUntil(times, length, to);
    if (end === undefined || end - length < notBefore) return { requests: null };
    const counts = await this.points('RequestCount', colour, end - length, end);
    return { requests: counts.reduce((sum, point) => sum + (point.Sum ?? 0), 0) };
  }

  private async lookAt(checks: readonly MeasuredCheck[], look: Look): Promise<LookData> {
    const period = checks.length === 0 ? MINUTE : await this.period(look.to);
    const span = spanOf(look, period);
    const earlier = look.before === null ? null : wideSpanOf(look.before, period);
    const [reading, before] = await Promise.all([
      this.read(seriesFor(checks, look, span), span),
      // Other times need a request of their own.
      earlier === null ? null : this.read(seriesBefore(checks, look, earlier), earlier),
    ]);
    return {
      span,
      reading,
      before: earlier === null || before === null ? null : { span: earlier, reading: before },
    };
  }

  /** Nothing where there is nothing to ask for, or no whole period to ask about. */
  private async read(series: readonly Series[], span: Window): Promise<Reading> {
    if (series.length === 0 || span.from >= span.to) return () => new Map();
    return this.data.read(series, span);
  }

  /**
   * The shortest period that the metrics have. AWS has whole minutes of them, and allows no shorter ones then; an
   * endpoint whose metrics have seconds, as those of a custom metric can, shows it by minutes that do not begin
   * with a minute.
   */
  private async period(now: number): Promise<number> {
    if (this.finest !== undefined) return this.finest;
    const from = Math.floor(now / MINUTE) * MINUTE - LATEST - MINUTE / 2;
    const series = (['blue', 'green'] as const).map((colour): Series => ({
      colour,
      metric: 'HealthyHostCount',
      statistic: 'SampleCount',
      seconds: MINUTE / 1000,
    }));
    const reading = await this.data.read(series, { from, to: now });
    const times = series.flatMap((one) => [...reading(one).keys()]);
    if (times.length === 0) return MINUTE;
    this.finest = times.some((at) => at % MINUTE !== 0) ? SECOND : MINUTE;
    return this.finest;
  }

  private async points(MetricName: string, colour: Colour, from: number, to: number): Promise<Datapoint[]> {
    const answer = await this.cloudWatch.send(
      new GetMetricStatisticsCommand({
        Namespace: NAMESPACE,
        MetricName,
        Dimensions: [
          { Name: 'LoadBalancer', Value: this.loadBalancerArn.split(':loadbalancer/').at(-1) },
          { Name: 'TargetGroup', Value: this.targetGroups[colour].split(':').at(-1) },
        ],
        StartTime: new Date(from),
        EndTime: new Date(to),
        Period: MINUTE / 1000,
        Statistics: ['Sum'],
      }),
    );
    return answer.Datapoints ?? [];
  }
}

type Answer<T> = { kind: 'answer'; answer: T } | { kind: 'none'; reason: string };

/** What an analysis does without an answer is the check's to say, and not for an error to decide. */
async function attempt<T>(ask: () => Promise<T>): Promise<Answer<T>> {
  try {
    return { kind: 'answer', answer: await ask() };
  } catch (thrown) {
    return { kind: 'none', reason: messageOf(thrown) };
  }
}

/**
 * The latest moment, `to` at most, that ends a window of this length without a gap between the reports, each of
 * which covers a minute; undefined when there is none.
 */
export function coveredUntil(reports: readonly number[], length: number, to: number): number | undefined {
  const latestFirst = [...reports].sort((one, other) => other - one);
  const latest = latestFirst[0];
  if (latest === undefined || latest + MINUTE < to - LATEST) return undefined;
  const end = Math.min(latest + MINUTE, to);
  let since = latest;
  for (const report of latestFirst) if (report + MINUTE >= since) since = Math.min(since, report);
  return since <= end - length ? end : undefined;
}
