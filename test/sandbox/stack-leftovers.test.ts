/** What a killed engine leaves of a stack, on the real engine: the next operation mends it. */
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { FLEET, FLEET_STACK, green, NO_LEFTOVERS, StackWorld } from '../support/stack-world';
import { ENVIRONMENT } from '../support/e2e-project';
import { processOf } from '../../src/adapters/engine-processes';
import { pendingOf } from '../../src/adapters/stack-state';

/** What shows the same by another resource or at another instant is left to the night. */
const NIGHTLY = process.env['BASCULE_NIGHTLY'] === '1';
const KILLED_AT = [
  ['CreateAutoScalingGroup', 'after'],
  ...(NIGHTLY
    ? ([
        ['CreateAutoScalingGroup', 'before'],
        ['CreateLaunchTemplate', 'before'],
        ['CreateLaunchTemplate', 'after'],
      ] as const)
    : []),
] as const;
const LOST = ['CreateAutoScalingGroup', ...(NIGHTLY ? ['CreateLaunchTemplate'] : [])];

let world: StackWorld;

beforeAll(async () => {
  world = await StackWorld.start();
  await (await world.stacks()).upService();
});

afterAll(() => world?.dispose());

beforeEach(async () => {
  world.unhook();
  await (await world.stacks()).destroyFleet('eu-west-3', 'green');
  world.notes.length = 0;
});

async function expectOneFleet(): Promise<void> {
  expect(await world.launchTemplates()).toEqual([FLEET]);
  expect(await world.groups()).toEqual([FLEET]);
  expect(await world.leftovers(FLEET_STACK)).toEqual(NO_LEFTOVERS);
  const again = await (await world.stacks()).applyFleet(green('1.0.0'));
  expect(again).toMatchObject({ created: 0, updated: 0, replaced: 0, deleted: 0 });
}

describe('a driver and its engine killed together', () => {
  it.each(KILLED_AT)('%s, %s its effect: one fleet, and nothing is left over', async (action, when) => {
    await world.killAt('green:1.0.0', action, when);
    expect(await world.locks(FLEET_STACK)).toHaveLength(1);
    expect(pendingOf(await world.state(FLEET_STACK))).toMatchObject([{ type: 'creating' }]);
    await (await world.stacks()).applyFleet(green('1.0.0'));
    expect(world.notes).toContainEqual(expect.stringMatching(/^The lock of .* whose process is gone/));
    await expectOneFleet();
  });

  it('in the midst of a change: the way back is not taken for done', async () => {
    const before = { ...green('1.0.0'), capacity: { minimum: 0, maximum: 1, desired: 0 } };
    await (await world.stacks()).applyFleet(before);
    await world.killAt('green:1.0.0', 'UpdateAutoScalingGroup', 'after');
    expect(pendingOf(await world.state(FLEET_STACK))).toMatchObject([{ type: 'updating' }]);
    expect(await world.limits()).toEqual([[1, 2]]);
    await (await world.stacks()).applyFleet(before);
    expect(await world.limits()).toEqual([[0, 1]]);
    expect(world.notes).toContainEqual(expect.stringMatching(/Group fleet was being changed .* read anew/));
    expect(await world.leftovers(FLEET_STACK)).toEqual(NO_LEFTOVERS);
  });

  it('and the lock removed by hand: what was being created is adopted all the same', async () => {
    await world.killAt('green:1.0.0', 'CreateAutoScalingGroup', 'after');
    await world.pulumi('cancel', '--yes', '--stack', FLEET_STACK).ended;
    await (await world.stacks()).applyFleet(green('1.0.0'));
    expect(world.notes).toEqual([expect.stringMatching(/Group fleet was being created .* was adopted\.$/)]);
    await expectOneFleet();
  });

  it('the fleet can be taken away at once', async () => {
    await world.killAt('green:1.0.0', 'CreateAutoScalingGroup', 'after');
    await (await world.stacks()).destroyFleet('eu-west-3', 'green');
    expect(await world.launchTemplates()).toEqual([]);
    expect(await world.groups()).toEqual([]);
    expect(await world.locks(FLEET_STACK)).toEqual([]);
  });

  it('a lock of another machine is taken when nothing has changed for long enough', async () => {
    await world.killAt('green:1.0.0', 'CreateAutoScalingGroup', 'after');
    await world.moveLock(FLEET_STACK, 'ci-runner-7');
    await (await world.stacks({ silenceSeconds: 2 })).applyFleet(green('1.0.0'));
    expect(world.notes).toContainEqual(
      expect.stringMatching(/locked from another machine by .*@ci-runner-7/),
    );
    expect(world.notes).toContainEqual(expect.stringMatching(/left by .*@ci-runner-7 .* silent for \d+ s/));
    await expectOneFleet();
  });
});

describe('a killed engine', () => {
  it('whose driver lives: the update is mended and done again', async () => {
    const held = world.hold('CreateAutoScalingGroup', 'after');
    const update = (await world.stacks()).applyFleet(green('1.0.0'));
    await held.reached;
    process.kill(await world.engine(FLEET_STACK), 'SIGKILL');
    held.release();
    await update;
    expect(world.notes[0]).toMatch(/^The Pulumi engine of .* was killed/);
    await expectOneFleet();
  });
});

describe('a killed driver', () => {
  it('whose engine lives on: it is awaited, and nothing runs beside it', async () => {
    const held = world.hold('CreateAutoScalingGroup', 'before');
    const driver = world.begin('green:1.0.0');
    await held.reached;
    const engine = await world.engine(FLEET_STACK);
    driver.signal('SIGKILL');
    await driver.ended;
    const ours = await world.stacks();
    const waits = new Promise<void>((resolve) => {
      const push = world.notes.push.bind(world.notes);
      world.notes.push = (...texts) => {
        if (texts.some((text) => text.includes('still being updated'))) resolve();
        return push(...texts);
      };
    });
    const update = ours.applyFleet(green('1.0.0'));
    await waits;
    expect(await processOf(engine)).toBeDefined();
    held.release();
    // Nothing of AWS's: only the component that protects it all, which the killed driver did not live to register.
    expect(await update).toMatchObject({ created: 1, updated: 0, replaced: 0, deleted: 0 });
    expect(await processOf(engine)).toBeUndefined();
    await expectOneFleet();
  });
});

describe('an update by hand', () => {
  it('is never touched: the operation is refused when it does not end in time', async () => {
    await (await world.stacks()).applyFleet(green('1.0.0'));
    await world.pulumi('config', 'set', '--path', 'bascule:fleet.maximum', '3', '--stack', FLEET_STACK).ended;
    const held = world.hold('UpdateAutoScalingGroup', 'before');
    const person = world.pulumi('up', '--yes', '--skip-preview', '--stack', FLEET_STACK);
    await held.reached;
    const ours = await world.stacks({ othersSeconds: 1 });
    await expect(ours.applyFleet(green('1.0.0'))).rejects.toMatchObject({
      code: 'BASCULE_STACK_LOCKED',
      exitCode: 6,
    });
    held.release();
    expect((await person.ended).exitCode).toBe(0);
  });
});

describe('an answer that was lost', () => {
  it.each(LOST)('of %s: made once', async (action) => {
    world.loseAnswer(action);
    await (await world.stacks()).applyFleet(green('1.0.0'));
    await expectOneFleet();
  });
});

describe('the service', () => {
  it('is unharmed by all of it', async () => {
    expect(await (await world.stacks()).upService()).toMatchObject({ created: 0, deleted: 0 });
    expect(await world.leftovers(ENVIRONMENT)).toEqual(NO_LEFTOVERS);
  });
});
