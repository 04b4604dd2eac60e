import type { EnvironmentConfig } from './environment';
import type { ConfigProblem } from './problems';
import { networkOf } from './regions';

/** Keys that AWS can only change by making another load balancer or other target groups. */
const FIXED: { path: string[]; read: (config: EnvironmentConfig) => unknown }[] = [
  { path: ['service'], read: (config) => config.service },
  { path: ['loadBalancer', 'name'], read: (config) => config.loadBalancer.name },
  { path: ['loadBalancer', 'internal'], read: (config) => config.loadBalancer.internal },
  { path: ['targets', 'name'], read: (config) => config.targets.name },
  { path: ['targets', 'port'], read: (config) => config.targets.port },
  { path: ['targets', 'protocol'], read: (config) => config.targets.protocol },
];

/**
 * What of an environment that exists cannot become what the configuration says now: the load balancer or the
 * target groups would be made anew, and the traffic of the old ones would be cut.
 */
export function impossibleChanges(before: EnvironmentConfig, after: EnvironmentConfig): ConfigProblem[] {
  const problem = (path: string[], was: unknown, is: unknown): ConfigProblem[] =>
    JSON.stringify(was) === JSON.stringify(is)
      ? []
      : [
          {
            path,
            message: `cannot change from ${JSON.stringify(was)} to ${JSON.stringify(is)} once the environment exists: AWS would make load balancer or target groups anew and cut the traffic. Keep it, or make another environment and move clients there`,
          },
        ];
  return [
    ...droppedRegions(before, after),
    ...FIXED.flatMap(({ path, read }) => problem(path, read(before), read(after))),
    ...after.regions
      .filter((region) => before.regions.includes(region))
      .flatMap((region) => {
        const own = after.regionOverrides[region]?.network !== undefined;
        return problem(
          own ? ['regionOverrides', region, 'network'] : ['network'],
          foundation(before, region),
          foundation(after, region),
        );
      }),
  ];
}

/** Its listeners may be in use, and the engine would delete their rules before it comes to what is protected. */
function droppedRegions(before: EnvironmentConfig, after: EnvironmentConfig): ConfigProblem[] {
  const dropped = before.regions.filter((region) => !after.regions.includes(region));
  if (!before.protection || dropped.length === 0) return [];
  return [
    {
      path: ['regions'],
      message: `cannot drop ${dropped.join(', ')} while protection is on: load balancer and target groups there would be deleted with the requests they serve. Move clients away, set protection to false and apply that first`,
    },
  ];
}

/** What of a network cannot change; subnets of a VPC and the number of its NAT gateways can. */
function foundation(config: EnvironmentConfig, region: string): object {
  const network = networkOf(config, region);
  switch (network.kind) {
    case 'default':
      return { kind: network.kind };
    case 'existing':
      return { kind: network.kind, vpc: network.vpc };
    case 'new':
      return {
        kind: network.kind,
        cidr: network.cidr,
        zones: network.zones,
        natGateways: network.natGateways === 'none' ? 'none' : 'some',
      };
  }
}
