import { beforeEach, describe, expect, it } from 'vitest';
import { deploy } from '../../automation/operations/deploy';
import { retire } from '../../automation/operations/retire';
import { rollback } from '../../automation/operations/rollback';
import { allTo } from '../../src/domain/traffic';
import { deploymentOf, emptyPlace, livePlace } from '../support/deployments';
import type { FakeWorld } from '../support/fake-world';
import type { MemoryJournal, MemoryLeases } from '../support/memory';
import { refusal, sessionOf, story, type TestSession } from '../support/session';

let world: FakeWorld;
let journal: MemoryJournal;
let leases: MemoryLeases;

beforeEach(() => {
  ({ world, journal, leases } = emptyPlace());
});

const session = (): TestSession => sessionOf(world, journal, leases);
const deployed = (version: string) => deploymentOf(session(), { version });

describe('a deployment', () => {
  it('brings the idle colour up at the live desired capacity, gates, cuts over every route, and succeeds', async () => {
    world.runs('blue', '1.0.0', 3);
    const result = await deployed('2.0.0');
    expect(result.outcome).toBe('succeeded');
    expect(world.applied[0]).toMatchObject({
      colour: 'green',
      version: '2.0.0',
      capacity: { minimum: 3, desired: 3 },
    });
    expect(world.at().weightsOf('production')).toEqual(Array(4).fill(allTo('green')));
    expect(world.at().weightsOf('test')).toEqual([allTo('blue')]);
    expect(story(await journal.read(result.deployment)).at(-1)).toBe('closed');
  });

  it('is possible with nothing live, and moves traffic only after the gate', async () => {
    const result = await deployed('1.0.0');
    expect(result).toMatchObject({ outcome: 'succeeded', plan: { formerVersion: null } });
    const kinds = story(await journal.read(result.deployment));
    expect(kinds.indexOf('verified health-gate:eu-west-3')).toBeLessThan(
      kinds.indexOf('started shift:eu-west-3'),
    );
  });

  it('of the version that is live changes nothing unless forced', async () => {
    world.runs('blue', '1.0.0');
    const result = await deploy(session(), { version: '1.0.0', force: false });
    expect(result.kind).toBe('already-live');
    expect(world.applied).toEqual([]);
    const forced = await deploy(session(), { version: '1.0.0', force: true });
    expect(forced).toMatchObject({ kind: 'deployed', outcome: 'succeeded' });
  });

  it('of a version without an image is refused before anything is touched', async () => {
    world.runs('blue', '1.0.0');
    const error = await refusal(deploy(session(), { version: 'missing', force: false }));
    expect(error).toMatchObject({ code: 'BASCULE_IMAGE_MISSING', exitCode: 2 });
    expect(await journal.list()).toEqual([]);
  });

  it('clears what the idle fleet still runs of another release', async () => {
    world.runs('blue', '2.0.0');
    world.runs('green', '1.0.0');
    const result = await deployed('3.0.0');
    expect(result.plan.steps[0]?.kind).toBe('clear-idle');
    expect(world.applied[0]).toMatchObject({ colour: 'green', capacity: { maximum: 0 } });
    expect((await world.at().read('green'))?.instances.every((one) => one.version === '3.0.0')).toBe(true);
  });

  it('follows a live fleet that grew while the gates were shut', async () => {
    world.runs('blue', '1.0.0', 2);
    world.clock.after(1500, () => world.at().scale('blue', 4));
    await deployed('2.0.0');
    expect((await world.at().read('green'))?.instances).toHaveLength(4);
  });
});

describe('a request to stop', () => {
  it('before the cutover takes the way back', async () => {
    world.runs('blue', '1.0.0');
    const one = session();
    world.beforeApply = () => one.stopNow();
    const result = await deploy(one, { version: '2.0.0', force: false });
    expect(result).toMatchObject({ outcome: 'failed', reason: { code: 'BASCULE_STOPPED' } });
    expect(world.at().weightsOf('production')).toEqual(Array(4).fill(allTo('blue')));
  });

  it('during the cutover lets it finish and halts for a person', async () => {
    world.runs('blue', '1.0.0');
    const one = session();
    let writes = 0;
    world.at().beforeWrite = () => {
      writes += 1;
      if (writes === 2) one.stopNow();
    };
    const result = await deploy(one, { version: '2.0.0', force: false });
    expect(result).toMatchObject({ outcome: 'halted', reason: { code: 'BASCULE_STOPPED' } });
    expect(world.at().weightsOf('production')).toEqual(Array(4).fill(allTo('green')));
  });
});

describe('a rollback', () => {
  it('moves traffic back in one go while the former colour is warm', async () => {
    world.runs('blue', '1.0.0');
    await deployed('2.0.0');
    const applied = world.applied.length;
    const one = session();
    const result = await rollback(one);
    expect(result).toMatchObject({
      outcome: 'succeeded',
      plan: { version: '1.0.0', formerVersion: '2.0.0' },
    });
    expect(world.at().weightsOf('production')).toEqual(Array(4).fill(allTo('blue')));
    expect(result.plan.steps.some((step) => step.kind === 'apply-idle')).toBe(false);
    expect(world.applied.slice(applied).every((target) => target.capacity.minimum > 0)).toBe(true);
    expect(one.messages).toContainEqual({
      kind: 'note',
      text: expect.stringContaining('blue is warm and healthy at 1.0.0') as string,
    });
  });

  it('brings the former release up again when it was retired or overwritten', async () => {
    world.runs('blue', '1.0.0');
    await deployed('2.0.0');
    await retire(session());
    world.at().behaviours.set('3.0.0', 'sick');
    expect(await deployed('3.0.0')).toMatchObject({ outcome: 'failed' });
    const one = session();
    const result = await rollback(one);
    expect(result).toMatchObject({ outcome: 'succeeded', plan: { version: '1.0.0' } });
    expect(one.messages).toContainEqual({
      kind: 'note',
      text: expect.stringContaining('is brought up at 1.0.0') as string,
    });
    expect(world.at().weightsOf('production')).toEqual(Array(4).fill(allTo('blue')));
  });

  it('is refused when there is no former release', async () => {
    await deployed('1.0.0');
    expect(await refusal(rollback(session()))).toMatchObject({ code: 'BASCULE_NO_FORMER_RELEASE' });
  });
});

describe('several regions', () => {
  it('go one after the other, each proven before the next begins', async () => {
    ({ world, journal, leases } = livePlace({ regions: ['eu-west-3', 'eu-central-1'] }));
    const result = await deployed('2.0.0');
    expect(result.outcome).toBe('succeeded');
    const kinds = story(await journal.read(result.deployment));
    expect(kinds.indexOf('verified soak:eu-west-3')).toBeLessThan(
      kinds.indexOf('started apply-idle:eu-central-1'),
    );
    expect(kinds.indexOf('verified soak:eu-central-1')).toBeLessThan(
      kinds.indexOf('started release:eu-west-3'),
    );
    expect(world.at('eu-central-1').weightsOf('production')).toEqual(Array(4).fill(allTo('green')));
  });
});
