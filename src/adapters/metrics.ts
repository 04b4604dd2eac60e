import {
  GetMetricStatisticsCommand,
  type CloudWatchClient,
  type Datapoint,
} from '@aws-sdk/client-cloudwatch';
import type { Colour } from '../domain/colour';
import type { Metrics, TrafficSeen } from '../ports';

const NAMESPACE = 'AWS/ApplicationELB';

/** The load balancer's metrics have a resolution of a minute; CloudWatch takes only multiples of it for them. */
const MINUTE = 60_000;

/** Metrics arrive late, as a rule by two or three minutes. What is later than this counts as missing. */
const LATEST = 5 * MINUTE;

/** CloudWatch of one region, about one load balancer. */
export class AwsMetrics implements Metrics {
  constructor(
    private readonly cloudWatch: CloudWatchClient,
    private readonly loadBalancerArn: string,
    private readonly targetGroups: Record<Colour, string>,
  ) {}

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
