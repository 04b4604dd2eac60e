/** The simulation behind `npm run bench -- scale`, at sizes that take a few seconds. */
import { describe, expect, it } from 'vitest';
import { totalCalls } from '../../automation/cli/bench/measure';
import { deployAtScale, growthProblems, type Scaled } from '../../automation/cli/bench/scale';
import { Calls } from '../../automation/cli/bench/simulation/calls';
import { SimulatedClock } from '../../automation/cli/bench/simulation/clock';
import type { Size } from '../../automation/cli/bench/simulation/environment';

const SMALL: Size = { regions: 1, instances: 60, rules: 5, watchSeconds: 60 };

/** How many calls there were, or how many of those that begin so. */
function callsOf({ calls }: Scaled, prefix = ''): number {
  return totalCalls(Object.fromEntries(Object.entries(calls).filter(([call]) => call.startsWith(prefix))));
}

describe('a deployment at scale', () => {
  it('calls AWS no more than in proportion to regions, instances and rules, and within its rates', async () => {
    // deployAtScale throws where a deployment fails, a call is larger than AWS takes, or comes too early.
    const small = await deployAtScale(SMALL);
    const two = await deployAtScale({ ...SMALL, regions: 2 });
    const three = await deployAtScale({ ...SMALL, regions: 3 });
    expect(callsOf(three)).toBeLessThanOrEqual(1.55 * callsOf(two));
    const instances = await deployAtScale({ ...SMALL, instances: 480 });
    // Status checks of 480 instances take five calls instead of one, their tags three, and the rest is as it was.
    const [checks, tags] = ['ec2:DescribeInstanceStatus', 'ec2:DescribeInstances'];
    expect(callsOf(instances, checks)).toBe(5 * callsOf(small, checks));
    expect(callsOf(instances, tags)).toBe(3 * callsOf(small, tags));
    for (const service of ['elbv2', 'autoscaling', 's3', 'cloudwatch'])
      expect(callsOf(instances, service)).toBe(callsOf(small, service));
    const rules = await deployAtScale({ ...SMALL, rules: 40 });
    // Each production route is written twice: for the canary's weight and for all traffic.
    expect(small.calls['elbv2:ModifyRule']).toBe(2 * (5 - 1));
    expect(rules.calls['elbv2:ModifyRule']).toBe(2 * (40 - 1));
    expect(callsOf(rules)).toBeLessThanOrEqual(8 * callsOf(small));
    expect([small.heldBackSeconds, rules.heldBackSeconds > 0]).toEqual([0, true]);
    const counted = [two, three].map((one) => ({ ...one, seconds: 0, memoryMib: 0 }));
    expect(growthProblems(counted)).toEqual([]);
  }, 240_000);

  it('is told to grow too fast where it does', () => {
    const one: Scaled = {
      size: SMALL,
      seconds: 10,
      simulatedMinutes: 1,
      calls: { 'elbv2:DescribeRules': 100 },
      heldBackSeconds: 0,
      memoryMib: 100,
    };
    const large = { ...one, size: { ...SMALL, regions: 2 } };
    expect(growthProblems([one, { ...large, calls: { 'elbv2:DescribeRules': 200 } }])).toEqual([]);
    expect(growthProblems([one, { ...large, calls: { 'elbv2:DescribeRules': 400 } }])).toEqual([
      expect.stringMatching(/calls from 100\.0 to 400\.0, 2 times as large/),
    ]);
    expect(growthProblems([one, { ...large, seconds: 40 }])).toHaveLength(1);
    expect(growthProblems([one, { ...large, memoryMib: 400 }])).toHaveLength(1);
    // What is smaller in one respect and larger in another is compared with neither.
    expect(growthProblems([one, { ...one, size: { ...SMALL, regions: 4, rules: 1 }, seconds: 90 }])).toEqual(
      [],
    );
  });

  it('waits for AWS’s documented rates instead of being refused', async () => {
    const clock = new SimulatedClock();
    const calls = new Calls(clock);
    const began = clock.now();
    await Promise.all(Array.from({ length: 80 }, () => calls.make('eu-west-1', 'elbv2', 'ModifyRule')));
    // 20 at once and 3 more each second.
    expect((clock.now() - began) / 1000).toBeGreaterThanOrEqual(20);
    expect(calls.refused).toEqual([]);
    await Promise.all(Array.from({ length: 20 }, () => calls.make('eu-west-2', 'elbv2', 'ModifyRule')));
    expect(calls.counts).toEqual({ 'elbv2:ModifyRule': 100 });
  });
});
