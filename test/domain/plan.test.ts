/** What a plan holds for its way back. */
import { describe, expect, test } from 'vitest';
import { DEFAULT_PACING } from '../../src/domain/analysis/check';
import type { FleetReading } from '../../src/domain/fleet';
import { planDeploy, planRollback, type DeploymentPolicy, type PlanRequest } from '../../src/domain/plan';
import type { Plan } from '../../src/domain/records';

const policy: DeploymentPolicy = {
  capacity: { minimum: 1, maximum: 4, desired: 2 },
  gate: { consecutive: 3, intervalSeconds: 1, timeoutSeconds: 60 },
  smoke: [],
  proof: { path: '/', header: null, requests: 3, timeoutSeconds: 30 },
  strategy: { kind: 'all-at-once' },
  growth: { kind: 'full' },
  checks: [],
  soakSeconds: 60,
  retire: { when: 'on-request', afterSeconds: 0 },
  quietSeconds: 30,
  drainTimeoutSeconds: 60,
};

/** A fleet whose instances all serve. */
function fleet(colour: 'blue' | 'green', version: string): FleetReading {
  const instance = (id: string): FleetReading['instances'][number] => ({
    id,
    version,
    lifecycle: 'InService',
    statusCheck: 'ok',
    target: 'healthy',
    targetReason: '',
  });
  return {
    region: 'eu-west-3',
    colour,
    autoScalingGroup: `shop-${colour}`,
    minimum: 1,
    maximum: 3,
    desired: 2,
    suspended: [],
    version,
    instances: [instance('i-1'), instance('i-2')],
    activities: [],
  };
}

function request(version: string): PlanRequest {
  const fleets = { blue: fleet('blue', '2.0.0'), green: fleet('green', '1.0.0') };
  const regions = [{ region: 'eu-west-3', routes: [], live: 'green' as const, fleets }];
  return { environment: 'test', service: 'shop', version, formerVersion: '1.0.0', regions, policy };
}

function followOf(plan: Plan): Plan['steps'][number] | undefined {
  return plan.steps.find((step) => step.kind === 'follow');
}

describe('what following the live fleet gives back', () => {
  test('the former limits, of a warm fleet that a rollback only turns to', () => {
    expect(followOf(planRollback(request('2.0.0')))).toMatchObject({
      former: { minimum: 1, maximum: 3, desired: 2 },
    });
  });

  test('nothing where another step brings the fleet up, and takes it down', () => {
    expect(followOf(planRollback(request('3.0.0')))).not.toHaveProperty('former');
    expect(followOf(planDeploy(request('2.0.0')))).not.toHaveProperty('former');
    expect(followOf(planDeploy(request('3.0.0')))).not.toHaveProperty('former');
  });
});

test('a first deployment moves all traffic at once, as no weight in between has a fleet to serve it', () => {
  const first = request('2.0.0');
  const [facts] = first.regions;
  const check = { kind: 'unhealthy-hosts' as const, name: 'hosts', limit: 0, pacing: DEFAULT_PACING };
  first.policy = {
    ...policy,
    strategy: { kind: 'canary', steps: [{ percent: 10, pauseSeconds: 60, byHand: false }] },
    growth: { kind: 'proportional', minimum: 1 },
    checks: [check],
  };
  const kinds = (plan: Plan): string[] => plan.steps.map(({ id }) => id);
  expect(kinds(planDeploy(first))).toContain('analyse:eu-west-3:10');
  if (facts !== undefined) facts.fleets = { blue: undefined, green: undefined };
  const plan = planDeploy(first);
  expect(kinds(plan).filter((id) => /analyse|:10$/.test(id))).toEqual([]);
  expect(plan.steps.find(({ kind }) => kind === 'apply-idle')).toMatchObject({ capacity: { desired: 2 } });
  expect(plan.steps.find(({ kind }) => kind === 'soak')).toMatchObject({ checks: [] });
});
