import { beforeEach, describe, expect, it } from 'vitest';
import { deploy } from '../../automation/operations/deploy';
import { abort, resume } from '../../automation/operations/resume';
import type { DeploymentPolicy } from '../../src/domain/plan';
import { BasculeError } from '../../src/domain/errors';
import { allTo } from '../../src/domain/traffic';
import { begins, livePlace, says, whenSaid } from '../support/deployments';
import type { FakeWorld } from '../support/fake-world';
import type { MemoryJournal, MemoryLeases } from '../support/memory';
import { refusal, sessionOf, type TestSession } from '../support/session';

let world: FakeWorld;
let journal: MemoryJournal;
let leases: MemoryLeases;

beforeEach(() => {
  ({ world, journal, leases } = livePlace());
});

const session = (change: Partial<DeploymentPolicy> = {}): TestSession =>
  sessionOf(world, journal, leases, change);
const toTwo = (one: TestSession) => deploy(one, { version: '2.0.0', force: false });

const error = (code: string) => new BasculeError({ code, message: 'no answer', next: 'Wait.' });
const SILENT = ['BASCULE_AWS_THROTTLED', 'BASCULE_AWS_UNREACHABLE', 'BASCULE_AWS_FAILED'];

/** Throws from now on until so many milliseconds have gone by. */
function silentFor(milliseconds: number, code = 'BASCULE_AWS_THROTTLED'): () => void {
  let until: number | undefined;
  return () => {
    until ??= world.clock.now() + milliseconds;
    if (world.clock.now() < until) throw error(code);
  };
}

describe('AWS that does not answer', () => {
  it.each(SILENT)('is asked again for minutes before a step counts as anything: %s', async (code) => {
    world.beforeApply = silentFor(240_000, code);
    const one = session();
    expect(await toTwo(one)).toMatchObject({ outcome: 'succeeded' });
    const waits = one.messages.flatMap((message) => (message.kind === 'waiting' ? [message.for] : []));
    expect(waits[0]).toMatch(/^an answer of AWS, for 300 s more: no answer$/);
  });

  it('for longer interrupts the deployment: it stays open, and both ways lead on', async () => {
    for (const [way, outcome] of [
      [resume, 'succeeded'],
      [abort, 'failed'],
    ] as const) {
      ({ world, journal, leases } = livePlace());
      world.beforeApply = silentFor(Infinity);
      const refused = await refusal(toTwo(session()));
      expect(refused).toMatchObject({ code: 'BASCULE_AWS_THROTTLED', exitCode: 5 });
      expect(refused.next).toMatch(/bascule resume test.*bascule abort test/);
      world.beforeApply = () => undefined;
      expect(await way(session())).toMatchObject({ outcome });
    }
  });

  it('in the middle of the way back interrupts it, and resume goes on back', async () => {
    world.at().behaviours.set('2.0.0', 'sick');
    let applies = 0;
    world.beforeApply = () => {
      applies += 1;
      if (applies > 1) throw error('BASCULE_AWS_FAILED');
    };
    expect(await refusal(toTwo(session()))).toMatchObject({ code: 'BASCULE_AWS_FAILED', exitCode: 5 });
    world.beforeApply = () => undefined;
    expect(await resume(session())).toMatchObject({ outcome: 'failed' });
    expect((await world.at().read('green'))?.instances).toEqual([]);
  });

  it('keeps a gate shut for as long, and is never the release’s fault', async () => {
    const read = world.at().read.bind(world.at());
    const silent = silentFor(120_000);
    const one = whenSaid(session(), begins('health-gate'), () => {
      world.at().read = (colour) => {
        silent();
        return read(colour);
      };
    });
    // The gate itself gives up after 30 s.
    expect(await toTwo(one)).toMatchObject({ outcome: 'succeeded' });
  });

  it('for ever interrupts a gate and a soak', async () => {
    for (const kind of ['health-gate', 'soak'] as const) {
      ({ world, journal, leases } = livePlace());
      const read = world.at().read.bind(world.at());
      const one = whenSaid(session({ soakSeconds: 3600 }), begins(kind), () => {
        world.at().read = () => Promise.reject(error('BASCULE_AWS_UNREACHABLE'));
      });
      expect(await refusal(toTwo(one))).toMatchObject({ code: 'BASCULE_AWS_UNREACHABLE', exitCode: 5 });
      world.at().read = read;
      expect(await resume(session())).toMatchObject({ outcome: 'succeeded' });
    }
  });

  it('in the middle of a shift is borne: the routes that moved are its own doing', async () => {
    const write = world.at().write.bind(world.at());
    let interruptions = 0;
    world.at().write = async (changes) => {
      if (changes[0]?.route.listener !== 'production' || interruptions === 2) return write(changes);
      interruptions += 1;
      await write(changes.slice(0, 1));
      throw error('BASCULE_AWS_THROTTLED');
    };
    expect(await toTwo(session())).toMatchObject({ outcome: 'succeeded' });
    expect(interruptions).toBe(2);
    expect(world.at().weightsOf('production')).toEqual(Array(4).fill(allTo('green')));
  });

  it('is not waited for when a person asks to stop', async () => {
    const one = session();
    world.beforeApply = () => {
      one.stopNow();
      throw error('BASCULE_AWS_THROTTLED');
    };
    const began = world.clock.now();
    expect(await refusal(toTwo(one))).toMatchObject({ code: 'BASCULE_AWS_THROTTLED' });
    expect(world.clock.now() - began).toBeLessThan(60_000);
  });
});

describe('what is not the release’s fault', () => {
  it.each(['BASCULE_AWS_CREDENTIALS', 'BASCULE_STACK_LOCKED'])('leaves it open at once: %s', async (code) => {
    world.beforeApply = () => {
      throw error(code);
    };
    const refused = await refusal(toTwo(session()));
    expect(refused).toMatchObject({ code, exitCode: 5 });
    expect(refused.next).toContain('bascule resume test');
    world.beforeApply = () => undefined;
    expect(await resume(session())).toMatchObject({ outcome: 'succeeded' });
  });

  it('a defect of Bascule leaves it open too', async () => {
    world.beforeApply = () => {
      throw new TypeError('undefined is not a function');
    };
    expect(await refusal(toTwo(session()))).toMatchObject({ code: 'BASCULE_UNEXPECTED', exitCode: 5 });
    world.beforeApply = () => undefined;
    expect(await abort(session())).toMatchObject({ outcome: 'failed' });
  });
});

describe('a resume long after the interruption', () => {
  it('looks again at what only looked, follows a live fleet that grew, and gives gates their whole time', async () => {
    const one = whenSaid(session(), begins('shift'), () => {
      world.at().beforeWrite = () => {
        throw error('BASCULE_AWS_CREDENTIALS');
      };
    });
    await refusal(toTwo(one));
    world.at().beforeWrite = () => undefined;
    await world.clock.wait(6 * 3_600_000);
    expect(await resume(session())).toMatchObject({ outcome: 'succeeded' });

    const two = whenSaid(session(), says('done', 'follow:eu-west-3'), () => {
      throw new Error('killed');
    });
    await refusal(deploy(two, { version: '3.0.0', force: false }));
    await world.clock.wait(6 * 3_600_000);
    world.at().scale('green', 4);
    const three = session();
    expect(await resume(three)).toMatchObject({ outcome: 'succeeded' });
    const gates = three.messages.flatMap((message) =>
      message.kind === 'done' && message.step.kind === 'health-gate' ? [message.step.id] : [],
    );
    expect(gates).toEqual(['health-gate:eu-west-3']);
    expect((await world.at().read('blue'))?.instances).toHaveLength(4);
    expect(world.at().weightsOf('production')).toEqual(Array(4).fill(allTo('blue')));
  });

  it('prints what is recorded and what is found', async () => {
    world.beforeApply = () => {
      throw error('BASCULE_AWS_CREDENTIALS');
    };
    await refusal(toTwo(session()));
    world.beforeApply = () => undefined;
    const one = session();
    await resume(one);
    const notes = one.messages.flatMap((message) => (message.kind === 'note' ? [message.text] : []));
    expect(notes).toEqual([
      'recorded: apply green at 2.0.0, 2 instance(s) [eu-west-3]: begun, without a result',
      'found: eu-west-3 is as the journal says',
      'apply green at 2.0.0, 2 instance(s) [eu-west-3] was begun, its result is not recorded: it is done again',
    ]);
  });
});

describe('undoing what never came to be', () => {
  it('removes a stack that never got as far as its group, and closes', async () => {
    const destroyed: string[] = [];
    world.stacks.destroyFleet = (region, colour) => {
      destroyed.push(`${region} ${colour}`);
      return Promise.resolve({ created: 0, updated: 0, replaced: 0, deleted: 0, unchanged: 0 });
    };
    world.beforeApply = () => {
      throw error('BASCULE_STACK_FAILED');
    };
    expect(await toTwo(session())).toMatchObject({ outcome: 'failed' });
    expect(destroyed).toEqual(['eu-west-3 green']);
  });

  it('that fails for good halts for a person instead of staying open', async () => {
    world.at().behaviours.set('2.0.0', 'sick');
    world.beforeApply = () => {
      if (world.applied.length > 0) throw error('BASCULE_STACK_FAILED');
    };
    const result = await toTwo(session());
    expect(result).toMatchObject({ outcome: 'halted', reason: { code: 'BASCULE_STACK_FAILED' } });
    world.beforeApply = () => undefined;
    expect(await resume(session())).toMatchObject({ outcome: 'failed' });
  });
});
