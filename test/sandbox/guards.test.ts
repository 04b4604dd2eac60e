/** What plain `pulumi` refuses to do to an environment that serves, on the real engine against the sandbox's AWS. */
import path from 'node:path';
import {
  AutoScalingClient,
  DescribeAutoScalingGroupsCommand,
  type AutoScalingGroup,
} from '@aws-sdk/client-auto-scaling';
import { DescribeSecurityGroupRulesCommand } from '@aws-sdk/client-ec2';
import {
  DescribeListenersCommand,
  DescribeLoadBalancersCommand,
  DescribeRulesCommand,
  DescribeTargetHealthCommand,
  ModifyListenerCommand,
  ModifyRuleCommand,
} from '@aws-sdk/client-elastic-load-balancing-v2';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { ServiceOutputs } from '../../stacks/service';
import { environment, type Edit } from '../support/config';
import { LiveSandbox } from '../support/live-sandbox';
import { freePort } from '../support/ports';
import { PulumiCli } from '../support/pulumi-cli';
import { must, until } from '../support/until';

const WITH_POLICIES = ['--policy-pack', path.resolve(__dirname, '../../policy')];
const SERVICE = 'staging';
const BLUE = 'staging.eu-west-3.blue';

let sandbox: LiveSandbox;
let cli: PulumiCli;
let ports: number[];
let region: ServiceOutputs['regions'][string];

beforeAll(async () => {
  [sandbox, ports] = await Promise.all([LiveSandbox.start(), Promise.all([freePort(), freePort()])]);
  cli = await PulumiCli.in(path.join(sandbox.folder, 'project'), sandbox.info);
  for (const version of ['1.0.0', '2.0.0']) await sandbox.bake('hello', version, { service: 'shop' });
  for (const stack of [SERVICE, BLUE]) await cli.must('stack', 'init', stack);
  await configure();
  await cli.must('up', '--yes', '--skip-preview', '--stack', SERVICE);
  region = must(((await cli.outputs(SERVICE)) as unknown as ServiceOutputs).regions['eu-west-3']);
  await cli.configure(BLUE, fleet({}));
  await cli.must('up', '--yes', '--skip-preview', '--stack', BLUE);
  await until(healthyOfBlue, (count) => count === 1);
});

afterAll(() => sandbox?.dispose());

async function configure(edit: Edit = () => undefined): Promise<void> {
  const settings = environment((input) => {
    input['bucket'] = 'bascule-sandbox';
    Object.assign(input.listeners.production, { port: ports[0], allowedCidrs: ['127.0.0.0/8'] });
    Object.assign(input.listeners.test, { port: ports[1], allowedCidrs: ['127.0.0.0/8'] });
    input['rules'] = [{ name: 'api', priority: 10, paths: ['/api/*'] }];
    input['targets'] = {
      deregistrationDelaySeconds: 1,
      healthCheck: { path: '/health', intervalSeconds: 5, timeoutSeconds: 2 },
    };
    edit(input);
  });
  await cli.configure(SERVICE, { 'bascule:environment': settings });
}

const fleet = (change: Record<string, unknown>) => ({
  'bascule:fleet': { version: '1.0.0', minimum: 1, maximum: 3, desired: 1, ...change },
});

async function blue(): Promise<AutoScalingGroup | undefined> {
  const client = new AutoScalingClient(sandbox.options());
  const names = { AutoScalingGroupNames: ['shop-staging-blue'] };
  return (await client.send(new DescribeAutoScalingGroupsCommand(names))).AutoScalingGroups?.[0];
}

async function healthyOfBlue(): Promise<number> {
  const { targetGroups } = region;
  const input = { TargetGroupArn: targetGroups.blue };
  const { TargetHealthDescriptions = [] } = await sandbox.elb().send(new DescribeTargetHealthCommand(input));
  return TargetHealthDescriptions.filter(({ TargetHealth }) => TargetHealth?.State === 'healthy').length;
}

/** All production requests to green, where nobody is. */
async function pointAtGreen(): Promise<void> {
  const { productionListenerArn: ListenerArn, targetGroups } = region;
  const TargetGroups = [
    { TargetGroupArn: targetGroups.blue, Weight: 0 },
    { TargetGroupArn: targetGroups.green, Weight: 100 },
  ];
  const actions = [{ Type: 'forward' as const, ForwardConfig: { TargetGroups } }];
  const elb = sandbox.elb();
  const { Rules = [] } = await elb.send(new DescribeRulesCommand({ ListenerArn }));
  const { RuleArn } = must(Rules.find(({ Priority }) => Priority === '10'));
  await elb.send(new ModifyRuleCommand({ RuleArn: must(RuleArn), Actions: actions }));
  await elb.send(new ModifyListenerCommand({ ListenerArn, DefaultActions: actions }));
}

async function refusedBy(...args: string[]): Promise<string> {
  const { ok, text } = await cli.run(...args);
  expect({ ok, text }).toMatchObject({ ok: false });
  return text;
}

const preview = (stack: string, ...more: string[]) => ['preview', '--stack', stack, ...more];
const up = (stack: string, ...more: string[]) => ['up', '--yes', '--skip-preview', '--stack', stack, ...more];
const destroy = (stack: string) => ['destroy', '--yes', '--skip-preview', '--stack', stack];

/** All that requests depend on. */
async function standing(): Promise<unknown> {
  const elb = sandbox.elb();
  const { LoadBalancers = [] } = await elb.send(new DescribeLoadBalancersCommand({}));
  const { LoadBalancerArn } = must(LoadBalancers[0]);
  const { Listeners = [] } = await elb.send(new DescribeListenersCommand({ LoadBalancerArn }));
  const { ListenerArn } = must(Listeners.find(({ Port }) => Port === ports[0]));
  const { Rules = [] } = await elb.send(new DescribeRulesCommand({ ListenerArn }));
  const { MinSize, MaxSize, DesiredCapacity, LaunchTemplate } = must(await blue());
  return { LoadBalancers, Listeners, Rules, MinSize, MaxSize, DesiredCapacity, LaunchTemplate };
}

// One story: each part goes on where the one before left the environment.
describe('plain pulumi, on an environment that serves', () => {
  it('refuses another release and less capacity for the live fleet, in a preview as in an update', async () => {
    const before = await standing();
    await cli.configure(BLUE, fleet({ version: '2.0.0', maximum: 0, minimum: 0, desired: 0 }));
    for (const args of [preview(BLUE), up(BLUE)]) {
      const text = await refusedBy(...args);
      expect(text).toContain(
        'BASCULE_FLEET_IS_LIVE: The blue fleet in eu-west-3 receives production traffic',
      );
      for (const line of ['version: 1.0.0 → 2.0.0', 'image: ami-', 'minimum: 1 → 0', 'maximum: 3 → 0'])
        expect(text).toContain(line);
      expect(text).toContain('Next: Deploy instead');
      expect(text).toContain('allowLiveChange: 2.0.0');
      expect(text).not.toMatch(/\n\s+at .*\(/);
    }
    expect(await standing()).toEqual(before);
  });

  it('shows which colour is live, and keeps to the policy pack, on both stacks', async () => {
    await cli.configure(BLUE, fleet({}));
    expect(await cli.outputs(BLUE)).toMatchObject({ live: 'blue' });
    for (const stack of [SERVICE, BLUE]) {
      const text = await cli.must(...preview(stack, ...WITH_POLICIES));
      expect(text).toContain('blue is live in eu-west-3 (default action: blue 100, green 0).');
      expect(text).toMatch(/Policies:\n\s+.*bascule@v0\.1\.0/);
      expect(text).not.toMatch(/\[(mandatory|advisory)\]/);
    }
  });

  it('is refused by the policy pack what the configuration would allow, before anything is changed', async () => {
    const before = await standing();
    await configure((input) => {
      Object.assign(input.listeners.test, { allowedCidrs: ['0.0.0.0/0'] });
      input['targets'] = { deregistrationDelaySeconds: 0 };
    });
    const text = await refusedBy(...up(SERVICE, ...WITH_POLICIES));
    expect(text).toContain('[mandatory]');
    // The update ends at the first of them.
    expect(text).toMatch(/0\.0\.0\.0\/0 must not be let in|deregistrationDelay must not be 0/);
    expect(await standing()).toEqual(before);
    const { SecurityGroupRules = [] } = await sandbox.ec2().send(new DescribeSecurityGroupRulesCommand({}));
    const open = SecurityGroupRules.filter(({ CidrIpv4, IsEgress }) => !IsEgress && CidrIpv4 === '0.0.0.0/0');
    expect(open).toEqual([]);
    await configure();
  });

  it('lets the live fleet grow', async () => {
    await cli.configure(BLUE, fleet({ maximum: 4 }));
    await cli.must(...up(BLUE));
    expect(await blue()).toMatchObject({ MinSize: 1, MaxSize: 4 });
  });

  it('refuses to delete or replace what serves, and begins neither', async () => {
    const before = await standing();
    for (const stack of [SERVICE, BLUE]) expect(await refusedBy(...destroy(stack))).toContain('is protected');
    await cli.configure(BLUE, fleet({ maximum: 4 }));
    for (const [stack, ...names] of [
      [
        SERVICE,
        'aws:lb/loadBalancer:LoadBalancer::load-balancer.eu-west-3',
        'aws:lb/targetGroup:TargetGroup::blue.eu-west-3',
      ],
      [BLUE, 'aws:autoscaling/group:Group::fleet'],
    ] as const) {
      const replaced = names.flatMap((name) => ['--replace', `urn:pulumi:${stack}::bascule::${name}`]);
      const text = await refusedBy(...preview(stack, ...replaced));
      for (const name of names)
        expect(text).toContain(`bascule::${name}"\n    as it is currently marked for protection`);
    }
    expect(await standing()).toEqual(before);
  });

  it('refuses to empty the only healthy colour, although it is idle', async () => {
    await pointAtGreen();
    await cli.configure(BLUE, fleet({ minimum: 0, maximum: 0, desired: 0 }));
    const text = await refusedBy(...preview(BLUE));
    expect(text).toContain('green is live in eu-west-3');
    expect(text).toContain('BASCULE_ONLY_HEALTHY_COLOUR');
  });

  it('does it when told to', async () => {
    await cli.configure(BLUE, fleet({ minimum: 0, maximum: 0, desired: 0, allowLiveChange: '1.0.0' }));
    expect(await cli.must(...up(BLUE))).toContain('Goes on because allowLiveChange is 1.0.0');
    expect(await blue()).toMatchObject({ MinSize: 0, MaxSize: 0 });
    await cli.must(...destroy(BLUE));
    expect(await blue()).toBeUndefined();
  });
});
