import {
  waveRules,
  checksOf,
  growthOf,
  hooksOf,
  strategyOf,
  type EnvironmentConfig,
} from '../../src/domain/config';
import type { DeploymentPolicy } from '../../src/domain/plan';

/** What the configuration says about deployments, as the plan needs it. */
export function policyOf(config: EnvironmentConfig): DeploymentPolicy {
  const { deployment, fleet, targets } = config;
  const { proof } = deployment;
  return {
    capacity: { minimum: fleet.minimum, maximum: fleet.maximum, desired: fleet.desired },
    gate: deployment.healthGate,
    smoke: deployment.smoke.requests,
    // Without a proof configured the health path is asked: it is answered by every release.
    proof:
      proof === undefined
        ? { path: targets.healthCheck.path, header: null, requests: 20, timeoutSeconds: 60 }
        : {
            path: proof.path,
            header: proof.header,
            requests: proof.requests,
            timeoutSeconds: proof.timeoutSeconds,
          },
    strategy: strategyOf(deployment.strategy),
    growth: growthOf(deployment.growth),
    checks: checksOf(deployment.analysis),
    soakSeconds: deployment.soakSeconds,
    ...waveRules(deployment.waves),
    approvals: config.approvals,
    ...hooksOf(deployment.migrate),
    retire: deployment.retire,
    quietSeconds: deployment.quietSeconds,
    drainSeconds: targets.deregistrationDelaySeconds,
    drainTimeoutSeconds: deployment.drainTimeoutSeconds + deployment.quietSeconds,
    // Processor load has other causes than requests, such as starting up.
    scalesIdle: fleet.targetTracking?.metric === 'cpu',
  };
}
