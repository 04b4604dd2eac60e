/** The pure parts of a preview: steps, way back, cost, durations, warnings, and the hash of a plan. */
import { describe, expect, it } from 'vitest';
import { parseEnvironment, type EnvironmentConfig } from '../../src/domain/config';
import type { FleetReading } from '../../src/domain/fleet';
import { planDeploy, type DeploymentPolicy, type RegionFacts } from '../../src/domain/plan';
import { costOf } from '../../src/domain/preview/cost';
import { durationsOf, expectedSeconds } from '../../src/domain/preview/durations';
import { hashOf, isPlanHash, planChange } from '../../src/domain/preview/hash';
import { planFile } from '../../src/domain/preview/plan-file';
import { PREVIEW_FORMAT, type StackPreview } from '../../src/domain/preview/preview';
import { sectionsOf, type PlanBasis } from '../../src/domain/preview/sections';
import { previewSteps } from '../../src/domain/preview/steps';
import { serviceStackWarnings } from '../../src/domain/preview/warnings';
import { wayBackOf } from '../../src/domain/preview/way-back';
import type { Plan } from '../../src/domain/records';
import type { DeploymentState } from '../../src/domain/replay';
import { allTo, type Route } from '../../src/domain/traffic';
import { environment, type Edit } from '../support/config';
import { policy } from '../support/session';

const REGION = 'eu-west-3';

function fleet(change: Partial<FleetReading> = {}): FleetReading {
  const instance = {
    lifecycle: 'InService',
    statusCheck: 'ok',
    target: 'healthy',
    targetReason: '',
  } as const;
  return {
    region: REGION,
    colour: 'blue',
    autoScalingGroup: 'shop-test-blue',
    version: '1.0.0',
    minimum: 2,
    maximum: 4,
    desired: 3,
    suspended: [],
    activities: [],
    instances: ['i-1', 'i-2', 'i-3'].map((id) => ({ id, version: '1.0.0', ...instance })),
    ...change,
  };
}

function route(id: string): Route {
  return { id, kind: 'rule', listener: 'production', label: `rule ${id}`, weights: allTo('blue') };
}

function facts(change: Partial<RegionFacts> = {}): RegionFacts {
  return {
    region: REGION,
    routes: [route('1'), route('2')],
    live: 'blue',
    fleets: { blue: fleet(), green: undefined },
    ...change,
  };
}

const CANARY: DeploymentPolicy['strategy'] = {
  kind: 'canary',
  steps: [
    { percent: 10, pauseSeconds: 60, byHand: false },
    { percent: 50, pauseSeconds: null, byHand: true },
  ],
};

function planOf(change: Partial<DeploymentPolicy> = {}, found = facts()): Plan {
  return planDeploy({
    environment: 'test',
    service: 'shop',
    version: '2.0.0',
    formerVersion: '1.0.0',
    regions: [found],
    policy: { ...policy, ...change },
  });
}

function configOf(edit?: Edit): EnvironmentConfig {
  const parsed = parseEnvironment('test', environment(edit));
  if (!parsed.ok) throw new Error(JSON.stringify(parsed.problems));
  return parsed.config;
}

const FLEET_STACK: StackPreview = {
  stack: 'test.eu-west-3.green',
  kind: 'fleet',
  region: REGION,
  applied: 'by-deploy',
  resources: [{ operation: 'create', type: 'aws:autoscaling/group:Group', name: 'fleet', properties: [] }],
  unchanged: 0,
};

function basis(change: Partial<PlanBasis> = {}, policyChange: Partial<DeploymentPolicy> = {}): PlanBasis {
  const regions = change.regions ?? [facts()];
  const [first = facts()] = regions;
  return {
    plan: planOf(policyChange, first),
    regions,
    config: configOf(),
    strategy: { kind: 'all-at-once' },
    images: [{ region: REGION, found: { id: 'ami-1', state: 'available' } }],
    stacks: [FLEET_STACK],
    ...change,
  };
}

describe('the steps', () => {
  const steps = previewSteps(
    planOf({
      strategy: CANARY,
      growth: { kind: 'proportional', minimum: 1 },
      retire: { when: 'after', afterSeconds: 30 },
    }),
    [facts()],
    [],
  );
  const step = (id: string) => steps.find((one) => one.id === `${id}:${REGION}` || one.id === `${id}`);

  it('show each rule’s weights before and after every shift, from where the one before left them', () => {
    const weights = (id: string) => {
      const found = step(id)?.weights;
      return [found?.before, found?.after].map((list) =>
        list?.map((one) => `${one.label} ${one.weights.green}`),
      );
    };
    expect(weights(`shift:${REGION}:10`)).toEqual([
      ['rule 1 0', 'rule 2 0'],
      ['rule 1 10', 'rule 2 10'],
    ]);
    expect(weights(`shift:${REGION}:50`)).toEqual([
      ['rule 1 10', 'rule 2 10'],
      ['rule 1 50', 'rule 2 50'],
    ]);
    expect(weights('shift')).toEqual([
      ['rule 1 50', 'rule 2 50'],
      ['rule 1 100', 'rule 2 100'],
    ]);
    expect(step('hold')?.weights).toBeUndefined();
  });

  it('count the instances of both fleets as they come and go', () => {
    expect(step('apply-idle')).toMatchObject({ instances: { live: 3, idle: 1 }, capacity: { desired: 1 } });
    expect(step(`follow:${REGION}:50`)?.instances).toEqual({ live: 3, idle: 2 });
    expect(step('shift')?.instances).toEqual({ live: 3, idle: 3 });
    expect(step('keep-warm')?.instances).toEqual({ live: 3, idle: 3 });
    expect(step('retire')?.instances).toEqual({ live: 0, idle: 3 });
  });

  it('name what is waited for by configuration and by hand', () => {
    expect(step(`analyse:${REGION}:10`)?.wait).toEqual({ seconds: 60, byHand: false });
    expect(step(`analyse:${REGION}:50`)?.wait).toEqual({ seconds: null, byHand: true });
    expect(step('soak')?.wait).toEqual({ seconds: 10, byHand: false });
    expect(step('keep-warm')?.wait).toEqual({ seconds: 30, byHand: false });
    expect(step('apply-idle')?.wait).toBeUndefined();
  });
});

describe('expected durations', () => {
  const past = (seconds: number, plan = planOf(), phase: 'verified' | 'failed' = 'verified') =>
    durationsOf({
      plan,
      steps: Object.fromEntries(
        plan.steps.map(({ id }) => [id, { phase, startedAt: 1000, endedAt: 1000 + seconds * 1000 }]),
      ),
      closed: { outcome: 'succeeded' },
    } as unknown as DeploymentState)!;
  const applyIdle = planOf().steps.find((step) => step.kind === 'apply-idle')!;
  const soak = planOf().steps.find((step) => step.kind === 'soak')!;

  it('are the median of the same step in the past, and nothing without one', () => {
    expect(expectedSeconds(applyIdle, [])).toBeNull();
    expect(expectedSeconds(applyIdle, [past(4)])).toBe(4);
    expect(expectedSeconds(applyIdle, [past(9), past(4), past(5)])).toBe(5);
    expect(expectedSeconds(applyIdle, [past(9), past(4)])).toBe(6.5);
    expect(expectedSeconds(applyIdle, [past(4, planOf(), 'failed')])).toBeNull();
  });

  it('do not take one wait for another', () => {
    expect(expectedSeconds(soak, [past(300, planOf({ soakSeconds: 300 }))])).toBeNull();
    expect(expectedSeconds(soak, [past(11)])).toBe(11);
  });
});

describe('the way back', () => {
  const back = (change: Partial<DeploymentPolicy> = {}, found = facts()) =>
    wayBackOf(planOf(change, found), found, {
      former: '1.0.0',
      formerSchema: null,
      retire: change.retire ?? policy.retire,
    });

  it('leads to what is live, and says how long that stays warm', () => {
    expect(back()).toMatchObject({ region: REGION, toVersion: '1.0.0' });
    expect(back().text).toContain('all 2 route(s) back to blue (1.0.0), which keeps its 3 instance(s)');
    expect(back().text).toContain('stays warm until `bascule retire`');
    expect(back({ retire: { when: 'after', afterSeconds: 600 } }).text).toContain(
      'stays warm for 600 s more',
    );
    expect(back({ retire: { when: 'after', afterSeconds: 0 } }).text).toContain(
      'is retired when all is done',
    );
  });

  it('is none where nothing serves yet', () => {
    const nothing = facts({ fleets: { blue: undefined, green: undefined } });
    expect(back({}, nothing)).toMatchObject({ toVersion: null });
    expect(back({}, nothing).text).toContain('no release to go back to');
  });

  it('names the release that is given up for it', () => {
    const warm = fleet({ colour: 'green', version: '0.9.0' });
    const instances = warm.instances.map((one) => ({ ...one, version: '0.9.0' }));
    const both = facts({ fleets: { blue: fleet(), green: { ...warm, instances } } });
    expect(back({}, both).text).toContain('what green still runs (0.9.0) is given up for it');
  });
});

describe('the cost', () => {
  const priced =
    (instances: Record<string, number>): Edit =>
    (input) => {
      input['prices'] = { currency: 'EUR', instances };
    };

  it('is that of the new fleets at their largest, by the price of the preferred type', () => {
    const plan = planOf({ strategy: CANARY, growth: { kind: 'proportional', minimum: 1 } });
    expect(costOf(plan, configOf(priced({ 't3.small': 0.0236 })))).toEqual({
      currency: 'EUR',
      perHour: 0.0708,
      parts: [{ region: REGION, instanceType: 't3.small', instances: 3, perHour: 0.0236 }],
      unpriced: [],
    });
  });

  it('names a type without a price, and is nothing without prices', () => {
    expect(costOf(planOf(), configOf(priced({ 'c7g.large': 1 })))).toMatchObject({
      perHour: 0,
      unpriced: ['t3.small'],
    });
    expect(costOf(planOf(), configOf())).toBeNull();
  });
});

describe('warnings of the service stack', () => {
  const stack = (resources: StackPreview['resources'], unchanged = 5): StackPreview => ({
    ...FLEET_STACK,
    stack: 'test',
    kind: 'service',
    applied: 'by-up',
    resources,
    unchanged,
  });
  const codes = (preview: StackPreview) => serviceStackWarnings('test', preview).map(({ code }) => code);

  it('tell of what production requests go through, and of nothing else as live', () => {
    const replaced = stack([
      {
        operation: 'replace',
        type: 'aws:lb/loadBalancer:LoadBalancer',
        name: 'load-balancer',
        properties: [{ path: 'internal', before: false, after: true, replaces: true }],
      },
    ]);
    const [live] = serviceStackWarnings('test', replaced);
    expect(live?.message).toBe(
      'the load balancer load-balancer would be replaced, because of internal: production requests that go through it would fail meanwhile',
    );
    const retagged = { path: 'tags.team', before: 'a', after: 'b' };
    const listener = { type: 'aws:lb/listener:Listener', name: 'production' };
    expect(codes(stack([{ operation: 'update', ...listener, properties: [retagged] }]))).toEqual([
      'service-stack',
    ]);
    const policyChange = { path: 'sslPolicy', before: 'a', after: 'b' };
    expect(codes(stack([{ operation: 'update', ...listener, properties: [policyChange] }]))).toEqual([
      'live-change',
      'service-stack',
    ]);
    expect(codes(stack([{ operation: 'create', ...listener, properties: [] }]))).toEqual(['service-stack']);
  });

  it('are none while nothing differs, or nothing is there yet', () => {
    expect(codes(stack([]))).toEqual([]);
    const listener = { type: 'aws:lb/listener:Listener', name: 'production', properties: [] };
    expect(codes(stack([{ operation: 'create', ...listener }], 0))).toEqual([]);
  });
});

describe('the hash of a plan', () => {
  const hash = (change?: Partial<PlanBasis>, policyChange?: Partial<DeploymentPolicy>): string =>
    hashOf(sectionsOf(basis(change, policyChange)));
  const original = hash();
  const changed = (change: Partial<PlanBasis>, policyChange?: Partial<DeploymentPolicy>) => {
    const given = { hash: original, sections: sectionsOf(basis()) };
    return planChange(given, sectionsOf(basis(change, policyChange)));
  };

  it('is the same for the same plan, whatever the order of keys', () => {
    expect(isPlanHash(original)).toBe(true);
    expect(hash()).toBe(original);
    const reversed = Object.fromEntries(Object.entries(configOf()).reverse()) as unknown as EnvironmentConfig;
    expect(hash({ config: reversed })).toBe(original);
    expect(changed({})).toBeNull();
  });

  it('does not depend on prices', () => {
    const priced = configOf((input) => (input['prices'] = { instances: { 't3.small': 1 } }));
    expect(hash({ config: priced })).toBe(original);
  });

  it('tells by itself which sections changed, and with the values by a file', () => {
    const image = { images: [{ region: REGION, found: { id: 'ami-2', state: 'available' } }] };
    const now = sectionsOf(basis(image));
    expect(planChange({ hash: original, sections: null }, now)).toEqual({
      sections: ['images'],
      lines: ['images: the images of the release'],
    });
    expect(changed(image)).toEqual({ sections: ['images'], lines: ['images.eu-west-3.id: ami-1 → ami-2'] });
  });

  it('counts what was found of the live fleet’s capacity', () => {
    const found = changed({
      regions: [facts({ fleets: { blue: fleet({ desired: 4 }), green: undefined } })],
    });
    expect(found?.sections).toEqual(['fleets', 'steps']);
    expect(found?.lines).toContain('fleets.eu-west-3.blue.desired: 3 → 4');
    expect(found?.lines).toContain('steps["apply-idle:eu-west-3"].capacity.desired: 3 → 4');
  });

  it('counts weights, settings, steps and stacks each by itself', () => {
    const shifted = facts({ routes: [{ ...route('1'), weights: { blue: 90, green: 0 } }, route('2')] });
    expect(changed({ regions: [shifted] })).toEqual({
      sections: ['routes'],
      lines: ['routes.eu-west-3.routes["rule 1"].weights.blue: 100 → 90'],
    });
    const config = configOf((input) => (input['tags'] = { team: 'web' }));
    expect(changed({ config })?.lines).toEqual(['config.environment.tags.team: nothing → web']);
    expect(changed({}, { soakSeconds: 20 })).toEqual({
      sections: ['steps'],
      lines: ['steps["soak:eu-west-3"].seconds: 10 → 20'],
    });
    expect(changed({ stacks: [{ ...FLEET_STACK, unchanged: 1 }] })?.sections).toEqual(['stacks']);
  });

  it('names as many values as can be read', () => {
    const regions = [facts({ routes: Array.from({ length: 100 }, (_, index) => route(String(index))) })];
    const found = changed({ regions });
    expect(found?.lines).toHaveLength(41);
    expect(found?.lines.at(-1)).toMatch(/^and \d+ more$/);
  });
});

describe('a file with a plan', () => {
  const sections = sectionsOf(basis({ strategy: CANARY }));
  const file = {
    format: PREVIEW_FORMAT,
    environment: 'test',
    version: '2.0.0',
    hash: hashOf(sections),
    sections,
  };
  const refused = (change: object) => () => planFile('plan.json', JSON.stringify({ ...file, ...change }));

  it('gives version and strategy, and is the plan it says', () => {
    expect(planFile('plan.json', JSON.stringify(file, null, 2))).toMatchObject({
      environment: 'test',
      version: '2.0.0',
      strategy: CANARY,
      hash: hashOf(sections),
    });
  });

  it('is refused when it is none, of another format, without a plan, or was changed', () => {
    expect(() => planFile('plan.json', 'plan-…')).toThrow(
      'plan.json holds no plan that could be deployed: it is not JSON',
    );
    expect(refused({ format: 2 })).toThrow('it is of format 2');
    expect(refused({ hash: null, sections: null })).toThrow('it has no plan');
    expect(refused({ sections: { ...sections, version: { version: '3.0.0' } } })).toThrow(
      'it was changed after',
    );
  });
});
