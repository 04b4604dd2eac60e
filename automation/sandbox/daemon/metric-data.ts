import type { MetricDatum, StandardUnit } from '@aws-sdk/client-cloudwatch';
import type { LoadBalancerState, SandboxState, TargetTruth } from '../contract';
import type { ConnectionSample, MetricSample } from '../loadbalancer/types';

/** CloudWatch takes at most this many different values in one datum. */
const MOST_VALUES = 150;

/** The metrics of one account and region; each needs a call of its own. */
export interface MetricBatch {
  namespace: string;
  account: string;
  region: string;
  data: MetricDatum[];
}

/** What was observed of all load balancers. */
export interface Observations {
  samples: MetricSample[];
  connections: ConnectionSample[];
  /** Target group ARN -> instance id -> health. */
  health: Record<string, Record<string, TargetTruth>>;
  now: Date;
}

/** What the load balancers saw, in the words and dimensions of the namespace AWS/ApplicationELB. */
export function metricBatches(state: SandboxState, seen: Observations): MetricBatch[] {
  const batches = new Map<string, MetricBatch>();
  for (const loadBalancer of state.loadBalancers) {
    const data = dataOf(loadBalancer, seen);
    if (data.length === 0) continue;
    const { account, region } = loadBalancer;
    const key = `${account} ${region}`;
    const batch = batches.get(key) ?? { namespace: 'AWS/ApplicationELB', account, region, data: [] };
    batch.data.push(...data);
    batches.set(key, batch);
  }
  return [...batches.values()];
}

/**
 * What a CloudWatch agent on each instance of an Auto Scaling group would report, added up over the group as
 * `aggregation_dimensions` do it. The connections that something is under way on stand for all that are open.
 */
export function agentBatches(
  { instances }: SandboxState,
  open: (instanceId: string) => number,
  now: Date,
): MetricBatch[] {
  const byGroup = new Map<string, { account: string; region: string; group: string; values: number[] }>();
  for (const { id, account, region, state, autoScalingGroup: group } of instances) {
    if (group === null || state !== 'running') continue;
    const key = `${account} ${region} ${group}`;
    const found = byGroup.get(key) ?? { account, region, group, values: [] };
    found.values.push(open(id));
    byGroup.set(key, found);
  }
  return [...byGroup.values()].map(({ account, region, group, values }) => ({
    namespace: 'CWAgent',
    account,
    region,
    data: [
      datum(
        { AutoScalingGroupName: group },
        now.getTime(),
        'netstat_tcp_established',
        'Count',
        summarise(values),
      ),
    ],
  }));
}

function dataOf(loadBalancer: LoadBalancerState, seen: Observations): MetricDatum[] {
  const samples = seen.samples.filter((sample) => sample.loadBalancerArn === loadBalancer.arn);
  const connections = seen.connections.filter((sample) => sample.loadBalancerArn === loadBalancer.arn);
  const own = { LoadBalancer: loadBalancerDimension(loadBalancer.arn) };
  const at = samples[0]?.at ?? seen.now.getTime();
  return [
    ...traffic(own, at, samples),
    ...counts(own, at, {
      // Of a load balancer alone, as on AWS: no target gave these answers.
      HTTPCode_ELB_5XX_Count: sum(samples, 'elb5xx'),
      NewConnectionCount: sum(samples, 'newConnections') + sum(connections, 'newFromClients'),
    }),
    ...connections.flatMap((sample) => counts(own, sample.at, { ActiveConnectionCount: sample.active ?? 0 })),
    ...targetGroupsOf(loadBalancer).flatMap((arn) => targetGroup(own, arn, samples, seen)),
  ];
}

function targetGroup(
  of: Dimensions,
  arn: string,
  samples: MetricSample[],
  { health, now }: Observations,
): MetricDatum[] {
  const TargetGroup = targetGroupDimension(arn);
  const own = { ...of, TargetGroup };
  const mine = samples.filter((sample) => sample.targetGroupArn === arn);
  const at = mine[0]?.at ?? now.getTime();
  const targets = Object.values(health[arn] ?? {});
  const inState = (wanted: string) => targets.filter(({ state }) => state === wanted).length;
  const perTarget = targets.length === 0 ? 0 : sum(mine, 'requestCount') / targets.length;
  return [
    ...traffic(own, at, mine),
    ...[own, { TargetGroup }].flatMap((one) => counts(one, at, { RequestCountPerTarget: perTarget })),
    // Also when they are zero: these two tell a fleet without requests from metrics that are missing.
    datum(own, now.getTime(), 'HealthyHostCount', 'Count', { Value: inState('healthy') }),
    datum(own, now.getTime(), 'UnHealthyHostCount', 'Count', { Value: inState('unhealthy') }),
  ];
}

function traffic(own: Dimensions, at: number, samples: MetricSample[]): MetricDatum[] {
  const data = counts(own, at, {
    RequestCount: sum(samples, 'requestCount'),
    HTTPCode_Target_2XX_Count: sum(samples, 'target2xx'),
    HTTPCode_Target_3XX_Count: sum(samples, 'target3xx'),
    HTTPCode_Target_4XX_Count: sum(samples, 'target4xx'),
    HTTPCode_Target_5XX_Count: sum(samples, 'target5xx'),
    TargetConnectionErrorCount: sum(samples, 'connectionErrors'),
  });
  const times = samples.flatMap(({ responseTimes }) => responseTimes);
  if (times.length === 0) return data;
  return [...data, datum(own, at, 'TargetResponseTime', 'Seconds', summarise(times))];
}

/** AWS reports these only while there is something to count. */
function counts(own: Dimensions, at: number, values: Record<string, number>): MetricDatum[] {
  return Object.entries(values).flatMap(([name, Value]) =>
    Value === 0 ? [] : [datum(own, at, name, 'Count', { Value })],
  );
}

function sum<K extends string>(samples: readonly Record<K, number>[], field: K): number {
  return samples.reduce((total, sample) => total + sample[field], 0);
}

type Dimensions = Record<string, string>;

function datum(
  own: Dimensions,
  at: number,
  MetricName: string,
  Unit: StandardUnit,
  value: { Value: number } | { Values: number[]; Counts: number[] },
): MetricDatum {
  const Dimensions = Object.entries(own).map(([Name, Value]) => ({ Name, Value }));
  // AWS reports once a minute, for whole minutes. Nobody should have to wait for that in a rehearsal.
  const StorageResolution = 1;
  return { MetricName, Dimensions, Timestamp: new Date(at), Unit, StorageResolution, ...value };
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
