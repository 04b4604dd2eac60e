/** What people ask of a deployment that another process drives, and what they see of it. */
import { beforeEach, describe, expect, it } from 'vitest';
import { LineWatcher } from '../../automation/cli/output/watchers';
import { LineReporter } from '../../automation/cli/output/reporter';
import { renderWatch } from '../../automation/cli/output/watch';
import { abort } from '../../automation/operations/abort';
import { ask } from '../../automation/operations/ask';
import { watch, type Watched } from '../../automation/operations/watch';
import { openAndHeld } from '../../automation/operations/running';
import type { DeploymentPolicy } from '../../src/domain/plan';
import { allTo } from '../../src/domain/traffic';
import { acting, type Acts, deploymentOf, livePlace } from '../support/deployments';
import type { FakeWorld } from '../support/fake-world';
import type { MemoryJournal, MemoryLeases } from '../support/memory';
import { refusal, sessionOf, story, type TestSession } from '../support/session';
import { must } from '../support/until';

let world: FakeWorld;
let journal: MemoryJournal;
let leases: MemoryLeases;

const byHand: Partial<DeploymentPolicy> = {
  strategy: {
    kind: 'canary',
    steps: [
      { percent: 5, pauseSeconds: null, byHand: true },
      { percent: 25, pauseSeconds: null, byHand: true },
    ],
  },
};

beforeEach(() => {
  ({ world, journal, leases } = livePlace());
});

/** Another process of another person. */
function desk(): TestSession {
  return {
    ...sessionOf(world, journal, leases),
    holder: { host: 'desk', pid: 7, user: 'ada', job: null },
  };
}

/** Deploys 2.0.0 while people act. */
async function deployed(acts: Acts, change = byHand) {
  const session = sessionOf(world, journal, leases, change);
  const answers = acting(session, acts);
  const result = await deploymentOf(session);
  return { result, answers: await Promise.all(answers), session };
}

/** Waits until the journal has a record. */
async function recorded(kind: string, step: string): Promise<void> {
  for (;;) {
    const records = await journal.read(must((await journal.list())[0]));
    if (records.some((record) => record.kind === kind && 'step' in record && record.step === step)) return;
    await world.clock.wait(1);
  }
}

const FIRST = 'analyse:eu-west-3:5';
const SECOND = 'analyse:eu-west-3:25';

describe('advance', () => {
  it('ends the waiting of the step under way, and of that one alone', async () => {
    const { result, answers } = await deployed({
      [FIRST]: () => ask(desk(), 'advance'),
      [SECOND]: () => ask(desk(), 'advance'),
    });
    expect(result.outcome).toBe('succeeded');
    expect(answers).toMatchObject([
      { wish: 'advance', taken: true, message: expect.stringContaining('goes on from: 5 % on green') },
      { wish: 'advance', taken: true, message: expect.stringContaining('goes on from: 25 % on green') },
    ]);
    expect(result.records.filter(({ kind }) => kind === 'asked')).toMatchObject([
      { request: { sequence: 0, step: FIRST, by: { user: 'ada' } } },
      { request: { sequence: 1, step: SECOND } },
    ]);
  });

  it('to the end leaves out the weights between', async () => {
    const { result } = await deployed({ [FIRST]: () => ask(desk(), 'advance-full') });
    expect(result.outcome).toBe('succeeded');
    expect(story(result.records)).not.toContain('started shift:eu-west-3:25');
    expect(world.at().weightsOf('production')).toEqual(Array(4).fill(allTo('green')));
  });

  it('to the end ends the soak where no weight is left to leave out', async () => {
    const { result, answers } = await deployed(
      { 'soak:eu-west-3': () => ask(desk(), 'advance-full') },
      { soakSeconds: 3600 },
    );
    expect(answers).toMatchObject([{ wish: 'advance', taken: true }]);
    expect(world.clock.now() - result.state.openedAt).toBeLessThan(1_000_000);
  });

  it('is refused where nothing waits, and nothing is asked then', async () => {
    const { answers, session } = await deployed(
      { 'health-gate:eu-west-3': () => refusal(ask(desk(), 'advance')) },
      {},
    );
    expect(answers).toMatchObject([{ code: 'BASCULE_NOTHING_WAITS', exitCode: 2 }]);
    expect(await session.requests.read(must((await journal.list())[0]), 0)).toEqual([]);
  });
});

describe('pause', () => {
  it('holds a deployment where it is until somebody says advance', async () => {
    let held = 0;
    const { result, answers } = await deployed(
      {
        'health-gate:eu-west-3': async () => {
          const first = await ask(desk(), 'pause');
          const again = await ask(desk(), 'pause');
          const before = world.clock.now();
          await world.clock.wait(600_000);
          held = world.clock.now() - before;
          // With its next record the driver renews its lease, which ran out with the time that went by at once.
          await recorded('verified', 'health-gate:eu-west-3');
          expect(world.at().weightsOf('production')).toEqual(Array(4).fill(allTo('blue')));
          return [first, again, await ask(desk(), 'advance')];
        },
      },
      {},
    );
    expect(held).toBeGreaterThanOrEqual(600_000);
    expect(answers[0]).toMatchObject([
      { taken: true, message: expect.stringContaining('holds') },
      { taken: true, message: expect.stringContaining('paused already, by ada on desk') },
      { taken: true },
    ]);
    expect(result.outcome).toBe('succeeded');
  });
});

describe('abort of a deployment that another process drives', () => {
  it('takes it back in its own process, and ends as that one does', async () => {
    const { result, answers } = await deployed({ [FIRST]: () => abort(desk()) });
    expect(result).toMatchObject({ outcome: 'rolled-back', reason: { code: 'BASCULE_ABORTED' } });
    expect(answers).toMatchObject([
      { outcome: 'rolled-back', deployment: result.deployment, reason: { code: 'BASCULE_ABORTED' } },
    ]);
    expect(result.records.map(({ fence }) => fence)).toEqual(Array(result.records.length).fill(1));
    expect(world.at().weightsOf('production')).toEqual(Array(4).fill(allTo('blue')));
  });

  it('takes its place when its driver died meanwhile', async () => {
    const dying = deployed({
      [FIRST]: () => {
        throw new Error('killed');
      },
    });
    await expect(dying).rejects.toThrow();
    expect((await openAndHeld(desk()))?.state.closed).toBeNull();
    expect(await abort(desk())).toMatchObject({ outcome: 'rolled-back' });
  });
});

describe('with nothing under way', () => {
  it.each(['advance', 'advance-full', 'pause', 'abort'] as const)('%s is refused', async (wish) => {
    expect(await refusal(ask(desk(), wish))).toMatchObject({ code: 'BASCULE_NOTHING_RUNNING', exitCode: 2 });
  });

  it('but with one that was interrupted, the ways on are named', async () => {
    const dying = deployed({
      [FIRST]: () => {
        throw new Error('killed');
      },
    });
    await expect(dying).rejects.toThrow();
    await world.clock.wait(120_000);
    const error = await refusal(ask(desk(), 'advance'));
    expect(error).toMatchObject({ code: 'BASCULE_INTERRUPTED', exitCode: 5 });
    expect(error.next).toMatch(/bascule resume test.*bascule abort test/);
  });
});

describe('watching', () => {
  async function seen(change = byHand): Promise<{ looks: Watched[]; lines: string[] }> {
    const looks: Watched[] = [];
    let text = '';
    const watcher = new LineWatcher(new LineReporter({ write: (part) => void (text += part) }));
    await deployed(
      {
        [FIRST]: async () => {
          const session = desk();
          const open = must(await openAndHeld(session));
          for await (const look of watch(session, open.state.deployment)) {
            looks.push(look);
            watcher.show(look);
            if (looks.length === 3) await ask(session, 'advance-full');
          }
        },
      },
      change,
    );
    return { looks, lines: text.split('\n') };
  }

  it('shows weights, instances and steps as they change, to the end', async () => {
    const { looks, lines } = await seen();
    const first = must(looks[0]).view;
    expect(first.regions[0]?.routes[0]).toMatchObject({ blue: 95, green: 5 });
    expect(first.steps.find(({ id }) => id === FIRST)).toMatchObject({ phase: 'under way', byHand: true });
    expect(first.can).toEqual(['advance', 'advance-full', 'pause', 'abort']);
    const last = must(looks.at(-1)).view;
    expect(last).toMatchObject({ outcome: 'succeeded', can: [], abandoned: null });
    expect(last.regions[0]?.routes[0]).toMatchObject({ blue: 0, green: 100 });
    expect(last.steps.find(({ id }) => id === SECOND)?.phase).toBe('skipped');
    expect(last.weights[0]?.points.map(({ percent }) => percent)).toEqual(
      expect.arrayContaining([0, 5, 100]),
    );
    const text = lines.join('\n');
    expect(text).toMatch(
      /weights \[eu-west-3\]: blue 95, green 5 on 4 routes[^]*weights \[eu-west-3\]: blue 0, green 100/,
    );
    expect(text).toMatch(/ada on desk asked: advance to the end/);
    expect(text).toMatch(/ {2}✓ i-\S+: InService, .*version 2\.0\.0 \[eu-west-3\]/);
    expect(text).toMatch(/succeeded: test runs 2\.0\.0\.\n$/);
    expect(new Set(lines).size).toBe(lines.length);
    expect(renderWatch(last)).toMatch(/1\.0\.0 → 2\.0\.0[^]*– 25 % on green/);
  });

  it('goes on with the journal where the world cannot be seen', async () => {
    const session = desk();
    await deployed({ [FIRST]: () => ask(desk(), 'advance-full') });
    const routes = world.at().routes.bind(world.at());
    world.at().routes = () => Promise.reject(new Error('no route to host'));
    try {
      for await (const { view } of watch(session, must((await journal.list())[0])))
        expect(view).toMatchObject({ outcome: 'succeeded', problem: 'no route to host' });
    } finally {
      world.at().routes = routes;
    }
  });
});
