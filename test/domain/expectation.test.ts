import { describe, expect, it } from 'vitest';
import { assessDrift, driftReason, expectationOf, type Sighting } from '../../src/domain/expectation';
import type { FleetLimits } from '../../src/domain/fleet';
import { planDeploy } from '../../src/domain/plan';
import { RECORD_FORMAT, type Facts, type JournalRecord, type RecordBody } from '../../src/domain/records';
import { replay, type DeploymentState } from '../../src/domain/replay';
import { allTo, type Route } from '../../src/domain/traffic';
import { policy } from '../support/session';

const region = 'eu-west-3';
const route: Route = {
  id: 'r',
  kind: 'rule',
  listener: 'production',
  label: 'rule 10 (path /a)',
  weights: allTo('blue'),
};
const blue: FleetLimits = { minimum: 1, maximum: 4, desired: 3, suspended: ['Terminate'] };
const green: FleetLimits = { minimum: 0, maximum: 0, desired: 0, suspended: [] };
const reading = (colour: 'blue' | 'green', limits: FleetLimits) => ({
  ...limits,
  region,
  colour,
  autoScalingGroup: `shop-${colour}`,
  version: '1.0.0',
  instances: [],
  activities: [],
});

/** Blue is live with three instances; 2.0.0 comes up on green. */
function plan(scalesIdle = false) {
  return planDeploy({
    environment: 'test',
    service: 'shop',
    version: '2.0.0',
    formerVersion: '1.0.0',
    regions: [
      {
        region,
        routes: [route],
        live: 'blue',
        fleets: { blue: reading('blue', blue), green: reading('green', green) },
      },
    ],
    policy: { ...policy, scalesIdle },
  });
}

type Done = [step: string, facts?: Facts];

/** The deployment after some steps were done, with another one begun, and `more` records. */
function after(
  done: Done[],
  begun?: { step: string; facts?: Facts },
  more: RecordBody[] = [],
  of = plan(),
): DeploymentState {
  const bodies: RecordBody[] = [
    { kind: 'opened', plan: of, holder: { host: 'h', pid: 1, user: 'u', job: null } },
    ...done.flatMap(([step, facts = {}]): RecordBody[] => [
      { kind: 'started', step: `${step}:${region}`, facts },
      { kind: 'verified', step: `${step}:${region}`, facts },
    ]),
    ...(begun === undefined
      ? []
      : [{ kind: 'started' as const, step: `${begun.step}:${region}`, facts: begun.facts ?? {} }]),
    ...more,
  ];
  const records = bodies.map((body, sequence): JournalRecord => ({
    ...body,
    format: RECORD_FORMAT,
    deployment: 'd',
    sequence,
    at: sequence,
    fence: 1,
  }));
  return replay(records);
}

interface Seen {
  weights?: Route['weights'];
  blue?: Partial<FleetLimits>;
  green?: Partial<FleetLimits> | 'gone';
  routes?: Route[];
}

function drifts(state: DeploymentState, seen: Seen): string[] {
  const expectation = expectationOf(state, region);
  if (expectation === undefined) throw new Error('the plan says what it found');
  const sighting: Sighting = {
    region,
    routes: seen.routes ?? [{ ...route, weights: seen.weights ?? route.weights }],
    fleets: {
      blue: { ...blue, ...seen.blue },
      green: seen.green === 'gone' ? undefined : { ...green, ...seen.green },
    },
  };
  const { traffic, fleet } = assessDrift(expectation, sighting);
  return [...traffic, ...fleet].map((one) => `${one.label}: expected ${one.expected}; found ${one.found}`);
}

const up: Done = ['apply-idle', { minimum: 3, maximum: 4, desired: 3 }];
const upSeen = { minimum: 3, maximum: 4, desired: 3 };
const held: Done = ['hold', { pin: 3 }];
const heldBlue = { minimum: 3, suspended: ['AZRebalance', 'ScheduledActions', 'Terminate'] };
const heldGreen = { ...upSeen, suspended: ['AZRebalance', 'ScheduledActions'] };

describe('before anything began', () => {
  it('all is to be as it was found', () => {
    expect(drifts(after([]), {})).toEqual([]);
    expect(
      drifts(after([]), { weights: { blue: 90, green: 10 }, blue: { maximum: 9, suspended: [] } }),
    ).toEqual([
      'rule 10 (path /a): expected blue 100, green 0; found blue 90, green 10',
      'blue fleet, maximum: expected 4; found 9',
      'blue fleet, suspended processes: expected Terminate; found none',
    ]);
  });

  it('the live fleet may scale: its desired capacity is Auto Scaling’s own', () => {
    expect(drifts(after([]), { blue: { desired: 4 } })).toEqual([]);
  });

  it('a fleet that is gone, a rule that is new, gone or rewritten is drift', () => {
    expect(drifts(after([]), { green: 'gone' })).toEqual([
      'green fleet: expected a fleet; found the fleet is gone',
    ]);
    const added = { ...route, id: 'n', label: 'rule 20 (path /n)' };
    expect(drifts(after([]), { routes: [route, added] })[0]).toContain(
      'no such route when the deployment was planned',
    );
    expect(drifts(after([]), { routes: [] })[0]).toContain('the route is gone');
    const rewritten = { ...route, label: 'rule 10 (path /b)' };
    expect(drifts(after([]), { routes: [rewritten] })).toEqual([
      'rule 10 (path /a): expected rule 10 (path /a); found rule 10 (path /b)',
    ]);
  });

  it('the test listener is nobody’s traffic and may point anywhere', () => {
    const test: Route = { ...route, id: 't', listener: 'test', weights: allTo('green') };
    expect(drifts(after([]), { routes: [route, test] })).toEqual([]);
  });
});

describe('while a stack is applied', () => {
  it('its fleet may have any limits, and afterwards those that it was seen with', () => {
    const applying = after([], { step: 'apply-idle' });
    expect(drifts(applying, { green: { minimum: 3, maximum: 7 } })).toEqual([]);
    expect(drifts(applying, { green: 'gone' })).toEqual([]);
    expect(drifts(after([up]), { green: upSeen })).toEqual([]);
    expect(drifts(after([up]), { green: { ...upSeen, maximum: 6, desired: 4 } })).toEqual([
      'green fleet, maximum: expected 4; found 6',
      'green fleet, desired capacity: expected 3; found 4',
    ]);
  });

  it('one that had what the next weight needs, so that nothing was applied, is to be as it was', () => {
    const enough: Done = ['follow', { wanted: 3 }];
    const raised = { ...heldGreen, minimum: 4, desired: 4 };
    expect(drifts(after([up, held, enough]), { blue: heldBlue, green: heldGreen })).toEqual([]);
    expect(drifts(after([up, held, enough]), { blue: heldBlue, green: raised })).toEqual([
      'green fleet, minimum: expected 3; found 4',
      'green fleet, desired capacity: expected 3; found 4',
    ]);
    const grown: Done = ['follow', { wanted: 4, grew: true, minimum: 4, maximum: 4, desired: 4 }];
    expect(drifts(after([up, held, grown]), { blue: heldBlue, green: raised })).toEqual([]);
    // A look is under way, and may yet apply it.
    expect(
      drifts(after([up, held], { step: 'follow' }), { blue: heldBlue, green: { ...raised, minimum: 9 } }),
    ).toEqual([]);
  });

  it('an idle fleet that scales by itself is not judged by its desired capacity', () => {
    const state = after([up], undefined, [], plan(true));
    expect(drifts(state, { green: { ...upSeen, desired: 4 } })).toEqual([]);
  });
});

describe('while the fleets are held', () => {
  it('a hold that was begun may have gone any part of the way, and no further', () => {
    const holding = after([up], { step: 'hold', facts: { pin: 3 } });
    expect(drifts(holding, { green: upSeen })).toEqual([]);
    expect(drifts(holding, { blue: heldBlue, green: heldGreen })).toEqual([]);
    expect(drifts(holding, { green: { ...upSeen, suspended: ['AZRebalance'] } })).toEqual([]);
    expect(drifts(holding, { blue: { minimum: 2 }, green: { ...upSeen, suspended: ['Launch'] } })).toEqual([
      'blue fleet, minimum: expected 1 or 3; found 2',
      'green fleet, suspended processes: expected none or AZRebalance, ScheduledActions; found Launch',
    ]);
  });

  it('a hold that is done leaves nothing open', () => {
    const state = after([up, held]);
    expect(drifts(state, { blue: heldBlue, green: heldGreen })).toEqual([]);
    expect(drifts(state, { blue: { ...heldBlue, minimum: 1 }, green: upSeen })).toEqual([
      'blue fleet, minimum: expected 3; found 1',
      'green fleet, suspended processes: expected AZRebalance, ScheduledActions; found none',
    ]);
  });

  it('what is released is as it was found', () => {
    const moved = { weights: allTo('green') };
    const soaked: Done[] = [up, held, ['shift'], ['release']];
    expect(drifts(after(soaked), { ...moved, green: upSeen })).toEqual([]);
    expect(drifts(after(soaked), { ...moved, blue: heldBlue, green: upSeen })).toHaveLength(2);
    const releasing = after([up, held, ['shift']], { step: 'release' });
    expect(drifts(releasing, { ...moved, blue: heldBlue, green: upSeen })).toEqual([]);
  });

  it('what was put back when it halted is as it was found, until it is held anew', () => {
    const undone: RecordBody[] = [
      { kind: 'undoStarted', step: `hold:${region}` },
      { kind: 'undone', step: `hold:${region}`, facts: {} },
    ];
    const halted = after([up, held], undefined, undone);
    expect(drifts(halted, { green: upSeen })).toEqual([]);
    expect(drifts(halted, { blue: heldBlue, green: heldGreen })).toHaveLength(3);
  });
});

describe('while traffic moves', () => {
  it('both the former and the new weights are right, and only the new ones afterwards', () => {
    const fleets = { blue: heldBlue, green: heldGreen };
    const shifting = after([up, held], { step: 'shift' });
    expect(drifts(shifting, fleets)).toEqual([]);
    expect(drifts(shifting, { ...fleets, weights: allTo('green') })).toEqual([]);
    expect(drifts(shifting, { ...fleets, weights: { blue: 50, green: 50 } })).toHaveLength(1);
    expect(drifts(after([up, held, ['shift']]), fleets)).toEqual([
      'rule 10 (path /a): expected blue 0, green 100; found blue 100, green 0',
    ]);
  });

  it('whoever gets requests scales with them', () => {
    const state = after([up, held], { step: 'shift' });
    expect(drifts(state, { blue: heldBlue, green: { ...heldGreen, desired: 4 } })).toEqual([]);
  });
});

describe('the reason of a halt', () => {
  it('names traffic before fleets, and nothing when nothing differs', () => {
    const traffic = [{ label: 'rule', expected: 'a', found: 'b' }];
    const fleet = [{ label: 'blue fleet, maximum', expected: '4', found: '6' }];
    expect(driftReason(region, { traffic: [], fleet: [] })).toBeUndefined();
    expect(driftReason(region, { traffic: [], fleet })).toMatchObject({
      code: 'BASCULE_FLEET_DRIFT',
      details: ['blue fleet, maximum: expected 4; found 6'],
    });
    expect(driftReason(region, { traffic, fleet })).toMatchObject({
      code: 'BASCULE_TRAFFIC_DRIFT',
      drifts: [...traffic, ...fleet],
    });
  });

  it('is not given for plans that did not say what they found', () => {
    const { found: _found, ...old } = plan();
    expect(expectationOf(after([], undefined, [], old), region)).toBeUndefined();
  });
});
