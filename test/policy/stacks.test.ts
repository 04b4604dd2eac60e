/** Bascule's own stacks against its own policy pack, without an engine; test/sandbox/policy.test.ts has one. */
import { readFileSync } from 'node:fs';
import path from 'node:path';
import { parse } from 'yaml';
import { describe, expect, it } from 'vitest';
import type { Member } from '../../policy/rule';
import { RULES, STACK_RULES } from '../../policy/rules';
import { parseEnvironment, type EnvironmentConfig } from '../../src/domain/config';
import { fleetProgram } from '../../stacks/fleet';
import { serviceProgram } from '../../stacks/service';
import { run, type Asked, type MockOptions } from '../support/pulumi-mocks';

const PROJECT = path.resolve(__dirname, '../..');
const EXAMPLES: [string, string][] = [
  ['small', 'examples/environments/small/Pulumi.small.yaml'],
  ['full', 'examples/environments/full/Pulumi.full.yaml'],
  ['sandbox', 'Pulumi.sandbox.yaml'],
];

type Settings = Record<string, Record<string, unknown>>;

function configured(file: string, edit: (settings: Settings) => void = () => undefined): EnvironmentConfig {
  const { config } = parse(readFileSync(path.join(PROJECT, file), 'utf8')) as { config: Settings };
  const settings = config['bascule:environment'] as unknown as Settings;
  edit(settings);
  const parsed = parseEnvironment('production', settings);
  if (!parsed.ok) throw new Error(JSON.stringify(parsed.problems));
  return parsed.config;
}

const ACTIONS = [
  { forwards: [{ targetGroups: [{ arn: ':targetgroup/shop-production-blue/1', weight: 1 }] }] },
];

async function serviceOf(config: EnvironmentConfig): Promise<Asked[]> {
  const calls: MockOptions['calls'] = {
    'aws:ec2/getVpc:getVpc': () => ({ id: 'vpc-1' }),
    'aws:ec2/getSubnets:getSubnets': () => ({ ids: ['subnet-a', 'subnet-b'] }),
    'aws:lb/getListener:getListener': () => ({ defaultActions: ACTIONS }),
  };
  const stacks = { 'organization/bascule/production': {} };
  const options = { stack: 'production', calls, stacks };
  // A network of its own is awsx's to make, which gives one subnet here.
  const plain: EnvironmentConfig = { ...config, rules: [], network: { kind: 'default' } };
  return (await run(options, () => serviceProgram(plain, 'production'))).asked;
}

async function fleetOf(config: EnvironmentConfig): Promise<Asked[]> {
  const region = config.regions[0] ?? '';
  const service = {
    instanceSubnetIds: ['subnet-1', 'subnet-2'],
    instanceSecurityGroupId: 'sg',
    targetGroups: { blue: 'blue', green: 'green' },
    loadBalancerArn: 'arn:x:loadbalancer/app/shop/1',
    instanceProfileName: 'profile',
  };
  const calls: MockOptions['calls'] = {
    'aws:ec2/getAmiIds:getAmiIds': () => ({ ids: ['ami-1'] }),
    'aws:ec2/getAmi:getAmi': () => ({ rootDeviceName: '/dev/xvda', tags: {} }),
  };
  const options: MockOptions = {
    stack: `production.${region}.green`,
    config: { 'bascule:fleet': { version: '2.0.0', minimum: 1, maximum: 3, desired: 1 } },
    stacks: { 'organization/bascule/production': { config, regions: { [region]: service } } },
    calls,
  };
  return (await run(options, () => fleetProgram({ environment: 'production', region, colour: 'green' })))
    .asked;
}

/** What breaks a rule: `no-open-ingress: test-from-0.0.0.0/0.eu-west-3`. */
function broken(asked: readonly Asked[]): string[] {
  const members = asked.map(({ type, name, inputs }): Member => {
    const region = String(inputs['region']);
    const arn = `arn:aws:elasticloadbalancing:${region}:123456789012:loadbalancer/app/${String(inputs['name'])}/1`;
    return { type, name, urn: name, props: { ...inputs, arn }, sources: {} };
  });
  const single = RULES.flatMap((rule) =>
    members
      .filter((one) => rule.types.includes(one.type) && rule.check(one).length > 0)
      .map(({ name }) => `${rule.name}: ${name}`),
  );
  const whole = STACK_RULES.flatMap((rule) =>
    rule.checkAll(members).map(({ urn }) => `${rule.name}: ${urn}`),
  );
  return [...single, ...whole];
}

describe("Bascule's stacks", () => {
  it.each(EXAMPLES)('keep to every rule, with the example %s', async (_name, file) => {
    const config = configured(file);
    const asked = [...(await serviceOf(config)), ...(await fleetOf(config))];
    expect(asked.length).toBeGreaterThan(10);
    expect(broken(asked)).toEqual([]);
  });

  it('break those that the configuration allows to break', async () => {
    const config = configured('examples/environments/full/Pulumi.full.yaml', (settings) => {
      Object.assign(settings, { regions: ['eu-west-3'], regionOverrides: {} });
      settings['targets'] = { ...settings['targets'], deregistrationDelaySeconds: 0 };
      const listeners = settings['listeners'] as Settings;
      listeners['production'] = { ...listeners['production'], tlsPolicy: 'ELBSecurityPolicy-2016-08' };
      listeners['test'] = { ...listeners['test'], allowedCidrs: ['0.0.0.0/0'] };
    });
    expect(broken(await serviceOf(config)).sort()).toEqual([
      'no-open-ingress: test-from-0.0.0.0/0.eu-west-3',
      'open-for-clients-only: test-from-0.0.0.0/0.eu-west-3',
      'target-health: blue.eu-west-3',
      'target-health: green.eu-west-3',
      'tls-policy: production.eu-west-3',
      'tls-policy: test.eu-west-3',
    ]);
  });
});
