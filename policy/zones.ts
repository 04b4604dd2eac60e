import { objectsIn, textsIn, UNKNOWN, type Rule, type StackRule } from './rule';

const BALANCERS = ['aws:lb/loadBalancer:LoadBalancer', 'aws:alb/loadBalancer:LoadBalancer'];
const GROUP = 'aws:autoscaling/group:Group';

const LEAST = 2;

/** A subnet is in one zone, so that fewer subnets than zones cannot be right. */
export const twoSubnets: Rule = {
  name: 'two-zones',
  description: 'Load balancers and fleets stand in two availability zones at least.',
  severity: 'high',
  types: [...BALANCERS, GROUP],
  check({ type, props }) {
    if (type === GROUP) {
      const zones = [...textsIn(props, 'vpcZoneIdentifiers'), ...textsIn(props, 'availabilityZones')];
      const open = props['vpcZoneIdentifiers'] === UNKNOWN || props['availabilityZones'] === UNKNOWN;
      return open || isEnough(zones) ? [] : ['vpcZoneIdentifiers must name subnets of two zones at least'];
    }
    if (props['subnets'] === UNKNOWN || props['subnetMappings'] === UNKNOWN) return [];
    const subnets = [
      ...listed(props['subnets']),
      ...objectsIn(props, 'subnetMappings').map(({ subnetId }) => subnetId),
    ];
    return isEnough(subnets) ? [] : ['subnets must be of two zones at least'];
  },
};

function listed(value: unknown): unknown[] {
  return Array.isArray(value) ? value : [];
}

/** Each that is not known yet may be another. */
function isEnough(all: readonly unknown[]): boolean {
  const known = new Set(all.filter((one) => one !== UNKNOWN));
  return known.size + all.filter((one) => one === UNKNOWN).length >= LEAST;
}

/** Which zones the subnets are of is known when the fleet is there. */
export const twoZones: StackRule = {
  name: 'two-zones-in-fact',
  description: 'The subnets of a fleet are of two availability zones at least.',
  severity: 'high',
  checkAll(members) {
    return members
      .filter(({ type }) => type === GROUP)
      .flatMap(({ urn, props }) => {
        const zones = new Set(textsIn(props, 'availabilityZones'));
        return zones.size === 0 || zones.size >= LEAST
          ? []
          : [
              {
                urn,
                message: `all instances are in ${[...zones].join(', ')}: name subnets of another zone too`,
              },
            ];
      });
  },
};
