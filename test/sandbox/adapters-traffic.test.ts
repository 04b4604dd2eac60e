/** Traffic over the real control plane: what is read, what is kept, and how long many rules take. */
import {
  CreateListenerCommand,
  CreateRuleCommand,
  DescribeRulesCommand,
  type ElasticLoadBalancingV2Client,
} from '@aws-sdk/client-elastic-load-balancing-v2';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { callCounts, createClients, resetCallCounts } from '../../src/adapters/aws';
import { AwsTraffic } from '../../src/adapters/traffic';
import { allTo, liveColour } from '../../src/domain/traffic';
import { must } from '../support/until';
import { forward, Plane, type Balancer } from './moto-plane';

const REGION = 'eu-west-3';
let plane: Plane;
let balancer: Balancer;
let testListener: string;
let traffic: AwsTraffic;

beforeAll(async () => {
  plane = await Plane.start();
  Object.assign(process.env, {
    AWS_ENDPOINT_URL: plane.url,
    AWS_ACCESS_KEY_ID: 'test',
    AWS_SECRET_ACCESS_KEY: 'test',
  });
  balancer = await plane.balancer('shop');
  const { Listeners } = await plane.elb().send(
    new CreateListenerCommand({
      LoadBalancerArn: balancer.arn,
      Protocol: 'HTTP',
      Port: 18081,
      DefaultActions: [forward(balancer.blue, 0, balancer.green, 100)],
    }),
  );
  testListener = must(Listeners?.[0]?.ListenerArn);
  await addRule(1, {
    Actions: [
      {
        Type: 'authenticate-cognito',
        Order: 1,
        AuthenticateCognitoConfig: {
          UserPoolArn: 'arn:aws:cognito-idp:eu-west-3:123456789012:userpool/eu-west-3_pool',
          UserPoolClientId: 'client',
          UserPoolDomain: 'login',
        },
      },
      {
        ...forward(balancer.blue, 100, balancer.green, 0),
        ForwardConfig: {
          ...forward(balancer.blue, 100, balancer.green, 0).ForwardConfig,
          TargetGroupStickinessConfig: { Enabled: true, DurationSeconds: 120 },
        },
        Order: 2,
      },
    ],
  });
  await addRule(2, { Actions: [{ Type: 'fixed-response', FixedResponseConfig: { StatusCode: '404' } }] });
  for (let priority = 3; priority <= 100; priority += 1) await addRule(priority);
});

afterAll(async () => {
  await plane?.dispose();
});

beforeEach(() => {
  const place = {
    productionListenerArn: balancer.listener,
    testListenerArn: testListener,
    targetGroups: balancer,
  };
  traffic = new AwsTraffic(createClients(REGION).elb, place);
  resetCallCounts();
});

async function addRule(
  priority: number,
  over: Partial<ConstructorParameters<typeof CreateRuleCommand>[0]> = {},
) {
  await plane.elb().send(
    new CreateRuleCommand({
      ListenerArn: balancer.listener,
      Priority: priority,
      Conditions: [{ Field: 'path-pattern', PathPatternConfig: { Values: [`/part-${priority}/*`] } }],
      Actions: [forward(balancer.blue, 100, balancer.green, 0)],
      ...over,
    }),
  );
}

/** Tells how many calls of a client were under way at most at a time. */
function watchCalls(elb: ElasticLoadBalancingV2Client): () => number {
  let underWay = 0;
  let most = 0;
  elb.middlewareStack.add(
    (next) => async (call) => {
      underWay += 1;
      most = Math.max(most, underWay);
      try {
        return await next(call);
      } finally {
        underWay -= 1;
      }
    },
    { step: 'finalizeRequest', priority: 'low' },
  );
  return () => most;
}

describe('AwsTraffic', () => {
  it('reads every page, and only what forwards to a colour', async () => {
    const routes = await traffic.routes();
    expect(routes.filter((route) => route.listener === 'production')).toHaveLength(100);
    expect(routes.find((route) => route.label.startsWith('rule 2 '))).toBeUndefined();
    expect(routes.find((route) => route.label.startsWith('rule 100 '))?.label).toBe(
      'rule 100 (path /part-100/*)',
    );
    expect(routes.filter((route) => route.listener === 'test').map((route) => route.weights)).toEqual([
      { blue: 0, green: 100 },
    ]);
    expect(liveColour(routes)).toEqual({ kind: 'live', colour: 'blue' });
  });

  it('moves everything, and keeps authentication, stickiness and order', async () => {
    const production = (await traffic.routes()).filter((route) => route.listener === 'production');
    await traffic.write(production.map((route) => ({ route, weights: allTo('green') })));
    const after = await traffic.routes();
    expect(liveColour(after)).toEqual({ kind: 'live', colour: 'green' });
    expect(after.filter((route) => route.listener === 'test').map((route) => route.weights)).toEqual([
      { blue: 0, green: 100 },
    ]);
    const { Rules = [] } = await plane
      .elb()
      .send(new DescribeRulesCommand({ ListenerArn: balancer.listener }));
    const kept = must(Rules.find((one) => one.Priority === '1')?.Actions);
    expect(kept.map((action) => [action.Type, action.Order])).toEqual([
      ['authenticate-cognito', 1],
      ['forward', 2],
    ]);
    expect(kept[0]?.AuthenticateCognitoConfig?.UserPoolDomain).toBe('login');
    expect(kept[1]?.ForwardConfig?.TargetGroupStickinessConfig).toEqual({
      Enabled: true,
      DurationSeconds: 120,
    });
  });

  it('moves 100 routes by one call for each, so many side by side that 100 ms for each are half a second', async () => {
    const elb = createClients(REGION).elb;
    const own = new AwsTraffic(elb, {
      productionListenerArn: balancer.listener,
      testListenerArn: testListener,
      targetGroups: balancer,
    });
    const production = (await own.routes()).filter((route) => route.listener === 'production');
    const sideBySide = watchCalls(elb);
    resetCallCounts();
    await plane.faults([{ kind: 'latency', milliseconds: 100 }]);
    try {
      await own.write(production.map((route) => ({ route, weights: allTo('blue') })));
      expect(callCounts()).toEqual({ 'elbv2:ModifyListener': 1, 'elbv2:ModifyRule': 99 });
      // How long it took in all is the machine's affair, and the bench's.
      expect(sideBySide()).toBeGreaterThanOrEqual(20);
    } finally {
      await plane.faults([]);
    }
    expect(liveColour(await own.routes())).toEqual({ kind: 'live', colour: 'blue' });
  });

  it('says that AWS cannot be reached', async () => {
    const endpoint = process.env['AWS_ENDPOINT_URL'];
    process.env['AWS_ENDPOINT_URL'] = 'http://127.0.0.1:9';
    try {
      const place = {
        productionListenerArn: balancer.listener,
        testListenerArn: testListener,
        targetGroups: balancer,
      };
      const unreachable = new AwsTraffic(createClients(REGION).elb, place);
      await expect(unreachable.routes()).rejects.toMatchObject({ code: 'BASCULE_AWS_UNREACHABLE' });
    } finally {
      process.env['AWS_ENDPOINT_URL'] = endpoint;
    }
  });
});
