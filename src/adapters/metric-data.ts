import {
  DescribeAlarmsCommand,
  GetMetricDataCommand,
  type CloudWatchClient,
  type MetricAlarm,
  type MetricDataQuery,
  type MetricDataResult,
} from '@aws-sdk/client-cloudwatch';
import type { AlarmReading, Window } from '../domain/analysis/measurement';
import type { Colour } from '../domain/colour';

const NAMESPACE = 'AWS/ApplicationELB';

/** CloudWatch API reference, GetMetricData: "as many as 500 MetricDataQuery structures". */
const MOST_QUERIES = 500;

/** CloudWatch API reference, DescribeAlarms: AlarmNames has at most 100 members. */
const MOST_ALARMS = 100;

/** One metric of a colour's target group, as one statistic over periods of so many seconds. */
export interface Series {
  colour: Colour;
  metric:
    | 'HealthyHostCount'
    | 'UnHealthyHostCount'
    | 'RequestCount'
    | 'HTTPCode_Target_5XX_Count'
    | 'TargetConnectionErrorCount'
    | 'TargetResponseTime';
  statistic: string;
  seconds: number;
}

/** The beginning of a period, in Unix milliseconds, and its value; a period without data is absent. */
export type Points = ReadonlyMap<number, number>;

/** What was read: the points of a series that was asked for. */
export type Reading = (series: Series) => Points;

/** The metrics of one load balancer and the account's alarms, as CloudWatch tells them. */
export class MetricData {
  private readonly loadBalancer: string;
  private readonly targetGroups: Record<Colour, string>;

  constructor(
    private readonly cloudWatch: CloudWatchClient,
    loadBalancerArn: string,
    targetGroupArns: Record<Colour, string>,
  ) {
    const own = (arn: string): string => arn.split(':').at(-1) ?? '';
    this.loadBalancer = own(loadBalancerArn).replace(/^loadbalancer\//, '');
    this.targetGroups = { blue: own(targetGroupArns.blue), green: own(targetGroupArns.green) };
  }

  /**
   * Series over one stretch of time, all pages.
   * @throws whatever kept CloudWatch from a whole answer; part of one would be taken for less that happened
   */
  async read(wanted: readonly Series[], { from, to }: Window): Promise<Reading> {
    const series = new Map(wanted.map((one) => [nameOf(one), one]));
    const queries = [...series.values()].map((one, index) => this.query(one, `m${index}`));
    const points = new Map<string, Points>();
    for (let start = 0; start < queries.length; start += MOST_QUERIES) {
      const some = queries.slice(start, start + MOST_QUERIES);
      const results = await this.pages(some, { from, to });
      for (const [id, found] of results) points.set(id, found);
    }
    const ids = new Map([...series.keys()].map((name, index) => [name, `m${index}`]));
    return (one) => points.get(ids.get(nameOf(one)) ?? '') ?? new Map();
  }

  /** Alarms by their names, metric or composite; one that does not exist is absent. */
  async alarms(names: readonly string[]): Promise<Map<string, AlarmReading>> {
    const found = new Map<string, AlarmReading>();
    for (let start = 0; start < names.length; start += MOST_ALARMS) {
      const AlarmNames = names.slice(start, start + MOST_ALARMS);
      let NextToken: string | undefined;
      do {
        const answer = await this.cloudWatch.send(
          // Without its type a composite alarm is not told.
          new DescribeAlarmsCommand({ AlarmNames, AlarmTypes: ['MetricAlarm', 'CompositeAlarm'], NextToken }),
        );
        for (const alarm of [...(answer.MetricAlarms ?? []), ...(answer.CompositeAlarms ?? [])])
          found.set(alarm.AlarmName ?? '', readingOf(alarm));
        NextToken = answer.NextToken;
      } while (NextToken !== undefined);
    }
    return found;
  }

  private query({ colour, metric, statistic, seconds }: Series, Id: string): MetricDataQuery {
    const Dimensions = [
      { Name: 'LoadBalancer', Value: this.loadBalancer },
      { Name: 'TargetGroup', Value: this.targetGroups[colour] },
    ];
    const Metric = { Namespace: NAMESPACE, MetricName: metric, Dimensions };
    return { Id, MetricStat: { Metric, Stat: statistic, Period: seconds } };
  }

  private async pages(MetricDataQueries: MetricDataQuery[], { from, to }: Window) {
    const points = new Map<string, Map<number, number>>();
    const last = new Map<string, MetricDataResult>();
    const [StartTime, EndTime] = [new Date(from), new Date(to)];
    let NextToken: string | undefined;
    do {
      const answer = await this.cloudWatch.send(
        new GetMetricDataCommand({ MetricDataQueries, StartTime, EndTime, NextToken }),
      );
      for (const result of answer.MetricDataResults ?? []) {
        const id = result.Id ?? '';
        last.set(id, result);
        const known = points.get(id) ?? new Map<number, number>();
        for (const [at, value] of pointsOf(result)) known.set(at, value);
        points.set(id, known);
      }
      NextToken = answer.NextToken;
    } while (NextToken !== undefined);
    for (const query of MetricDataQueries) requireWhole(query, last.get(query.Id ?? ''));
    return points;
  }
}

function nameOf({ colour, metric, statistic, seconds }: Series): string {
  return `${colour} ${metric} ${statistic} ${seconds}`;
}

function pointsOf({ Timestamps = [], Values = [] }: MetricDataResult): [number, number][] {
  return Timestamps.flatMap((timestamp, index): [number, number][] => {
    const value = Values[index];
    return value === undefined ? [] : [[timestamp.getTime(), value]];
  });
}

/** Each series is answered, an empty one as well, and the last page says that nothing of it is left out. */
function requireWhole({ MetricStat }: MetricDataQuery, result: MetricDataResult | undefined): void {
  const status = result?.StatusCode ?? 'nothing';
  if (status === 'Complete') return;
  const said = result?.Messages?.map(({ Value }) => `: ${Value ?? ''}`).join('') ?? '';
  throw new Error(
    `CloudWatch answered ${status} for the metric ${MetricStat?.Metric?.MetricName ?? ''}${said}`,
  );
}

function readingOf({ AlarmName, StateValue, StateReason }: MetricAlarm): AlarmReading {
  return { name: AlarmName ?? '', state: StateValue ?? 'INSUFFICIENT_DATA', reason: StateReason ?? '' };
}
