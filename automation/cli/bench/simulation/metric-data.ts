import type { MetricDataQuery } from '@aws-sdk/client-cloudwatch';

/** How late metrics arrive. */
const LATE_MILLISECONDS = 120_000;

interface Question {
  MetricDataQueries: MetricDataQuery[];
  StartTime?: Date;
  EndTime?: Date;
}

/** What CloudWatch says of a load balancer with even traffic and nothing wrong. */
export function metricData({ MetricDataQueries, StartTime, EndTime }: Question, now: number): unknown {
  if (MetricDataQueries.length > 500) throw new Error('GetMetricData takes 500 queries');
  const until = Math.min(EndTime?.getTime() ?? now, now - LATE_MILLISECONDS);
  return {
    MetricDataResults: MetricDataQueries.map(({ Id, MetricStat }) => {
      const period = (MetricStat?.Period ?? 60) * 1000;
      const first = Math.ceil((StartTime?.getTime() ?? now) / period) * period;
      const Timestamps: Date[] = [];
      for (let at = first; at + period <= until; at += period) Timestamps.push(new Date(at));
      const value = valueOf(MetricStat?.Metric?.MetricName ?? '');
      return { Id, StatusCode: 'Complete', Timestamps, Values: Timestamps.map(() => value) };
    }),
  };
}

/** As old metrics tell it: the hosts are reported, and nobody asks the colour that is asked about any more. */
export function metricStatistics(
  question: { MetricName?: string; StartTime?: Date; EndTime?: Date },
  now: number,
) {
  const { MetricName = '', StartTime, EndTime } = question;
  const until = Math.min(EndTime?.getTime() ?? now, now - LATE_MILLISECONDS);
  const Datapoints: { Timestamp: Date; Sum: number }[] = [];
  if (MetricName === 'RequestCount') return { Datapoints };
  const first = Math.ceil((StartTime?.getTime() ?? now) / 60_000) * 60_000;
  for (let at = first; at + 60_000 <= until; at += 60_000)
    Datapoints.push({ Timestamp: new Date(at), Sum: 60 });
  return { Datapoints };
}

function valueOf(metric: string): number {
  return metric === 'RequestCount' ? 10_000 : metric === 'HealthyHostCount' ? 60 : 0;
}
