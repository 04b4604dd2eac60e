import { bitsFor, firstOf, formatRange, nextRange, overlap, parseRange, sizeOf, type Range } from './cidr';

export type SubnetKind = 'Public' | 'Private' | 'Isolated' | 'Unused';
export type Strategy = 'Auto' | 'Exact' | 'Legacy';

/** What the program wants in each Availability Zone. */
export interface SubnetSpec {
  type: SubnetKind;
  name?: string;
  cidrMask?: number;
  cidrBlocks?: string[];
  size?: number;
  tags?: Record<string, string>;
}

/** A subnet to make. */
export interface PlannedSubnet {
  name: string;
  type: SubnetKind;
  zone: string;
  cidrBlock: string;
  tags: Record<string, string>;
}

export interface Layout {
  subnets: PlannedSubnet[];
  /** The specs with all that was decided for the program. */
  specs: SubnetSpec[];
}

/**
 * Divides a network into subnets as awsx does: evenly between the zones, and within each in the order of the
 * specs, or (without specs) a private and a public subnet.
 */
export function layOut(
  network: string,
  cidr: string,
  zones: readonly string[],
  specs: readonly SubnetSpec[] | undefined,
  strategy: Strategy,
  zoneMask?: number,
): Layout {
  const vpc = parseRange(cidr);
  const layout = choose(network, vpc, zones, specs, strategy, zoneMask);
  refuseOverlaps(layout.subnets);
  if (strategy === 'Exact') refuseGaps(vpc, layout.subnets);
  return layout;
}

function choose(
  network: string,
  vpc: Range,
  zones: readonly string[],
  specs: readonly SubnetSpec[] | undefined,
  strategy: Strategy,
  zoneMask: number | undefined,
): Layout {
  const mask = zoneMask ?? vpc.mask + bitsFor(zones.length);
  if (specs === undefined) {
    return inOrder(network, vpc, zones, strategy === 'Legacy' ? legacyDefaults(mask) : defaults(mask), mask);
  }
  if (strategy === 'Legacy') {
    throw new Error(
      `the sandbox's awsx:ec2:Vpc lays out subnetSpecs only with subnetStrategy 'Auto' or 'Exact'`,
    );
  }
  if (specs.some((spec) => spec.cidrBlocks !== undefined)) return explicit(network, zones, specs);
  return inOrder(network, vpc, zones, specs.map(withMask), mask);
}

function defaults(mask: number): SubnetSpec[] {
  if (mask > 26) {
    throw new Error(
      `Automatic subnet creation requires a VPC with at least /26 available per AZ, but only /${mask} is available. ` +
        'If you do need very small subnets, please specify them explicitly.',
    );
  }
  const base = Math.max(mask, 16);
  return [
    { type: 'Private', cidrMask: base + 1 },
    { type: 'Public', cidrMask: base + 2 },
  ];
}

/** Half of each zone for the private subnet, and half of the rest for the public one. */
function legacyDefaults(mask: number): SubnetSpec[] {
  return [
    { type: 'Private', cidrMask: mask + 1 },
    { type: 'Public', cidrMask: mask + 2 },
  ];
}

function withMask(spec: SubnetSpec): SubnetSpec {
  if (spec.size === undefined) return spec;
  const mask = 32 - Math.log2(spec.size);
  if (!Number.isInteger(mask))
    throw new Error(`Invalid subnet specifications: the size ${spec.size} is not a power of 2`);
  if (spec.cidrMask !== undefined && spec.cidrMask !== mask) {
    throw new Error(
      `Invalid subnet specifications: the size ${spec.size} is not that of a /${spec.cidrMask} subnet`,
    );
  }
  return { ...spec, cidrMask: mask };
}

function inOrder(
  network: string,
  vpc: Range,
  zones: readonly string[],
  specs: readonly SubnetSpec[],
  zoneMask: number,
): Layout {
  if (specs.length === 0) throw new Error('No subnets specified');
  const sized = specs.map((spec) => ({
    ...spec,
    cidrMask: spec.cidrMask ?? zoneMask + bitsFor(specs.length),
  }));
  const needed = sized.reduce((sum, spec) => sum + sizeOf(spec.cidrMask), 0);
  if (needed > sizeOf(zoneMask)) {
    throw new Error(
      `Subnets are too large for VPC. VPC has ${sizeOf(zoneMask)} addresses, but subnets require ${needed} addresses.`,
    );
  }
  const subnets: PlannedSubnet[] = [];
  let zoneRange = firstOf(vpc, zoneMask);
  zones.forEach((zone, at) => {
    let last: Range | undefined;
    for (const spec of sized) {
      last = last ? nextRange(last, spec.cidrMask) : firstOf(zoneRange, spec.cidrMask);
      subnets.push(planned(network, spec, zone, at, formatRange(last)));
    }
    zoneRange = nextRange(zoneRange, zoneMask);
  });
  return { subnets, specs: sized };
}

function explicit(network: string, zones: readonly string[], specs: readonly SubnetSpec[]): Layout {
  const blocks = specs.map((spec, at) => {
    if (spec.cidrBlocks?.length === zones.length) return spec.cidrBlocks;
    throw new Error(
      `The number of CIDR blocks in subnetSpecs[${at}] must match the number of availability zones (${zones.length}).`,
    );
  });
  const subnets = zones.flatMap((zone, at) =>
    specs.map((spec, index) => planned(network, spec, zone, at, blocks[index]?.[at] ?? '')),
  );
  return { subnets, specs: [...specs] };
}

function planned(
  network: string,
  spec: SubnetSpec,
  zone: string,
  at: number,
  cidrBlock: string,
): PlannedSubnet {
  const name = `${network}-${spec.name ?? spec.type.toLowerCase()}-${at + 1}`;
  return { name, type: spec.type, zone, cidrBlock, tags: spec.tags ?? {} };
}

function refuseOverlaps(subnets: readonly PlannedSubnet[]): void {
  const ranges = subnets.map((subnet) => ({ subnet, range: parseRange(subnet.cidrBlock) }));
  const clashing = ranges.filter((one) =>
    ranges.some((other) => other !== one && overlap(one.range, other.range)),
  );
  if (clashing.length === 0) return;
  const lines = clashing.map(({ subnet }, at) => `${at + 1}. ${subnet.name}: ${subnet.cidrBlock}`);
  throw new Error(
    'The following subnets overlap with at least one other subnet. Make the CIDR for the VPC larger, reduce the ' +
      `size of the subnets per AZ, or use less Availability Zones:\n\n${lines.join('\n')}`,
  );
}

function refuseGaps(vpc: Range, subnets: readonly PlannedSubnet[]): void {
  let expected = vpc.base;
  for (const subnet of subnets) {
    const range = parseRange(subnet.cidrBlock);
    if (range.base !== expected) {
      throw new Error(`There are gaps in the subnet ranges before ${subnet.name} (${subnet.cidrBlock})`);
    }
    expected = range.base + sizeOf(range.mask);
  }
  if (expected !== vpc.base + sizeOf(vpc.mask)) {
    throw new Error(
      `There are gaps in the subnet ranges: the last one ends before the VPC (${formatRange(vpc)}) ends`,
    );
  }
}
