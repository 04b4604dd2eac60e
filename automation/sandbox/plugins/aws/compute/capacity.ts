import type { AwsContext } from '../context';
import type { GroupArgs } from './group-state';

const UNIT_SECONDS: Readonly<Record<string, number>> = { ms: 0.001, s: 1, m: 60, h: 3600 };

/** Seconds of a duration as Go writes it: '10m', '1h30m', '0'. */
export function seconds(duration: string): number {
  const parts = [...duration.matchAll(/(\d+(?:\.\d+)?)(ms|s|m|h)/g)];
  return parts.reduce((sum, [, amount, unit]) => sum + Number(amount) * (UNIT_SECONDS[unit ?? ''] ?? 0), 0);
}

/**
 * Waits until a group has the instances it was asked for, as the official provider does unless
 * waitForCapacityTimeout is '0'. A scaling activity that failed since `startedAt` ends the wait at once.
 */
export async function waitForCapacity(
  name: string,
  inputs: GroupArgs,
  context: AwsContext,
  startedAt: number,
): Promise<void> {
  const limit = seconds(inputs.waitForCapacityTimeout ?? '10m');
  if (limit === 0) return;
  let seen = 'nothing is known of its instances';
  const ready = async (): Promise<true | undefined> => {
    const client = await context.autoscaling();
    const { AutoScalingGroups } = await client.describeAutoScalingGroups({ AutoScalingGroupNames: [name] });
    const facts = AutoScalingGroups?.[0];
    const inService = (facts?.Instances ?? []).filter(
      (instance) => instance.LifecycleState === 'InService' && instance.HealthStatus === 'Healthy',
    );
    const wanted = inputs.desiredCapacity ?? Math.max(inputs.minSize, facts?.DesiredCapacity ?? 0);
    const elbWanted = inputs.waitForElbCapacity ?? inputs.minElbCapacity ?? 0;
    const elbHealthy = elbWanted > 0 ? await healthyInAll(facts?.TargetGroupARNs ?? [], context) : 0;
    seen = `${inService.length} of ${wanted} instances are in service`;
    if (elbWanted > 0) seen += `, ${elbHealthy} of ${elbWanted} healthy in all target groups`;
    if (inService.length >= wanted && elbHealthy >= elbWanted) return true;
    if (!inputs.ignoreFailedScalingActivities) await failOnActivity(name, context, startedAt);
    return undefined;
  };
  await context.until(limit, ready, () => `${name}: ${seen} after ${inputs.waitForCapacityTimeout}`);
}

async function failOnActivity(name: string, context: AwsContext, startedAt: number): Promise<void> {
  const client = await context.autoscaling();
  const { Activities } = await client.describeScalingActivities({ AutoScalingGroupName: name });
  const failed = (Activities ?? []).find(
    (activity) => activity.StatusCode === 'Failed' && (activity.StartTime?.getTime() ?? 0) >= startedAt,
  );
  if (failed)
    throw new Error(
      `${name}: a scaling activity failed: ${failed.StatusMessage ?? failed.Description ?? ''}`,
    );
}

/** The smallest number of healthy targets that any of the groups has. */
async function healthyInAll(targetGroups: readonly string[], context: AwsContext): Promise<number> {
  const client = await context.elb();
  const counts = await Promise.all(
    targetGroups.map(async (TargetGroupArn) => {
      const { TargetHealthDescriptions } = await client.describeTargetHealth({ TargetGroupArn });
      return (TargetHealthDescriptions ?? []).filter((target) => target.TargetHealth?.State === 'healthy')
        .length;
    }),
  );
  return counts.length === 0 ? 0 : Math.min(...counts);
}
