import { isFalse, numberOf, textsIn, UNKNOWN, within, type Rule } from './rule';

/** A target that fails is out of rotation after this at the latest, however long leaving ones may finish. */
const NOTICED_SECONDS = 30;

/**
 * Numbers that AWS accepts and that hurt (Application Load Balancers user guide, "Target groups for your Application
 * Load Balancers"): a delay of 0 cuts requests in flight; AWS fills in 300 s, 30 s, 5 s and 2 where nothing is said.
 */
export const targetHealth: Rule = {
  name: 'target-health',
  description: 'Instances finish their requests before they leave, and sick ones are noticed in time.',
  severity: 'high',
  types: ['aws:lb/targetGroup:TargetGroup', 'aws:alb/targetGroup:TargetGroup'],
  check({ props }) {
    if (props['deregistrationDelay'] === UNKNOWN || props['healthCheck'] === UNKNOWN) return [];
    const delay = numberOf(props['deregistrationDelay']) ?? 300;
    const check = within(props, 'healthCheck');
    const interval = numberOf(check['interval']) ?? 30;
    const timeout = numberOf(check['timeout']) ?? 5;
    const noticed = interval * (numberOf(check['unhealthyThreshold']) ?? 2);
    const limit = Math.max(delay, NOTICED_SECONDS);
    return [
      ...(delay > 0 ? [] : ['deregistrationDelay must not be 0: requests in flight would be cut']),
      ...('enabled' in check && check['enabled'] !== UNKNOWN && isFalse(check['enabled'])
        ? ['healthCheck.enabled must be true: sick instances would get requests']
        : []),
      ...(timeout < interval
        ? []
        : [`healthCheck.timeout (${timeout}) must be less than interval (${interval})`]),
      ...(noticed <= limit
        ? []
        : [
            `a sick instance gets requests for ${noticed} s (healthCheck.interval × unhealthyThreshold), ` +
              `longer than one that leaves may take to finish (deregistrationDelay, ${delay} s): lower the former`,
          ]),
    ];
  },
};

/** Amazon EC2 Auto Scaling user guide, "Health checks": EC2's alone never see that the application is sick. */
export const fleetHealth: Rule = {
  name: 'fleet-health',
  description:
    'A fleet behind a load balancer replaces what its load balancer calls sick, and gives starters time.',
  severity: 'medium',
  types: ['aws:autoscaling/group:Group'],
  check({ props }) {
    if (textsIn(props, 'targetGroupArns').length === 0 && props['targetGroupArns'] !== UNKNOWN) return [];
    const { healthCheckType, healthCheckGracePeriod } = props;
    return [
      ...(healthCheckType === 'ELB' || healthCheckType === UNKNOWN ? [] : ["healthCheckType must be 'ELB'"]),
      ...(numberOf(healthCheckGracePeriod) === 0
        ? ['healthCheckGracePeriod must not be 0: what starts slowly would be replaced for ever']
        : []),
    ];
  },
};
