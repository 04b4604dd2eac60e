import type * as pulumi from '@pulumi/pulumi';
import * as aws from './aws';
import { COLOURS, type Colour } from '../src/domain/colour';
import { alarmTopicArnOf, targetGroupName } from '../src/domain/config';
import { tagsOf, type Scope } from './settings';
import type { TargetGroups } from './targets';

/**
 * Two alarms for each colour of a region. Missing data is no breach here: an idle colour has no requests, and
 * whether it may be trusted is for the gates of a deployment to say, not for an alarm.
 */
export function alarmsIn(
  scope: Scope,
  region: string,
  loadBalancer: aws.lb.LoadBalancer,
  groups: TargetGroups,
): void {
  if (!scope.config.alarms.enabled) return;
  for (const colour of COLOURS) {
    const dimensions = { LoadBalancer: loadBalancer.arnSuffix, TargetGroup: groups[colour].arnSuffix };
    errorAlarm(scope, region, colour, dimensions);
    latencyAlarm(scope, region, colour, dimensions);
  }
}

type Dimensions = Record<string, pulumi.Output<string>>;

const NAMESPACE = 'AWS/ApplicationELB';

function errorAlarm(scope: Scope, region: string, colour: Colour, dimensions: Dimensions): void {
  const { fiveXxPercent, periodSeconds } = scope.config.alarms;
  const sum = (id: string, metricName: string) => ({
    id,
    metric: { namespace: NAMESPACE, metricName, stat: 'Sum', period: periodSeconds, dimensions },
  });
  void new aws.cloudwatch.MetricAlarm(
    `${colour}-5xx.${region}`,
    {
      ...common(scope, region, colour, '5xx'),
      alarmDescription: `More than ${fiveXxPercent} % of the answers of ${colour} are 5xx`,
      threshold: fiveXxPercent,
      metricQueries: [
        // The 5xx metric is absent while there are none, which must not hide the requests that went well.
        { id: 'percent', expression: '100 * FILL(errors, 0) / requests', label: '5xx %', returnData: true },
        sum('errors', 'HTTPCode_Target_5XX_Count'),
        sum('requests', 'RequestCount'),
      ],
    },
    { provider: scope.provider },
  );
}

function latencyAlarm(scope: Scope, region: string, colour: Colour, dimensions: Dimensions): void {
  const { latencySeconds, periodSeconds } = scope.config.alarms;
  void new aws.cloudwatch.MetricAlarm(
    `${colour}-latency.${region}`,
    {
      ...common(scope, region, colour, 'latency'),
      alarmDescription: `Instances of ${colour} take more than ${latencySeconds} s on average to answer`,
      threshold: latencySeconds,
      namespace: NAMESPACE,
      metricName: 'TargetResponseTime',
      statistic: 'Average',
      period: periodSeconds,
      dimensions,
    },
    { provider: scope.provider },
  );
}

function common(scope: Scope, region: string, colour: Colour, kind: string) {
  const name = `${targetGroupName(scope.config.targets.name, colour)}-${kind}`;
  const topic = alarmTopicArnOf(scope.config, region);
  return {
    region,
    name,
    comparisonOperator: 'GreaterThanThreshold',
    evaluationPeriods: scope.config.alarms.periods,
    treatMissingData: 'notBreaching',
    ...(topic === undefined ? {} : { alarmActions: [topic], okActions: [topic] }),
    tags: tagsOf(scope, name, { colour }),
  };
}
