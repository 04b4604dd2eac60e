import { describe, expect, it } from 'vitest';
import { strategyFrom, type StrategyOptions } from '../../automation/cli/commands/strategy-options';
import { BasculeError } from '../../src/domain/errors';
import type { Strategy } from '../../src/domain/strategy';

const AT_ONCE: Strategy = { kind: 'all-at-once' };
const CANARY: Strategy = { kind: 'canary', steps: [{ percent: 7, pauseSeconds: 60, byHand: false }] };
const LINEAR: Strategy = { kind: 'linear', percent: 20, pauseSeconds: null, byHand: true };

const options = (given: Partial<StrategyOptions>): StrategyOptions => ({
  strategy: undefined,
  weights: undefined,
  pause: undefined,
  'by-hand': undefined,
  ...given,
});

describe('strategyFrom', () => {
  it.each([AT_ONCE, CANARY, LINEAR])('keeps what is configured when nothing is said: $kind', (configured) => {
    expect(strategyFrom(options({}), configured)).toEqual(configured);
    expect(strategyFrom(options({ strategy: configured.kind }), configured)).toEqual(configured);
  });

  it('makes a strategy of the options alone', () => {
    const canary = options({ strategy: 'canary', weights: '5, 25', pause: 10 });
    expect(strategyFrom(canary, AT_ONCE)).toEqual({
      kind: 'canary',
      steps: [
        { percent: 5, pauseSeconds: 10, byHand: false },
        { percent: 25, pauseSeconds: 10, byHand: false },
      ],
    });
    const linear = options({ strategy: 'linear', weights: '25', 'by-hand': true });
    expect(strategyFrom(linear, CANARY)).toEqual({
      kind: 'linear',
      percent: 25,
      pauseSeconds: null,
      byHand: true,
    });
    expect(strategyFrom(options({ strategy: 'all-at-once' }), CANARY)).toEqual(AT_ONCE);
  });

  it('changes the pauses of the configured weights', () => {
    expect(strategyFrom(options({ pause: 5 }), CANARY)).toEqual({
      kind: 'canary',
      steps: [{ percent: 7, pauseSeconds: 5, byHand: false }],
    });
    expect(strategyFrom(options({ pause: 0, 'by-hand': true }), LINEAR)).toEqual({
      kind: 'linear',
      percent: 20,
      pauseSeconds: 0,
      byHand: true,
    });
  });

  it.each<[Partial<StrategyOptions>, Strategy, RegExp]>([
    [{ strategy: 'canary' }, AT_ONCE, /--strategy canary needs --weights/],
    [{ weights: '5' }, AT_ONCE, /go with --strategy canary or linear/],
    [{ strategy: 'all-at-once', pause: 5 }, CANARY, /go with --strategy canary or linear/],
    [{ strategy: 'canary', weights: '25,5' }, AT_ONCE, /--weights: 5 is not more than the 25/],
    [{ strategy: 'canary', weights: '5,all' }, AT_ONCE, /--weights: /],
    [{ strategy: 'canary', weights: '5,' }, AT_ONCE, /--weights: /],
    [{ strategy: 'canary', weights: '5,100' }, AT_ONCE, /--weights: .*at most 99/],
    [{ strategy: 'canary', weights: '5', pause: -1 }, AT_ONCE, /--pause: .*at least 0/],
    [{ strategy: 'linear', weights: '10,20' }, AT_ONCE, /one weight, that of each step/],
  ])('refuses %o with one error and exit code 2', (given, configured, message) => {
    let thrown: unknown;
    try {
      strategyFrom(options(given), configured);
    } catch (problem) {
      thrown = problem;
    }
    expect(thrown).toBeInstanceOf(BasculeError);
    expect(thrown).toMatchObject({ code: 'BASCULE_STRATEGY_OPTIONS', exitCode: 2 });
    expect(thrown).toHaveProperty('message', expect.stringMatching(message));
  });
});
