import { readFileSync } from 'node:fs';
import path from 'node:path';
import * as pulumi from '@pulumi/pulumi';
import { describe, expect, it } from 'vitest';
import { parse } from 'yaml';
import { parseEnvironment, type EnvironmentConfig } from '../../src/domain/config';
import type { Guard } from '../../src/domain/guard';
import type { Route } from '../../src/domain/traffic';
import { serviceProgram } from '../../stacks/service';
import { environment, type Edit } from '../support/config';
import { run, thrownBy, type Asked, type MockOptions, type Ran } from '../support/pulumi-mocks';

const LIVE_GREEN = [
  {
    type: 'forward',
    forwards: [
      {
        stickinesses: [],
        targetGroups: [
          { arn: 'arn:aws:elasticloadbalancing:r:1:targetgroup/shop-production-blue/2', weight: 10 },
          { arn: 'arn:aws:elasticloadbalancing:r:1:targetgroup/shop-production-green/2', weight: 90 },
        ],
      },
    ],
  },
];

/** `before` is what the stack gave when it was last applied. */
function applied(
  config: EnvironmentConfig,
  before: Record<string, unknown> = {},
  guard?: Guard,
): Promise<Ran> {
  const calls: MockOptions['calls'] = {
    'aws:ec2/getVpc:getVpc': () => ({ id: 'vpc-found' }),
    'aws:ec2/getSubnets:getSubnets': () => ({ ids: ['subnet-b', 'subnet-a'] }),
    'aws:lb/getListener:getListener': () => ({ defaultActions: LIVE_GREEN }),
  };
  const stacks = { 'organization/bascule/production': before };
  return run({ stack: 'production', calls, stacks }, () => serviceProgram(config, 'production', guard));
}

function configured(edit?: Edit): EnvironmentConfig {
  const parsed = parseEnvironment('production', environment(edit));
  if (!parsed.ok) throw new Error(JSON.stringify(parsed.problems));
  return parsed.config;
}

function full(): EnvironmentConfig {
  const file = path.resolve(__dirname, '../../examples/environments/full/Pulumi.full.yaml');
  const { config } = parse(readFileSync(file, 'utf8')) as { config: Record<string, unknown> };
  const parsed = parseEnvironment('production', config['bascule:environment']);
  if (!parsed.ok) throw new Error(JSON.stringify(parsed.problems));
  return parsed.config;
}

const INGRESS = 'aws:vpc/securityGroupIngressRule:SecurityGroupIngressRule';
const EGRESS = 'aws:vpc/securityGroupEgressRule:SecurityGroupEgressRule';

function one(all: Asked[], name: string): Record<string, unknown> {
  const found = all.find((asked) => asked.name === name);
  if (found === undefined) throw new Error(`no ${name} among ${all.map((asked) => asked.name).join(', ')}`);
  return found.inputs;
}

/** Rules are registered in no particular order. */
function byPort(rules: Asked[]): Record<string, unknown>[] {
  const port = (inputs: Record<string, unknown>): number => Number(inputs['fromPort']);
  return rules.map(({ inputs }) => inputs).sort((a, b) => port(a) - port(b));
}

describe('the service of an environment', () => {
  it('opens what the configuration names and nothing else', async () => {
    const stack = await applied(configured());
    expect(byPort(stack.ofType(INGRESS))).toEqual([
      expect.objectContaining({ cidrIpv4: '0.0.0.0/0', fromPort: 80, toPort: 80, ipProtocol: 'tcp' }),
      expect.objectContaining({
        securityGroupId: 'instances.eu-west-3-id',
        referencedSecurityGroupId: 'load-balancer.eu-west-3-id',
        fromPort: 8080,
        toPort: 8080,
      }),
      expect.objectContaining({ cidrIpv4: '203.0.113.7/32', fromPort: 8443, toPort: 8443 }),
    ]);
    expect(byPort(stack.ofType(EGRESS))).toEqual([
      expect.objectContaining({
        securityGroupId: 'instances.eu-west-3-id',
        cidrIpv4: '0.0.0.0/0',
        fromPort: 443,
        toPort: 443,
      }),
      expect.objectContaining({
        securityGroupId: 'load-balancer.eu-west-3-id',
        referencedSecurityGroupId: 'instances.eu-west-3-id',
        fromPort: 8080,
        toPort: 8080,
      }),
    ]);
    // Rules inside a group would come on top of these.
    for (const { inputs } of stack.ofType('aws:ec2/securityGroup:SecurityGroup')) {
      expect(inputs).not.toHaveProperty('ingress');
      expect(inputs).not.toHaveProperty('egress');
    }
  });

  it('lets the health check through where it has a port of its own', async () => {
    const stack = await applied(configured((input) => (input['targets'] = { healthCheck: { port: 9000 } })));
    const fromLoadBalancer = stack
      .ofType(INGRESS)
      .filter(({ inputs }) => inputs['referencedSecurityGroupId']);
    expect(byPort(fromLoadBalancer).map((inputs) => inputs['fromPort'])).toEqual([8080, 9000]);
    expect(
      one(stack.ofType('aws:lb/targetGroup:TargetGroup'), 'blue.eu-west-3')['healthCheck'],
    ).toMatchObject({
      port: '9000',
    });
  });

  it('names both colours in every forward action, the test listener on the idle one', async () => {
    const stack = await applied(configured());
    const listeners = stack.ofType('aws:lb/listener:Listener');
    const weights = (name: string): number[] => {
      const [action] = one(listeners, name)['defaultActions'] as {
        forward: { targetGroups: { arn: string; weight: number }[] };
      }[];
      expect(action?.forward.targetGroups.map(({ arn }) => arn.split('/')[1])).toEqual([
        'shop-production-blue',
        'shop-production-green',
      ]);
      return action?.forward.targetGroups.map(({ weight }) => weight) ?? [];
    };
    expect(weights('production.eu-west-3')).toEqual([100, 0]);
    expect(weights('test.eu-west-3')).toEqual([0, 100]);
  });

  it('leaves weights alone once they are there', async () => {
    const stack = await applied(
      configured((input) => (input['rules'] = [{ name: 'api', priority: 3, paths: ['/api/*'] }])),
    );
    const ignored = (type: string) =>
      stack.ofType(type).map(({ name, ignoreChanges }) => [name, ignoreChanges]);
    expect(ignored('aws:lb/listener:Listener').sort()).toEqual([
      ['production.eu-west-3', ['defaultActions']],
      ['test.eu-west-3', ['defaultActions']],
    ]);
    expect(ignored('aws:lb/listenerRule:ListenerRule')).toEqual([['api.eu-west-3', ['actions']]]);
  });

  it('makes a rule with the weights that are in force, not with those of a new environment', async () => {
    const stack = await applied(
      configured(
        (input) =>
          (input['rules'] = [{ name: 'api', priority: 3, paths: ['/api/*'], headers: { X: ['1'] } }]),
      ),
    );
    const rule = one(stack.ofType('aws:lb/listenerRule:ListenerRule'), 'api.eu-west-3');
    expect(rule).toMatchObject({
      priority: 3,
      conditions: [
        { pathPattern: { values: ['/api/*'] } },
        { httpHeader: { httpHeaderName: 'X', values: ['1'] } },
      ],
      actions: [{ type: 'forward', forward: { targetGroups: [{ weight: 10 }, { weight: 90 }] } }],
    });
  });

  it('gives driver and fleets what they need', async () => {
    const { outputs } = await applied(configured());
    expect(outputs).toMatchObject({
      environment: 'production',
      service: 'shop',
      config: configured(),
      regions: {
        'eu-west-3': {
          vpcId: 'vpc-found',
          instanceSubnetIds: ['subnet-a', 'subnet-b'],
          instanceSecurityGroupId: 'instances.eu-west-3-id',
          loadBalancerUrl: 'http://shop-production.eu-west-3.example',
          testUrl: 'http://shop-production.eu-west-3.example:8443',
          targetGroups: {
            blue: expect.stringContaining('targetgroup/shop-production-blue/') as string,
            green: expect.stringContaining('targetgroup/shop-production-green/') as string,
          },
          instanceProfileName: 'shop-production-instances',
        },
      },
    });
  });

  it('lets instances read releases and be managed, and no more', async () => {
    const stack = await applied(configured());
    const policy = one(stack.ofType('aws:iam/rolePolicy:RolePolicy'), 'releases')['policy'] as string;
    expect(JSON.parse(policy)).toMatchObject({
      Statement: [
        { Effect: 'Allow', Action: 's3:GetObject', Resource: 'arn:aws:s3:::acme-releases/releases/*' },
      ],
    });
    expect(stack.ofType('aws:iam/rolePolicyAttachment:RolePolicyAttachment')).toHaveLength(1);
    const several = await applied(
      configured((input) => (input.fleet['releaseBuckets'] = ['acme-frankfurt'])),
    );
    expect(one(several.ofType('aws:iam/rolePolicy:RolePolicy'), 'releases')['policy']).toContain(
      '["arn:aws:s3:::acme-releases/releases/*","arn:aws:s3:::acme-frankfurt/releases/*"]',
    );
    const own = await applied(configured((input) => (input.fleet['instanceProfile'] = 'mine')));
    expect(own.asked.filter(({ type }) => type.startsWith('aws:iam/'))).toEqual([]);
  });

  it('makes a network of its own with private instances', async () => {
    const stack = await applied(
      configured((input) => (input['network'] = { kind: 'new', natGateways: 'one-per-zone' })),
    );
    expect(one(stack.ofType('awsx:ec2:Vpc'), 'network.eu-west-3')).toMatchObject({
      region: 'eu-west-3',
      cidrBlock: '10.0.0.0/16',
      numberOfAvailabilityZones: 2,
      natGateways: { strategy: 'OnePerAz' },
      subnetSpecs: [{ type: 'Public' }, { type: 'Private' }],
    });
    expect(stack.outputs['regions']).toMatchObject({
      'eu-west-3': { instanceSubnetIds: ['subnet-private'] },
    });
    const balancer = one(stack.ofType('aws:lb/loadBalancer:LoadBalancer'), 'load-balancer.eu-west-3');
    expect(balancer['subnets']).toEqual(['subnet-public']);
  });

  it('puts everything of the full example into each of its regions', async () => {
    const stack = await applied(full());
    const regions = ['eu-west-3', 'eu-central-1'];
    for (const region of regions) {
      const listeners = stack.ofType('aws:lb/listener:Listener');
      expect(one(listeners, `production.${region}`)).toMatchObject({
        port: 443,
        protocol: 'HTTPS',
        certificateArn: expect.stringContaining(`:${region}:`) as string,
        sslPolicy: 'ELBSecurityPolicy-TLS13-1-2-2021-06',
      });
      expect(one(listeners, `redirect.${region}`)).toMatchObject({
        port: 80,
        defaultActions: [
          { type: 'redirect', redirect: { protocol: 'HTTPS', port: '443', statusCode: 'HTTP_301' } },
        ],
      });
      expect(one(stack.ofType('aws:lb/targetGroup:TargetGroup'), `green.${region}`)).toMatchObject({
        region,
        stickiness: { enabled: true, type: 'lb_cookie', cookieDuration: 3600 },
        tags: { service: 'shop', environment: 'production', colour: 'green', team: 'shop' },
      });
      expect(one(stack.ofType('aws:cloudwatch/metricAlarm:MetricAlarm'), `blue-5xx.${region}`)).toMatchObject(
        {
          threshold: 2,
          alarmActions: [`arn:aws:sns:${region}:123456789012:shop-alarms`],
        },
      );
    }
    const regional = stack.asked.filter(
      ({ type }) => !/^(aws:iam\/|pulumi:providers:|pulumi:pulumi:|bascule:)/.test(type),
    );
    expect(regional.filter(({ inputs }) => !regions.includes(String(inputs['region'])))).toEqual([]);
    expect(one(stack.ofType('pulumi:providers:aws'), 'aws')).toMatchObject({
      region: 'us-east-1',
      allowedAccountIds: '["123456789012"]',
    });
  });

  it('refuses a change that would cut the traffic, before it asks anything of AWS', async () => {
    const before = { config: configured() };
    const options = { stack: 'production', stacks: { 'organization/bascule/production': before } };
    const moved = configured((input) => (input['targets'] = { port: 9090 }));
    const error = await thrownBy(options, () => serviceProgram(moved, 'production'));
    expect(pulumi.RunError.isInstance(error)).toBe(true);
    expect((error as Error).message).toMatch(
      /Pulumi\.production\.yaml: bascule:environment\.targets\.port: cannot change from 8080 to 9090/,
    );
  });

  it('is protected as a whole and in what requests depend on, until the configuration lifts it', async () => {
    const protectedTypes = async (edit?: Edit) => {
      const { asked } = await applied(configured(edit));
      return [...new Set(asked.filter((one) => one.protect).map(({ type }) => type))].sort();
    };
    expect(await protectedTypes()).toEqual([
      'aws:lb/listener:Listener',
      'aws:lb/loadBalancer:LoadBalancer',
      'aws:lb/targetGroup:TargetGroup',
      'bascule:index:Protection',
    ]);
    expect(await protectedTypes((input) => (input['protection'] = false))).toEqual([]);
  });

  it('says which colour is live in each region, once there are listeners', async () => {
    const route: Route = {
      id: 'listener',
      kind: 'default',
      listener: 'production',
      label: 'default action',
      weights: { blue: 0, green: 100 },
    };
    const guard: Guard = {
      lookAt: () => ({
        routes: async () => [route],
        limits: () => Promise.reject(new Error('not asked')),
        healthy: () => Promise.reject(new Error('not asked')),
      }),
      refuses: true,
    };
    expect((await applied(configured(), {}, guard)).outputs['live']).toEqual({ 'eu-west-3': 'none' });
    const before = { regions: { 'eu-west-3': { productionListenerArn: 'arn', targetGroups: {} } } };
    expect((await applied(configured(), before, guard)).outputs['live']).toEqual({ 'eu-west-3': 'green' });
  });

  it('goes on when only what can change has changed', async () => {
    const more = configured((input) => (input.fleet['maximum'] = 9));
    await expect(applied(more, { config: configured() })).resolves.toMatchObject({
      outputs: { config: more },
    });
  });
});
