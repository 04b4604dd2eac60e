/** Real requests through the data plane, and what CloudWatch then says of them. */
import {
  GetMetricDataCommand,
  PutMetricAlarmCommand,
  DescribeAlarmsCommand,
  PutMetricDataCommand,
  type CloudWatchClient,
  type MetricDataQuery,
} from '@aws-sdk/client-cloudwatch';
import { afterAll, beforeAll, expect, it } from 'vitest';
import type { SandboxState } from '../../automation/sandbox/contract';
import { metricBatches } from '../../automation/sandbox/daemon/metric-data';
import { Bench, Cleanup, forward, group, LB, rule, send } from './loadbalancer/support';
import { must, until } from '../support/until';
import { Plane } from './moto-plane';

const cleanup = new Cleanup();
const arn = (name: string) => `arn:aws:elasticloadbalancing:eu-west-3:1:targetgroup/shop-${name}/1`;
const balancerArn = 'arn:aws:elasticloadbalancing:eu-west-3:1:loadbalancer/app/shop/1';
const began = Date.now();
let plane: Plane;
let cloudWatch: CloudWatchClient;
let bench: Bench;

beforeAll(async () => {
  plane = await Plane.start();
  cloudWatch = plane.cloudWatch();
  bench = await Bench.open(cleanup);
  // Blue answers; green is three times in ten broken, and always slow.
  await bench.run(cleanup, ['i-blue']);
  let count = 0;
  await bench.run(cleanup, ['i-green'], (_request, response) => {
    count += 1;
    response.statusCode = count % 10 < 3 ? 500 : 200;
    setTimeout(() => response.end('green'), 60);
    return true;
  });
  bench.processes.set('i-gone', { port: 1 });
  const paths = ['blue', 'green', 'gone'].map((name, index) =>
    rule(String(index + 1), forward({ [name]: 1 }), [{ Field: 'path-pattern', Values: [`/${name}`] }]),
  );
  const groups = ['blue', 'green', 'gone', 'empty'].map((name) =>
    group(name, name === 'empty' ? [] : [`i-${name}`]),
  );
  await bench.apply([...paths, rule('default', forward({ empty: 1 }))], groups);
  await bench.healthy('blue', 'i-blue');
  await bench.healthy('green', 'i-green');
});
afterAll(async () => {
  await cleanup.run();
  await plane.dispose();
});

/** What the daemon would put to CloudWatch now, under the names that AWS gives. */
async function publish(): Promise<void> {
  const named = JSON.parse(
    JSON.stringify(bench.state)
      .replaceAll(LB, balancerArn)
      .replaceAll(/"(TargetGroupArn|arn)":"(blue|green|gone|empty)"/g, (_all, key: string, name: string) =>
        JSON.stringify({ [key]: arn(name) }).slice(1, -1),
      ),
  ) as SandboxState;
  const renamed = <T extends { loadBalancerArn: string }>(one: T) => ({
    ...one,
    loadBalancerArn: balancerArn,
  });
  const health = Object.entries(bench.plane.targetHealth()).map(([name, truth]) => [arn(name), truth]);
  const [batch] = metricBatches(named, {
    samples: bench.plane
      .drainMetrics()
      .map((one) => ({ ...renamed(one), targetGroupArn: one.targetGroupArn && arn(one.targetGroupArn) })),
    connections: bench.plane.drainConnections().map(renamed),
    health: Object.fromEntries(health) as ReturnType<typeof bench.plane.targetHealth>,
    now: new Date(),
  });
  const MetricData = must(batch).data;
  await cloudWatch.send(new PutMetricDataCommand({ Namespace: 'AWS/ApplicationELB', MetricData }));
}

const LoadBalancer = { Name: 'LoadBalancer', Value: 'app/shop/1' };
const query = (Id: string, MetricName: string, Stat: string, name?: string): MetricDataQuery => ({
  Id,
  MetricStat: {
    Metric: {
      Namespace: 'AWS/ApplicationELB',
      MetricName,
      Dimensions:
        name === undefined
          ? [LoadBalancer]
          : [LoadBalancer, { Name: 'TargetGroup', Value: `targetgroup/shop-${name}/1` }],
    },
    Stat,
    // One period for all that the test does.
    Period: 3600,
  },
});

async function ask(queries: MetricDataQuery[]): Promise<Record<string, number | undefined>> {
  const { MetricDataResults } = await cloudWatch.send(
    new GetMetricDataCommand({
      MetricDataQueries: queries,
      StartTime: new Date(began - 1000),
      EndTime: new Date(Date.now() + 1000),
    }),
  );
  const found: Record<string, number | undefined> = {};
  for (const { Id = '', Values = [] } of MetricDataResults ?? []) found[Id] = Values[0];
  return found;
}

it('tells the colours apart by errors, response times and health', async () => {
  const requests = (path: string, count: number) =>
    Promise.all(Array.from({ length: count }, () => send(bench.port, { path })));
  await requests('/blue', 60);
  await publish();
  await Promise.all([requests('/blue', 40), requests('/green', 100), requests('/gone', 5), requests('/', 3)]);
  await publish();
  const answer = await ask([
    query('blue', 'RequestCount', 'Sum', 'blue'),
    query('green', 'RequestCount', 'Sum', 'green'),
    query('gone', 'RequestCount', 'Sum', 'gone'),
    query('all', 'RequestCount', 'Sum'),
    query('blue5xx', 'HTTPCode_Target_5XX_Count', 'Sum', 'blue'),
    query('green5xx', 'HTTPCode_Target_5XX_Count', 'Sum', 'green'),
    query('green2xx', 'HTTPCode_Target_2XX_Count', 'Sum', 'green'),
    query('gone5xx', 'HTTPCode_Target_5XX_Count', 'Sum', 'gone'),
    query('refused', 'TargetConnectionErrorCount', 'Sum', 'gone'),
    query('elb5xx', 'HTTPCode_ELB_5XX_Count', 'Sum'),
    query('elb5xxOfGone', 'HTTPCode_ELB_5XX_Count', 'Sum', 'gone'),
    query('healthy', 'HealthyHostCount', 'Minimum', 'green'),
    query('none', 'HealthyHostCount', 'Maximum', 'empty'),
    query('perTarget', 'RequestCountPerTarget', 'Sum', 'green'),
    query('connections', 'NewConnectionCount', 'Sum'),
    { Id: 'rate', Expression: '100 * FILL(green5xx, 0) / green' },
  ]);
  expect(answer).toMatchObject({
    blue: 100,
    green: 100,
    gone: 5,
    all: 205,
    green5xx: 30,
    green2xx: 70,
    refused: 5,
    // Refused by the target, and the ones that no target was there for.
    elb5xx: 8,
    healthy: 1,
    none: 0,
    perTarget: 100,
    rate: 30,
  });
  // What did not happen is not reported.
  for (const id of ['blue5xx', 'gone5xx', 'elb5xxOfGone']) expect(answer[id]).toBeUndefined();
  // One for each client, who closes it, and at least one to each target that listens.
  expect(answer['connections']).toBeGreaterThanOrEqual(208 + 2);
  const times = await ask(
    ['blue', 'green'].flatMap((name) => [
      query(`${name}50`, 'TargetResponseTime', 'p50', name),
      query(`${name}99`, 'TargetResponseTime', 'p99.9', name),
      query(`${name}max`, 'TargetResponseTime', 'Maximum', name),
    ]),
  );
  expect(times['green50']).toBeGreaterThanOrEqual(0.059);
  expect(times['blue50']).toBeGreaterThan(0);
  expect(times['green50']).toBeGreaterThan(must(times['blue50']));
  for (const name of ['blue', 'green']) {
    expect(times[`${name}99`]).toBeGreaterThanOrEqual(must(times[`${name}50`]));
    expect(times[`${name}99`]).toBeLessThanOrEqual(must(times[`${name}max`]));
  }
});

it('raises an alarm on the errors of real requests', async () => {
  await cloudWatch.send(
    new PutMetricAlarmCommand({
      AlarmName: 'green-errors',
      Namespace: 'AWS/ApplicationELB',
      MetricName: 'HTTPCode_Target_5XX_Count',
      Dimensions: [LoadBalancer, { Name: 'TargetGroup', Value: 'targetgroup/shop-green/1' }],
      Statistic: 'Sum',
      Period: 10,
      EvaluationPeriods: 1,
      Threshold: 0,
      ComparisonOperator: 'GreaterThanThreshold',
      TreatMissingData: 'notBreaching',
    }),
  );
  const state = async () => {
    const { MetricAlarms } = await cloudWatch.send(
      new DescribeAlarmsCommand({ AlarmNames: ['green-errors'] }),
    );
    return MetricAlarms?.[0]?.StateValue;
  };
  await until(
    async () => {
      await send(bench.port, { path: '/green' });
      await publish();
      return await state();
    },
    (found) => found === 'ALARM',
    60,
  );
});
