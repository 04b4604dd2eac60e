/** How several regions follow one another in a plan. */
import { describe, expect, it } from 'vitest';
import { policyOf } from '../../automation/operations/policy';
import { DEFAULT_PACING } from '../../src/domain/analysis/check';
import { parseEnvironment } from '../../src/domain/config';
import type { FleetReading } from '../../src/domain/fleet';
import { planDeploy, planRollback, type DeploymentPolicy, type RegionFacts } from '../../src/domain/plan';
import type { Plan } from '../../src/domain/records';
import { isWatched } from '../../src/domain/step';
import { wavesOf, type WavePolicy } from '../../src/domain/waves';
import { environment, problemsIn } from '../support/config';
import { policy } from '../support/session';

const REGIONS = ['a', 'b', 'c'];

function live(region: string): FleetReading {
  return {
    region,
    colour: 'blue',
    autoScalingGroup: 'shop-test-blue',
    minimum: 2,
    maximum: 4,
    desired: 2,
    suspended: [],
    version: '1.0.0',
    instances: ['i-1', 'i-2'].map((id) => ({
      id,
      version: '1.0.0',
      lifecycle: 'InService',
      statusCheck: 'ok',
      target: 'healthy',
      targetReason: '',
    })),
    activities: [],
  };
}

function planWith(
  waves: Partial<WavePolicy>,
  change: Partial<DeploymentPolicy> = {},
  regions = REGIONS,
  make: typeof planDeploy = planDeploy,
): Plan {
  const facts: RegionFacts[] = regions.map((region) => ({
    region,
    routes: [],
    live: 'blue',
    fleets: { blue: live(region), green: undefined },
  }));
  const rules: WavePolicy = {
    order: 'one-by-one',
    soakSeconds: 0,
    onFailure: 'roll-back',
    patienceSeconds: 300,
    ...waves,
  };
  return make({
    environment: 'test',
    service: 'shop',
    version: '2.0.0',
    formerVersion: '1.0.0',
    regions: facts,
    policy: { ...policy, ...change, waves: rules },
  });
}

const ids = ({ steps }: Plan): string[] => steps.map(({ id }) => id);
const whole = (plan: Plan, kinds: RegExp): string[] => ids(plan).filter((id) => kinds.test(id));
const groups = ({ steps }: Plan): (string | undefined)[] =>
  steps.flatMap((step) => (isWatched(step) ? [step.group] : []));

describe('the order of regions', () => {
  it('is one after the other by default: none is brought up before the one before it is done', () => {
    const plan = planWith({});
    expect(whole(plan, /^(apply-idle|shift|soak)/)).toEqual(
      REGIONS.flatMap((region) => [`apply-idle:${region}`, `shift:${region}`, `soak:${region}`]),
    );
    expect(plan.waves).toEqual({
      order: [['a'], ['b'], ['c']],
      onFailure: 'roll-back',
      patienceSeconds: 300,
    });
    expect(groups(plan)).toEqual([undefined, undefined, undefined]);
    // What was held is given back in no region before all are done.
    const after = ids(plan).slice(ids(plan).indexOf('release:a'));
    expect(after.slice(0, 3)).toEqual(['release:a', 'release:b', 'release:c']);
  });

  it('is all at once: every fleet up, then all shifts, then all watches side by side', () => {
    const plan = planWith({ order: 'together' });
    expect(whole(plan, /^(apply-idle|health-gate|shift|prove|soak)/)).toEqual([
      ...REGIONS.map((region) => `apply-idle:${region}`),
      ...REGIONS.map((region) => `health-gate:${region}`),
      ...REGIONS.map((region) => `shift:${region}`),
      ...REGIONS.map((region) => `prove:${region}`),
      ...REGIONS.map((region) => `soak:${region}`),
    ]);
    expect(groups(plan)).toEqual(Array(3).fill('wave-1:soak'));
  });

  it('is by groups, in which each weight is reached by all before any goes on to the next', () => {
    const steps = [10, 50].map((percent) => ({ percent, pauseSeconds: 60, byHand: false }));
    const plan = planWith({ order: [['b'], ['c', 'a']] }, { strategy: { kind: 'canary', steps } });
    expect(whole(plan, /^(shift|analyse)/)).toEqual([
      ...['shift:b:10', 'analyse:b:10', 'shift:b:50', 'analyse:b:50', 'shift:b'],
      ...['shift:c:10', 'shift:a:10', 'analyse:c:10', 'analyse:a:10'],
      ...['shift:c:50', 'shift:a:50', 'analyse:c:50', 'analyse:a:50'],
      ...['shift:c', 'shift:a'],
    ]);
    expect(groups(plan).slice(3)).toEqual([
      ...['wave-2:10', 'wave-2:10', 'wave-2:50', 'wave-2:50', 'wave-2:soak', 'wave-2:soak'],
    ]);
  });

  it('has the database expanded once, by the first that is brought up, before anything moves', () => {
    const hook = { command: ['migrate'], on: 'instance' as const, timeoutSeconds: 60, repeatable: true };
    const plan = planWith({ order: [['b'], ['c', 'a']] }, { migrate: { expand: hook, contract: hook } });
    const order = whole(plan, /^(health-gate|expand|shift|contract|release)/);
    expect(order.slice(0, 3)).toEqual(['health-gate:b', 'expand:b', 'shift:b']);
    expect(order.at(-1)).toBe('contract:b');
  });

  it('is without meaning for one region: nothing of it is in the plan', () => {
    for (const order of ['one-by-one', 'together'] as const) {
      const plan = planWith({ order, soakSeconds: 60, onFailure: 'leave' }, {}, ['a']);
      expect(plan).not.toHaveProperty('waves');
      expect(JSON.stringify(plan)).not.toMatch(/wave|group/);
    }
  });

  it('does not hold up a rollback: all regions are one wave', () => {
    const plan = planWith({ soakSeconds: 600 }, {}, REGIONS, planRollback);
    expect(plan.waves?.order).toEqual([REGIONS]);
    expect(whole(plan, /soak/)).toEqual([]);
  });

  it('leaves out no region, also one that no group names', () => {
    expect(wavesOf(['a', 'b', 'c'], { order: [['c', 'gone']] })).toEqual([['c'], ['a'], ['b']]);
  });
});

describe('the soak between waves', () => {
  it('watches every region that has moved so far, side by side, and not after the last wave', () => {
    const plan = planWith({ order: [['a'], ['b'], ['c']], soakSeconds: 90 });
    expect(whole(plan, /^(soak|wave-soak)/)).toEqual([
      ...['soak:a', 'wave-soak:a:1'],
      ...['soak:b', 'wave-soak:a:2', 'wave-soak:b:2'],
      'soak:c',
    ]);
    const between = plan.steps.filter((step) => step.kind === 'soak' && step.afterWave === 2);
    expect(between.map((step) => isWatched(step) && [step.seconds, step.group])).toEqual(
      Array(2).fill([90, 'wave-2:between']),
    );
  });

  it('shares the false alarms that people allow with all that looks', () => {
    const check = {
      kind: 'error-rate' as const,
      name: 'errors',
      pacing: { ...DEFAULT_PACING, intervalSeconds: 30 },
      limit: null,
      minimumRequests: 1,
      comparison: { ratio: 1, difference: 0, significance: 0.01 },
    };
    const significance = (plan: Plan): number => {
      const soak = plan.steps.find((step) => step.kind === 'soak');
      const [found] = (soak?.kind === 'soak' ? soak.checks : undefined) ?? [];
      return found?.kind === 'error-rate' ? (found.comparison?.significance ?? 0) : 0;
    };
    const checks = [check as unknown as DeploymentPolicy['checks'][number]];
    const without = significance(planWith({}, { checks, soakSeconds: 60 }));
    const withSoaks = significance(planWith({ soakSeconds: 60 }, { checks, soakSeconds: 60 }));
    // Three soaks of one region instead of one.
    expect(withSoaks).toBeCloseTo(without / 3, 10);
  });
});

describe('the configuration of waves', () => {
  const REGION_NAMES = ['eu-west-3', 'eu-central-1', 'us-east-1'];
  const withWaves = (waves: unknown) =>
    environment((input) => {
      input['regions'] = REGION_NAMES;
      input['deployment'] = { waves };
    });

  it('is one by one, without a soak, with the way back for all, unless told otherwise', () => {
    const parsed = parseEnvironment('production', environment());
    expect(parsed.ok && policyOf(parsed.config).waves).toEqual({
      order: 'one-by-one',
      soakSeconds: 0,
      onFailure: 'roll-back',
      patienceSeconds: 300,
    });
  });

  it.each([
    [[['eu-west-3'], ['eu-central-1']], /us-east-1 of regions is in no wave/],
    [[REGION_NAMES, ['eu-west-3']], /eu-west-3 is in more than one wave/],
    [[REGION_NAMES, ['eu-north-1']], /eu-north-1 is not one of regions/],
  ])('names each region in exactly one wave: %j', (order, says) => {
    expect(JSON.stringify(problemsIn('production', withWaves({ order })))).toMatch(says);
  });
});
