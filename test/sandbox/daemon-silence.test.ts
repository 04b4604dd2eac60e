import {
  DeregisterTargetsCommand,
  DescribeTargetHealthCommand,
  RegisterTargetsCommand,
} from '@aws-sdk/client-elastic-load-balancing-v2';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { LiveSandbox } from '../support/live-sandbox';
import { until } from '../support/until';

describe('a daemon that falls silent', () => {
  let sandbox: LiveSandbox;
  beforeAll(async () => {
    sandbox = await LiveSandbox.start();
  });
  afterAll(async () => sandbox.dispose());

  it('leaves no target healthy that it has not seen, and in the end none at all', async () => {
    const instance = await sandbox.run(await sandbox.bake('hello', '1.0.0'));
    const { targetGroup } = await sandbox.balance('silent', [instance]);
    const group = { TargetGroupArn: targetGroup, Targets: [{ Id: instance }] };
    const elb = sandbox.elb();
    const health = async () => {
      const answer = await elb.send(new DescribeTargetHealthCommand({ TargetGroupArn: targetGroup }));
      return answer.TargetHealthDescriptions?.[0]?.TargetHealth?.State;
    };
    await until(health, (state) => state === 'healthy');

    const daemon = await sandbox.part('daemon');
    process.kill(daemon, 'SIGSTOP');
    const seen: unknown[] = [];
    try {
      await elb.send(new DeregisterTargetsCommand(group));
      await elb.send(new RegisterTargetsCommand(group));
      // What it last reported says healthy, of the registration before this one.
      const unknown = async () => {
        const state = await health();
        seen.push(state);
        return state;
      };
      await until(unknown, (state) => state === 'unavailable', 60);
      expect(seen[0]).toBe('initial');
      expect(seen).not.toContain('healthy');
    } finally {
      process.kill(daemon, 'SIGCONT');
    }
    await until(health, (state) => state === 'healthy');
  });
});
