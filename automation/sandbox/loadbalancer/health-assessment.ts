import type { TargetTruth } from '../contract';

/** What one health check saw. */
export type HealthObservation =
  | { kind: 'answered'; status: number }
  | { kind: 'timeout' }
  /** No connection, a reset, or something that is not HTTP. */
  | { kind: 'failed' };

export interface HealthThresholds {
  healthyThreshold: number;
  unhealthyThreshold: number;
  /** '200', '200-299' or '200,202'. */
  matcher: string;
}

/** What is remembered of a target between two health checks. */
export interface HealthMemory {
  state: 'initial' | 'healthy' | 'unhealthy';
  successes: number;
  failures: number;
  truth: TargetTruth;
}

export const INITIAL: HealthMemory = {
  state: 'initial',
  successes: 0,
  failures: 0,
  truth: {
    state: 'initial',
    reason: 'Elb.InitialHealthChecking',
    description: 'Initial health checks in progress',
  },
};

export function matches(matcher: string, status: number): boolean {
  return matcher.split(',').some((part) => {
    const [low, high] = part.trim().split('-').map(Number);
    return low !== undefined && status >= low && status <= (high ?? low);
  });
}

function unhealthyTruth(observation: HealthObservation): TargetTruth {
  switch (observation.kind) {
    case 'answered':
      return {
        state: 'unhealthy',
        reason: 'Target.ResponseCodeMismatch',
        description: `Health checks failed with these codes: [${observation.status}]`,
      };
    case 'timeout':
      return { state: 'unhealthy', reason: 'Target.Timeout', description: 'Request timed out' };
    case 'failed':
      return { state: 'unhealthy', reason: 'Target.FailedHealthChecks', description: 'Health checks failed' };
  }
}

/**
 * What a target's health is after one more observation. As on AWS, a new target is healthy after a single
 * success; the healthy threshold only counts for one that was unhealthy.
 */
export function assess(
  memory: HealthMemory,
  observation: HealthObservation,
  thresholds: HealthThresholds,
): HealthMemory {
  const passed = observation.kind === 'answered' && matches(thresholds.matcher, observation.status);
  const successes = passed ? memory.successes + 1 : 0;
  const failures = passed ? 0 : memory.failures + 1;
  const needed = memory.state === 'unhealthy' ? thresholds.healthyThreshold : 1;
  if (passed && (memory.state === 'healthy' || successes >= needed)) {
    const truth: TargetTruth = { state: 'healthy', reason: null, description: null };
    return { state: 'healthy', successes, failures, truth };
  }
  if (!passed && (memory.state === 'unhealthy' || failures >= thresholds.unhealthyThreshold)) {
    return { state: 'unhealthy', successes, failures, truth: unhealthyTruth(observation) };
  }
  return { ...memory, successes, failures };
}
