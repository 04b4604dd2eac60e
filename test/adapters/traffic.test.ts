import { describe, expect, it } from 'vitest';
import type { Action, ElasticLoadBalancingV2Client, Rule } from '@aws-sdk/client-elastic-load-balancing-v2';
import { AwsTraffic, weightsOf, withoutPinned, withWeights } from '../../src/adapters/traffic';
import { allTo } from '../../src/domain/traffic';

const groups = { blue: 'arn:blue', green: 'arn:green' };

function forward(weights: Record<string, number>, more: object = {}): Action {
  const TargetGroups = Object.entries(weights).map(([TargetGroupArn, Weight]) => ({
    TargetGroupArn,
    Weight,
  }));
  return { Type: 'forward', ForwardConfig: { TargetGroups, ...more } };
}

describe('weightsOf', () => {
  it('counts a colour that an action does not mention as 0', () => {
    expect(weightsOf([forward({ 'arn:green': 7 })], groups)).toEqual({ blue: 0, green: 7 });
  });

  it('reads a forward to a single group', () => {
    expect(weightsOf([{ Type: 'forward', TargetGroupArn: 'arn:blue' }], groups)).toEqual({
      blue: 1,
      green: 0,
    });
  });

  it('leaves alone what forwards elsewhere or not at all', () => {
    expect(weightsOf([forward({ 'arn:other': 1 })], groups)).toBeUndefined();
    expect(
      weightsOf([{ Type: 'redirect', RedirectConfig: { StatusCode: 'HTTP_301' } }], groups),
    ).toBeUndefined();
  });
});

describe('withWeights', () => {
  it('keeps stickiness, order and other groups, and adds the missing colour', () => {
    const stickiness = { TargetGroupStickinessConfig: { Enabled: true, DurationSeconds: 60 } };
    const before: Action = { ...forward({ 'arn:blue': 100, 'arn:canary': 3 }, stickiness), Order: 2 };
    expect(withWeights([before], groups, allTo('green'))).toEqual([
      {
        Type: 'forward',
        Order: 2,
        ForwardConfig: {
          ...stickiness,
          TargetGroups: [
            { TargetGroupArn: 'arn:blue', Weight: 0 },
            { TargetGroupArn: 'arn:green', Weight: 100 },
            { TargetGroupArn: 'arn:canary', Weight: 3 },
          ],
        },
      },
    ]);
  });

  it('drops the single group, which AWS refuses beside several', () => {
    const single: Action = { ...forward({ 'arn:blue': 1 }), TargetGroupArn: 'arn:blue' };
    expect(withWeights([single], groups, allTo('green'))[0]).not.toHaveProperty('TargetGroupArn');
  });

  it('asks AWS to keep the client secret that it never shows again', () => {
    const oidc: Action = {
      Type: 'authenticate-oidc',
      Order: 1,
      AuthenticateOidcConfig: {
        Issuer: 'https://id.example.com',
        AuthorizationEndpoint: 'https://id.example.com/authorize',
        TokenEndpoint: 'https://id.example.com/token',
        UserInfoEndpoint: 'https://id.example.com/user',
        ClientId: 'shop',
      },
    };
    const [first, second] = withWeights([oidc, forward({ 'arn:blue': 1 })], groups, allTo('green'));
    expect(first?.AuthenticateOidcConfig).toEqual({
      ...oidc.AuthenticateOidcConfig,
      UseExistingClientSecret: true,
    });
    expect(second?.ForwardConfig?.TargetGroups).toHaveLength(2);
  });
});

/** An elbv2 whose answers a test decides. */
class ScriptedElb {
  /** Rules by listener, page by page; undefined is a page without rules. */
  pages: Record<string, (Rule[] | undefined)[]> = {};
  writes: string[] = [];
  onWrite: (id: string) => Promise<void> = () => Promise.resolve();

  async send(command: { constructor: { name: string }; input: Record<string, unknown> }): Promise<unknown> {
    const { input } = command;
    switch (command.constructor.name) {
      case 'DescribeListenersCommand':
        return { Listeners: [{ DefaultActions: [forward({ 'arn:blue': 100, 'arn:green': 0 })] }] };
      case 'DescribeRulesCommand': {
        const pages = this.pages[input['ListenerArn'] as string] ?? [[]];
        const page = Number(input['Marker'] ?? 0);
        return { Rules: pages[page], ...(page + 1 < pages.length ? { NextMarker: String(page + 1) } : {}) };
      }
      default: {
        const id = (input['RuleArn'] ?? input['ListenerArn']) as string;
        this.writes.push(id);
        return this.onWrite(id);
      }
    }
  }
}

function rule(number: number, more: Partial<Rule> = {}): Rule {
  return {
    RuleArn: `rule-${number}`,
    Priority: String(number),
    Actions: [forward({ 'arn:blue': 100, 'arn:green': 0 })],
    ...more,
  };
}

function trafficOver(elb: ScriptedElb): AwsTraffic {
  const place = { productionListenerArn: 'production', testListenerArn: 'test', targetGroups: groups };
  return new AwsTraffic(elb as unknown as ElasticLoadBalancingV2Client, place);
}

describe('an action with group stickiness', () => {
  const sticky = (weights: Record<string, number>): Action => {
    const action = forward(weights);
    const TargetGroupStickinessConfig = { Enabled: true, DurationSeconds: 60 };
    return { ...action, ForwardConfig: { ...action.ForwardConfig, TargetGroupStickinessConfig } };
  };
  const named = (actions: Action[]) =>
    actions[0]?.ForwardConfig?.TargetGroups?.map((group) => group.TargetGroupArn);

  it('does not name a colour that gets nothing, and names both while both get something', () => {
    expect(named(withoutPinned([sticky({ 'arn:blue': 0, 'arn:green': 100 })], groups))).toEqual([
      'arn:green',
    ]);
    const [alone] = withoutPinned([sticky({ 'arn:blue': 0, 'arn:green': 100 })], groups);
    expect(alone?.ForwardConfig?.TargetGroupStickinessConfig?.Enabled).toBe(true);
    const both = [sticky({ 'arn:blue': 95, 'arn:green': 5 })];
    expect(withoutPinned(both, groups)).toEqual(both);
  });

  it('keeps groups of others, and actions that are not sticky, as they are', () => {
    expect(
      named(withoutPinned([sticky({ 'arn:blue': 0, 'arn:green': 100, 'arn:other': 0 })], groups)),
    ).toEqual(['arn:green', 'arn:other']);
    const plain = [forward({ 'arn:blue': 0, 'arn:green': 100 })];
    expect(withoutPinned(plain, groups)).toEqual(plain);
  });

  it('reads as everything for the colour it names alone, and gets both back with the next weights', () => {
    const alone = [sticky({ 'arn:green': 1 })];
    expect(weightsOf(alone, groups)).toEqual(allTo('green'));
    const shared = withoutPinned(withWeights(alone, groups, { blue: 95, green: 5 }), groups);
    expect(weightsOf(shared, groups)).toEqual({ blue: 95, green: 5 });
  });
});

describe('AwsTraffic', () => {
  it('reads all pages and names each route for people', async () => {
    const elb = new ScriptedElb();
    const host = { Field: 'host-header', HostHeaderConfig: { Values: ['a.example.com'] } };
    const path = { Field: 'path-pattern', PathPatternConfig: { Values: ['/api/*'] } };
    const query = { Field: 'query-string', QueryStringConfig: { Values: [{ Key: 'v', Value: '2' }] } };
    elb.pages = {
      production: [[rule(1)], [rule(2, { Conditions: [host, path] })], [rule(3, { Conditions: [query] })]],
    };
    const routes = await trafficOver(elb).routes();
    expect(routes.map((route) => `${route.listener} ${route.label}`)).toEqual([
      'production default action',
      'production rule 1',
      'production rule 2 (host a.example.com, path /api/*)',
      'production rule 3 (query v=2)',
      'test default action',
    ]);
  });

  it('tells of production rules that forward to neither colour, with what they do', async () => {
    const elb = new ScriptedElb();
    const path = { Field: 'path-pattern', PathPatternConfig: { Values: ['/*'] } };
    const Actions = [{ Type: 'fixed-response' as const, FixedResponseConfig: { StatusCode: '503' } }];
    elb.pages = { production: [[rule(1), rule(5, { Conditions: [path], Actions })]] };
    const traffic = trafficOver(elb);
    expect((await traffic.routes()).map(({ label }) => label)).not.toContain('rule 5 (path /*)');
    expect(await traffic.elsewhere()).toEqual(['rule 5 (path /*): fixed-response']);
    elb.pages = { production: [[rule(1)]] };
    await traffic.routes();
    expect(await traffic.elsewhere()).toEqual([]);
  });

  it.each([
    ['a page without rules', [[rule(1)], undefined]],
    ['a rule without actions', [[rule(1, { Actions: undefined })]]],
  ])('takes %s for no answer', async (_what, pages) => {
    const elb = new ScriptedElb();
    elb.pages = { production: pages };
    await expect(trafficOver(elb).routes()).rejects.toMatchObject({ code: 'BASCULE_AWS_FAILED' });
  });

  it('sends nothing more after a failed write, and ends only when no write is under way', async () => {
    const elb = new ScriptedElb();
    elb.pages = { production: [Array.from({ length: 100 }, (_, index) => rule(index))] };
    const traffic = trafficOver(elb);
    const routes = await traffic.routes();
    let underWay = 0;
    elb.onWrite = async (id) => {
      underWay += 1;
      await new Promise((resolve) => setTimeout(resolve, id === 'rule-3' ? 1 : 30));
      underWay -= 1;
      if (id === 'rule-3') throw new Error('refused');
    };
    const changes = routes.map((route) => ({ route, weights: allTo('green') }));
    await expect(traffic.write(changes)).rejects.toThrow('refused');
    expect(underWay).toBe(0);
    expect(elb.writes.length).toBeLessThan(60);
  });
});
