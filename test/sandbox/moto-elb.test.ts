import { createServer, type Server } from 'node:net';

import { RunInstancesCommand } from '@aws-sdk/client-ec2';
import {
  CreateListenerCommand,
  CreateLoadBalancerCommand,
  CreateRuleCommand,
  CreateTargetGroupCommand,
  DeleteListenerCommand,
  DeleteLoadBalancerCommand,
  DeregisterTargetsCommand,
  DescribeListenersCommand,
  DescribeLoadBalancersCommand,
  DescribeRulesCommand,
  DescribeTargetGroupsCommand,
  DescribeTargetHealthCommand,
  ModifyListenerCommand,
  ModifyRuleCommand,
  ModifyTargetGroupAttributesCommand,
  RegisterTargetsCommand,
  type TargetHealth,
} from '@aws-sdk/client-elastic-load-balancing-v2';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';

import type { ApiCall } from '../../automation/sandbox/contract';
import { must, until } from '../support/until';
import { type Balancer, forward, healthy, Plane } from './moto-plane';

describe('load balancers in the control plane', () => {
  let plane: Plane;
  let balancer: Balancer;
  let subnets: string[];

  beforeAll(async () => {
    plane = await Plane.start();
    subnets = (await plane.subnets()).ids;
    balancer = await plane.balancer('shop-elb');
  });
  afterAll(async () => plane.dispose());

  const path = (value: string) => [{ Field: 'path-pattern', PathPatternConfig: { Values: [value] } }];

  async function rules() {
    const { Rules = [] } = await plane
      .elb()
      .send(new DescribeRulesCommand({ ListenerArn: balancer.listener }));
    return Rules;
  }

  async function instance(): Promise<string> {
    const { image } = await plane.template(`elb-${Math.random()}`);
    const run = new RunInstancesCommand({
      ImageId: image,
      MinCount: 1,
      MaxCount: 1,
      InstanceType: 't3.small',
    });
    return must((await plane.ec2().send(run)).Instances?.[0]?.InstanceId);
  }

  async function health(group: string, id: string): Promise<TargetHealth | undefined> {
    const ask = new DescribeTargetHealthCommand({ TargetGroupArn: group, Targets: [{ Id: id }] });
    return (await plane.elb().send(ask)).TargetHealthDescriptions?.[0]?.TargetHealth;
  }

  it('gives each load balancer an address of its own and refuses a port that is taken', async () => {
    const { LoadBalancers } = await plane
      .elb()
      .send(new CreateLoadBalancerCommand({ Name: 'other', Subnets: subnets }));
    const other = must(LoadBalancers?.[0]);
    expect(other.DNSName).toMatch(/^127\./);
    if (process.platform === 'linux') expect(other.DNSName).not.toBe(balancer.address);
    const server = await new Promise<Server>((resolve) => {
      const listening: Server = createServer().listen(0, other.DNSName, () => resolve(listening));
    });
    const taken = (server.address() as { port: number }).port;
    const listen = (Port: number) =>
      plane.elb().send(
        new CreateListenerCommand({
          LoadBalancerArn: other.LoadBalancerArn,
          Protocol: 'HTTP',
          Port,
          DefaultActions: [{ Type: 'forward', TargetGroupArn: balancer.green }],
        }),
      );
    try {
      await expect(listen(taken)).rejects.toThrow(
        new RegExp(
          `cannot listen on ${must(other.DNSName)}:${taken}: .* Choose another port, for example \\d+`,
        ),
      );
    } finally {
      await new Promise((resolve) => server.close(resolve));
    }
    const { Listeners } = await listen(taken);
    await expect(listen(taken)).rejects.toMatchObject({ name: 'DuplicateListenerException' });
    await plane.elb().send(new DeleteListenerCommand({ ListenerArn: Listeners?.[0]?.ListenerArn }));
    await listen(taken);
    await plane.elb().send(new DeleteLoadBalancerCommand({ LoadBalancerArn: other.LoadBalancerArn }));
    const { TargetGroups } = await plane
      .elb()
      .send(new DescribeTargetGroupsCommand({ TargetGroupArns: [balancer.green] }));
    expect(TargetGroups?.[0]?.LoadBalancerArns).toEqual([balancer.arn]);
  });

  it('refuses what the real load balancer refuses', async () => {
    const elb = plane.elb();
    const { blue, green, listener } = balancer;
    const shift = (...DefaultActions: ReturnType<typeof forward>[]) =>
      elb.send(new ModifyListenerCommand({ ListenerArn: listener, DefaultActions }));
    await expect(shift(forward(blue, 1000, green, 0))).rejects.toThrow(/weight '1000' .* between 0 and 999/);
    await expect(shift(forward(blue, 1, `${green}0`, 0))).rejects.toMatchObject({
      name: 'TargetGroupNotFoundException',
    });
    const six = Array.from({ length: 6 }, () => ({ TargetGroupArn: blue, Weight: 1 }));
    await expect(shift({ Type: 'forward', ForwardConfig: { TargetGroups: six } })).rejects.toThrow(
      /at most 5/,
    );
    await expect(
      elb.send(new CreateLoadBalancerCommand({ Name: 'x'.repeat(33), Subnets: subnets })),
    ).rejects.toThrow(/cannot be longer than '32' characters/);
    await expect(
      elb.send(new CreateLoadBalancerCommand({ Name: 'shop-elb', Subnets: subnets })),
    ).rejects.toMatchObject({ name: 'DuplicateLoadBalancerNameException' });
    await expect(
      elb.send(new CreateLoadBalancerCommand({ Name: 'one-zone', Subnets: subnets.slice(0, 1) })),
    ).rejects.toThrow(/two different Availability Zones/);
    await expect(
      elb.send(
        new ModifyTargetGroupAttributesCommand({
          TargetGroupArn: blue,
          Attributes: [{ Key: 'stickiness.enabled', Value: 'true' }],
        }),
      ),
    ).rejects.toThrow(/must enable group stickiness/);

    const fallback = must((await rules()).find((rule) => rule.IsDefault));
    await expect(
      elb.send(new ModifyRuleCommand({ RuleArn: fallback.RuleArn, Actions: [forward(blue, 0, green, 100)] })),
    ).rejects.toMatchObject({ name: 'OperationNotPermittedException' });
    const rule = (Priority: number) =>
      elb.send(
        new CreateRuleCommand({
          ListenerArn: listener,
          Priority,
          Conditions: path('/unique'),
          Actions: [forward(blue, 1, green, 0)],
        }),
      );
    await rule(50_000);
    await expect(rule(50_000)).rejects.toMatchObject({ name: 'PriorityInUseException' });
    await expect(rule(50_001)).rejects.toMatchObject({ name: 'ValidationError' });
  });

  it('moves 100 rules at once and shows all of them, in pages of 50 and in the state', async () => {
    const elb = plane.elb();
    const { blue, green, listener, arn } = balancer;
    const created = await Promise.all(
      Array.from({ length: 100 }, (_, i) =>
        elb.send(
          new CreateRuleCommand({
            ListenerArn: listener,
            Priority: i + 1,
            Conditions: path(`/p${i}/*`),
            Actions: [forward(blue, 100, green, 0)],
          }),
        ),
      ),
    );
    const arns = created.map((one) => must(one.Rules?.[0]?.RuleArn));
    const started = Date.now();
    await Promise.all(
      arns.map((RuleArn) =>
        elb.send(new ModifyRuleCommand({ RuleArn, Actions: [forward(blue, 0, green, 100)] })),
      ),
    );
    console.info(`100 ModifyRule in parallel: ${Date.now() - started} ms`);

    const { calls } = (await (await fetch(`${plane.url}/_bascule/calls`)).json()) as { calls: ApiCall[] };
    const modified = calls.filter((one) => one.service === 'elbv2' && one.action === 'ModifyRule');
    expect(modified.filter((one) => one.status === 200)).toHaveLength(100);

    const pages: string[][] = [];
    let Marker: string | undefined;
    do {
      const page = await elb.send(new DescribeRulesCommand({ ListenerArn: listener, Marker }));
      pages.push((page.Rules ?? []).map((rule) => must(rule.RuleArn)));
      Marker = page.NextMarker;
    } while (Marker);
    expect(pages.map((page) => page.length)[0]).toBe(50);
    expect(new Set(pages.flat())).toEqual(new Set((await allRules()).map((rule) => rule.arn)));
    const moved = (await allRules()).filter((rule) => arns.includes(rule.arn));
    const weights = moved.map((rule) =>
      rule.actions[0]?.ForwardConfig?.TargetGroups?.map((one) => one.Weight),
    );
    expect(weights).toEqual(Array.from({ length: 100 }, () => [0, 100]));

    async function allRules() {
      const state = await plane.state();
      const shown = state.loadBalancers.find((one) => one.arn === arn);
      return must(shown?.listeners[0]?.rules);
    }
    expect((await allRules()).at(-1)?.priority).toBe('default');
  });

  it('tells the health that the daemon observed, and never that of an earlier registration', async () => {
    const id = await instance();
    const elb = plane.elb();
    const Targets = [{ Id: id }];
    const register = () => elb.send(new RegisterTargetsCommand({ TargetGroupArn: balancer.blue, Targets }));
    const observe = async (target: Parameters<Plane['observeAll']>[1]) => {
      await plane.observeAll({}, target);
      return await health(balancer.blue, id);
    };
    expect(await health(balancer.blue, id)).toMatchObject({
      State: 'unused',
      Reason: 'Target.NotRegistered',
    });
    await register();
    expect(await health(balancer.blue, id)).toMatchObject({
      State: 'initial',
      Reason: 'Elb.RegistrationInProgress',
    });
    expect(await observe(healthy)).toEqual({ State: 'healthy' });
    const timeout = {
      state: 'unhealthy',
      reason: 'Target.Timeout',
      description: 'Request timed out',
    } as const;
    expect(await observe(timeout)).toEqual({
      State: 'unhealthy',
      Reason: 'Target.Timeout',
      Description: 'Request timed out',
    });
    await observe(healthy);
    await elb.send(new DeregisterTargetsCommand({ TargetGroupArn: balancer.blue, Targets }));
    expect(await health(balancer.blue, id)).toMatchObject({
      State: 'draining',
      Reason: 'Target.DeregistrationInProgress',
    });
    const group = (await plane.state()).targetGroups.find((one) => one.arn === balancer.blue);
    expect(group?.targets.find((one) => one.id === id)?.deregisteredAt).toBeGreaterThan(0);
    await register();
    expect(await health(balancer.blue, id)).toMatchObject({ State: 'initial' });
    await elb.send(new DeregisterTargetsCommand({ TargetGroupArn: balancer.blue, Targets }));
    await until(
      () => health(balancer.blue, id),
      (one) => one?.Reason === 'Target.NotRegistered',
    );
  });

  it('never checks a target group that no listener or rule names', async () => {
    const id = await instance();
    const elb = plane.elb();
    const { vpc } = await plane.subnets();
    const { TargetGroups } = await elb.send(
      new CreateTargetGroupCommand({ Name: 'lonely', Protocol: 'HTTP', Port: 80, VpcId: vpc }),
    );
    const lonely = must(TargetGroups?.[0]?.TargetGroupArn);
    const register = new RegisterTargetsCommand({ TargetGroupArn: lonely, Targets: [{ Id: id }] });
    await elb.send(register);
    await plane.observeAll();
    expect(await health(lonely, id)).toMatchObject({ State: 'unused', Reason: 'Target.NotInUse' });
    const deregister = new DeregisterTargetsCommand({ TargetGroupArn: lonely, Targets: [{ Id: id }] });
    await elb.send(deregister);
    expect(await health(lonely, id)).toMatchObject({ State: 'unused', Reason: 'Target.NotRegistered' });
  });

  it('reads a forward to one target group back in both of its spellings', async () => {
    const elb = plane.elb();
    const action = { Type: 'forward' as const, TargetGroupArn: balancer.blue };
    await elb.send(new ModifyListenerCommand({ ListenerArn: balancer.listener, DefaultActions: [action] }));
    const { Listeners } = await elb.send(new DescribeListenersCommand({ ListenerArns: [balancer.listener] }));
    expect(Listeners?.[0]?.DefaultActions?.[0]).toMatchObject({
      TargetGroupArn: balancer.blue,
      ForwardConfig: { TargetGroups: [{ TargetGroupArn: balancer.blue, Weight: 1 }] },
    });
    const found = await elb.send(new DescribeLoadBalancersCommand({ Names: ['shop-elb'] }));
    expect(found.LoadBalancers?.[0]?.State?.Code).toBe('active');
  });
});
