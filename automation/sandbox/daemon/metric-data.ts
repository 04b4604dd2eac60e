import type { MetricDatum, StandardUnit } from '@aws-sdk/client-cloudwatch';
import type { LoadBalancerState, SandboxState, TargetTruth } from '../contract';
import type { MetricSample } from '../loadbalancer/types';

/** CloudWatch takes at most this many different values in one datum. */
const MOST_VALUES = 150;

/** The metrics of one account and region; each needs a call of its own. */
export interface MetricBatch {
  account: string;
  region: string;
  data: MetricDatum[];
}

/** What the load balancers saw, in the words and dimensions of the namespace AWS/ApplicationELB. */
export function metricBatches(
  samples: MetricSample[],
  state: SandboxState,
  health: Record<string, Record<string, TargetTruth>>,
  now: Date,
): MetricBatch[] {
  const batches = new Map<string, MetricBatch>();
  for (const loadBalancer of state.loadBalancers) {
    const own = samples.filter((sample) => sample.loadBalancerArn === loadBalancer.arn);
    const data = [
      ...own.flatMap((sample) => traffic(sample)),
      ...targetGroupsOf(loadBalancer).flatMap((arn) =>
        hostCounts(loadBalancer.arn, arn, health[arn] ?? {}, now),
      ),
    ];
    if (data.length === 0) continue;
    const { account, region } = loadBalancer;
    const key = `${account} ${region}`;
    const batch = batches.get(key) ?? { account, region, data: [] };
    batch.data.push(...data);
    batches.set(key, batch);
  }
  return [...batches.values()];
}

function traffic(sample: MetricSample): MetricDatum[] {
  const time = new Date(sample.at);
  const of = (MetricName: string, Value: number): MetricDatum[] =>
    Value === 0
      ? []
      : [datum(sample.loadBalancerArn, sample.targetGroupArn, time, MetricName, 'Count', { Value })];
  const counts = [
    ...of('RequestCount', sample.requestCount),
    ...of('HTTPCode_Target_2XX_Count', sample.target2xx),
    ...of('HTTPCode_Target_4XX_Count', sample.target4xx),
    ...of('HTTPCode_Target_5XX_Count', sample.target5xx),
    ...of('HTTPCode_ELB_5XX_Count', sample.elb5xx),
    ...of('TargetConnectionErrorCount', sample.connectionErrors),
  ];
  if (sample.responseTimes.length === 0) return counts;
  const times = summarise(sample.responseTimes);
  return [
    ...counts,
    datum(sample.loadBalancerArn, sample.targetGroupArn, time, 'TargetResponseTime', 'Seconds', times),
  ];
}

function hostCounts(
  loadBalancerArn: string,
  targetGroupArn: string,
  health: Record<string, TargetTruth>,
  time: Date,
): MetricDatum[] {
  const states = Object.values(health).map(({ state }) => state);
  const count = (wanted: string) => states.filter((state) => state === wanted).length;
  return [
    datum(loadBalancerArn, targetGroupArn, time, 'HealthyHostCount', 'Count', { Value: count('healthy') }),
    datum(loadBalancerArn, targetGroupArn, time, 'UnHealthyHostCount', 'Count', {
      Value: count('unhealthy'),
    }),
  ];
}

function datum(
  loadBalancerArn: string,
  targetGroupArn: string,
  Timestamp: Date,
  MetricName: string,
  Unit: StandardUnit,
  value: { Value: number } | { Values: number[]; Counts: number[] },
): MetricDatum {
  const Dimensions = [{ Name: 'LoadBalancer', Value: loadBalancerDimension(loadBalancerArn) }];
  if (targetGroupArn !== '')
    Dimensions.push({ Name: 'TargetGroup', Value: targetGroupDimension(targetGroupArn) });
  return { MetricName, Dimensions, Timestamp, Unit, ...value };
}

/** `app/<name>/<id>` */
function loadBalancerDimension(arn: string): string {
  return arn.slice(arn.indexOf(':loadbalancer/') + ':loadbalancer/'.length);
}

/** `targetgroup/<name>/<id>` */
function targetGroupDimension(arn: string): string {
  return arn.slice(arn.lastIndexOf(':') + 1);
}

/** All target groups that a load balancer's rules mention. */
export function targetGroupsOf({ listeners }: LoadBalancerState): string[] {
  const actions = listeners.flatMap(({ rules }) => rules.flatMap((rule) => rule.actions));
  const arns = actions.flatMap(({ TargetGroupArn, ForwardConfig }) => [
    ...(TargetGroupArn === undefined ? [] : [TargetGroupArn]),
    ...(ForwardConfig?.TargetGroups ?? []).map((group) => group.TargetGroupArn),
  ]);
  return [...new Set(arns)];
}

/**
 * Any number of values as at most 150 with counts. When there are more, neighbours in size are put together
 * as their mean, the smallest and the largest apart: sum, number and extremes stay exact.
 */
export function summarise(values: number[]): { Values: number[]; Counts: number[] } {
  const counted = new Map<number, number>();
  for (const value of values) counted.set(value, (counted.get(value) ?? 0) + 1);
  if (counted.size <= MOST_VALUES) return { Values: [...counted.keys()], Counts: [...counted.values()] };
  const sorted = [...values].sort((a, b) => a - b);
  const middle = sorted.slice(1, -1);
  const groups = Array.from({ length: MOST_VALUES - 2 }, (_, index) =>
    middle.slice(
      Math.floor((index * middle.length) / (MOST_VALUES - 2)),
      Math.floor(((index + 1) * middle.length) / (MOST_VALUES - 2)),
    ),
  ).filter((group) => group.length > 0);
  const all = [sorted.slice(0, 1), ...groups, sorted.slice(-1)];
  return {
    Values: all.map((group) => group.reduce((sum, value) => sum + value, 0) / group.length),
    Counts: all.map((group) => group.length),
  };
}
