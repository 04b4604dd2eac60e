import { describe, expect, it } from 'vitest';
import type { Assessment, Verdict } from '../../src/domain/analysis/assessment';
import { DEFAULT_PACING, type Check } from '../../src/domain/analysis/check';
import { dueOf, judge, stagesBefore, standingsOf, type Watching } from '../../src/domain/analysis/standing';
import type { RecordBody } from '../../src/domain/records';
import { replay } from '../../src/domain/replay';
import type { RequestKind } from '../../src/domain/request';
import type { Analyse, Soak } from '../../src/domain/step';

const SECOND = 1000;
const holder = { host: 'here', pid: 1, user: 'somebody', job: null };

const check: Check = {
  kind: 'unhealthy-hosts',
  name: 'hosts',
  limit: 0,
  pacing: { ...DEFAULT_PACING, intervalSeconds: 10, waitSeconds: 60 },
};

const analyse: Analyse = {
  kind: 'analyse',
  id: 'analyse:here:10',
  region: 'here',
  colour: 'green',
  version: '2.0.0',
  percent: 10,
  seconds: 30,
  byHand: false,
  checks: [check],
};

const soak: Soak = {
  kind: 'soak',
  id: 'soak:here',
  region: 'here',
  colour: 'green',
  version: '2.0.0',
  instances: 1,
  seconds: 30,
  intervalSeconds: 5,
};

type Told = [second: number, body: RecordBody];

/** The state of a deployment whose first, or only, step began at second 0. */
function stateOf(steps: Watching | Watching[], ...told: Told[]) {
  const all = [steps].flat();
  const step = all[0] as Watching;
  const plan = {
    purpose: 'deploy' as const,
    environment: 'test',
    service: 'shop',
    version: '2.0.0',
    formerVersion: '1.0.0',
    steps: all,
  };
  const bodies: Told[] = [
    [0, { kind: 'opened', plan, holder }],
    [0, { kind: 'started', step: step.id }],
    [0, { kind: 'ran', step: step.id, facts: {} }],
    ...told,
  ];
  return replay(
    bodies.map(([second, body], sequence) => ({
      ...body,
      format: 3,
      deployment: 'd',
      sequence,
      at: second * SECOND,
      fence: 1,
    })),
  );
}

function found(second: number, verdict: Verdict, step: Watching = analyse): Told {
  const window = { from: 0, to: second * SECOND };
  const assessment: Assessment = { verdict, reason: `it was ${verdict}`, window, figures: [] };
  return [second, { kind: 'assessed', step: step.id, assessments: [{ check: 'hosts', assessment }] }];
}

function asked(second: number, kind: RequestKind, sequence = 0, step: string | null = null): Told {
  const request = { sequence, deployment: 'd', kind, step, by: holder, at: second * SECOND };
  return [second, { kind: 'asked', request }];
}

const byHand: Analyse = { ...analyse, seconds: null, byHand: true };

describe('a step that watches', () => {
  it('is open for its time, and passed once a look saw all of it', () => {
    expect(judge(analyse, stateOf(analyse, found(10, 'pass')), 12 * SECOND)).toEqual({
      kind: 'open',
      waitingFor: '18 s more',
    });
    const passed = judge(analyse, stateOf(analyse, found(30, 'pass')), 30 * SECOND);
    expect(passed).toEqual({ kind: 'passed', note: 'hosts passed over 30 s' });
  });

  it('has nothing but its time to wait for without checks', () => {
    expect(judge(soak, stateOf(soak), 29.5 * SECOND)).toEqual({ kind: 'open', waitingFor: '1 s more' });
    expect(judge(soak, stateOf(soak), 30 * SECOND)).toEqual({ kind: 'passed', note: '' });
  });

  it('says which check it waits for, and why', () => {
    const early = judge(analyse, stateOf(analyse, found(10, 'inconclusive')), 12 * SECOND);
    expect(early).toEqual({ kind: 'open', waitingFor: '18 s more; hosts is inconclusive' });
    const late = judge(analyse, stateOf(analyse, found(30, 'inconclusive')), 35 * SECOND);
    expect(late).toEqual({ kind: 'open', waitingFor: 'an answer of hosts: it was inconclusive' });
  });

  it('measures what is due, and nothing twice', () => {
    const state = stateOf(analyse, found(10, 'pass'));
    const dueAt = (second: number) => dueOf(standingsOf(analyse, state, second * SECOND), second * SECOND);
    expect(dueAt(19)).toEqual([]);
    expect(dueAt(20)).toEqual([check]);
  });
});

describe('a person', () => {
  it('ends a step that waits for one, and nothing else does', () => {
    const state = stateOf(byHand, found(1000, 'pass', byHand));
    expect(judge(byHand, state, 5000 * SECOND)).toEqual({
      kind: 'open',
      waitingFor: 'a person who says `advance`',
    });
    const after = stateOf(byHand, found(1000, 'pass', byHand), asked(1001, 'advance', 0, byHand.id));
    expect(judge(byHand, after, 1001 * SECOND)).toEqual({ kind: 'passed', note: 'a person went on' });
  });

  it('may go on without an answer, which is said', () => {
    const state = stateOf(analyse, found(10, 'inconclusive'), asked(12, 'advance', 0, analyse.id));
    expect(judge(analyse, state, 12 * SECOND)).toEqual({
      kind: 'passed',
      note: 'a person went on, without a pass of hosts (inconclusive)',
    });
  });

  it.each<RequestKind>(['advance', 'advance-full'])('cannot go past a failure with %s', (kind) => {
    const state = stateOf(analyse, found(10, 'fail'), asked(12, kind, 0, analyse.id));
    expect(judge(analyse, state, 12 * SECOND)).toMatchObject({ kind: 'failed', by: { check } });
  });

  it('ends a weight before the cutover with --full, and never the soak', () => {
    expect(judge(analyse, stateOf(analyse, asked(5, 'advance-full')), 5 * SECOND).kind).toBe('passed');
    expect(judge(soak, stateOf(soak, asked(5, 'advance-full')), 5 * SECOND).kind).toBe('open');
    expect(judge(soak, stateOf(soak, asked(5, 'advance', 0, soak.id)), 5 * SECOND).kind).toBe('passed');
  });

  it('holds a step whose time is over, while its checks go on looking and may fail', () => {
    const held = stateOf(analyse, asked(5, 'pause'), found(30, 'pass'));
    expect(judge(analyse, held, 100 * SECOND)).toEqual({
      kind: 'open',
      waitingFor: 'a person: somebody asked to pause, `advance` goes on',
    });
    expect(dueOf(standingsOf(analyse, held, 100 * SECOND), 100 * SECOND)).toEqual([check]);
    const failed = stateOf(analyse, asked(5, 'pause'), found(40, 'fail'));
    expect(judge(analyse, failed, 40 * SECOND).kind).toBe('failed');
    const on = stateOf(analyse, asked(5, 'pause'), asked(50, 'advance', 1, analyse.id));
    expect(judge(analyse, on, 50 * SECOND).kind).toBe('passed');
  });
});

describe('a deployment that is gone on with', () => {
  const halted: Told = [
    91,
    { kind: 'halted', step: analyse.id, reason: { code: 'C', message: '', details: [] } },
  ];
  const resumed: Told = [1000, { kind: 'resumed', holder }];

  it('waits for an answer anew', () => {
    const before = stateOf(analyse, found(90, 'inconclusive'));
    expect(judge(analyse, before, 90 * SECOND).kind).toBe('halt');
    const after = stateOf(analyse, found(90, 'inconclusive'), halted, resumed);
    expect(judge(analyse, after, 1000 * SECOND).kind).toBe('open');
    const still = stateOf(analyse, found(90, 'inconclusive'), halted, resumed, found(1060, 'inconclusive'));
    expect(judge(analyse, still, 1060 * SECOND).kind).toBe('halt');
  });

  it('forgets the attempts that measured nothing, and no failure', () => {
    const errors = [10, 20, 30, 40, 50].map((second) => found(second, 'error'));
    expect(judge(analyse, stateOf(analyse, ...errors), 50 * SECOND).kind).toBe('halt');
    expect(judge(analyse, stateOf(analyse, ...errors, halted, resumed), 1000 * SECOND).kind).toBe('open');
    const failed = stateOf(analyse, found(10, 'fail'), resumed);
    expect(judge(analyse, failed, 1000 * SECOND).kind).toBe('failed');
  });
});

describe('what the weights before a step found', () => {
  const later: Analyse = { ...analyse, id: 'analyse:here:50', percent: 50 };
  const elsewhere: Analyse = { ...analyse, id: 'analyse:there:10', region: 'there' };

  function lookOf(second: number, step: Watching, evidence?: number): Told {
    const assessment: Assessment = {
      verdict: evidence === undefined ? 'error' : 'pass',
      reason: '',
      window: { from: 0, to: second * SECOND },
      figures: [],
      ...(evidence === undefined ? {} : { evidence }),
    };
    return [second, { kind: 'assessed', step: step.id, assessments: [{ check: 'hosts', assessment }] }];
  }

  it('is the latest evidence of the same check in the same region, by the journal alone', () => {
    const state = stateOf([analyse, elsewhere, later, soak], lookOf(5, analyse, 1), lookOf(6, analyse, 2));
    expect(stagesBefore(later, check, state)).toEqual({ earlier: [2], ofAll: 2 });
    expect(stagesBefore(later, { ...check, name: 'another' }, state)).toEqual({ earlier: [0], ofAll: 2 });
    expect(stagesBefore(elsewhere, check, state)).toEqual({ earlier: [], ofAll: 1 });
    expect(stagesBefore(analyse, check, state)).toEqual({ earlier: [], ofAll: 2 });
  });

  it('outlasts a look that measured nothing', () => {
    const state = stateOf([analyse, later], lookOf(5, analyse, 2), lookOf(6, analyse));
    expect(stagesBefore(later, check, state).earlier).toEqual([2]);
  });

  it('is nothing to the soak, which is held against an earlier time', () => {
    const state = stateOf([analyse, soak], lookOf(5, analyse, 2));
    expect(stagesBefore(soak, check, state)).toEqual({ earlier: [], ofAll: 1 });
  });
});
