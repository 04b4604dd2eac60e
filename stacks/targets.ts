import * as aws from './aws';
import { COLOURS, type Colour } from '../src/domain/colour';
import { targetGroupName } from '../src/domain/config';
import type { Network } from './network';
import { tagsOf, type Scope } from './settings';

export type TargetGroups = Record<Colour, aws.lb.TargetGroup>;

/** The two target groups of one region. */
export function targetGroupsIn(scope: Scope, region: string, network: Network): TargetGroups {
  const [blue, green] = COLOURS.map((colour) => targetGroup(scope, region, network, colour));
  if (blue === undefined || green === undefined) throw new Error('an environment has two colours');
  return { blue, green };
}

function targetGroup(scope: Scope, region: string, network: Network, colour: Colour): aws.lb.TargetGroup {
  const { targets } = scope.config;
  const { healthCheck } = targets;
  const name = targetGroupName(targets.name, colour);
  return new aws.lb.TargetGroup(
    `${colour}.${region}`,
    {
      region,
      name,
      vpcId: network.vpcId,
      targetType: 'instance',
      port: targets.port,
      protocol: targets.protocol,
      deregistrationDelay: targets.deregistrationDelaySeconds,
      slowStart: targets.slowStartSeconds,
      loadBalancingAlgorithmType: targets.algorithm,
      healthCheck: {
        enabled: true,
        path: healthCheck.path,
        port: healthCheck.port === undefined ? 'traffic-port' : String(healthCheck.port),
        protocol: targets.protocol,
        interval: healthCheck.intervalSeconds,
        timeout: healthCheck.timeoutSeconds,
        healthyThreshold: healthCheck.healthyThreshold,
        unhealthyThreshold: healthCheck.unhealthyThreshold,
        matcher: healthCheck.matcher,
      },
      stickiness: stickinessOf(scope),
      tags: tagsOf(scope, name, { colour }),
    },
    // Making it anew fails then at the name that is taken, before the one with the traffic is touched.
    { provider: scope.provider, deleteBeforeReplace: false, protect: scope.config.protection },
  );
}

function stickinessOf(scope: Scope) {
  const { kind, cookieName, durationSeconds } = scope.config.targets.stickiness;
  const enabled = kind !== 'none';
  return kind === 'application-cookie'
    ? { enabled, type: 'app_cookie', cookieDuration: durationSeconds, ...(cookieName && { cookieName }) }
    : { enabled, type: 'lb_cookie', cookieDuration: durationSeconds };
}
