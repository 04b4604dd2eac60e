/** What the tables say of inputs, without an engine: failures, names, differences, projections. */
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { AwsPlugin } from '../../automation/sandbox/plugins/aws/plugin';
import type { CheckRequest, Resource } from '../../automation/sandbox/plugins/model/plugin';
import { projectInputs } from '../../automation/sandbox/plugins/model/project';
import { UNKNOWN, type Props } from '../../automation/sandbox/plugins/rpc/values';

const plugin = new AwsPlugin();
plugin.configure({ region: 'eu-west-3' });
const tagging = new AwsPlugin();
tagging.configure({ region: 'eu-west-3', defaultTags: JSON.stringify({ tags: { team: 'shop' } }) });
const LB = 'aws:lb/loadBalancer:LoadBalancer';
const TARGETS = 'aws:lb/targetGroup:TargetGroup';
const LISTENER = 'aws:lb/listener:Listener';
const RULE = 'aws:lb/listenerRule:ListenerRule';
const GROUP = 'aws:autoscaling/group:Group';
const TEMPLATE = 'aws:ec2/launchTemplate:LaunchTemplate';
const INGRESS = 'aws:vpc/securityGroupIngressRule:SecurityGroupIngressRule';
const ALARM = 'aws:cloudwatch/metricAlarm:MetricAlarm';
const ARN = 'arn:aws:elasticloadbalancing:eu-west-3:123456789012:thing/app/x/1';
const targets = { port: 80, protocol: 'HTTP', vpcId: 'vpc-1' };
const sizes = { minSize: 1, maxSize: 2, launchTemplate: { id: 'lt-1' }, vpcZoneIdentifiers: ['subnet-1'] };
const pathIs = (...values: string[]) => [{ pathPattern: { values } }];

function request(newInputs: Props, more: Partial<CheckRequest> = {}): CheckRequest {
  return { name: 'web', oldInputs: {}, newInputs, randomSeed: new Uint8Array(), ...more };
}

async function failures(token: string, inputs: Props): Promise<string[]> {
  const { failures: found } = await (await plugin.resource(token)).check(request(inputs));
  return found.map(({ property, reason }) => `${property}: ${reason}`);
}

const changes = async (
  token: string,
  oldInputs: Props,
  newInputs: Props,
  more: object = {},
  from = plugin,
) => {
  const resource: Resource = await from.resource(token);
  return resource.diff({ id: 'x', oldInputs, newInputs, oldOutputs: oldInputs, ignoreChanges: [], ...more });
};

const wrong: [string, string, Props, RegExp][] = [
  [
    'a name of 33 characters',
    TARGETS,
    { ...targets, name: 'x'.repeat(33) },
    /^name: must have at most 32 characters, but has 33/,
  ],
  [
    'a name with an underscore',
    LB,
    { name: 'my_lb', subnets: ['a', 'b'] },
    /^name: must have only letters, digits and hyphens/,
  ],
  ['a single subnet', LB, { subnets: ['subnet-1'] }, /^subnets: at least two subnets/],
  [
    'a port out of range',
    TARGETS,
    { ...targets, port: 70000 },
    /^port: must be between 1 and 65535, but is 70000/,
  ],
  ['no network', TARGETS, { port: 80, protocol: 'HTTP' }, /^vpcId: is required/],
  [
    'an interval of 3',
    TARGETS,
    { ...targets, healthCheck: { interval: 3 } },
    /^healthCheck.interval: must be between 5 and 300/,
  ],
  [
    'a timeout above the interval',
    TARGETS,
    { ...targets, healthCheck: { interval: 10, timeout: 10 } },
    /^healthCheck.timeout: must be smaller/,
  ],
  [
    'a threshold of 1',
    TARGETS,
    { ...targets, healthCheck: { healthyThreshold: 1 } },
    /^healthCheck.healthyThreshold: must be between 2 and 10/,
  ],
  [
    'a slow start of 10',
    TARGETS,
    { ...targets, slowStart: 10 },
    /^slowStart: must be 0 or between 30 and 900/,
  ],
  [
    'a weight of 1000',
    RULE,
    {
      listenerArn: ARN,
      conditions: pathIs('/'),
      actions: [{ type: 'forward', forward: { targetGroups: [{ arn: ARN, weight: 1000 }] } }],
    },
    /weight: must be between 0 and 999/,
  ],
  [
    'an action without a target',
    LISTENER,
    { loadBalancerArn: ARN, port: 80, defaultActions: [{ type: 'forward' }] },
    /a forward action needs targetGroupArn or forward/,
  ],
  [
    'a group twice in an action',
    LISTENER,
    {
      loadBalancerArn: ARN,
      port: 80,
      defaultActions: [{ type: 'forward', forward: { targetGroups: [{ arn: ARN }, { arn: ARN }] } }],
    },
    /names a target group twice/,
  ],
  [
    'six values in a rule',
    RULE,
    {
      listenerArn: ARN,
      conditions: pathIs('1', '2', '3', '4', '5', '6'),
      actions: [{ type: 'forward', targetGroupArn: ARN }],
    },
    /at most 5 values, but has 6/,
  ],
  [
    'HTTPS without a certificate',
    LISTENER,
    {
      loadBalancerArn: ARN,
      port: 443,
      protocol: 'HTTPS',
      defaultActions: [{ type: 'forward', targetGroupArn: ARN }],
    },
    /^certificateArn: is required for HTTPS/,
  ],
  [
    'a minimum above the maximum',
    GROUP,
    { ...sizes, minSize: 3 },
    /^minSize: must not be above maxSize \(2\), but is 3/,
  ],
  [
    'a template and a mixture',
    GROUP,
    {
      ...sizes,
      mixedInstancesPolicy: { launchTemplate: { launchTemplateSpecification: { launchTemplateId: 'lt-1' } } },
    },
    /^launchTemplate: cannot be given together with 'mixedInstancesPolicy'/,
  ],
  ['no template', GROUP, { minSize: 1, maxSize: 1, vpcZoneIdentifiers: ['s'] }, /^launchTemplate: one of/],
  ['user data that is not base64', TEMPLATE, { userData: '#!/bin/sh' }, /^userData: must be base64/],
  [
    'too much user data',
    TEMPLATE,
    { userData: Buffer.alloc(17000).toString('base64') },
    /^userData: must have at most 16384 bytes/,
  ],
  [
    'two sources',
    INGRESS,
    {
      securityGroupId: 'sg-1',
      ipProtocol: 'tcp',
      fromPort: 1,
      toPort: 2,
      cidrIpv4: '10.0.0.0/8',
      referencedSecurityGroupId: 'sg-2',
    },
    /exactly one of/,
  ],
  [
    'ports the wrong way round',
    INGRESS,
    { securityGroupId: 'sg-1', ipProtocol: 'tcp', fromPort: 3, toPort: 2, cidrIpv4: '10.0.0.0/8' },
    /^fromPort: must not be above toPort/,
  ],
  [
    'an alarm without a metric',
    ALARM,
    { comparisonOperator: 'GreaterThanThreshold', evaluationPeriods: 1 },
    /^metricName: one of metricName and metricQueries/,
  ],
  [
    'a property that there is not',
    GROUP,
    { ...sizes, warmPool: {} },
    /^warmPool: the sandbox's aws:autoscaling\/group:Group has no input 'warmPool'/,
  ],
];

describe('inputs', () => {
  it.each(wrong)('refuses %s', async (_what, token, inputs, expected) => {
    const found = await failures(token, inputs);
    expect(found.filter((failure) => expected.test(failure))).toHaveLength(1);
  });

  it('finds nothing wrong with what is not known yet', async () => {
    const unknown = {
      minSize: UNKNOWN,
      maxSize: UNKNOWN,
      launchTemplate: UNKNOWN,
      vpcZoneIdentifiers: UNKNOWN,
    };
    expect(await failures(GROUP, unknown)).toEqual([]);
    expect(await failures(TARGETS, { ...targets, vpcId: UNKNOWN, healthCheck: { path: UNKNOWN } })).toEqual(
      [],
    );
    expect(await failures(LISTENER, { loadBalancerArn: UNKNOWN, port: 80, defaultActions: UNKNOWN })).toEqual(
      [],
    );
    expect(await failures(LB, { subnets: UNKNOWN, securityGroups: [UNKNOWN] })).toEqual([]);
  });

  it('refuses types and functions that the sandbox does not have, by name', async () => {
    await expect(plugin.resource('aws:rds/instance:Instance')).rejects.toThrow(
      /^the sandbox has no aws:rds\/instance:Instance; it covers: .*aws:lb\/listener:Listener/,
    );
    await expect(plugin.invoke('aws:rds/getInstance:getInstance', {})).rejects.toThrow(
      /^the sandbox has no function aws:rds\/getInstance:getInstance; it covers: /,
    );
  });
});

describe('names', () => {
  it('are the logical name with a suffix, kept afterwards, and repeatable from a seed', async () => {
    const group = await plugin.resource(TARGETS);
    const first = (await group.check(request(targets))).inputs;
    expect(first['name']).toMatch(/^web-[0-9a-f]{7}$/);
    expect((await group.check(request(targets, { oldInputs: first }))).inputs['name']).toBe(first['name']);
    const seeded = () => group.check(request(targets, { randomSeed: Uint8Array.of(1, 2, 3) }));
    expect((await seeded()).inputs['name']).toBe((await seeded()).inputs['name']);
  });

  it('stay within the limit', async () => {
    const { inputs } = await (
      await plugin.resource(TARGETS)
    ).check(request(targets, { name: 'a'.repeat(60) }));
    expect(String(inputs['name'])).toHaveLength(32);
  });
});

describe('differences', () => {
  it('replace what AWS cannot change, the old one first when its name is fixed', async () => {
    const named = await changes(TARGETS, { ...targets, name: 'web' }, { ...targets, name: 'web', port: 81 });
    expect(named).toEqual({
      changes: [{ path: 'port', kind: 'update', replace: true }],
      deleteBeforeReplace: true,
    });
    const automatic = { ...targets, name: 'web-1', __defaults: ['name'] };
    expect((await changes(TARGETS, automatic, { ...automatic, port: 81 })).deleteBeforeReplace).toBe(false);
  });

  it('are told to the single value, and not where values mean the same', async () => {
    const healthy = (healthCheck: Props) => ({ ...targets, healthCheck });
    const one = await changes(
      TARGETS,
      healthy({ path: '/', interval: 10 }),
      healthy({ path: '/', interval: '20' }),
    );
    expect(one.changes).toEqual([{ path: 'healthCheck.interval', kind: 'update', replace: false }]);
    const same = await changes(LB, { subnets: ['a', 'b'], idleTimeout: 60 }, { subnets: ['b', 'a'] });
    expect(same.changes.filter((change) => change.path.startsWith('subnets'))).toEqual([]);
  });

  it('leave out what the program ignores', async () => {
    const rule = (weight: number, priority: number) => ({
      priority,
      actions: [{ type: 'forward', forward: { targetGroups: [{ arn: ARN, weight }] } }],
    });
    const { changes: seen } = await changes(RULE, rule(1, 1), rule(2, 2), { ignoreChanges: ['actions'] });
    expect(seen.map((change) => change.path)).toEqual(['priority']);
    const deep = await changes(RULE, rule(1, 1), rule(2, 1), { ignoreChanges: ['actions[*].forward'] });
    expect(deep.changes).toEqual([]);
  });

  it('include the default tags of the provider', async () => {
    const old = { subnets: ['a', 'b'], tags: { a: '1' }, tagsAll: { a: '1' } };
    expect((await changes(LB, old, old, {}, tagging)).changes.map((change) => change.path)).toEqual([
      'tags.team',
    ]);
    const oldOutputs = { ...old, tagsAll: { a: '1', team: 'shop' } };
    expect((await changes(LB, old, old, { oldOutputs }, tagging)).changes).toEqual([]);
  });
});

describe('a refresh', () => {
  const table = {
    set: { type: 'set', items: { type: 'integer' } },
    text: { type: 'string' },
    part: { type: 'object', fields: { a: { type: 'integer' }, b: { type: 'integer' } } },
  } as const;

  it('keeps the program’s own spelling of what is as it was', () => {
    const given = fc.record(
      {
        set: fc.uniqueArray(fc.nat()),
        text: fc.string(),
        part: fc.record({ a: fc.nat() }, { requiredKeys: [] }),
      },
      { requiredKeys: [] },
    );
    fc.assert(
      fc.property(given, fc.nat(), (inputs, other) => {
        const { set, part, ...rest } = inputs;
        const actual: Props = { ...rest, part: { a: 0, ...part, b: other } };
        if (set) actual['set'] = [...set].reverse();
        expect(projectInputs(table, inputs as Props, actual)).toEqual(inputs);
      }),
    );
  });

  it('shows what is not', () => {
    const given = { set: [1, 2], part: { a: 1 }, text: 'x' };
    expect(projectInputs(table, given, { set: [2, 3], part: { a: 2, b: 3 }, text: 'x' })).toEqual({
      set: [2, 3],
      part: { a: 2 },
      text: 'x',
    });
  });
});
