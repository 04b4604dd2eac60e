import { describe, expect, it } from 'vitest';
import {
  harmsOf,
  isAllowed,
  liveText,
  liveWord,
  refusalOfLive,
  refusalOfOnlyHealthy,
  refusalOfUnknown,
  refusalText,
  takesInstances,
  type FleetChange,
} from '../../src/domain/guard';
import type { Route, Weights } from '../../src/domain/traffic';

const RELEASE = { version: '1.0.0', imageId: 'ami-1' };
const LIMITS = { minimum: 2, maximum: 4, desired: 3, suspended: [] };

function change(wanted: Partial<FleetChange['wanted']>, more: Partial<FleetChange> = {}): FleetChange {
  return {
    stack: 'production.eu-west-3.blue',
    region: 'eu-west-3',
    colour: 'blue',
    applied: RELEASE,
    limits: LIMITS,
    wanted: { ...RELEASE, minimum: 2, maximum: 4, ...wanted },
    ...more,
  };
}

function route(weights: Weights, more: Partial<Route> = {}): Route {
  return {
    id: 'listener',
    kind: 'default',
    listener: 'production',
    label: 'default action',
    weights,
    ...more,
  };
}

const BLUE = route({ blue: 100, green: 0 });
const GREEN = route({ blue: 0, green: 100 });

describe('what a change of a fleet would do to requests', () => {
  it.each<[string, Partial<FleetChange['wanted']>, string[]]>([
    ['nothing changes', {}, []],
    ['both limits grow', { minimum: 3, maximum: 9 }, []],
    [
      'another release',
      { version: '2.0.0', imageId: 'ami-2' },
      ['version: 1.0.0 → 2.0.0', 'image: ami-1 → ami-2'],
    ],
    ['the same release, baked anew', { imageId: 'ami-2' }, ['image: ami-1 → ami-2']],
    ['a lower minimum', { minimum: 1 }, ['minimum: 2 → 1']],
    ['a lower maximum', { maximum: 3 }, ['maximum: 4 → 3']],
  ])('%s', (_what, wanted, harms) => {
    expect(harmsOf(change(wanted))).toEqual(harms);
  });

  it('is none where no instance is wanted, and where there is no fleet', () => {
    const empty = { ...LIMITS, desired: 0, minimum: 0 };
    expect(harmsOf(change({ version: '2.0.0' }, { limits: empty }))).toEqual([]);
    expect(harmsOf(change({ version: '2.0.0' }, { limits: undefined }))).toEqual([]);
  });

  it('is the worst where it is not known what runs', () => {
    const unknown = { version: undefined, imageId: undefined };
    expect(harmsOf(change({}, { applied: unknown }))).toEqual([
      'version: not known → 1.0.0',
      'image: not known → ami-1',
    ]);
  });

  it('takes instances when fewer are allowed than there are', () => {
    expect(takesInstances(change({ maximum: 2 }))).toBe(true);
    expect(takesInstances(change({ maximum: 3 }))).toBe(false);
    expect(takesInstances(change({ maximum: 0 }, { limits: undefined }))).toBe(false);
  });
});

describe('a harmful change', () => {
  const harmful = change({ version: '2.0.0' });
  const refused = (routes: Route[], one = harmful) => refusalOfLive(one, harmsOf(one), routes);

  it('of the live fleet is refused, with all that a person needs', () => {
    const refusal = refused([BLUE]);
    expect(refusal?.code).toBe('BASCULE_FLEET_IS_LIVE');
    expect(refusalText(refusal ?? refusalOfUnknown(harmful, ''))).toBe(
      [
        'BASCULE_FLEET_IS_LIVE: The blue fleet in eu-west-3 receives production traffic, so it is not changed.',
        '  would change version: 1.0.0 → 2.0.0',
        '  default action: blue 100, green 0',
        '  Next: Deploy instead, which brings up the idle colour: bascule deploy production --version 2.0.0. ' +
          'To do it all the same: in Pulumi.production.eu-west-3.blue.yaml, under bascule:fleet, write allowLiveChange: 2.0.0. ' +
          'The next deployment removes it.',
      ].join('\n'),
    );
  });

  it('of the idle fleet passes, and so does a harmless one of the live fleet', () => {
    expect(refused([GREEN])).toBeUndefined();
    expect(refused([BLUE], change({ maximum: 9 }))).toBeUndefined();
  });

  it('is refused for the weight of a single rule, and not for that of the test listener', () => {
    const rule = route({ blue: 1, green: 99 }, { id: 'rule', kind: 'rule', label: 'rule 10' });
    expect(refused([GREEN, rule])?.details).toContain('rule 10: blue 1, green 99');
    expect(refused([GREEN, route({ blue: 100, green: 0 }, { listener: 'test' })])).toBeUndefined();
  });

  it('names the first few of many routes', () => {
    const rules = Array.from({ length: 9 }, (_, at) => route({ blue: 1, green: 0 }, { label: `rule ${at}` }));
    expect(refused(rules)?.details.slice(-2)).toEqual(['rule 4: blue 1, green 0', 'and 4 more routes']);
  });

  it('is allowed for the release that is named, and for no other', () => {
    const decided = { version: '2.0.0', minimum: 1, maximum: 2, desired: 1 };
    expect(isAllowed(decided)).toBe(false);
    expect(isAllowed({ ...decided, allowLiveChange: '1.0.0' })).toBe(false);
    expect(isAllowed({ ...decided, allowLiveChange: '2.0.0' })).toBe(true);
  });
});

describe('the only healthy colour', () => {
  const emptied = change({ maximum: 0, minimum: 0 });

  it('keeps its instances', () => {
    const refusal = refusalOfOnlyHealthy(emptied, { blue: 3, green: 0 });
    expect(refusal).toMatchObject({
      code: 'BASCULE_ONLY_HEALTHY_COLOUR',
      details: ['blue: 3 healthy, 3 wanted now, 0 at most afterwards', 'green: none healthy'],
    });
    expect(refusal?.next).toContain('bascule rollback production');
  });

  it('is not the one that is sick, nor one of two', () => {
    expect(refusalOfOnlyHealthy(emptied, { blue: 0, green: 0 })).toBeUndefined();
    expect(refusalOfOnlyHealthy(emptied, { blue: 3, green: 1 })).toBeUndefined();
  });
});

describe('what is live, in words', () => {
  it.each<[Route[], string, string]>([
    [[BLUE], 'blue', 'blue is live in eu-west-3 (default action: blue 100, green 0).'],
    [
      [BLUE, route({ blue: 0, green: 100 }, { kind: 'rule' })],
      'mixed',
      'Both colours are live in eu-west-3 (default action: blue 100, green 0).',
    ],
    [
      [route({ blue: 0, green: 0 })],
      'none',
      'No colour is live in eu-west-3: no route of the production listener gives either of them weight.',
    ],
  ])('%#', (routes, word, text) => {
    expect(liveWord(routes)).toBe(word);
    expect(liveText('eu-west-3', routes)).toBe(text);
  });
});
