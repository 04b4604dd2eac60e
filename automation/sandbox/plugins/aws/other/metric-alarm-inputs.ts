import type { cloudwatch } from '@pulumi/aws';
import type { InputSpec, InputTable } from '../../model/schema';
import type { Plain } from '../context';
import { ARN, as, FLAG, REGION, STRING, TAGS } from '../specs';

const OPERATORS = [
  'GreaterThanOrEqualToThreshold',
  'GreaterThanThreshold',
  'LessThanThreshold',
  'LessThanOrEqualToThreshold',
];
const DIMENSIONS: InputSpec = { type: 'map', items: STRING };
const ACTIONS: InputSpec = { type: 'set', items: ARN, maxLength: 5 };
const COUNT: InputSpec = { type: 'integer', min: 1 };

const QUERY: InputSpec = {
  type: 'object',
  fields: {
    id: { type: 'string', required: true, pattern: [/^[a-z]\w*$/, 'begin with a small letter'] },
    expression: as(STRING, { maxLength: 1024 }),
    label: STRING,
    period: COUNT,
    returnData: FLAG,
    metric: {
      type: 'object',
      fields: {
        metricName: as(STRING, { required: true }),
        namespace: STRING,
        period: as(COUNT, { required: true }),
        stat: as(STRING, { required: true }),
        unit: STRING,
        dimensions: DIMENSIONS,
      },
    },
  },
};

export const METRIC_ALARM_INPUTS: InputTable<Plain<cloudwatch.MetricAlarmArgs>> = {
  name: { type: 'string', replace: true, maxLength: 255 },
  comparisonOperator: { type: 'string', required: true, oneOf: OPERATORS },
  evaluationPeriods: as(COUNT, { required: true }),
  datapointsToAlarm: COUNT,
  threshold: { type: 'number' },
  metricName: { type: 'string', maxLength: 255, conflictsWith: ['metricQueries'] },
  namespace: { type: 'string', maxLength: 255, conflictsWith: ['metricQueries'] },
  period: as(COUNT, { conflictsWith: ['metricQueries'] }),
  statistic: {
    type: 'string',
    oneOf: ['SampleCount', 'Average', 'Sum', 'Minimum', 'Maximum'],
    conflictsWith: ['extendedStatistic', 'metricQueries'],
  },
  extendedStatistic: as(STRING, { conflictsWith: ['metricQueries'] }),
  unit: STRING,
  dimensions: as(DIMENSIONS, { conflictsWith: ['metricQueries'] }),
  metricQueries: { type: 'set', items: QUERY },
  treatMissingData: {
    type: 'string',
    oneOf: ['breaching', 'notBreaching', 'ignore', 'missing'],
    default: 'missing',
  },
  actionsEnabled: as(FLAG, { default: true }),
  alarmActions: ACTIONS,
  okActions: ACTIONS,
  insufficientDataActions: ACTIONS,
  alarmDescription: as(STRING, { maxLength: 1024 }),
  region: REGION,
  tags: TAGS,
};
