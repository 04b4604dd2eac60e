import { describe, expect, it } from 'vitest';
import { parseEnvironment } from '../../src/domain/config';
import { stagesOf } from '../../src/domain/strategy';
import { policyOf } from '../../automation/operations/policy';
import { environment, problemsIn } from '../support/config';

const policyWith = (deployment: unknown) => {
  const parsed = parseEnvironment(
    'production',
    environment((input) => (input['deployment'] = deployment)),
  );
  if (!parsed.ok) throw new Error(JSON.stringify(parsed.problems));
  return policyOf(parsed.config);
};

const problemsWith = (deployment: unknown) =>
  problemsIn(
    'production',
    environment((input) => (input['deployment'] = deployment)),
  );

describe('the strategy of the configuration', () => {
  it('moves all at once, with a whole fleet and no checks, unless told otherwise', () => {
    expect(policyWith({})).toMatchObject({
      strategy: { kind: 'all-at-once' },
      growth: { kind: 'full' },
      checks: [],
    });
  });

  it('waits five minutes at each weight, for a person alone, or for both', () => {
    const steps = [
      { weight: 5 },
      { weight: 25, byHand: true },
      { weight: 50, pauseSeconds: 60, byHand: true },
    ];
    const { strategy, growth } = policyWith({
      strategy: { kind: 'canary', steps },
      growth: { kind: 'proportional' },
    });
    expect(stagesOf(strategy)).toEqual([
      { percent: 5, pauseSeconds: 300, byHand: false },
      { percent: 25, pauseSeconds: null, byHand: true },
      { percent: 50, pauseSeconds: 60, byHand: true },
    ]);
    expect(growth).toEqual({ kind: 'proportional', minimum: 1 });
  });

  it('takes equal steps up to everything', () => {
    const { strategy } = policyWith({ strategy: { kind: 'linear', weight: 30, pauseSeconds: 10 } });
    expect(stagesOf(strategy).map(({ percent }) => percent)).toEqual([30, 60, 90]);
  });

  it.each<[string, unknown, string, RegExp]>([
    ['no kind', {}, 'strategy', /must be one of|all-at-once/],
    ['an unknown kind', { kind: 'bluish' }, 'strategy', /all-at-once/],
    ['no steps', { kind: 'canary', steps: [] }, 'strategy.steps', /at least 1/],
    ['all traffic as a step', { kind: 'linear', weight: 100 }, 'strategy.weight', /at most 99/],
    ['steps of a linear one', { kind: 'linear', weight: 10, steps: [] }, 'strategy.steps', /unknown key/],
    [
      'falling weights',
      { kind: 'canary', steps: [{ weight: 25 }, { weight: 25 }] },
      'strategy.steps[1].weight',
      /25 is not more than the 25 .* must rise/,
    ],
  ])('refuses %s', (_what, strategy, where, message) => {
    const problems = problemsWith({ strategy });
    expect(problems).toHaveLength(1);
    expect(problems[0]?.where.startsWith(`deployment.${where}`)).toBe(true);
    expect(problems[0]?.message).toMatch(message);
  });

  it('refuses more instances at least than the fleet may have', () => {
    const growth = { kind: 'proportional', minimum: 5 };
    expect(problemsWith({ growth })).toEqual([
      { where: 'deployment.growth.minimum', message: '5 is more than fleet.maximum 4' },
    ]);
  });
});

describe('the checks of the configuration', () => {
  it('become the rules of the plan, each with its whole pacing', () => {
    const checks = [
      { kind: 'error-rate', name: 'errors', limitPercent: 2, failureLimit: 1 },
      { kind: 'latency', name: 'slow', percentile: 95, limitSeconds: 1, comparison: { enabled: false } },
      { kind: 'command', name: 'own', command: ['./check'], inconclusive: { then: 'turn-back' } },
    ];
    const { checks: made } = policyWith({ analysis: { intervalSeconds: 10, checks } });
    const pacing = {
      intervalSeconds: 10,
      failureLimit: 0,
      consecutiveErrorLimit: 4,
      waitSeconds: 600,
      then: 'halt',
    };
    expect(made).toEqual([
      {
        kind: 'error-rate',
        name: 'errors',
        limit: 0.02,
        windowSeconds: 60,
        minimumRequests: 100,
        comparison: { significance: 0.01, tolerance: 0.001 },
        pacing: { ...pacing, failureLimit: 1 },
      },
      {
        kind: 'latency',
        name: 'slow',
        percentile: 95,
        limitSeconds: 1,
        minimumRequests: 100,
        comparison: null,
        pacing,
      },
      {
        kind: 'command',
        name: 'own',
        command: ['./check'],
        timeoutSeconds: 30,
        pacing: { ...pacing, then: 'turn-back' },
      },
    ]);
  });

  const checksOf = (...checks: unknown[]) => problemsWith({ analysis: { checks } });

  it('refuses two of one name, and one that would judge nothing', () => {
    const hosts = { kind: 'unhealthy-hosts', name: 'hosts' };
    const idle = { kind: 'error-rate', name: 'idle', comparison: { enabled: false } };
    const problems = checksOf(hosts, hosts, idle);
    expect(problems.map(({ where }) => where)).toEqual([
      'deployment.analysis.checks[1].name',
      'deployment.analysis.checks[2]',
    ]);
    expect(problems[1]?.message).toMatch(/judge nothing: give it limitPercent/);
  });

  it('refuses to pass without an answer, and names the key', () => {
    const check = { kind: 'alarms', name: 'alarms', names: ['a'], inconclusive: { then: 'pass' } };
    expect(checksOf(check)).toEqual([
      {
        where: 'deployment.analysis.checks[0].inconclusive.then',
        message: '"pass" is not one of "halt", "turn-back"',
      },
    ]);
  });
});
