import type { ec2 } from '@pulumi/aws';
import type { Route as RouteFacts } from '@aws-sdk/client-ec2';
import { fromTagList } from '../../model/tags';
import { awsType, type AwsContext } from '../context';
import { retagEc2, tagsAtCreation } from '../ec2-tags';
import { ifFound, unlessInUse } from '../errors';
import { as, CIDR, given, REGION, STRING, TAGS } from '../specs';

interface RouteFields {
  cidrBlock?: string | undefined;
  gatewayId?: string | undefined;
  natGatewayId?: string | undefined;
}

export const routeTable = awsType<ec2.RouteTableArgs, ec2.RouteTableState>({
  token: 'aws:ec2/routeTable:RouteTable',
  inputs: {
    vpcId: as(STRING, { required: true, replace: true }),
    routes: {
      type: 'set',
      computed: true,
      items: { type: 'object', fields: { cidrBlock: CIDR, gatewayId: STRING, natGatewayId: STRING } },
    },
    region: REGION,
    tags: TAGS,
  },
  outputs: ['arn', 'ownerId'],
  async create(inputs, context) {
    const { RouteTable } = await (
      await context.ec2()
    ).createRouteTable({
      VpcId: inputs.vpcId,
      ...tagsAtCreation('route-table', context.tags),
    });
    const id = RouteTable?.RouteTableId ?? '';
    context.created(id);
    for (const route of inputs.routes ?? []) await addRoute(id, route, context);
    return id;
  },
  async read(id, context) {
    const facts = await describeTable(id, context);
    if (!facts) return undefined;
    const own = (facts.Routes ?? []).filter((route) => route.GatewayId !== 'local');
    return {
      arn: await context.arn('ec2', `route-table/${id}`),
      vpcId: facts.VpcId,
      routes: own.map((route) => ({
        cidrBlock: route.DestinationCidrBlock ?? '',
        gatewayId: route.GatewayId ?? '',
        natGatewayId: route.NatGatewayId ?? '',
      })),
      ownerId: facts.OwnerId ?? (await context.account()),
      region: context.region,
      tagsAll: fromTagList(facts.Tags),
    };
  },
  async update(id, update, context) {
    if (!update.changed('routes')) return;
    const client = await context.ec2();
    const wanted: RouteFields[] = update.new.routes ?? [];
    for (const { cidrBlock } of update.old.routes ?? []) {
      await ifFound(client.deleteRoute({ RouteTableId: id, DestinationCidrBlock: cidrBlock }));
    }
    for (const route of wanted) await addRoute(id, route, context);
  },
  retag: retagEc2,
  async delete(id, _state, context) {
    const client = await context.ec2();
    await context.until(
      context.timeout || 300,
      () => unlessInUse(['DependencyViolation'], () => client.deleteRouteTable({ RouteTableId: id })),
      () => `${id} is still associated with a subnet (DependencyViolation)`,
    );
  },
});

async function describeTable(id: string, context: AwsContext) {
  const found = await ifFound((await context.ec2()).describeRouteTables({ RouteTableIds: [id] }));
  return found?.RouteTables?.[0];
}

async function addRoute(RouteTableId: string, route: RouteFields, context: AwsContext): Promise<void> {
  await (
    await context.ec2()
  ).createRoute({
    RouteTableId,
    DestinationCidrBlock: route.cidrBlock,
    ...given({ GatewayId: route.gatewayId || undefined, NatGatewayId: route.natGatewayId || undefined }),
  });
}

const TARGETS = ['gatewayId', 'natGatewayId'] as const;

export const route = awsType<ec2.RouteArgs, ec2.RouteState>({
  token: 'aws:ec2/route:Route',
  inputs: {
    routeTableId: as(STRING, { required: true, replace: true }),
    destinationCidrBlock: as(CIDR, { required: true, replace: true }),
    gatewayId: STRING,
    natGatewayId: STRING,
    region: REGION,
  },
  outputs: ['instanceId', 'instanceOwnerId', 'origin', 'state'],
  check(inputs) {
    const targets = TARGETS.filter((name) => inputs[name] !== undefined);
    if (targets.length === 1) return [];
    return [
      {
        property: '',
        reason: `exactly one of ${TARGETS.join(', ')} is required, ${targets.length} are given`,
      },
    ];
  },
  async create(inputs, context) {
    const existing = await findRoute(inputs.routeTableId, inputs.destinationCidrBlock, context);
    if (existing) {
      throw new Error(`route in ${inputs.routeTableId} to ${inputs.destinationCidrBlock} already exists`);
    }
    await addRoute(inputs.routeTableId, { ...inputs, cidrBlock: inputs.destinationCidrBlock }, context);
    return `${inputs.routeTableId}_${inputs.destinationCidrBlock}`;
  },
  async read(id, context, known) {
    const [table = '', cidr = ''] = id.split('_');
    const facts = await findRoute(known.routeTableId ?? table, known.destinationCidrBlock ?? cidr, context);
    if (!facts) return undefined;
    return {
      routeTableId: table,
      destinationCidrBlock: cidr,
      gatewayId: facts.GatewayId ?? '',
      natGatewayId: facts.NatGatewayId ?? '',
      instanceId: facts.InstanceId ?? '',
      instanceOwnerId: facts.InstanceOwnerId ?? '',
      origin: facts.Origin,
      state: facts.State,
      region: context.region,
    };
  },
  async update(_id, { new: next }, context) {
    await (
      await context.ec2()
    ).replaceRoute({
      RouteTableId: next.routeTableId,
      DestinationCidrBlock: next.destinationCidrBlock,
      ...given({ GatewayId: next.gatewayId, NatGatewayId: next.natGatewayId }),
    });
  },
  async delete(_id, state, context) {
    const client = await context.ec2();
    await ifFound(
      client.deleteRoute({
        RouteTableId: state.routeTableId,
        DestinationCidrBlock: state.destinationCidrBlock,
      }),
    );
  },
});

async function findRoute(
  table: string,
  cidr: string | undefined,
  context: AwsContext,
): Promise<RouteFacts | undefined> {
  const facts = await describeTable(table, context);
  return facts?.Routes?.find((candidate) => candidate.DestinationCidrBlock === cidr);
}

export const routeTableAssociation = awsType<ec2.RouteTableAssociationArgs, ec2.RouteTableAssociationState>({
  token: 'aws:ec2/routeTableAssociation:RouteTableAssociation',
  inputs: {
    // AWS gives an association with another table another id, so it is another resource here.
    routeTableId: as(STRING, { required: true, replace: true }),
    subnetId: as(STRING, { replace: true, required: true }),
    region: REGION,
  },
  outputs: [],
  async create(inputs, context) {
    const client = await context.ec2();
    const answer = await client.associateRouteTable({
      RouteTableId: inputs.routeTableId,
      SubnetId: inputs.subnetId,
    });
    return answer.AssociationId ?? '';
  },
  async read(id, context) {
    // An import gives the subnet and the table, as the official provider wants it.
    const [subnet, table] = id.split('/');
    const client = await context.ec2();
    const filter = table
      ? { Name: 'association.subnet-id', Values: [subnet ?? ''] }
      : { Name: 'association.route-table-association-id', Values: [id] };
    const { RouteTables } = await client.describeRouteTables({ Filters: [filter] });
    const all = (RouteTables ?? []).flatMap((candidate) => candidate.Associations ?? []);
    const facts = all.find((one) =>
      table ? one.SubnetId === subnet && one.RouteTableId === table : one.RouteTableAssociationId === id,
    );
    if (!facts) return undefined;
    return { routeTableId: facts.RouteTableId, subnetId: facts.SubnetId, region: context.region };
  },
  async delete(id, _state, context) {
    const client = await context.ec2();
    await ifFound(client.disassociateRouteTable({ AssociationId: id }));
  },
});
