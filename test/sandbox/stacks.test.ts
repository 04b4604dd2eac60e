/** Bascule's own stacks, by plain `pulumi` on the real engine, against the sandbox's AWS. */
import path from 'node:path';
import {
  AutoScalingClient,
  DescribeAutoScalingGroupsCommand,
  SetDesiredCapacityCommand,
} from '@aws-sdk/client-auto-scaling';
import { DescribeInstancesCommand, DescribeLaunchTemplateVersionsCommand } from '@aws-sdk/client-ec2';
import {
  DescribeLoadBalancersCommand,
  DescribeRulesCommand,
  DescribeTargetGroupsCommand,
  ModifyListenerCommand,
  ModifyRuleCommand,
  type Action,
} from '@aws-sdk/client-elastic-load-balancing-v2';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { ServiceOutputs } from '../../stacks/service';
import { environment, type Edit } from '../support/config';
import { LiveSandbox } from '../support/live-sandbox';
import { freePort } from '../support/ports';
import { PulumiCli } from '../support/pulumi-cli';
import { must } from '../support/until';

const SERVICE = 'staging';
const BLUE = 'staging.eu-west-3.blue';
const GREEN = 'staging.eu-west-3.green';

let sandbox: LiveSandbox;
let cli: PulumiCli;
let ports: number[];

beforeAll(async () => {
  [sandbox, ports] = await Promise.all([LiveSandbox.start(), Promise.all([freePort(), freePort()])]);
  cli = await PulumiCli.in(path.join(sandbox.folder, 'project'), sandbox.info);
  await sandbox.register('shop-1.0.0', { service: 'shop', version: '1.0.0' });
  for (const stack of [SERVICE, BLUE, GREEN]) await cli.must('stack', 'init', stack);
});

afterAll(() => sandbox?.dispose());

/** The environment's file: rules by path, ports that are free on this machine. */
async function configure(edit: Edit = () => undefined): Promise<void> {
  const settings = environment((input) => {
    input['bucket'] = 'bascule-sandbox';
    Object.assign(input.listeners.production, { port: ports[0], allowedCidrs: ['127.0.0.0/8'] });
    Object.assign(input.listeners.test, { port: ports[1], allowedCidrs: ['127.0.0.0/8'] });
    input['rules'] = [{ name: 'api', priority: 10, paths: ['/api/*'] }];
    // Instances drain for all of this before they go, also when they have nothing left to answer.
    input['targets'] = { deregistrationDelaySeconds: 1 };
    edit(input);
  });
  await cli.configure(SERVICE, { 'bascule:environment': settings });
}

async function outputs(): Promise<ServiceOutputs['regions'][string]> {
  const all = (await cli.outputs(SERVICE)) as unknown as ServiceOutputs;
  return must(all.regions['eu-west-3']);
}

/** Weights of every rule and the default action: `api: blue 100, green 0`. */
async function weights(): Promise<Record<string, string>> {
  const { productionListenerArn } = await outputs();
  const { Rules = [] } = await sandbox
    .elb()
    .send(new DescribeRulesCommand({ ListenerArn: productionListenerArn }));
  return Object.fromEntries(
    Rules.map(({ Priority, Actions }) => [
      must(Priority),
      must(Actions?.[0]?.ForwardConfig?.TargetGroups)
        .map(
          ({ TargetGroupArn, Weight }) =>
            `${TargetGroupArn?.includes('-blue/') ? 'blue' : 'green'} ${Weight}`,
        )
        .sort()
        .join(', '),
    ]),
  );
}

/** Moves all traffic to green, as a deployment does, past Pulumi. */
async function cutOver(): Promise<void> {
  const elb = sandbox.elb();
  const { productionListenerArn: ListenerArn, targetGroups } = await outputs();
  const action: Action = {
    Type: 'forward',
    ForwardConfig: {
      TargetGroups: [
        { TargetGroupArn: targetGroups.blue, Weight: 0 },
        { TargetGroupArn: targetGroups.green, Weight: 100 },
      ],
    },
  };
  await elb.send(new ModifyListenerCommand({ ListenerArn, DefaultActions: [action] }));
  const { Rules = [] } = await elb.send(new DescribeRulesCommand({ ListenerArn }));
  for (const { RuleArn, IsDefault } of Rules) {
    if (!IsDefault) await elb.send(new ModifyRuleCommand({ RuleArn, Actions: [action] }));
  }
}

async function group(name: string) {
  const autoScaling = new AutoScalingClient(sandbox.options());
  const { AutoScalingGroups = [] } = await autoScaling.send(
    new DescribeAutoScalingGroupsCommand({ AutoScalingGroupNames: [name] }),
  );
  return AutoScalingGroups[0];
}

const fleet = (version: string) => ({ 'bascule:fleet': { version, minimum: 1, maximum: 3, desired: 1 } });

// One story: each part goes on where the one before left the environment.
describe('the stacks, by plain pulumi', () => {
  it('make the service, and find nothing to change afterwards', async () => {
    await configure();
    await cli.must('up', '--yes', '--skip-preview', '--stack', SERVICE);
    expect(await weights()).toEqual({ 10: 'blue 100, green 0', default: 'blue 100, green 0' });
    await cli.must('preview', '--expect-no-changes', '--stack', SERVICE);
  });

  it('refuse a fleet of a release that nobody baked, in words that say what to do', async () => {
    await cli.configure(GREEN, fleet('9.9.9'));
    const { ok, text } = await cli.up(GREEN);
    expect(ok).toBe(false);
    expect(text).toContain('There is no image of shop 9.9.9 in eu-west-3');
    expect(text).toContain('Next: bascule bake 9.9.9 --app <folder>');
    expect(text).not.toMatch(/\n\s+at .*\(/);
    expect(await group('shop-staging-green')).toBeUndefined();
  });

  it('make a fleet of closed instances in its own target group', async () => {
    await cli.configure(BLUE, fleet('1.0.0'));
    await cli.must('up', '--yes', '--skip-preview', '--stack', BLUE);
    const blue = must(await group('shop-staging-blue'));
    const { targetGroups, instanceSecurityGroupId } = await outputs();
    expect(blue).toMatchObject({ MinSize: 1, MaxSize: 3, DesiredCapacity: 1, HealthCheckType: 'ELB' });
    expect(blue.TargetGroupARNs).toEqual([targetGroups.blue]);
    const { LaunchTemplateVersions } = await sandbox.ec2().send(
      new DescribeLaunchTemplateVersionsCommand({
        LaunchTemplateName: 'shop-staging-blue',
        Versions: ['$Latest'],
      }),
    );
    expect(LaunchTemplateVersions?.[0]?.LaunchTemplateData).toMatchObject({
      MetadataOptions: { HttpTokens: 'required' },
      NetworkInterfaces: [{ AssociatePublicIpAddress: false, Groups: [instanceSecurityGroupId] }],
      BlockDeviceMappings: [{ Ebs: { Encrypted: true } }],
    });
    const { Reservations = [] } = await sandbox
      .ec2()
      .send(new DescribeInstancesCommand({ InstanceIds: [must(blue.Instances?.[0]?.InstanceId)] }));
    const tags = Object.fromEntries(
      (Reservations[0]?.Instances?.[0]?.Tags ?? []).map(({ Key, Value }) => [Key, Value]),
    );
    expect(tags).toMatchObject({ service: 'shop', environment: 'staging', colour: 'blue', version: '1.0.0' });
    await cli.must('preview', '--expect-no-changes', '--stack', BLUE);
  });

  it('never move traffic or capacity, and let a new rule follow what is live', async () => {
    await cutOver();
    const autoScaling = new AutoScalingClient(sandbox.options());
    await autoScaling.send(
      new SetDesiredCapacityCommand({ AutoScalingGroupName: 'shop-staging-blue', DesiredCapacity: 2 }),
    );
    await configure((input) => {
      input['loadBalancer'] = { idleTimeoutSeconds: 61 };
      input['rules'] = [
        { name: 'late', priority: 5, hosts: ['late.example.com'] },
        { name: 'api', priority: 10, paths: ['/api/*', '/v2/*'] },
      ];
    });
    const live = 'blue 0, green 100';
    for (const more of [[], ['--refresh']]) {
      await cli.must('up', '--yes', '--skip-preview', '--stack', SERVICE, ...more);
      await cli.must('up', '--yes', '--skip-preview', '--stack', BLUE, ...more);
      expect(await weights()).toEqual({ 5: live, 10: live, default: live });
      expect((await group('shop-staging-blue'))?.DesiredCapacity).toBe(2);
    }
  });

  it('refuse what would cut the traffic, and leave all as it was', async () => {
    await configure((input) => {
      input['targets'] = { port: 9090 };
      input['loadBalancer'] = { internal: true };
    });
    const { ok, text } = await cli.up(SERVICE);
    expect(ok).toBe(false);
    expect(text).toContain('bascule:environment.targets.port: cannot change from 8080 to 9090');
    expect(text).toContain('bascule:environment.loadBalancer.internal: cannot change from false to true');
    const { TargetGroups = [] } = await sandbox.elb().send(new DescribeTargetGroupsCommand({}));
    expect(TargetGroups.map(({ Port }) => Port)).toEqual([8080, 8080]);
    expect(Object.keys(await cli.outputs(SERVICE)).sort()).toEqual([
      'config',
      'environment',
      'live',
      'regions',
      'service',
    ]);
  });

  it('go away without a rest', async () => {
    for (const stack of [BLUE, GREEN, SERVICE]) {
      await cli.must('state', 'unprotect', '--all', '--yes', '--stack', stack);
      await cli.must('destroy', '--yes', '--skip-preview', '--stack', stack);
    }
    const { LoadBalancers } = await sandbox.elb().send(new DescribeLoadBalancersCommand({}));
    const { TargetGroups } = await sandbox.elb().send(new DescribeTargetGroupsCommand({}));
    expect({ LoadBalancers, TargetGroups, blue: await group('shop-staging-blue') }).toEqual({
      LoadBalancers: [],
      TargetGroups: [],
      blue: undefined,
    });
  });
});
