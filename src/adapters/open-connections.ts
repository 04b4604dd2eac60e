import { GetMetricStatisticsCommand, type CloudWatchClient } from '@aws-sdk/client-cloudwatch';
import type { Colour } from '../domain/colour';
import type { OpenConnectionsSettings } from '../domain/config/draining';
import type { OpenConnections } from '../ports';

/** The connections that the fleets of one region have open, as the metric of an agent tells. */
export class AwsOpenConnections implements OpenConnections {
  constructor(
    private readonly cloudWatch: CloudWatchClient,
    private readonly groups: Record<Colour, string>,
    private readonly settings: OpenConnectionsSettings,
  ) {}

  get periodSeconds(): number {
    return this.settings.periodSeconds;
  }

  get source(): string {
    return `${this.settings.namespace} ${this.settings.metric}`;
  }

  async last(colour: Colour, from: number, to: number): Promise<{ perInstance: number; at: number } | null> {
    const { namespace, metric, periodSeconds, idlePerInstance } = this.settings;
    const period = periodSeconds * 1000;
    const end = Math.floor(to / period) * period;
    const start = Math.min(Math.floor(from / period) * period, end - period);
    const answer = await this.cloudWatch.send(
      new GetMetricStatisticsCommand({
        Namespace: namespace,
        MetricName: metric,
        Dimensions: [{ Name: 'AutoScalingGroupName', Value: this.groups[colour] }],
        StartTime: new Date(start),
        EndTime: new Date(end),
        Period: periodSeconds,
        // Whatever the number of reports in a period, each of them is of one instance.
        Statistics: ['Average'],
      }),
    );
    const points = (answer.Datapoints ?? []).flatMap(({ Timestamp, Average }) =>
      Timestamp === undefined || Average === undefined
        ? []
        : [{ at: Timestamp.getTime() + period, perInstance: Math.max(0, Average - idlePerInstance) }],
    );
    return points.sort((one, other) => other.at - one.at)[0] ?? null;
  }
}
