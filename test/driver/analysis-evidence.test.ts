/** What the weights of a deployment find adds up, and the false alarms that are allowed hold for all of it. */
import { beforeEach, describe, expect, it } from 'vitest';
import { DEFAULT_COMPARISON, DEFAULT_PACING, type Check } from '../../src/domain/analysis/check';
import type { Measurement } from '../../src/domain/analysis/measurement';
import type { Look } from '../../src/ports';
import { deploymentOf, livePlace } from '../support/deployments';
import type { FakeWorld } from '../support/fake-world';
import type { MemoryJournal, MemoryLeases } from '../support/memory';
import { sessionOf } from '../support/session';

let world: FakeWorld;
let journal: MemoryJournal;
let leases: MemoryLeases;

function begin(): void {
  ({ world, journal, leases } = livePlace());
}

beforeEach(begin);

const SIGNIFICANCE = 0.01;

const check: Check = {
  kind: 'error-rate',
  name: 'errors',
  limit: null,
  windowSeconds: 60,
  minimumRequests: 20,
  comparison: { ...DEFAULT_COMPARISON, significance: SIGNIFICANCE },
  pacing: { ...DEFAULT_PACING, intervalSeconds: 30 },
};

/** Of a thousand requests so many fail on the new colour, and ten on the old one. */
function measured(failures: number): (check: unknown, look: Look) => Measurement {
  return (_check, { from, to, before }) => ({
    kind: 'rate',
    window: { from, to },
    periods: [
      {
        from,
        to,
        new: { requests: 1000, failures: before === null ? failures : 10 },
        old: before === null ? { requests: 1000, failures: 10 } : null,
      },
    ],
    before: before === null ? null : [{ requests: 60_000, failures: 600 }],
  });
}

async function deployed(percents: number[], failures: number) {
  world.at().measures = measured(failures);
  const steps = percents.map((percent) => ({ percent, pauseSeconds: 30, byHand: false }));
  const session = sessionOf(world, journal, leases, {
    strategy: { kind: 'canary', steps },
    checks: [check],
  });
  const result = await deploymentOf(session);
  const records = await journal.read(result.deployment);
  const failed = records.flatMap((record) => (record.kind === 'failed' ? [record.step] : []));
  return { outcome: result.outcome, failed, records };
}

describe('a release that is a little worse', () => {
  it('passes a weight alone, and is turned back by what several weights found together', async () => {
    expect((await deployed([10], 22)).outcome).toBe('succeeded');
    begin();
    const { outcome, failed } = await deployed([10, 20, 30, 40, 50], 22);
    expect(outcome).toBe('rolled-back');
    expect(failed).toHaveLength(1);
    expect(failed[0]).toMatch(/^analyse:eu-west-3:(30|40|50)$/);
  });
});

describe('the false alarms that are allowed', () => {
  it('are shared by the weights and the soak', async () => {
    const { records } = await deployed([10, 50], 10);
    const steps = records.flatMap((record) => (record.kind === 'opened' ? record.plan.steps : []));
    const parts = steps.flatMap((step) =>
      (step.kind === 'analyse' || step.kind === 'soak' ? (step.checks ?? []) : []).map((one) =>
        one.kind === 'error-rate' ? [step.kind, one.comparison?.significance ?? 0] : [],
      ),
    );
    const ofWeights = parts.filter(([kind]) => kind === 'analyse').map(([, part]) => part);
    expect(ofWeights).toEqual([0.75 * SIGNIFICANCE, 0.75 * SIGNIFICANCE]);
    const [ofSoak] = parts.filter(([kind]) => kind === 'soak').map(([, part]) => Number(part));
    expect(ofSoak).toBeLessThanOrEqual(0.125 * SIGNIFICANCE);
    expect(ofSoak).toBeGreaterThan(0);
  });
});
