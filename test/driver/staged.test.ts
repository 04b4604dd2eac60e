/** Traffic in steps: what the driver writes, what people ask of it meanwhile, and how it goes on after a kill. */
import { beforeEach, describe, expect, it } from 'vitest';
import { resume } from '../../automation/operations/resume';
import type { DeploymentPolicy } from '../../src/domain/plan';
import type { RequestKind } from '../../src/domain/request';
import { replay } from '../../src/domain/replay';
import type { Stage } from '../../src/domain/strategy';
import { allTo, type Weights } from '../../src/domain/traffic';
import { begins, deploymentOf, livePlace, onceSaid, says, whenSaid } from '../support/deployments';
import type { FakeWorld } from '../support/fake-world';
import type { MemoryJournal, MemoryLeases } from '../support/memory';
import { sessionOf, story, type TestSession } from '../support/session';

const R = 'eu-west-3';
const timed = (percent: number): Stage => ({ percent, pauseSeconds: 30, byHand: false });
const byHand = (percent: number): Stage => ({ percent, pauseSeconds: null, byHand: true });
const at = (green: number): Weights => ({ blue: 100 - green, green });

let world: FakeWorld;
let journal: MemoryJournal;
let leases: MemoryLeases;

beforeEach(() => {
  ({ world, journal, leases } = livePlace({ instances: 4 }));
});

function session(steps: Stage[], change: Partial<DeploymentPolicy> = {}): TestSession {
  const capacity = { minimum: 1, maximum: 8, desired: 4 };
  return sessionOf(world, journal, leases, { strategy: { kind: 'canary', steps }, capacity, ...change });
}

async function deployed(one: TestSession) {
  const result = await deploymentOf(one);
  return { ...result, lines: story(result.records) };
}

async function ask(kind: RequestKind, step: string | null = null): Promise<void> {
  const deployment = (await journal.list()).at(-1) ?? '';
  const by = { host: 'desk', pid: 7, user: 'ada', job: null };
  await world.requests.append({ deployment, kind, step, by, at: world.clock.now() });
}

/** The weights that each write left on one production rule, in order. */
function weightsWritten(): Weights[] {
  return world
    .at()
    .writes.flatMap((changes) =>
      changes.flatMap(({ route, weights }) => (route.id === 'rule-0' ? [weights] : [])),
    );
}

const killed = () => {
  throw new Error('killed');
};

describe('a canary', () => {
  it('moves every route to each weight in turn, looks after each, and then cuts over', async () => {
    const result = await deployed(session([timed(5), timed(25)]));
    expect(result.outcome).toBe('succeeded');
    expect(weightsWritten()).toEqual([at(5), at(25), allTo('green')]);
    const verified = result.lines.filter((line) => /^verified (follow|shift|analyse)/.test(line));
    expect(verified).toEqual(
      [':5', ':25']
        .flatMap((p) => [`follow:${R}${p}`, `shift:${R}${p}`, `analyse:${R}${p}`])
        .concat([`follow:${R}`, `shift:${R}`])
        .map((id) => `verified ${id}`),
    );
  });

  it('of equal steps goes up by as much each time', async () => {
    const strategy = { kind: 'linear', percent: 40, pauseSeconds: 10, byHand: false } as const;
    expect((await deployed(session([], { strategy }))).outcome).toBe('succeeded');
    expect(weightsWritten()).toEqual([at(40), at(80), allTo('green')]);
  });

  it('goes back from its second weight in one write for each rule', async () => {
    const one = session([timed(5), timed(25), timed(50)]);
    onceSaid(one, says('started', `analyse:${R}:25`), () => void ask('abort'));
    const result = await deployed(one);
    expect(result).toMatchObject({ outcome: 'rolled-back', reason: { code: 'BASCULE_ABORTED' } });
    expect(result.reason?.message).toContain('ada on desk');
    expect(weightsWritten()).toEqual([at(5), at(25), allTo('blue')]);
    const back = result.lines.slice(result.lines.indexOf('rollbackRequested'));
    expect(back.slice(0, 4)).toEqual([
      'rollbackRequested',
      'asked',
      `undoStarted shift:${R}:25`,
      `undone shift:${R}:25`,
    ]);
    expect(back.filter((line) => line.includes('shift'))).toHaveLength(2);
    expect(world.at().weightsOf('production')).toEqual(Array(4).fill(allTo('blue')));
  });

  it('goes back when its process is asked to stop before the cutover', async () => {
    const one = session([byHand(10)]);
    onceSaid(one, says('started', `analyse:${R}:10`), () => one.stopNow());
    expect(await deployed(one)).toMatchObject({
      outcome: 'rolled-back',
      reason: { code: 'BASCULE_STOPPED' },
    });
    expect(weightsWritten()).toEqual([at(10), allTo('blue')]);
  });

  it.each([
    ['the weight before the last', allTo('blue')],
    ['any other', at(63)],
  ])('halts where somebody moved a rule to %s', async (_what, weights) => {
    const one = session([timed(5), timed(25)]);
    onceSaid(one, says('started', `analyse:${R}:25`), () => world.at().setWeights('rule-1', weights));
    const result = await deployed(one);
    expect(result).toMatchObject({ outcome: 'halted', reason: { code: 'BASCULE_TRAFFIC_DRIFT' } });
    expect(result.reason?.details.join()).toContain('expected blue 75, green 25');
  });
});

describe('the fleet of a canary', () => {
  const growth = { kind: 'proportional', minimum: 1 } as const;
  const instances = () => world.at().fleets.get('green')?.instances.length;

  it('starts small and is grown before each weight, also after the live fleet grew', async () => {
    const seen: Record<string, number | undefined> = {};
    const one = session([timed(25), timed(50)], { growth });
    whenSaid(one, begins('shift'), (message) => {
      if (message.kind === 'started') seen[message.step.id] = instances();
    });
    onceSaid(one, says('started', `analyse:${R}:25`), () => world.at().scale('blue', 6));
    expect((await deployed(one)).outcome).toBe('succeeded');
    expect(seen).toEqual({ [`shift:${R}:25`]: 1, [`shift:${R}:50`]: 3, [`shift:${R}`]: 6 });
  });

  it('is never smaller than the minimum', async () => {
    const one = session([timed(1)], { growth: { kind: 'proportional', minimum: 2 } });
    let first: number | undefined;
    onceSaid(one, says('started', `shift:${R}:1`), () => (first = instances()));
    await deployed(one);
    expect(first).toBe(2);
  });

  it('that does not grow turns back at once, with the words of AWS', async () => {
    const one = session([timed(25), timed(50)], { growth });
    const message = 'You have requested more vCPU capacity than your current vCPU limit of 32 allows.';
    onceSaid(one, says('started', `follow:${R}:50`), () => {
      const region = world.at();
      const read = region.read.bind(region);
      const failed = {
        at: world.clock.now() + 1,
        status: 'Failed',
        description: 'Launching a new EC2 instance',
        message,
      };
      region.read = async (colour) => {
        const reading = await read(colour);
        if (reading === undefined || colour === 'blue') return reading;
        return { ...reading, instances: reading.instances.slice(0, 1), activities: [failed] };
      };
    });
    const began = world.clock.now();
    const result = await deployed(one);
    expect(result).toMatchObject({ outcome: 'rolled-back', reason: { code: 'BASCULE_LAUNCH_FAILED' } });
    expect(result.reason?.message).toContain(message);
    expect(weightsWritten()).toEqual([at(25), allTo('blue')]);
    expect(world.clock.now() - began).toBeLessThan(60_000);
  });
});

describe('a person', () => {
  it('goes on from a weight that waits for one, and only from that', async () => {
    const one = session([byHand(10), timed(50)]);
    onceSaid(one, says('waiting', `analyse:${R}:10`), () => void ask('advance', `analyse:${R}:10`));
    const began = world.clock.now();
    const result = await deployed(one);
    expect(result.outcome).toBe('succeeded');
    expect(weightsWritten()).toEqual([at(10), at(50), allTo('green')]);
    expect(world.clock.now() - began).toBeGreaterThan(30_000);
    expect(one.messages).toContainEqual(expect.objectContaining({ kind: 'asked' }));
  });

  it('goes on to the end without the weights between', async () => {
    const one = session([byHand(10), timed(50), timed(75)]);
    onceSaid(one, says('waiting', `analyse:${R}:10`), () => void ask('advance-full'));
    const result = await deployed(one);
    expect(result.outcome).toBe('succeeded');
    expect(weightsWritten()).toEqual([at(10), allTo('green')]);
    expect(result.lines).toContain(`verified soak:${R}`);
  });

  it('pauses: the weight is kept and watched until somebody goes on', async () => {
    const one = session([timed(10), timed(50)]);
    let resumedAt = 0;
    onceSaid(one, says('started', `analyse:${R}:10`), () => {
      void ask('pause');
      world.clock.after(300_000, () => {
        expect(weightsWritten()).toEqual([at(10)]);
        resumedAt = world.clock.now();
        void ask('advance', `analyse:${R}:10`);
      });
    });
    const result = await deployed(one);
    expect(result.outcome).toBe('succeeded');
    expect(result.state.steps[`analyse:${R}:10`]?.endedAt).toBeGreaterThanOrEqual(resumedAt);
    expect(result.state.steps[`analyse:${R}:10`]?.endedAt).toBeLessThan(resumedAt + 10_000);
  });

  it('pauses before a step: it does not begin, and the way back stays open', async () => {
    const one = session([timed(10)]);
    onceSaid(one, says('started', `health-gate:${R}`), () => void ask('pause'));
    onceSaid(
      one,
      (message) => message.kind === 'waiting' && message.for.includes('paused by ada on desk'),
      () => void world.clock.after(60_000, () => void ask('abort')),
    );
    const result = await deployed(one);
    expect(result).toMatchObject({ outcome: 'failed', reason: { code: 'BASCULE_ABORTED' } });
    expect(weightsWritten()).toEqual([]);
    expect(result.lines).not.toContain(`started shift:${R}:10`);
  });

  it('is told that it is too late to go back once the former fleet is let go', async () => {
    const one = session([], {
      strategy: { kind: 'all-at-once' },
      retire: { when: 'after', afterSeconds: 0 },
    });
    onceSaid(one, says('started', `retire:${R}`), () => void ask('abort'));
    world.at().scale('blue', 4);
    const read = world.at().read.bind(world.at());
    let leaving = 3;
    // The last instance drains for a while, so that the driver waits in this step.
    world.at().read = async (colour) => {
      const reading = await read(colour);
      if (colour !== 'blue' || reading?.desired !== 0 || (leaving -= 1) < 0) return reading;
      return { ...reading, instances: [{ ...GONE }] };
    };
    const result = await deployed(one);
    expect(result.outcome).toBe('succeeded');
    expect(one.messages.find((message) => message.kind === 'asked')).toMatchObject({
      refused: {
        code: 'BASCULE_TOO_LATE',
        message: expect.stringContaining('is being scaled down') as string,
      },
    });
  });

  it('is heard also where what it asked was left by a driver that is gone', async () => {
    const one = session([byHand(10), timed(50)]);
    onceSaid(one, says('started', `analyse:${R}:10`), killed);
    await expect(deployed(one)).rejects.toThrow('killed');
    await ask('abort');
    const result = await resume(session([byHand(10), timed(50)]));
    expect(result).toMatchObject({ outcome: 'rolled-back', reason: { code: 'BASCULE_ABORTED' } });
    expect(weightsWritten()).toEqual([at(10), allTo('blue')]);
  });
});

const GONE = {
  id: 'i-last',
  version: '1.0.0',
  lifecycle: 'Terminating:Wait',
  statusCheck: 'ok',
  target: 'draining',
  targetReason: '',
} as const;

describe('a driver that was killed in the middle', () => {
  it.each([`analyse:${R}:5`, `shift:${R}:25`, `follow:${R}:25`, `analyse:${R}:25`, `shift:${R}`])(
    'at the beginning of %s is gone on with, each weight written once',
    async (step) => {
      const one = session([timed(5), timed(25)]);
      onceSaid(one, says('started', step), killed);
      await expect(deployed(one)).rejects.toThrow('killed');
      const result = await resume(session([timed(5), timed(25)]));
      expect(result.outcome).toBe('succeeded');
      expect(weightsWritten()).toEqual([at(5), at(25), allTo('green')]);
    },
  );

  it('stays paused, as it was', async () => {
    const one = session([timed(10)]);
    onceSaid(one, says('started', `analyse:${R}:10`), () => void ask('pause'));
    onceSaid(one, (message) => message.kind === 'asked', killed);
    await expect(deployed(one)).rejects.toThrow('killed');
    world.clock.after(200_000, () => void ask('advance', `analyse:${R}:10`));
    const began = world.clock.now();
    const result = await resume(session([timed(10)]));
    expect(result.outcome).toBe('succeeded');
    expect(world.clock.now() - began).toBeGreaterThanOrEqual(200_000);
  });
});

describe('what was moved by hand on the way, and accepted', () => {
  const stages = [timed(5), timed(25), timed(50)];

  async function halted(weights: Weights): Promise<void> {
    const one = session(stages);
    onceSaid(one, says('started', `analyse:${R}:5`), () => {
      for (const id of ['production-default', 'rule-0', 'rule-1', 'rule-2'])
        world.at().setWeights(id, weights);
    });
    expect((await deployed(one)).outcome).toBe('halted');
    world.at().writes = [];
  }

  it.each([
    [at(30), [at(50), allTo('green')], [':25', ':50']],
    [at(2), [at(5), at(25), at(50), allTo('green')], [':5', ':25', ':50']],
    [at(100), [], []],
  ])('goes on from %o without taking a step back', async (weights, writes, looks) => {
    await halted(weights);
    const result = await resume(session(stages), { accept: true });
    expect(result.outcome).toBe('succeeded');
    expect(weightsWritten()).toEqual(writes);
    const replanned = result.records.findIndex((record) => record.kind === 'replanned');
    const started = story(result.records.slice(replanned)).filter((line) =>
      line.startsWith('started analyse'),
    );
    expect(started).toEqual(looks.map((p) => `started analyse:${R}${p}`));
  });

  it('is taken back whole when the deployment turns back', async () => {
    await halted(at(30));
    const one = session(stages);
    onceSaid(one, says('started', `analyse:${R}:50`), () => void ask('abort'));
    const result = await resume(one, { accept: true });
    expect(result.outcome).toBe('rolled-back');
    expect(world.at().weightsOf('production')).toEqual(Array(4).fill(allTo('blue')));
    expect(weightsWritten()).toEqual([at(50), allTo('blue')]);
    expect(replay(result.records).closed?.outcome).toBe('rolled-back');
  });
});
