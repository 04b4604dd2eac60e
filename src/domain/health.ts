import { healthyInstances, type FleetReading, type InstanceReading, type ScalingActivity } from './fleet';

export type HealthVerdict =
  | { kind: 'healthy'; streak: number }
  | { kind: 'pending'; streak: number; waitingFor: string }
  | { kind: 'failed'; code: string; message: string; culprits: InstanceReading[] };

export interface HealthExpectation {
  version: string;
  /** At least this many instances must be healthy. */
  instances: number;
  /** Looks in a row that must find them so; one healthy answer is the load balancer's first impression. */
  consecutive: number;
  /** Scaling activities before this moment belong to another deployment; Unix milliseconds. */
  since: number;
}

/** Auto Scaling's words for failures that no waiting mends within a deployment. */
const HOPELESS =
  /insufficient|capacity|quota|limit exceeded|LimitExceeded|not authorized|UnauthorizedOperation|free addresses|InvalidAMI|does not exist|not supported/i;

/**
 * Judges one measurement of a fleet, given how many before it were good. No answer is never a good answer:
 * only `ok` status checks and `healthy` targets count.
 */
export function assessFleet(
  reading: FleetReading | undefined,
  expected: HealthExpectation,
  streak: number,
): HealthVerdict {
  if (reading === undefined)
    return { kind: 'pending', streak: 0, waitingFor: 'the Auto Scaling group to exist' };
  const failure = launchFailure(reading.activities, expected.since);
  const healthy = healthyInstances(reading, expected.version).length;
  if (failure !== undefined && healthy < expected.instances)
    return {
      kind: 'failed',
      code: 'BASCULE_LAUNCH_FAILED',
      message: `Auto Scaling cannot launch instances of ${reading.autoScalingGroup}: ${failure.message || failure.description}`,
      culprits: [],
    };
  if (healthy < expected.instances)
    return { kind: 'pending', streak: 0, waitingFor: describeMissing(reading, expected, healthy) };
  if (streak + 1 < expected.consecutive)
    return {
      kind: 'pending',
      streak: streak + 1,
      waitingFor: `${healthy} of ${expected.instances} healthy, ${streak + 1} of ${expected.consecutive} looks in a row`,
    };
  return { kind: 'healthy', streak: streak + 1 };
}

/** A launch that failed for good at once, or any that failed again: Auto Scaling retries what passes by itself. */
function launchFailure(activities: readonly ScalingActivity[], since: number): ScalingActivity | undefined {
  const failed = activities.filter(
    (activity) =>
      activity.at >= since && activity.status === 'Failed' && activity.description.startsWith('Launching'),
  );
  return (
    failed.find(({ message, description }) => HOPELESS.test(`${message} ${description}`)) ??
    (failed.length > 1 ? failed[0] : undefined)
  );
}

function describeMissing(reading: FleetReading, expected: HealthExpectation, healthy: number): string {
  const worst = culpritsOf(reading, expected.version)[0];
  const total = `${healthy} of ${expected.instances} healthy`;
  return worst === undefined ? `${total}, no instance launched yet` : `${total}; ${describeInstance(worst)}`;
}

/** Instances of a release that are not healthy, those with a stated reason first. */
export function culpritsOf(reading: FleetReading, version: string): InstanceReading[] {
  const good = new Set(healthyInstances(reading, version).map((instance) => instance.id));
  return reading.instances
    .filter((instance) => instance.version === version && !good.has(instance.id))
    .sort((one, other) => rank(other) - rank(one));
}

function rank(instance: InstanceReading): number {
  if (instance.statusCheck === 'impaired') return 3;
  if (instance.target === 'unhealthy') return 2;
  return instance.target === 'draining' ? 1 : 0;
}

/** One instance, its state, and the load balancer's reason, in a line. */
export function describeInstance(instance: InstanceReading): string {
  const reason = instance.targetReason === '' ? '' : ` (${instance.targetReason})`;
  return `${instance.id}: ${instance.lifecycle}, status checks ${instance.statusCheck}, target ${instance.target}${reason}`;
}

/** What is wrong with a fleet that carries all traffic; undefined while at least half of it is healthy. */
export function assessSoak(
  reading: FleetReading | undefined,
  expected: { version: string; instances: number },
): { message: string; details: string[] } | undefined {
  if (reading === undefined) return { message: 'its Auto Scaling group is gone', details: [] };
  const healthy = healthyInstances(reading, expected.version).length;
  if (healthy > 0 && healthy * 2 >= expected.instances) return undefined;
  return {
    message: `${healthy} of ${expected.instances} instance(s) healthy`,
    details: culpritsOf(reading, expected.version).map(describeInstance),
  };
}
