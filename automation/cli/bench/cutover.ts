import {
  CreateListenerCommand,
  CreateLoadBalancerCommand,
  CreateRuleCommand,
  CreateTargetGroupCommand,
  DeleteLoadBalancerCommand,
} from '@aws-sdk/client-elastic-load-balancing-v2';
import { DescribeSubnetsCommand } from '@aws-sdk/client-ec2';
import { callCounts, createClients, resetCallCounts, type AwsClients } from '../../../src/adapters/aws';
import { AwsTraffic, type TrafficPlace } from '../../../src/adapters/traffic';
import { otherColour, type Colour } from '../../../src/domain/colour';
import { allTo, sameWeights } from '../../../src/domain/traffic';

export interface Bench {
  traffic: AwsTraffic;
  remove(): Promise<void>;
}

function required<T>(value: T | undefined, what: string): T {
  if (value === undefined) throw new Error(`the sandbox gave no ${what}`);
  return value;
}

/** A load balancer with so many rules, made without Pulumi: only the cutover is measured with it. */
export async function loadBalancerWithRules(
  region: string,
  name: string,
  rules: number,
  ports: [number, number],
): Promise<Bench> {
  const clients = createClients(region);
  const { place, arn } = await makeListeners(clients, name, ports);
  const forward = forwardTo(place);
  for (let index = 1; index < rules; index += 1)
    await clients.elb.send(
      new CreateRuleCommand({
        ListenerArn: place.productionListenerArn,
        Priority: index,
        Conditions: [{ Field: 'path-pattern', PathPatternConfig: { Values: [`/r${index}/*`] } }],
        Actions: [forward],
      }),
    );
  return {
    traffic: new AwsTraffic(clients.elb, place),
    remove: async () => {
      await clients.elb.send(new DeleteLoadBalancerCommand({ LoadBalancerArn: arn }));
    },
  };
}

function forwardTo({ targetGroups }: Pick<TrafficPlace, 'targetGroups'>) {
  const groups = [
    { TargetGroupArn: targetGroups.blue, Weight: 100 },
    { TargetGroupArn: targetGroups.green, Weight: 0 },
  ];
  return { Type: 'forward' as const, ForwardConfig: { TargetGroups: groups } };
}

async function makeListeners({ ec2, elb }: AwsClients, name: string, ports: [number, number]) {
  const subnets = (await ec2.send(new DescribeSubnetsCommand({}))).Subnets ?? [];
  const made = await elb.send(
    new CreateLoadBalancerCommand({
      Name: name,
      Subnets: subnets.slice(0, 2).map((one) => required(one.SubnetId, 'subnet')),
    }),
  );
  const arn = required(made.LoadBalancers?.[0]?.LoadBalancerArn, 'load balancer');
  const group = async (colour: Colour): Promise<string> => {
    const VpcId = required(subnets[0]?.VpcId, 'VPC');
    const answer = await elb.send(
      new CreateTargetGroupCommand({ Name: `${name}-${colour}`, Port: 8080, Protocol: 'HTTP', VpcId }),
    );
    return required(answer.TargetGroups?.[0]?.TargetGroupArn, 'target group');
  };
  const targetGroups = { blue: await group('blue'), green: await group('green') };
  const listener = async (Port: number): Promise<string> => {
    const DefaultActions = [forwardTo({ targetGroups })];
    const answer = await elb.send(
      new CreateListenerCommand({ LoadBalancerArn: arn, Port, Protocol: 'HTTP', DefaultActions }),
    );
    return required(answer.Listeners?.[0]?.ListenerArn, 'listener');
  };
  const place: TrafficPlace = {
    productionListenerArn: await listener(ports[0]),
    testListenerArn: await listener(ports[1]),
    targetGroups,
  };
  return { place, arn };
}

export interface Cutover {
  /** Compare, write, read back. */
  seconds: number;
  /** From the first write to the last read-back that still could show a mixture. */
  mixedSeconds: number;
  awsCalls: Record<string, number>;
}

/** One cutover as the shift step does it: read and compare, write all, read all back. */
export async function cutover({ traffic }: Bench, towards: Colour): Promise<Cutover> {
  resetCallCounts();
  const began = performance.now();
  const before = (await traffic.routes()).filter((route) => route.listener === 'production');
  if (!before.every((route) => sameWeights(route.weights, allTo(otherColour(towards)))))
    throw new Error('the routes are not where the bench left them');
  const firstWrite = performance.now();
  await traffic.write(before.map((route) => ({ route, weights: allTo(towards) })));
  for (;;) {
    const after = (await traffic.routes()).filter((route) => route.listener === 'production');
    if (after.every((route) => sameWeights(route.weights, allTo(towards)))) break;
  }
  const end = performance.now();
  return { seconds: (end - began) / 1000, mixedSeconds: (end - firstWrite) / 1000, awsCalls: callCounts() };
}
