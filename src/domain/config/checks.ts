import { accessChecks } from './access';
import { analysisChecks } from './analysis';
import { notificationChecks } from './notifications';
import { promotionChecks } from './promotion';
import { strategyChecks } from './strategy';
import { testChecks } from './tests';
import { trafficChecks } from './traffic-checks';
import { waveChecks } from './waves';
import type { EnvironmentConfig } from './environment';
import { cidrLength, problem, type Check } from './check';

const RESERVED_TAGS = ['service', 'environment', 'colour', 'version', 'Name'];

const fleetChecks: Check[] = [
  {
    reads: ['fleet.minimum', 'fleet.maximum'],
    find: ({ fleet }) =>
      fleet.minimum > fleet.maximum
        ? [problem(['fleet', 'minimum'], `${fleet.minimum} is more than fleet.maximum ${fleet.maximum}`)]
        : [],
  },
  {
    reads: ['fleet.minimum', 'fleet.maximum', 'fleet.desired'],
    find: ({ fleet }) => {
      // Where the limits contradict each other there is nothing that desired could be compared with.
      if (fleet.minimum > fleet.maximum) return [];
      const at = ['fleet', 'desired'];
      if (fleet.desired < fleet.minimum) {
        return [problem(at, `${fleet.desired} is less than fleet.minimum ${fleet.minimum}`)];
      }
      return fleet.desired > fleet.maximum
        ? [problem(at, `${fleet.desired} is more than fleet.maximum ${fleet.maximum}`)]
        : [];
    },
  },
  {
    reads: ['fleet.egress'],
    find: ({ fleet }) =>
      fleet.egress.flatMap((rule, index) => {
        const at = ['fleet', 'egress', index];
        if (rule.protocol === 'any') {
          return rule.port === undefined && rule.toPort === undefined
            ? []
            : [problem(at, 'protocol any goes without port and toPort')];
        }
        if (rule.port === undefined) return [problem(at, `protocol ${rule.protocol} needs a port`)];
        return rule.toPort !== undefined && rule.toPort < rule.port
          ? [problem([...at, 'toPort'], `${rule.toPort} is less than port ${rule.port}`)]
          : [];
      }),
  },
  {
    reads: ['deployment.retire'],
    find: ({ deployment: { retire } }) =>
      retire.when !== 'after' && retire.afterSeconds > 0
        ? [
            problem(
              ['deployment', 'retire', 'afterSeconds'],
              `goes with when: after only, but deployment.retire.when is ${retire.when}`,
            ),
          ]
        : [],
  },
];

const placeChecks: Check[] = [
  {
    reads: ['tags'],
    find: ({ tags }) =>
      Object.keys(tags).flatMap((key) =>
        RESERVED_TAGS.includes(key) || /^(aws|bascule):/i.test(key)
          ? [
              problem(
                ['tags', key],
                `is kept for Bascule and AWS (${RESERVED_TAGS.join(', ')}, bascule:*, aws:*)`,
              ),
            ]
          : [],
      ),
  },
  {
    reads: ['tags'],
    find: ({ tags }) =>
      Object.keys(tags).length > 40
        ? [problem(['tags'], 'more than 40 tags: AWS allows 50 on a resource and Bascule needs some')]
        : [],
  },
  {
    reads: ['regions', 'regionOverrides'],
    find: ({ regions, regionOverrides }) =>
      Object.keys(regionOverrides)
        .filter((region) => !regions.includes(region))
        .map((region) =>
          problem(['regionOverrides', region], `is not one of regions: ${regions.join(', ')}`),
        ),
  },
  {
    reads: ['network'],
    find: ({ network }) => networkProblems(network, ['network']),
  },
  {
    reads: ['regionOverrides'],
    find: ({ regionOverrides }) =>
      Object.entries(regionOverrides).flatMap(([region, override]) =>
        override.network === undefined
          ? []
          : networkProblems(override.network, ['regionOverrides', region, 'network']),
      ),
  },
  {
    reads: ['regions', 'network', 'regionOverrides'],
    find: ({ regions, network, regionOverrides }) => {
      const namesIds =
        network.kind === 'existing' &&
        ('id' in network.vpc || 'ids' in network.loadBalancerSubnets || 'ids' in network.instanceSubnets);
      const without = regions.filter((region) => regionOverrides[region]?.network === undefined);
      // An id belongs to one region, so at most one region can do with it.
      return namesIds && without.length > 1
        ? [
            problem(
              ['network'],
              `names ids, which belong to one region, but applies to ${without.join(' and ')}: use tags, or regionOverrides.<region>.network`,
            ),
          ]
        : [];
    },
  },
];

function networkProblems(network: EnvironmentConfig['network'], path: (string | number)[]) {
  if (network.kind !== 'new') return [];
  const length = cidrLength(network.cidr);
  return length < 16 || length > 24
    ? [problem([...path, 'cidr'], `${network.cidr} must be from /16 to /24 to hold the subnets`)]
    : [];
}

/** All checks that compare fields with each other. */
export const CHECKS: readonly Check[] = [
  ...accessChecks,
  ...fleetChecks,
  ...placeChecks,
  ...waveChecks,
  ...trafficChecks,
  ...strategyChecks,
  ...analysisChecks,
  ...testChecks,
  ...notificationChecks,
  ...promotionChecks,
];
