import * as pulumi from '@pulumi/pulumi';
import { layOut, type PlannedSubnet, type Strategy, type SubnetSpec } from './layout';

/** The aws plugin's version that the component's own resources ask for. */
export const AWS_VERSION = '7.48.0';

type NatStrategy = 'None' | 'Single' | 'OnePerAz';

/** The component's inputs, as far as the sandbox has them. */
export interface VpcInputs {
  availabilityZoneCidrMask?: number;
  availabilityZoneNames?: string[];
  cidrBlock?: string;
  enableDnsHostnames?: pulumi.Input<boolean>;
  enableDnsSupport?: pulumi.Input<boolean>;
  instanceTenancy?: pulumi.Input<string>;
  natGateways?: { strategy?: NatStrategy; elasticIpAllocationIds?: pulumi.Input<string>[] };
  numberOfAvailabilityZones?: number;
  region?: string;
  subnetSpecs?: SubnetSpec[];
  subnetStrategy?: Strategy;
  tags?: Record<string, string>;
}

const KNOWN: readonly (keyof VpcInputs)[] = [
  'availabilityZoneCidrMask',
  'availabilityZoneNames',
  'cidrBlock',
  'enableDnsHostnames',
  'enableDnsSupport',
  'instanceTenancy',
  'natGateways',
  'numberOfAvailabilityZones',
  'region',
  'subnetSpecs',
  'subnetStrategy',
  'tags',
];
/** Public subnets come first in a zone, because the private ones need the NAT gateway in them. */
const ORDER: Readonly<Record<string, number>> = { Public: 0, Private: 1, Isolated: 2 };

/** A resource of the aws provider, without loading the SDK with all its classes. */
class AwsResource extends pulumi.CustomResource {
  constructor(type: string, name: string, inputs: pulumi.Inputs, parent: pulumi.Resource) {
    super(type, name, inputs, { parent, version: AWS_VERSION });
  }
}

/** awsx:ec2:Vpc: a network with subnets in several zones, their routes, and NAT gateways. */
export class Vpc extends pulumi.ComponentResource {
  private readonly subnets: { plan: PlannedSubnet; resource: AwsResource }[] = [];
  private readonly routeTables: AwsResource[] = [];
  private readonly associations: AwsResource[] = [];
  private readonly routes: AwsResource[] = [];
  private readonly natGateways: AwsResource[] = [];
  private readonly eips: AwsResource[] = [];

  constructor(
    private readonly label: string,
    private readonly args: VpcInputs,
    opts: pulumi.ComponentResourceOptions,
  ) {
    super('awsx:ec2:Vpc', label, {}, opts);
  }

  /** Registers all that belongs to the network; resolves to the component's outputs. */
  async build(): Promise<pulumi.Inputs> {
    const { label, args } = this;
    refuseUnknownInputs(args);
    const zones = await this.zones();
    const strategy = natStrategyOf(args);
    const cidrBlock = args.cidrBlock ?? '10.0.0.0/16';
    const layout = layOut(
      label,
      cidrBlock,
      zones,
      args.subnetSpecs,
      args.subnetStrategy ?? 'Legacy',
      args.availabilityZoneCidrMask,
    );
    refuseNat(strategy, layout.subnets, args.natGateways?.elasticIpAllocationIds ?? [], zones.length);
    const tags = { Name: label, ...args.tags };
    const { enableDnsHostnames, enableDnsSupport, instanceTenancy } = args;
    const vpc = this.make(
      'ec2/vpc:Vpc',
      label,
      { cidrBlock, enableDnsHostnames, enableDnsSupport, instanceTenancy, tags },
      this,
    );
    const gateway = this.make('ec2/internetGateway:InternetGateway', label, { vpcId: vpc.id, tags }, vpc);
    zones.forEach((zone, at) => {
      const here = layout.subnets.filter((subnet) => subnet.zone === zone && subnet.type !== 'Unused');
      here.sort((a, b) => (ORDER[a.type] ?? 3) - (ORDER[b.type] ?? 3));
      for (const plan of here) this.subnet(plan, at, vpc, gateway, strategy);
    });
    const outputs = this.outputs(vpc, gateway, layout.specs);
    this.registerOutputs(outputs);
    return outputs;
  }

  private make(type: string, name: string, inputs: pulumi.Inputs, parent: pulumi.Resource): AwsResource {
    const { region } = this.args;
    return new AwsResource(`aws:${type}`, name, { ...inputs, ...(region ? { region } : {}) }, parent);
  }

  private async zones(): Promise<string[]> {
    const { availabilityZoneNames, numberOfAvailabilityZones, region } = this.args;
    if (availabilityZoneNames && numberOfAvailabilityZones) {
      throw new Error('Only one of [availabilityZoneNames] and [numberOfAvailabilityZones] can be specified');
    }
    if (availabilityZoneNames) return availabilityZoneNames;
    const wanted = numberOfAvailabilityZones ?? 3;
    const found = (await pulumi.runtime.invoke(
      'aws:index/getAvailabilityZones:getAvailabilityZones',
      region ? { region } : {},
      { parent: this, version: AWS_VERSION },
    )) as { names: string[] };
    if (found.names.length >= wanted) return found.names.slice(0, wanted);
    throw new Error(
      `The configured region for this provider does not have at least ${wanted} Availability Zones. Either specify an ` +
        `explicit list of zones in availabilityZoneNames or choose a region with at least ${wanted} AZs.`,
    );
  }

  private subnet(
    plan: PlannedSubnet,
    zone: number,
    vpc: AwsResource,
    gateway: AwsResource,
    strategy: NatStrategy,
  ): void {
    const tags = { Name: plan.name, ...this.args.tags, ...plan.tags };
    const own = { ...tags, Name: plan.name, SubnetType: plan.type };
    const isPublic = plan.type === 'Public';
    const place = { vpcId: vpc.id, availabilityZone: plan.zone, cidrBlock: plan.cidrBlock };
    const subnet = this.make(
      'ec2/subnet:Subnet',
      plan.name,
      { ...place, mapPublicIpOnLaunch: isPublic, tags: own },
      vpc,
    );
    this.subnets.push({ plan, resource: subnet });
    const tableTags = { ...this.args.tags, Name: plan.name, SubnetType: plan.type };
    const table = this.make(
      'ec2/routeTable:RouteTable',
      plan.name,
      { vpcId: vpc.id, tags: tableTags },
      subnet,
    );
    this.routeTables.push(table);
    const association = { routeTableId: table.id, subnetId: subnet.id };
    this.associations.push(
      this.make('ec2/routeTableAssociation:RouteTableAssociation', plan.name, association, table),
    );
    if (isPublic && needsNat(strategy, this.natGateways.length, zone)) this.natGateway(zone, subnet);
    if (isPublic) this.route(plan.name, table, { gatewayId: gateway.id });
    if (plan.type === 'Private' && strategy !== 'None') {
      const nat = strategy === 'Single' ? this.natGateways[0] : this.natGateways[zone];
      this.route(plan.name, table, { natGatewayId: nat?.id });
    }
  }

  private natGateway(zone: number, subnet: AwsResource): void {
    const name = `${this.label}-${zone + 1}`;
    const tags = { ...this.args.tags, Name: name };
    const given = this.args.natGateways?.elasticIpAllocationIds ?? [];
    let allocationId = given[zone];
    if (given.length === 0) {
      const eip = this.make('ec2/eip:Eip', name, { tags }, subnet);
      this.eips.push(eip);
      // The id of an address is that of its allocation.
      allocationId = eip.id;
    }
    this.natGateways.push(
      this.make('ec2/natGateway:NatGateway', name, { subnetId: subnet.id, allocationId, tags }, subnet),
    );
  }

  private route(name: string, table: AwsResource, target: pulumi.Inputs): void {
    const inputs = { routeTableId: table.id, destinationCidrBlock: '0.0.0.0/0', ...target };
    this.routes.push(this.make('ec2/route:Route', name, inputs, table));
  }

  private outputs(vpc: AwsResource, gateway: AwsResource, subnetLayout: SubnetSpec[]): pulumi.Inputs {
    const of = (type: string) =>
      this.subnets.filter(({ plan }) => plan.type === type).map(({ resource }) => resource);
    const ids = (type: string) => of(type).map((subnet) => subnet.id);
    return {
      vpc,
      vpcId: vpc.id,
      internetGateway: gateway,
      subnets: this.subnets.map(({ resource }) => resource),
      publicSubnetIds: ids('Public'),
      privateSubnetIds: ids('Private'),
      isolatedSubnetIds: ids('Isolated'),
      publicSubnets: of('Public'),
      privateSubnets: of('Private'),
      isolatedSubnets: of('Isolated'),
      routeTables: this.routeTables,
      routeTableAssociations: this.associations,
      routes: this.routes,
      natGateways: this.natGateways,
      eips: this.eips,
      vpcEndpoints: [],
      subnetLayout,
    };
  }
}

function refuseUnknownInputs(args: VpcInputs): void {
  const known = new Set<string>(KNOWN);
  for (const [name, value] of Object.entries(args)) {
    if (value === undefined || known.has(name)) continue;
    throw new Error(`the sandbox's awsx:ec2:Vpc has no input '${name}'`);
  }
}

function natStrategyOf(args: VpcInputs): NatStrategy {
  const strategy = args.natGateways?.strategy ?? 'OnePerAz';
  const found = (['None', 'Single', 'OnePerAz'] as const).find(
    (one) => one.toLowerCase() === strategy.toLowerCase(),
  );
  if (found === undefined) throw new Error(`Unknown NatGatewayStrategy '${strategy}'`);
  return found;
}

function refuseNat(
  strategy: NatStrategy,
  subnets: readonly PlannedSubnet[],
  allocations: readonly unknown[],
  zones: number,
): void {
  const has = (type: string) => subnets.some((subnet) => subnet.type === type);
  if (strategy !== 'None' && !(has('Public') && has('Private'))) {
    throw new Error(
      "If NAT Gateway strategy is 'OnePerAz' or 'Single', both private and public subnets must be declared. The private " +
        'subnet creates the need for a NAT Gateway, and the public subnet is required to host the NAT Gateway resource.',
    );
  }
  const wanted = strategy === 'None' ? 0 : strategy === 'Single' ? 1 : zones;
  if (allocations.length > 0 && allocations.length !== wanted) {
    throw new Error(
      `The number of Elastic IPs, if specified, must be ${wanted} when NAT Gateway strategy is '${strategy}', but is ${allocations.length}.`,
    );
  }
}

function needsNat(strategy: NatStrategy, made: number, zone: number): boolean {
  if (strategy === 'None') return false;
  return strategy === 'Single' ? made === 0 : made <= zone;
}
