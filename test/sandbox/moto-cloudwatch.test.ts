import {
  DescribeAlarmsCommand,
  GetMetricDataCommand,
  GetMetricStatisticsCommand,
  ListMetricsCommand,
  PutMetricAlarmCommand,
  PutMetricDataCommand,
  SetAlarmStateCommand,
  type CloudWatchClient,
  type GetMetricDataCommandInput,
  type MetricDataQuery,
  type MetricDatum,
  type PutMetricAlarmCommandInput,
} from '@aws-sdk/client-cloudwatch';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { must, until } from '../support/until';
import { Plane } from './moto-plane';

const MINUTE = 60_000;
/** A whole minute some time ago: nothing of a test depends on when it runs. */
const start = Math.floor(Date.now() / MINUTE) * MINUTE - 30 * MINUTE;
const minute = (number: number) => new Date(start + number * MINUTE);

let plane: Plane;
let cloudWatch: CloudWatchClient;
beforeAll(async () => {
  plane = await Plane.start();
  cloudWatch = plane.cloudWatch();
});
afterAll(async () => plane.dispose());

async function put(Namespace: string, ...MetricData: MetricDatum[]): Promise<void> {
  await cloudWatch.send(new PutMetricDataCommand({ Namespace, MetricData }));
}

/** One value in each minute; null for a minute without one. */
async function putMinutes(Namespace: string, MetricName: string, values: (number | null)[]): Promise<void> {
  const data = values.flatMap((Value, index) =>
    Value === null ? [] : [{ MetricName, Timestamp: minute(index), Value }],
  );
  await put(Namespace, ...data);
}

const metric = (Namespace: string, Id: string, Stat = 'Sum', Period = 60): MetricDataQuery => ({
  Id,
  MetricStat: { Metric: { Namespace, MetricName: Id }, Stat, Period },
});

async function ask(queries: MetricDataQuery[], over: Partial<GetMetricDataCommandInput> = {}) {
  return await cloudWatch.send(
    new GetMetricDataCommand({
      MetricDataQueries: queries,
      StartTime: minute(0),
      EndTime: minute(5),
      ScanBy: 'TimestampAscending',
      ...over,
    }),
  );
}

/** The values of each query by its id. */
async function values(
  queries: MetricDataQuery[],
  over: Partial<GetMetricDataCommandInput> = {},
): Promise<Record<string, number[] | undefined>> {
  const found: Record<string, number[] | undefined> = {};
  for (const { Id = '', Values } of (await ask(queries, over)).MetricDataResults ?? []) found[Id] = Values;
  return found;
}

describe('metric data', () => {
  it('answers several statistics at once, by minute, newest first unless asked otherwise', async () => {
    const datum = { MetricName: 'a', Timestamp: minute(1) };
    await put('several', { ...datum, Values: [1, 2, 3], Counts: [2, 1, 1] });
    await put('several', { MetricName: 'a', Timestamp: new Date(start + 119_999), Value: 5 });
    await put('several', { MetricName: 'a', Timestamp: minute(3), Value: 10 });
    const names = ['Sum', 'SampleCount', 'Average', 'Minimum', 'Maximum'];
    const queries = names.map((name, index) => ({
      ...metric('several', 'a', name),
      Id: `q${index}`,
    }));
    for (const query of queries) must(query.MetricStat?.Metric).MetricName = 'a';
    expect(await values(queries)).toEqual({
      q0: [12, 10],
      q1: [5, 1],
      q2: [2.4, 10],
      q3: [1, 10],
      q4: [5, 10],
    });
    const { MetricDataResults } = await ask(queries.slice(0, 1), { ScanBy: undefined });
    expect(MetricDataResults?.[0]).toMatchObject({
      Timestamps: [minute(3), minute(1)],
      Values: [10, 12],
      StatusCode: 'Complete',
      Label: 'a',
    });
  });

  it('knows percentiles of what it was given in values, and none of what it was told in statistics', async () => {
    const Values = Array.from({ length: 100 }, (_, index) => (index + 1) / 1000);
    await put('latency', { MetricName: 'p', Timestamp: minute(0), Values: Values.slice(0, 50) });
    await put('latency', { MetricName: 'p', Timestamp: minute(0), Values: Values.slice(50) });
    const StatisticValues = { SampleCount: 10, Sum: 10, Minimum: 0.5, Maximum: 2 };
    await put('latency', { MetricName: 'p', Timestamp: minute(1), StatisticValues });
    const asked = ['p0', 'p50', 'p90', 'p95', 'p99', 'p99.9', 'p100', 'Maximum'];
    const answers = await values(
      asked.map((Stat, index) => ({
        Id: `q${index}`,
        MetricStat: { ...must(metric('latency', 'p').MetricStat), Stat },
      })),
    );
    const expected = [0.001, 0.05, 0.09, 0.095, 0.099, 0.1, 0.1];
    expected.forEach((value, index) => {
      // More than 60 different values are kept to two digits.
      expect(answers[`q${index}`]).toHaveLength(1);
      expect(answers[`q${index}`]?.[0]).toBeCloseTo(value, 2);
    });
    expect(answers['q7']).toEqual([0.1, 2]);
  });

  it('keeps the dimensions of a metric apart, and tells them all', async () => {
    const LoadBalancer = { Name: 'LoadBalancer', Value: 'app/x/1' };
    const TargetGroup = { Name: 'TargetGroup', Value: 'targetgroup/x/1' };
    await put('dims', { MetricName: 'n', Timestamp: minute(0), Value: 1, Dimensions: [LoadBalancer] });
    await put('dims', {
      MetricName: 'n',
      Timestamp: minute(0),
      Value: 2,
      Dimensions: [TargetGroup, LoadBalancer],
    });
    const query = (Dimensions: { Name: string; Value: string }[]) => ({
      Id: 'q',
      MetricStat: { Metric: { Namespace: 'dims', MetricName: 'n', Dimensions }, Stat: 'Sum', Period: 60 },
    });
    expect(await values([query([LoadBalancer])])).toEqual({ q: [1] });
    expect(await values([query([LoadBalancer, TargetGroup])])).toEqual({ q: [2] });
    expect(await values([query([TargetGroup])])).toEqual({ q: [] });
    const listed = await cloudWatch.send(
      new ListMetricsCommand({ Namespace: 'dims', Dimensions: [{ Name: 'TargetGroup' }] }),
    );
    expect(listed.Metrics).toEqual([
      { Namespace: 'dims', MetricName: 'n', Dimensions: [LoadBalancer, TargetGroup] },
    ]);
  });

  it('has seconds only of metrics of high resolution', async () => {
    const at = (second: number) => new Date(start + second * 1000);
    for (const second of [0, 7, 14])
      await put(
        'fine',
        { MetricName: 'high', Timestamp: at(second), Value: 1, StorageResolution: 1 },
        { MetricName: 'standard', Timestamp: at(second), Value: 1 },
      );
    const { MetricDataResults } = await ask([
      metric('fine', 'high', 'Sum', 10),
      metric('fine', 'standard', 'Sum', 10),
    ]);
    expect(MetricDataResults).toMatchObject([
      { Timestamps: [at(0), at(10)], Values: [2, 1] },
      { Timestamps: [at(0)], Values: [3] },
    ]);
    // Standard resolution: the start is rounded down to its minute.
    const later = await values([metric('fine', 'high'), metric('fine', 'standard')], { StartTime: at(7) });
    expect(later).toEqual({ high: [2], standard: [3] });
  });

  it('answers in pages', async () => {
    await putMinutes('pages', 'a', [1, 2, 3]);
    await putMinutes('pages', 'b', [4, 5, 6]);
    const queries = [metric('pages', 'a'), metric('pages', 'b')];
    const first = await ask(queries, { MaxDatapoints: 4 });
    expect(first.MetricDataResults).toMatchObject([
      { Id: 'a', Values: [1, 2, 3], StatusCode: 'Complete' },
      { Id: 'b', Values: [4], StatusCode: 'PartialData' },
    ]);
    const rest = await ask(queries, { MaxDatapoints: 4, NextToken: must(first.NextToken) });
    expect(rest.MetricDataResults).toMatchObject([{ Id: 'b', Values: [5, 6], StatusCode: 'Complete' }]);
    expect(rest.NextToken).toBeUndefined();
  });

  it.each<[string, MetricDataQuery[], RegExp]>([
    ['a period of seven seconds', [metric('x', 'a', 'Sum', 7)], /Period/],
    ['an unknown statistic', [metric('x', 'a', 'Median')], /Stat/],
    ['an id that begins with a capital', [{ ...metric('x', 'a'), Id: 'A' }], /Id/],
    ['an id twice', [metric('x', 'a'), metric('x', 'a')], /not unique/],
    ['neither metric nor expression', [{ Id: 'a' }], /exactly one/],
    ['an expression over nothing', [{ Id: 'a', Expression: 'b + 1' }], /undefined/],
    ['an expression over itself', [{ Id: 'a', Expression: 'a + 1' }], /refers to itself/],
    ['half an expression', [metric('x', 'a'), { Id: 'b', Expression: 'a +' }], /too early/],
    ['a function nobody knows', [metric('x', 'a'), { Id: 'b', Expression: 'GUESS(a)' }], /GUESS/],
    ['an expression without a series', [{ Id: 'b', Expression: '1 + 1' }], /not a time series/],
    [
      'five hundred and one queries',
      Array.from({ length: 501 }, () => metric('x', 'a')),
      /between 1 and 500/,
    ],
  ])('refuses %s', async (_what, queries, message) => {
    await expect(ask(queries)).rejects.toThrow(message);
  });
});

describe('metric math', () => {
  const whole = async (Expression: string) => {
    const inputs = ['a', 'b'].map((id) => ({ ...metric('math', id), ReturnData: false }));
    const { MetricDataResults = [] } = await ask([...inputs, { Id: 'e', Expression }]);
    return MetricDataResults.map((one) => one.Values);
  };
  beforeAll(async () => {
    await putMinutes('math', 'a', [10, 20, 30, null, 50]);
    await putMinutes('math', 'b', [2, null, 0, 4, 5]);
  });

  it.each<[string, number[]]>([
    ['a + b', [12, 30, 55]],
    ['100 * b / a', [20, 0, 10]],
    // There is no data point where the divisor is zero.
    ['a / b', [5, 10]],
    ['-(a - 1) * 2', [-18, -38, -58, -98]],
    ['SUM([a])', []],
    ['SUM(METRICS())', [12, 20, 30, 4, 55]],
    ['MAX(METRICS("b"))', [2, 0, 4, 5]],
    ['a - AVG(a)', [-17.5, -7.5, 2.5, 22.5]],
    ['FILL(b, 0)', [2, 0, 0, 4, 5]],
    ['FILL(a, REPEAT)', [10, 20, 30, 30, 50]],
    ['FILL(a, LINEAR)', [10, 20, 30, 40, 50]],
    ['100 * FILL(b, 0) / a', [20, 0, 0, 10]],
    ['IF(a > 20, a, 0)', [0, 0, 30, 50]],
    ['IF(a >= 20 AND a < 50, a)', [20, 30]],
    ['RATE(a) * 60', [10, 10, 10]],
    ['DIFF(a)', [10, 10, 20]],
    ['CEIL(a / 7) + PERIOD(a)', [62, 63, 65, 68]],
  ])('%s', async (expression, expected) => {
    if (expected.length === 0) await expect(whole(expression)).rejects.toThrow(/unexpected/);
    else {
      const [answer] = await whole(expression);
      expect(answer).toHaveLength(expected.length);
      expected.forEach((value, index) => expect(answer?.[index]).toBeCloseTo(value, 9));
    }
  });

  it('gives several series where the expression is a list', async () => {
    expect(await whole('METRICS() * 2')).toEqual([
      [20, 40, 60, 100],
      [4, 0, 8, 10],
    ]);
  });
});

describe('metric statistics', () => {
  const input = {
    Namespace: 'stats',
    MetricName: 'a',
    StartTime: minute(0),
    EndTime: minute(5),
    Period: 60,
  };
  it('answers simple statistics or percentiles', async () => {
    await put('stats', { MetricName: 'a', Timestamp: minute(2), Values: [1, 2, 3, 4], Unit: 'Seconds' });
    const simple = await cloudWatch.send(
      new GetMetricStatisticsCommand({ ...input, Statistics: ['Average', 'Maximum'] }),
    );
    expect(simple).toMatchObject({ Label: 'a' });
    expect(simple.Datapoints).toEqual([{ Timestamp: minute(2), Unit: 'Seconds', Average: 2.5, Maximum: 4 }]);
    const extended = await cloudWatch.send(
      new GetMetricStatisticsCommand({ ...input, ExtendedStatistics: ['p50', 'p99.9'] }),
    );
    expect(extended.Datapoints?.[0]?.ExtendedStatistics).toEqual({ p50: 2, 'p99.9': 4 });
    const none = new GetMetricStatisticsCommand({ ...input, Statistics: ['Sum'], Unit: 'Count' });
    expect((await cloudWatch.send(none)).Datapoints).toEqual([]);
  });

  it('refuses more than 1,440 data points', async () => {
    const long = { ...input, Period: 1, EndTime: minute(25), Statistics: ['Sum' as const] };
    await expect(cloudWatch.send(new GetMetricStatisticsCommand(long))).rejects.toThrow(/1,?440/);
  });
});

describe('alarms', () => {
  const MINUTES = 8;
  const now = () => Math.floor(Date.now() / MINUTE) * MINUTE;
  async function alarm(over: Partial<PutMetricAlarmCommandInput> & { AlarmName: string }): Promise<void> {
    await cloudWatch.send(
      new PutMetricAlarmCommand({
        Namespace: 'alarms',
        MetricName: over.AlarmName,
        Statistic: 'Sum',
        Period: 60,
        EvaluationPeriods: 3,
        ComparisonOperator: 'GreaterThanThreshold',
        Threshold: 5,
        ...over,
      }),
    );
  }
  async function described(name: string) {
    const { MetricAlarms } = await cloudWatch.send(new DescribeAlarmsCommand({ AlarmNames: [name] }));
    return must(MetricAlarms?.[0]);
  }
  const reaches = (name: string, state: string) =>
    until(
      () => described(name),
      (one) => one.StateValue === state,
    );

  it('begin without data, follow their metric, and say why', async () => {
    await alarm({ AlarmName: 'follows' });
    expect((await described('follows')).StateValue).toBe('INSUFFICIENT_DATA');
    const data = Array.from({ length: MINUTES }, (_, index) => ({
      MetricName: 'follows',
      Timestamp: new Date(now() - index * MINUTE),
    }));
    await put('alarms', ...data.map((one) => ({ ...one, Value: 1 })));
    await reaches('follows', 'OK');
    await put('alarms', ...data.map((one) => ({ ...one, Value: 9 })));
    const fired = await reaches('follows', 'ALARM');
    expect(fired.StateReason).toMatch(/\[10\.0, 10\.0, 10\.0\] were greater than the threshold \(5\.0\)/);
    expect(must(fired.StateUpdatedTimestamp).getTime()).toBeGreaterThan(Date.now() - MINUTE);
    // Putting it again, with another threshold, keeps the state until it is evaluated.
    await alarm({ AlarmName: 'follows', Threshold: 20 });
    await reaches('follows', 'OK');
  });

  it('take an expression, percentiles and whom they are asked for', async () => {
    const dataOf = (MetricName: string, Value: number) =>
      Array.from({ length: MINUTES }, (_, index) => ({
        MetricName,
        Timestamp: new Date(now() - index * MINUTE),
        Value,
      }));
    await put('alarms', ...dataOf('errors', 3), ...dataOf('all', 100), ...dataOf('slow', 7));
    await alarm({
      AlarmName: 'rate',
      MetricName: undefined,
      Namespace: undefined,
      Statistic: undefined,
      Period: undefined,
      Threshold: 2,
      Metrics: [
        { ...metric('alarms', 'errors'), ReturnData: false },
        { ...metric('alarms', 'all'), ReturnData: false },
        { Id: 'rate', Expression: '100 * errors / all', ReturnData: true },
      ],
    });
    await alarm({ AlarmName: 'slow', Statistic: undefined, ExtendedStatistic: 'p99' });
    await Promise.all([reaches('rate', 'ALARM'), reaches('slow', 'ALARM')]);
    const first = await cloudWatch.send(new DescribeAlarmsCommand({ StateValue: 'ALARM', MaxRecords: 1 }));
    const second = await cloudWatch.send(
      new DescribeAlarmsCommand({ StateValue: 'ALARM', MaxRecords: 1, NextToken: must(first.NextToken) }),
    );
    const names = [first, second].flatMap(({ MetricAlarms = [] }) =>
      MetricAlarms.map((one) => one.AlarmName),
    );
    expect(new Set(names)).toEqual(new Set(['rate', 'slow']));
  });

  it('stay where they were set until their next period', async () => {
    await alarm({ AlarmName: 'set', TreatMissingData: 'notBreaching' });
    await reaches('set', 'OK');
    await cloudWatch.send(
      new SetAlarmStateCommand({ AlarmName: 'set', StateValue: 'ALARM', StateReason: 'a drill' }),
    );
    // Others are evaluated meanwhile; this one is not.
    await alarm({ AlarmName: 'other', TreatMissingData: 'notBreaching' });
    await reaches('other', 'OK');
    expect(await described('set')).toMatchObject({ StateValue: 'ALARM', StateReason: 'a drill' });
  });

  // '0' within the threshold, 'X' beyond it, '-' missing: oldest first, as the tables of the user guide have it.
  it.each([
    // Three of three.
    ['0-X-X', 3, 3, 'OK OK OK OK'],
    ['0----', 3, 3, 'OK OK OK OK'],
    ['-----', 3, 3, 'INSUFFICIENT_DATA retain ALARM OK'],
    ['0XX-X', 3, 3, 'ALARM ALARM ALARM ALARM'],
    ['--X--', 3, 3, 'ALARM retain ALARM OK'],
    // Two of three.
    ['0-X-X', 2, 3, 'ALARM ALARM ALARM ALARM'],
    ['00X0X', 2, 3, 'ALARM ALARM ALARM ALARM'],
    ['0-X--', 2, 3, 'OK OK ALARM OK'],
    ['----0', 2, 3, 'OK OK ALARM OK'],
    ['---X-', 2, 3, 'ALARM retain ALARM OK'],
  ])('%s, %i of %i: %s', async (points, DatapointsToAlarm, EvaluationPeriods, expected) => {
    const MetricName = `${points.replaceAll('-', 'm')}${DatapointsToAlarm}`;
    // Each in the middle of its hour: a minute that ends meanwhile changes nothing.
    const data = [...points].flatMap((point, index) => {
      const Timestamp = new Date(Date.now() - (4.5 - index) * 60 * MINUTE);
      return point === '-' ? [] : [{ MetricName, Timestamp, Value: point === 'X' ? 9 : 1 }];
    });
    if (data.length > 0) await put('alarms', ...data);
    const treatments = ['missing', 'ignore', 'breaching', 'notBreaching'] as const;
    const rule = { MetricName, DatapointsToAlarm, EvaluationPeriods, Period: 3600 };
    await Promise.all(
      treatments.map(async (TreatMissingData, index) => {
        const AlarmName = `${MetricName}-${TreatMissingData}`;
        await alarm({ AlarmName, ...rule, TreatMissingData });
        const state = must(expected.split(' ')[index]);
        // What a new alarm retains is that it has not enough data.
        await reaches(AlarmName, state === 'retain' ? 'INSUFFICIENT_DATA' : state);
      }),
    );
  });
});

describe('metrics that are late', () => {
  const count = async () =>
    (await values([metric('late', 'a')], { EndTime: new Date(Date.now() + MINUTE) }))['a'];

  it('are shown after the delay', async () => {
    await plane.faults([{ kind: 'late-metrics', seconds: 3600 }]);
    await put('late', { MetricName: 'a', Timestamp: minute(1), Value: 1 });
    expect(await count()).toEqual([]);
    await plane.faults([{ kind: 'late-metrics', seconds: 0 }]);
    expect(await count()).toEqual([1]);
  });

  it('come with whole minutes where that is asked for', async () => {
    await plane.faults([{ kind: 'minute-metrics' }]);
    const ahead = new Date(Date.now() + 30 * MINUTE);
    await put('whole', {
      MetricName: 'a',
      Timestamp: new Date(start + 70_000),
      Value: 1,
      StorageResolution: 1,
    });
    await put('whole', { MetricName: 'a', Timestamp: ahead, Value: 1, StorageResolution: 1 });
    const over = { StartTime: minute(0), EndTime: new Date(ahead.getTime() + MINUTE) };
    const before = await ask([metric('whole', 'a', 'Sum', 1)], over);
    // The minute that is not over is still to come.
    expect(before.MetricDataResults?.[0]).toMatchObject({ Timestamps: [minute(1)], Values: [1] });
    await plane.faults([]);
    expect(await values([metric('whole', 'a', 'Sum', 60)], over)).toEqual({ a: [1, 1] });
  });
});

it('keeps metrics and alarms over a restart', async () => {
  await putMinutes('kept', 'a', [1, 2]);
  await plane.end('SIGTERM');
  await plane.launch();
  expect(await values([metric('kept', 'a')])).toEqual({ a: [1, 2] });
});
