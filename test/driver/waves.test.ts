import { beforeEach, describe, expect, it } from 'vitest';
import { abort } from '../../automation/operations/abort';
import { deploy } from '../../automation/operations/deploy';
import { resume } from '../../automation/operations/resume';
import { rollback } from '../../automation/operations/rollback';
import type { DeploymentPolicy } from '../../src/domain/plan';
import { whereabouts } from '../../src/domain/regions';
import { allTo, type Weights } from '../../src/domain/traffic';
import type { FailurePolicy, WavePolicy } from '../../src/domain/waves';
import type { Message } from '../../src/ports';
import { deploymentOf, livePlace, onceSaid, says } from '../support/deployments';
import type { FakeWorld } from '../support/fake-world';
import type { MemoryJournal, MemoryLeases } from '../support/memory';
import { refusal, sessionOf, story, type TestSession } from '../support/session';

const [PARIS, FRANKFURT, VIRGINIA] = ['eu-west-3', 'eu-central-1', 'us-east-1'] as const;
const REGIONS = [PARIS, FRANKFURT, VIRGINIA];
const WAVES: WavePolicy = {
  order: 'one-by-one',
  soakSeconds: 0,
  onFailure: 'roll-back',
  patienceSeconds: 60,
};

let world: FakeWorld;
let journal: MemoryJournal;
let leases: MemoryLeases;

beforeEach(() => {
  ({ world, journal, leases } = livePlace({ regions: REGIONS }));
});

function session(waves: Partial<WavePolicy> = {}, change: Partial<DeploymentPolicy> = {}): TestSession {
  return sessionOf(world, journal, leases, { waves: { ...WAVES, ...waves }, ...change });
}

/** Does something once a step comes to a point of its story. */
const when = (one: TestSession, kind: Message['kind'], id: string, then: () => void): TestSession =>
  onceSaid(one, says(kind, id), then);

const weights = (): (Weights | 'shared')[] =>
  REGIONS.map((region) => {
    const [first, ...others] = world.at(region).weightsOf('production');
    return first !== undefined && others.every(({ blue }) => blue === first.blue) ? first : 'shared';
  });
const stage = (percent: number) => ({ percent, pauseSeconds: 5, byHand: false });
const BLUE = allTo('blue');
const GREEN = allTo('green');

/** What is as it was before: nothing held, and the former fleet as large as ever. */
function expectFree(region: string): void {
  const blue = world.at(region).fleets.get('blue');
  expect(blue?.suspended).toEqual([]);
  expect(blue?.minimum).toBe(2);
  expect(blue?.instances).toHaveLength(2);
}

describe('three regions with a release that fails in the second alone', () => {
  const failsInFrankfurt = (): void => {
    world.at(FRANKFURT).behaviours.set('2.0.0', 'sick');
  };

  it('go back by default, the latest first, and the third is never touched', async () => {
    failsInFrankfurt();
    const result = await deploymentOf(session());
    expect(result).toMatchObject({ outcome: 'rolled-back', reason: { code: 'BASCULE_GATE_TIMEOUT' } });
    expect(weights()).toEqual([BLUE, BLUE, BLUE]);
    const told = story(result.records);
    expect(told.filter((line) => line.startsWith('undone'))).toEqual([
      `undone shift:${PARIS}`,
      `undone apply-idle:${FRANKFURT}`,
      `undone hold:${PARIS}`,
      `undone apply-idle:${PARIS}`,
    ]);
    expect(told.filter((line) => line.includes(VIRGINIA))).toEqual([]);
    REGIONS.forEach(expectFree);
  });

  it('stay where they are done when they are to be left: only the second goes back, and a person decides', async () => {
    failsInFrankfurt();
    const result = await deploymentOf(session({ onFailure: 'leave' }));
    expect(result).toMatchObject({ outcome: 'halted', reason: { code: 'BASCULE_GATE_TIMEOUT' } });
    expect(weights()).toEqual([GREEN, BLUE, BLUE]);
    expect(result.message).toContain(
      `${PARIS}: on 2.0.0; ${FRANKFURT}: on 1.0.0; no traffic was moved; ${VIRGINIA}: on 1.0.0; no traffic was moved`,
    );
    expect(world.at(FRANKFURT).fleets.get('green')?.instances).toEqual([]);
    REGIONS.forEach(expectFree);
  });

  it.each([
    ['before its cutover', 'started', `follow:${FRANKFURT}`],
    ['in its soak', 'started', `soak:${FRANKFURT}`],
  ] as const)('and left there, %s, go on with resume once it is mended', async (_when, kind, id) => {
    const one = when(session({ onFailure: 'leave' }), kind, id, () => world.at(FRANKFURT).sicken('green'));
    expect(await deploymentOf(one)).toMatchObject({ outcome: 'halted' });
    expect(weights()).toEqual([GREEN, BLUE, BLUE]);
    const again = await resume(session({ onFailure: 'leave' }));
    expect(again).toMatchObject({ outcome: 'succeeded' });
    expect(weights()).toEqual([GREEN, GREEN, GREEN]);
    // What was done is not done again, except that the fleets are held until no region turns back any more.
    const told = story(again.records).slice(story(again.records).indexOf('resumed'));
    expect(told.filter((line) => line.startsWith('started') && line.endsWith(`:${PARIS}`))).toEqual([
      `started hold:${PARIS}`,
      `started release:${PARIS}`,
      `started unpin:${PARIS}`,
      `started point-test-former:${PARIS}`,
    ]);
    REGIONS.forEach(expectFree);
  });

  it('and left there at a weight on the way take all their weights anew', async () => {
    const staged = { strategy: { kind: 'canary' as const, steps: [10, 50].map(stage) } };
    const one = session({ onFailure: 'leave' }, staged);
    when(one, 'started', `analyse:${FRANKFURT}:50`, () => world.at(FRANKFURT).sicken('green'));
    expect(await deploymentOf(one)).toMatchObject({ outcome: 'halted' });
    expect(weights()).toEqual([GREEN, BLUE, BLUE]);
    expect(await resume(session({ onFailure: 'leave' }, staged))).toMatchObject({ outcome: 'succeeded' });
    expect(weights()).toEqual([GREEN, GREEN, GREEN]);
    const moves = world.at(FRANKFURT).writes.filter((writes) => writes[0]?.route.listener === 'production');
    expect(moves.map(([first]) => first?.weights.green)).toEqual([10, 50, 0, 10, 50, 100]);
  });

  it('and left there all go back with abort', async () => {
    failsInFrankfurt();
    await deploymentOf(session({ onFailure: 'leave' }));
    expect(await abort(session({ onFailure: 'leave' }))).toMatchObject({ outcome: 'rolled-back' });
    expect(weights()).toEqual([BLUE, BLUE, BLUE]);
    REGIONS.forEach(expectFree);
  });

  it('fail twice, and halt twice with the same regions done', async () => {
    failsInFrankfurt();
    await deploymentOf(session({ onFailure: 'leave' }));
    expect(await resume(session({ onFailure: 'leave' }))).toMatchObject({ outcome: 'halted' });
    expect(weights()).toEqual([GREEN, BLUE, BLUE]);
  });

  it('go back altogether when nothing is done yet, whatever the policy', async () => {
    world.at(PARIS).behaviours.set('2.0.0', 'sick');
    expect(await deploymentOf(session({ onFailure: 'leave' }))).toMatchObject({ outcome: 'failed' });
    expect(weights()).toEqual([BLUE, BLUE, BLUE]);
  });
});

describe('a region that was done and falls sick between two waves', () => {
  it('is seen by the soak between them, and goes back by policy', async () => {
    for (const [onFailure, outcome, expected] of [
      ['roll-back', 'rolled-back', [BLUE, BLUE, BLUE]],
      ['leave', 'halted', [BLUE, GREEN, BLUE]],
    ] as [FailurePolicy, string, Weights[]][]) {
      ({ world, journal, leases } = livePlace({ regions: REGIONS }));
      const one = session({ soakSeconds: 60, onFailure });
      when(one, 'started', `wave-soak:${FRANKFURT}:2`, () => world.at(PARIS).sicken('green'));
      const result = await deploymentOf(one);
      expect(result).toMatchObject({ outcome, reason: { code: 'BASCULE_SOAK_FAILED' } });
      expect(weights()).toEqual(expected);
    }
  });
});

describe('regions of one wave', () => {
  it('are watched side by side: a soak of three takes no longer than one', async () => {
    const began = world.clock.now();
    const result = await deploymentOf(session({ order: 'together' }, { soakSeconds: 600 }));
    expect(result.outcome).toBe('succeeded');
    expect(world.clock.now() - began).toBeLessThan(2 * 600_000);
    const told = story(result.records);
    const at = (line: string): number => told.indexOf(line);
    expect(at(`verified health-gate:${VIRGINIA}`)).toBeLessThan(at(`started hold:${PARIS}`));
    expect(at(`started shift:${VIRGINIA}`)).toBeLessThan(at(`started prove:${PARIS}`));
    expect(at(`started soak:${VIRGINIA}`)).toBeLessThan(at(`verified soak:${PARIS}`));
  });

  it('all go back when one of them fails in its soak', async () => {
    const one = session({ order: [[PARIS], [FRANKFURT, VIRGINIA]], onFailure: 'leave' });
    when(one, 'started', `soak:${VIRGINIA}`, () => world.at(VIRGINIA).sicken('green'));
    expect(await deploymentOf(one)).toMatchObject({ outcome: 'halted' });
    // Frankfurt was not done either.
    expect(weights()).toEqual([GREEN, BLUE, BLUE]);
  });

  it('go on together when a person does not wait for their weight any longer', async () => {
    const one = session(
      { order: 'together' },
      { strategy: { kind: 'canary', steps: [{ percent: 10, pauseSeconds: null, byHand: true }] } },
    );
    when(one, 'started', `analyse:${VIRGINIA}:10`, () => {
      void world.requests.append({
        deployment:
          one.messages.flatMap((message) => (message.kind === 'opened' ? message.deployment : []))[0] ?? '',
        kind: 'advance',
        step: `analyse:${PARIS}:10`,
        by: one.holder,
        at: world.clock.now(),
      });
    });
    expect(await deploymentOf(one)).toMatchObject({ outcome: 'succeeded' });
    expect(weights()).toEqual([GREEN, GREEN, GREEN]);
  });
});

describe('a region that is cut off', () => {
  const moments = [
    ['before its shift', 'started', `health-gate:${FRANKFURT}`],
    ['right before it', 'started', `shift:${FRANKFURT}`],
    ['after it', 'done', `shift:${FRANKFURT}`],
    ['in its soak', 'started', `soak:${FRANKFURT}`],
  ] as const;
  const cut = (): void => void world.cut.add(FRANKFURT);

  it.each(moments)(
    '%s is unknown; the others go back without it, and resume ends it',
    async (_at, kind, id) => {
      const result = await deploymentOf(when(session(), kind, id, cut));
      expect(result).toMatchObject({ outcome: 'halted', reason: { code: 'BASCULE_REGION_UNREACHABLE' } });
      expect(result.message).toContain(`${FRANKFURT}: unknown`);
      expect(result.message).toContain(`${PARIS}: back on 1.0.0`);
      expect(weights()[0]).toEqual(BLUE);
      expectFree(PARIS);
      expect(world.at(PARIS).fleets.get('green')?.instances).toEqual([]);

      // Nothing else begins on top of what nobody knows.
      const refused = await refusal(deploy(session(), { version: '3.0.0', force: false }));
      expect(refused).toMatchObject({ code: 'BASCULE_REGION_UNREACHABLE', exitCode: 5 });
      // Still cut off: nothing is said to be done.
      expect(await resume(session())).toMatchObject({ outcome: 'halted' });

      world.cut.clear();
      const mended = await resume(session());
      expect(mended).toMatchObject({ outcome: 'rolled-back' });
      expect(weights()).toEqual([BLUE, BLUE, BLUE]);
      REGIONS.forEach(expectFree);
      expect(world.at(FRANKFURT).fleets.get('green')?.instances).toEqual([]);
      expect(whereabouts(mended.state)[1]).toMatch(/^eu-central-1: (back )?on 1\.0\.0/);
    },
  );

  it.each(moments)('%s goes back alone by policy, and then the deployment goes on', async (_at, kind, id) => {
    const result = await deploymentOf(when(session({ onFailure: 'leave' }), kind, id, cut));
    expect(result).toMatchObject({ outcome: 'halted', reason: { code: 'BASCULE_REGION_UNREACHABLE' } });
    expect(weights()[0]).toEqual(GREEN);
    world.cut.clear();
    // What is open in the region is ended first; then it is for a person to say again.
    expect(await resume(session({ onFailure: 'leave' }))).toMatchObject({ outcome: 'halted' });
    expect(weights()).toEqual([GREEN, BLUE, BLUE]);
    expect(await resume(session({ onFailure: 'leave' }))).toMatchObject({ outcome: 'succeeded' });
    expect(weights()).toEqual([GREEN, GREEN, GREEN]);
    REGIONS.forEach(expectFree);
  });

  it('for less than the patience is waited for', async () => {
    const one = when(session(), 'started', `shift:${FRANKFURT}`, cut);
    const wait = world.clock.wait.bind(world.clock);
    const began = { at: 0 };
    world.clock.wait = async (milliseconds) => {
      if (world.cut.size > 0) began.at ||= world.clock.now();
      await wait(milliseconds);
      if (began.at > 0 && world.clock.now() - began.at > 40_000) world.cut.clear();
    };
    expect(await deploymentOf(one)).toMatchObject({ outcome: 'succeeded' });
    expect(weights()).toEqual([GREEN, GREEN, GREEN]);
  });

  it('once it is done is undone later, when another one fails', async () => {
    world.at(VIRGINIA).behaviours.set('2.0.0', 'sick');
    const one = when(session(), 'started', `apply-idle:${VIRGINIA}`, cut);
    const began = world.clock.now();
    const result = await deploymentOf(one);
    expect(result).toMatchObject({ outcome: 'halted', reason: { code: 'BASCULE_REGION_UNREACHABLE' } });
    expect(weights()).toEqual([BLUE, GREEN, BLUE]);
    const told = story(result.records);
    // The others do not wait for it.
    expect(told.indexOf(`undone shift:${PARIS}`)).toBeLessThan(
      told.lastIndexOf(`unreachable shift:${FRANKFURT}`),
    );
    expect(world.clock.now() - began).toBeLessThan(600_000);
    world.cut.clear();
    expect(await abort(session())).toMatchObject({ outcome: 'rolled-back' });
    expect(weights()).toEqual([BLUE, BLUE, BLUE]);
    REGIONS.forEach(expectFree);
  });

  it('does not keep a rollback from the others, and is brought back by resume', async () => {
    await deploymentOf(session());
    const back = when(session(), 'started', `hold:${FRANKFURT}`, cut);
    const result = await rollback(back);
    expect(result).toMatchObject({ outcome: 'halted', reason: { code: 'BASCULE_REGION_UNREACHABLE' } });
    expect(weights()).toEqual([BLUE, GREEN, BLUE]);
    expect(result.message).toContain(`${FRANKFURT}: unknown`);
    world.cut.clear();
    expect(await resume(session())).toMatchObject({ outcome: 'succeeded' });
    expect(weights()).toEqual([BLUE, BLUE, BLUE]);
  });

  it('before a rollback is left out of it, and planned for by resume', async () => {
    await deploymentOf(session());
    cut();
    const result = await rollback(session());
    expect(result).toMatchObject({ outcome: 'halted', reason: { code: 'BASCULE_REGION_UNREACHABLE' } });
    expect(weights()).toEqual([BLUE, GREEN, BLUE]);
    expect(result.message).toContain(`${FRANKFURT}: unknown`);
    expect(await resume(session())).toMatchObject({ outcome: 'halted' });
    world.cut.clear();
    const mended = await resume(session());
    expect(mended).toMatchObject({ outcome: 'succeeded', message: 'test runs 1.0.0.' });
    expect(weights()).toEqual([BLUE, BLUE, BLUE]);
    const moved = world.at(PARIS).writes.filter((writes) => writes[0]?.route.listener === 'production');
    expect(moved).toHaveLength(2);
  });
});
