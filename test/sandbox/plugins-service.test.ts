import { DescribeListenersCommand, ModifyListenerCommand } from '@aws-sdk/client-elastic-load-balancing-v2';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { service, type ServiceOptions } from './plugins-programs';
import { PluginWorld, type TestStack } from './plugins-world';
import { must } from '../support/until';
import { forward } from './moto-plane';

let world: PluginWorld;
let stack: TestStack;
let options: ServiceOptions = { weights: [100, 0] };

beforeAll(async () => {
  world = await PluginWorld.start();
  stack = await world.stack('service', async () => {
    const { balancer, listener, groups } = service(options);
    return {
      arn: balancer.arn,
      dns: balancer.dnsName,
      listener: listener.arn,
      groups: groups.map((one) => one.arn),
    };
  });
});

afterAll(() => world?.dispose());

describe('a service stack', () => {
  it('is made, and is the same after that', async () => {
    const planned = await stack.preview();
    const { steps, outputs } = await stack.up();
    expect(steps).toEqual(planned);
    expect(steps.filter((step) => step.startsWith('create '))).toHaveLength(12);
    expect(outputs['dns']).toBeTruthy();
    expect((await stack.up()).steps).toEqual([]);
    expect(await stack.refresh()).toEqual([]);
  });

  it('is updated where AWS can, and only there', async () => {
    options = { ...options, idleTimeout: 90, healthInterval: 15, tags: { team: 'shop' } };
    const preview = await stack.preview();
    const { steps } = await stack.up();
    expect(steps).toEqual(preview);
    expect(steps).toContain('update web (idleTimeout, tags.team)');
    expect(steps).toContain('update blue (healthCheck.interval, tags.team)');
    expect(steps).toContain('update production (tags.team)');
    expect(steps.every((step) => step.startsWith('update '))).toBe(true);
    expect(await stack.refresh()).toEqual([]);
    expect(await stack.preview()).toEqual([]);
  });

  it('leaves weights alone that others moved, when the program ignores them', async () => {
    options = { ...options, ignoreActions: true };
    const { outputs } = await stack.up();
    const [blue = '', green = ''] = outputs['groups'] as string[];
    const arn = outputs['listener'] as string;
    await world.plane
      .elb()
      .send(new ModifyListenerCommand({ ListenerArn: arn, DefaultActions: [forward(blue, 0, green, 100)] }));
    options = { ...options, tags: { team: 'other' } };
    expect((await stack.up()).steps).toContain('update production (tags.team)');
    await stack.refresh();
    expect((await stack.up()).steps).toEqual([]);
    const { Listeners } = await world.plane.elb().send(new DescribeListenersCommand({ ListenerArns: [arn] }));
    const targets = must(Listeners?.[0]?.DefaultActions?.[0]?.ForwardConfig?.TargetGroups);
    expect(targets.map((target) => target.Weight)).toEqual([0, 100]);
  });

  it('goes away without a rest', async () => {
    await stack.destroy();
    const state = await world.plane.state();
    expect(state.loadBalancers).toEqual([]);
    expect(state.targetGroups).toEqual([]);
  });
});
