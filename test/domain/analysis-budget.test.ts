import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { budgeted, type Watched } from '../../src/domain/analysis/budget';
import { DEFAULT_COMPARISON, DEFAULT_PACING, type Check } from '../../src/domain/analysis/check';

const rate = (name: string, significance = 0.01): Check => ({
  kind: 'error-rate',
  name,
  limit: null,
  windowSeconds: 60,
  minimumRequests: 100,
  comparison: { ...DEFAULT_COMPARISON, significance },
  pacing: { ...DEFAULT_PACING, intervalSeconds: 10 },
});
const hosts: Check = { kind: 'unhealthy-hosts', name: 'hosts', limit: 0, pacing: DEFAULT_PACING };

const significanceOf = (check: Check): number =>
  check.kind === 'error-rate' ? (check.comparison?.significance ?? 0) : 0;
const sum = (numbers: readonly number[]): number => numbers.reduce((one, other) => one + other, 0);

describe('the significance of the checks of a plan', () => {
  it('is shared by all that compares, over all regions and looks of the soak, and is used up', () => {
    const watched = fc.record({
      regions: fc.integer({ min: 1, max: 4 }),
      stages: fc.nat(6),
      soakSeconds: fc.nat(3600),
    });
    fc.assert(
      fc.property(watched, fc.integer({ min: 1, max: 4 }), (given: Watched, checks) => {
        const all = [hosts, ...Array.from({ length: checks }, (_, at) => rate(`check-${at}`))];
        const { stages, soak } = budgeted(all, given);
        const looks = Math.ceil(given.soakSeconds / 10) + 1;
        const inStages = given.stages === 0 ? 0 : sum(stages.map(significanceOf)) * given.regions;
        const inSoak = given.soakSeconds === 0 ? 0 : sum(soak.map(significanceOf)) * looks * given.regions;
        const used = given.stages === 0 && given.soakSeconds === 0 ? 0 : 0.01;
        expect(inStages + inSoak).toBeCloseTo(used, 12);
      }),
    );
  });

  it('is the whole of it for the only check without a soak', () => {
    const [only] = budgeted([rate('errors')], { regions: 1, stages: 3, soakSeconds: 0 }).stages;
    expect(only).toEqual(rate('errors'));
  });

  it('leaves alone what does not compare', () => {
    const alone: Check = { ...rate('limit'), comparison: null } as Check;
    const { stages, soak } = budgeted([hosts, alone], { regions: 2, stages: 2, soakSeconds: 60 });
    expect(stages).toEqual([hosts, alone]);
    expect(soak).toEqual([hosts, alone]);
  });
});
