import type { cloudwatch } from '@pulumi/aws';
import type { MetricAlarm, PutMetricAlarmInput } from '@aws-sdk/client-cloudwatch';
import type { Failure } from '../../model/plugin';
import { fromTagList, toTagList } from '../../model/tags';
import { awsType, type AwsContext, type Plain } from '../context';
import { given } from '../specs';
import { METRIC_ALARM_INPUTS } from './metric-alarm-inputs';

type Args = Plain<cloudwatch.MetricAlarmArgs>;
type State = Plain<cloudwatch.MetricAlarmState>;
type Query = NonNullable<Args['metricQueries']>[number];

export const metricAlarm = awsType<cloudwatch.MetricAlarmArgs, cloudwatch.MetricAlarmState>({
  token: 'aws:cloudwatch/metricAlarm:MetricAlarm',
  naming: { property: 'name', maxLength: 255 },
  inputs: METRIC_ALARM_INPUTS,
  outputs: ['arn'],
  check: checkAlarm,
  async create(inputs, context) {
    const name = inputs.name ?? '';
    const tags = Object.keys(context.tags).length > 0 ? { Tags: toTagList(context.tags) } : {};
    await (await context.cloudwatch()).putMetricAlarm({ ...callOf(name, inputs), ...tags });
    return name;
  },
  read,
  async update(name, update, context) {
    await (await context.cloudwatch()).putMetricAlarm(callOf(name, update.new));
  },
  async retag(_name, change, context, state) {
    const client = await context.cloudwatch();
    const ResourceARN = state.arn;
    if (change.remove.length > 0) await client.untagResource({ ResourceARN, TagKeys: change.remove });
    if (Object.keys(change.set).length > 0)
      await client.tagResource({ ResourceARN, Tags: toTagList(change.set) });
  },
  async delete(name, _state, context) {
    if (!(await describe(name, context))) return;
    await (await context.cloudwatch()).deleteAlarms({ AlarmNames: [name] });
  },
});

function checkAlarm(inputs: Partial<Args>): Failure[] {
  const failures: Failure[] = [];
  if (inputs.metricName === undefined && inputs.metricQueries === undefined) {
    failures.push({ property: 'metricName', reason: 'one of metricName and metricQueries is required' });
  }
  if (inputs.metricName !== undefined) {
    for (const property of ['namespace', 'period'] as const) {
      if (inputs[property] === undefined) failures.push({ property, reason: 'is required with metricName' });
    }
    if (inputs.statistic === undefined && inputs.extendedStatistic === undefined) {
      failures.push({ property: 'statistic', reason: 'one of statistic and extendedStatistic is required' });
    }
  }
  const { period, evaluationPeriods, datapointsToAlarm } = inputs;
  if (typeof period === 'number' && ![10, 20, 30].includes(period) && period % 60 !== 0) {
    failures.push({ property: 'period', reason: `must be 10, 20, 30 or a multiple of 60, but is ${period}` });
  }
  if (Number(datapointsToAlarm) > Number(evaluationPeriods)) {
    const reason = `must not be above evaluationPeriods (${evaluationPeriods})`;
    failures.push({ property: 'datapointsToAlarm', reason });
  }
  return [...failures, ...checkQueries(inputs.metricQueries)];
}

function checkQueries(queries: Query[] | undefined): Failure[] {
  if (!Array.isArray(queries)) return [];
  const failures = queries.flatMap((query, at) =>
    (query.expression === undefined) === (query.metric === undefined)
      ? [{ property: `metricQueries[${at}]`, reason: 'must have exactly one of expression and metric' }]
      : [],
  );
  const returning = queries.filter((query) => query.returnData === true).length;
  if (returning !== 1) {
    failures.push({
      property: 'metricQueries',
      reason: `exactly one must have returnData, but ${returning} have`,
    });
  }
  return failures;
}

function callOf(name: string, inputs: Args): PutMetricAlarmInput {
  return given({
    AlarmName: name,
    ActionsEnabled: inputs.actionsEnabled,
    AlarmActions: inputs.alarmActions,
    OKActions: inputs.okActions,
    InsufficientDataActions: inputs.insufficientDataActions,
    AlarmDescription: inputs.alarmDescription,
    ComparisonOperator: inputs.comparisonOperator,
    DatapointsToAlarm: inputs.datapointsToAlarm,
    Dimensions: inputs.dimensions && dimensionList(inputs.dimensions),
    EvaluationPeriods: inputs.evaluationPeriods,
    ExtendedStatistic: inputs.extendedStatistic,
    MetricName: inputs.metricName,
    Metrics: inputs.metricQueries?.map(queryCall),
    Namespace: inputs.namespace,
    Period: inputs.period,
    Statistic: inputs.statistic,
    Threshold: inputs.threshold,
    TreatMissingData: inputs.treatMissingData,
    Unit: inputs.unit,
  }) as PutMetricAlarmInput;
}

function queryCall(query: Query) {
  const { metric } = query;
  return given({
    Id: query.id,
    Expression: query.expression,
    Label: query.label,
    Period: query.period,
    ReturnData: query.returnData ?? false,
    MetricStat: metric && {
      Metric: given({
        MetricName: metric.metricName,
        Namespace: metric.namespace,
        Dimensions: metric.dimensions && dimensionList(metric.dimensions),
      }),
      Period: metric.period,
      Stat: metric.stat,
      ...given({ Unit: metric.unit }),
    },
  });
}

function dimensionList(dimensions: Record<string, string>): { Name: string; Value: string }[] {
  return Object.entries(dimensions).map(([Name, Value]) => ({ Name, Value }));
}

function dimensionMap(list: { Name?: string; Value?: string }[] | undefined): Record<string, string> {
  return Object.fromEntries((list ?? []).map(({ Name = '', Value = '' }) => [Name, Value]));
}

async function describe(name: string, context: AwsContext): Promise<MetricAlarm | undefined> {
  const { MetricAlarms } = await (await context.cloudwatch()).describeAlarms({ AlarmNames: [name] });
  return MetricAlarms?.[0];
}

async function read(name: string, context: AwsContext): Promise<State | undefined> {
  const facts = await describe(name, context);
  if (!facts) return undefined;
  const arn = facts.AlarmArn ?? '';
  const { Tags } = await (await context.cloudwatch()).listTagsForResource({ ResourceARN: arn });
  const queries = facts.Metrics ?? [];
  return {
    arn,
    name: facts.AlarmName,
    actionsEnabled: facts.ActionsEnabled ?? true,
    alarmActions: facts.AlarmActions ?? [],
    okActions: facts.OKActions ?? [],
    insufficientDataActions: facts.InsufficientDataActions ?? [],
    alarmDescription: facts.AlarmDescription ?? '',
    comparisonOperator: facts.ComparisonOperator,
    evaluationPeriods: facts.EvaluationPeriods,
    treatMissingData: facts.TreatMissingData ?? 'missing',
    ...given({
      datapointsToAlarm: facts.DatapointsToAlarm,
      extendedStatistic: facts.ExtendedStatistic,
      metricName: facts.MetricName,
      namespace: facts.Namespace,
      period: facts.Period,
      statistic: facts.Statistic,
      threshold: facts.Threshold,
      unit: facts.Unit,
      dimensions: queries.length > 0 ? undefined : dimensionMap(facts.Dimensions),
      metricQueries: queries.length === 0 ? undefined : queries.map(queryOf),
    }),
    region: context.region,
    tagsAll: fromTagList(Tags),
  };
}

function queryOf(query: NonNullable<MetricAlarm['Metrics']>[number]): Query {
  const stat = query.MetricStat;
  return {
    id: query.Id ?? '',
    returnData: query.ReturnData ?? false,
    ...given({
      expression: query.Expression || undefined,
      label: query.Label || undefined,
      period: query.Period,
    }),
    ...(stat
      ? {
          metric: {
            metricName: stat.Metric?.MetricName ?? '',
            ...given({ namespace: stat.Metric?.Namespace, unit: stat.Unit }),
            dimensions: dimensionMap(stat.Metric?.Dimensions),
            period: stat.Period ?? 0,
            stat: stat.Stat ?? '',
          },
        }
      : {}),
  };
}
