/** The checks' measurements as the sandbox's CloudWatch gives them, at both resolutions that metrics can have. */
import {
  CloudWatchClient,
  PutMetricAlarmCommand,
  PutMetricDataCommand,
  SetAlarmStateCommand,
  type MetricDatum,
  type StateValue,
} from '@aws-sdk/client-cloudwatch';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { AwsMetrics } from '../../src/adapters/metrics';
import { assessCheck } from '../../src/domain/analysis/assess';
import {
  DEFAULT_COMPARISON,
  DEFAULT_LATENCY_COMPARISON,
  DEFAULT_PACING,
  type AlarmCheck,
  type HostsCheck,
  type LatencyCheck,
  type RateCheck,
} from '../../src/domain/analysis/check';
import type { Colour } from '../../src/domain/colour';
import type { Look, MetricCheck } from '../../src/ports';
import { freePort } from '../support/ports';
import { Plane } from './moto-plane';

const MINUTE = 60_000;
/** A whole minute some time ago, so that nothing depends on when the test runs. */
const start = Math.floor(Date.now() / MINUTE) * MINUTE - 6 * MINUTE;
const at = (seconds: number) => start + seconds * 1000;

let plane: Plane;
let cloudWatch: CloudWatchClient;
beforeAll(async () => {
  plane = await Plane.start();
  cloudWatch = plane.cloudWatch();
});
afterAll(async () => plane.dispose());

const arnOf = (kind: string, name: string) => `arn:aws:elasticloadbalancing:eu-west-3:1:${kind}/${name}/1`;

/** A load balancer of its own for each test, and its metrics. */
class Balancer {
  readonly metrics: AwsMetrics;

  constructor(
    private readonly name: string,
    private readonly resolution: 1 | 60,
    client = cloudWatch,
  ) {
    const groups = {
      blue: arnOf('targetgroup', `${name}-blue`),
      green: arnOf('targetgroup', `${name}-green`),
    };
    this.metrics = new AwsMetrics(client, arnOf('loadbalancer/app', name), groups);
  }

  /** What a colour did around this second. */
  async saw(colour: Colour, second: number, values: Record<string, number | number[]>): Promise<void> {
    const Dimensions = [
      { Name: 'LoadBalancer', Value: `app/${this.name}/1` },
      { Name: 'TargetGroup', Value: `targetgroup/${this.name}-${colour}/1` },
    ];
    const data = Object.entries({ HealthyHostCount: 2, ...values }).map(
      ([MetricName, value]): MetricDatum => {
        const common = { MetricName, Dimensions, Timestamp: new Date(at(second)) };
        const StorageResolution = this.resolution;
        return { ...common, StorageResolution, Values: [value].flat() };
      },
    );
    await cloudWatch.send(new PutMetricDataCommand({ Namespace: 'AWS/ApplicationELB', MetricData: data }));
  }
}

const traffic = (requests: number, failed = 0, refused = 0) => ({
  RequestCount: requests,
  ...(failed > 0 ? { HTTPCode_Target_5XX_Count: failed } : {}),
  ...(refused > 0 ? { TargetConnectionErrorCount: refused } : {}),
});

const named = { name: 'check', pacing: DEFAULT_PACING };
const rate: MetricCheck & RateCheck = {
  ...named,
  kind: 'error-rate',
  limit: 0.05,
  windowSeconds: 60,
  minimumRequests: 20,
  comparison: DEFAULT_COMPARISON,
};
const connections: MetricCheck & RateCheck = { ...rate, kind: 'connection-errors' };
const latency: MetricCheck & LatencyCheck = {
  ...named,
  kind: 'latency',
  percentile: 50,
  limitSeconds: null,
  minimumRequests: 20,
  comparison: DEFAULT_LATENCY_COMPARISON,
};
const hosts: MetricCheck & HostsCheck = { ...named, kind: 'unhealthy-hosts', limit: 0 };
const alarms = (...names: string[]): MetricCheck & AlarmCheck => ({ ...named, kind: 'alarms', names });

const look = (from: number, to: number, before: [number, number] | null = null): Look => ({
  colour: 'green',
  former: 'blue',
  from: at(from),
  to: at(to),
  before: before === null ? null : { from: at(before[0]), to: at(before[1]) },
});

describe('metrics of seconds', () => {
  it('counts both colours second by second, up to where both are reported', async () => {
    const balancer = new Balancer('by-second', 1);
    await balancer.saw('blue', 9, traffic(500, 500));
    for (const second of [10, 11, 12]) await balancer.saw('blue', second, traffic(100, 1));
    await balancer.saw('green', 10, traffic(10));
    await balancer.saw('green', 11, traffic(20, 15, 2));
    const [all, refused] = await balancer.metrics.measure([rate, connections], look(9.4, 14.9));
    const well = { requests: 100, failures: 1 };
    expect(all).toEqual({
      kind: 'rate',
      // The second that it began in is left out, and blue was reported further than green.
      window: { from: at(9.4), to: at(12) },
      periods: [
        { from: at(10), to: at(11), new: { requests: 10, failures: 0 }, old: well },
        { from: at(11), to: at(12), new: { requests: 20, failures: 17 }, old: well },
        { from: at(12), to: at(13), new: null, old: well },
      ],
      before: null,
    });
    expect(refused).toMatchObject({ periods: [{}, { new: { requests: 20, failures: 2 } }, {}] });
    expect(all && assessCheck(rate, all).verdict).toBe('fail');
  });

  it('takes a second that was reported without requests for one without', async () => {
    const balancer = new Balancer('quiet', 1);
    await balancer.saw('blue', 10, traffic(50));
    await balancer.saw('green', 10, {});
    const [measured] = await balancer.metrics.measure([rate], look(10, 11));
    expect(measured).toMatchObject({ periods: [{ new: { requests: 0, failures: 0 } }] });
    expect(measured && assessCheck(rate, measured).verdict).toBe('inconclusive');
  });

  it('has percentiles of the response times over the whole look', async () => {
    const balancer = new Balancer('slow', 1);
    for (const second of [10, 25, 80]) {
      await balancer.saw('blue', second, { TargetResponseTime: Array<number>(40).fill(0.02) });
      await balancer.saw('green', second, { TargetResponseTime: [0.001, ...Array<number>(39).fill(0.06)] });
    }
    const [measured] = await balancer.metrics.measure([latency], look(10, 82));
    expect(measured).toMatchObject({
      kind: 'latency',
      window: { from: at(10), to: at(81) },
      new: { requests: 120, seconds: { 50: 0.06, 100: 0.06 } },
      old: { requests: 120, seconds: { 50: 0.02, 100: 0.02 } },
    });
    expect(measured && assessCheck(latency, measured).verdict).toBe('fail');
  });

  it('compares with what the former colour did before, once it has no traffic any more', async () => {
    const balancer = new Balancer('soaking', 1);
    await balancer.saw('blue', 5, { ...traffic(300, 3), TargetResponseTime: 0.02 });
    for (const second of [60, 61])
      await balancer.saw('green', second, { ...traffic(200, 2), TargetResponseTime: [0.02, 0.03] });
    const checks = [rate, latency];
    const [counts, times] = await balancer.metrics.measure(checks, look(60, 62, [0, 30]));
    expect(counts).toMatchObject({
      window: { to: at(62) },
      before: [{ requests: 300, failures: 3 }],
      periods: [
        { new: { requests: 200 }, old: null },
        { new: { requests: 200 }, old: null },
      ],
    });
    expect(times).toMatchObject({
      window: { to: at(62) },
      new: { requests: 4 },
      old: { requests: 1, seconds: { 50: 0.02 } },
    });
  });

  it('judges only unhealthy hosts of the last minute', async () => {
    const balancer = new Balancer('recovering', 1);
    for (let second = 10; second <= 130; second += 10)
      await balancer.saw('green', second, { UnHealthyHostCount: second < 40 ? 1 : 0 });
    const unhealthy = async (to: number) => (await balancer.metrics.measure([hosts], look(10, to)))[0];
    expect(await unhealthy(50)).toMatchObject({ unhealthy: 1, window: { to: at(41) } });
    expect(await unhealthy(131)).toMatchObject({ unhealthy: 0, window: { to: at(131) } });
  });
});

describe('metrics of whole minutes, as AWS has them', () => {
  it('begins with the first whole minute, and ends with the last that was reported', async () => {
    const balancer = new Balancer('by-minute', 60);
    for (const second of [0, 60, 120]) {
      await balancer.saw('blue', second, traffic(1000, 10));
      await balancer.saw('green', second, { ...traffic(50, 5), UnHealthyHostCount: second === 0 ? 2 : 0 });
    }
    const [rates, unhealthy] = await balancer.metrics.measure([rate, hosts], look(20, 230));
    const [ofNew, old] = [
      { requests: 50, failures: 5 },
      { requests: 1000, failures: 10 },
    ];
    expect(rates).toMatchObject({
      window: { from: at(20), to: at(180) },
      periods: [
        { from: at(60), to: at(120), new: ofNew, old },
        { from: at(120), to: at(180), new: ofNew, old },
      ],
    });
    // What was unhealthy before the analysis began is not held against it.
    expect(unhealthy).toMatchObject({ unhealthy: 0, window: { to: at(180) } });
  });

  it('has seen nothing before the first whole minute is over', async () => {
    const balancer = new Balancer('first-minute', 60);
    await balancer.saw('green', 0, traffic(50, 50));
    await balancer.saw('blue', 0, traffic(50));
    const measured = await balancer.metrics.measure([rate, latency, hosts], look(20, 50));
    for (const one of measured) expect(one.window).toEqual({ from: at(20), to: at(20) });
  });

  it('has the totals of all minutes that the time touches', async () => {
    const balancer = new Balancer('totals', 60);
    for (const second of [0, 60, 120]) await balancer.saw('green', second, traffic(10, 2, 1));
    expect(await balancer.metrics.totals('green', at(70), at(130))).toEqual({ requests: 20, failures: 6 });
    expect(await balancer.metrics.totals('blue', at(70), at(130))).toBeNull();
  });
});

it('is inconclusive without metrics, whatever is checked', async () => {
  const { metrics } = new Balancer('silent', 1);
  const checks = [rate, connections, latency, hosts, alarms('nobody-made-it')];
  const measured = await metrics.measure(checks, look(0, 120));
  const verdicts = measured.map((one, index) => assessCheck(checks[index] ?? rate, one).verdict);
  expect(verdicts).toEqual(checks.map(() => 'inconclusive'));
});

it('tells the state of alarms, and which are not there', async () => {
  const alarm = async (AlarmName: string, StateValue: StateValue) => {
    const metric = { Namespace: 'none', MetricName: 'none', Statistic: 'Sum', Period: 3600 } as const;
    const threshold = {
      EvaluationPeriods: 1,
      Threshold: 1,
      ComparisonOperator: 'GreaterThanThreshold',
    } as const;
    await cloudWatch.send(new PutMetricAlarmCommand({ AlarmName, ...metric, ...threshold }));
    const StateReason = `it is ${StateValue}`;
    await cloudWatch.send(new SetAlarmStateCommand({ AlarmName, StateValue, StateReason }));
  };
  await alarm('calm', 'OK');
  await alarm('raised', 'ALARM');
  const { metrics } = new Balancer('alarms', 1);
  const checks = [alarms('calm'), alarms('calm', 'raised'), alarms('calm', 'lost')];
  const measured = await metrics.measure(checks, look(0, 10));
  expect(measured[1]).toMatchObject({
    alarms: [
      { name: 'calm', state: 'OK' },
      { name: 'raised', state: 'ALARM', reason: 'it is ALARM' },
    ],
  });
  const verdicts = measured.map((one, index) => assessCheck(checks[index] ?? rate, one).verdict);
  expect(verdicts).toEqual(['pass', 'fail', 'inconclusive']);
});

it('answers that there was no answer when CloudWatch is away', async () => {
  const away = new CloudWatchClient({
    region: 'eu-west-3',
    endpoint: `http://127.0.0.1:${await freePort()}`,
    credentials: { accessKeyId: 'AKIAIOSFODNN7EXAMPLE', secretAccessKey: 'test' },
    maxAttempts: 1,
  });
  const { metrics } = new Balancer('away', 60, away);
  const checks = [rate, alarms('calm')];
  const measured = await metrics.measure(checks, look(0, 120));
  const verdicts = measured.map((one, index) => assessCheck(checks[index] ?? rate, one).verdict);
  expect(verdicts).toEqual(['error', 'error']);
  expect(await metrics.totals('green', at(0), at(60))).toBeNull();
  away.destroy();
});
