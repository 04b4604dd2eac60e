import { beforeEach, describe, expect, it } from 'vitest';
import { deploy } from '../../automation/operations/deploy';
import { freeze, readFreezes, thaw } from '../../automation/operations/freeze';
import { entryOf, events } from '../../automation/operations/history';
import { abort, resume } from '../../automation/operations/resume';
import { retire } from '../../automation/operations/retire';
import { rollback } from '../../automation/operations/rollback';
import { status } from '../../automation/operations/status';
import type { FreezeRequest } from '../../src/domain/freeze';
import { deploymentOf, livePlace } from '../support/deployments';
import type { FakeWorld } from '../support/fake-world';
import type { MemoryJournal } from '../support/memory';
import { refusal, sessionOf, type TestSession } from '../support/session';

const HOUR = 3_600_000;

let world: FakeWorld;
let journal: MemoryJournal;
let session: TestSession;

beforeEach(() => {
  const place = livePlace();
  ({ world, journal } = place);
  session = sessionOf(world, journal, place.leases);
});

function frozen(name = 'freeze', change: Partial<FreezeRequest> = {}) {
  return freeze(session, { name, reason: 'audit', until: world.clock.now() + HOUR, ...change });
}

const deploying = (version = '2.0.0', overrideFreeze: string[] = []) =>
  deploy(session, { version, force: false, overrideFreeze });

/** A deployment whose process died while it applied the idle fleet. */
async function interrupted(overrideFreeze: string[] = []): Promise<string> {
  world.beforeApply = () => {
    throw new Error('killed');
  };
  await expect(deploying('2.0.0', overrideFreeze)).rejects.toThrow('killed');
  world.beforeApply = () => undefined;
  return (await journal.list()).at(-1) ?? '';
}

describe('a freeze', () => {
  it('blocks a deployment before anything is begun: why, until when, by whom, and how past it', async () => {
    await frozen();
    const error = await refusal(deploying());
    expect(error).toMatchObject({ code: 'BASCULE_FROZEN', exitCode: 2 });
    expect(error.message).toBe('test is frozen until 2026-01-01T01:00:00.000Z: audit.');
    expect(error.details).toEqual([
      'freeze: until 2026-01-01T01:00:00.000Z, by tester on here (process 1): audit',
    ]);
    expect(error.next).toContain('--override-freeze freeze');
    expect(await journal.list()).toEqual([]);
    expect(await session.leases.read()).toBeUndefined();
    expect(world.applied).toEqual([]);
  });

  it('ends by itself', async () => {
    await frozen();
    await world.clock.wait(HOUR - 1);
    await refusal(deploying());
    await world.clock.wait(1);
    expect(await deploying()).toMatchObject({ outcome: 'succeeded' });
  });

  it('is overridden by its name, and who did so is in the log, in the journal and in the history', async () => {
    await frozen('xmas');
    const { outcome, deployment } = await deploymentOf(session, { overrideFreeze: ['xmas'] });
    expect(outcome).toBe('succeeded');
    expect(await session.log.read()).toMatchObject([
      { kind: 'frozen' },
      { kind: 'freezeOverridden', name: 'xmas', deployment, by: session.holder },
    ]);
    const records = await journal.read(deployment);
    expect(records[0]).toMatchObject({ kind: 'opened', overrode: ['xmas'] });
    expect(entryOf(records).notes).toEqual([expect.stringContaining('freeze xmas overridden')]);
    expect(await events(session, 5)).toMatchObject([
      {
        kind: 'freezeOverridden',
        what: `freeze xmas overridden by deployment ${deployment}`,
        by: 'tester@here',
      },
      { kind: 'frozen', what: 'frozen until 2026-01-01T01:00:00.000Z (xmas): audit' },
    ]);
    // It stays in force for the next one.
    expect(await refusal(deploying('3.0.0'))).toMatchObject({ code: 'BASCULE_FROZEN' });
  });

  it('must be overridden for each of several, and only for one that is in force', async () => {
    await frozen('one');
    await frozen('two', { reason: 'move', until: world.clock.now() + 2 * HOUR });
    expect((await refusal(deploying('2.0.0', ['one']))).message).toBe(
      'test is frozen until 2026-01-01T02:00:00.000Z: move.',
    );
    const unknown = await refusal(deploying('2.0.0', ['one', 'too']));
    expect(unknown).toMatchObject({ code: 'BASCULE_FREEZE_UNKNOWN', exitCode: 2 });
    expect(unknown.details.join()).toMatch(/one: until.*two: until/);
    await world.clock.wait(HOUR);
    expect(await refusal(deploying('2.0.0', ['one', 'two']))).toMatchObject({
      code: 'BASCULE_FREEZE_UNKNOWN',
    });
    expect(await deploying('2.0.0', ['two'])).toMatchObject({ outcome: 'succeeded' });
    await world.clock.wait(HOUR);
    const none = await refusal(deploying('3.0.0', ['two']));
    expect(none).toMatchObject({ code: 'BASCULE_FREEZE_UNKNOWN', details: ['test is not frozen'] });
  });

  it('lets rollback and retire pass', async () => {
    await deploying();
    await frozen();
    expect(await rollback(session)).toMatchObject({ outcome: 'succeeded', plan: { version: '1.0.0' } });
    expect(await retire(session)).toMatchObject({ outcome: 'succeeded' });
  });

  it('keeps an interrupted deployment from going forward, and lets it go back', async () => {
    await interrupted();
    await frozen();
    const error = await refusal(resume(session));
    expect(error).toMatchObject({ code: 'BASCULE_FROZEN', exitCode: 2 });
    expect(error.next).toMatch(/bascule resume test … --override-freeze freeze.*bascule abort/);
    expect(await abort(session)).toMatchObject({ outcome: 'failed' });
  });

  it('is overridden for a resumption by its name', async () => {
    const deployment = await interrupted();
    await frozen();
    expect(await resume(session, { overrideFreeze: ['freeze'] })).toMatchObject({ outcome: 'succeeded' });
    expect((await session.log.read()).at(-1)).toMatchObject({ kind: 'freezeOverridden', deployment });
  });

  it('stays overridden for a deployment that began past it, unlike one that came later', async () => {
    await frozen('one');
    await interrupted(['one']);
    await world.clock.wait(1);
    await frozen('two');
    expect((await refusal(resume(session))).details).toEqual([expect.stringMatching(/^two: /)]);
    await thaw(session, 'two');
    expect(await resume(session)).toMatchObject({ outcome: 'succeeded' });
  });

  it('does not count as the one that was overridden when it came under the same name later', async () => {
    await frozen('one');
    await interrupted(['one']);
    await thaw(session, 'one');
    await world.clock.wait(1);
    await frozen('one');
    expect(await refusal(resume(session))).toMatchObject({ code: 'BASCULE_FROZEN' });
  });

  it('lets a deployment go on that turned back already', async () => {
    await interrupted();
    const append = journal.append.bind(journal);
    journal.append = (record) =>
      record.kind === 'undoStarted' ? Promise.reject(new Error('killed')) : append(record);
    await expect(abort(session)).rejects.toThrow('killed');
    journal.append = append;
    await frozen();
    expect(await resume(session)).toMatchObject({ outcome: 'failed' });
  });

  it('shows in the status while it is in force', async () => {
    await frozen('xmas');
    expect((await status(session)).freezes).toEqual([
      {
        name: 'xmas',
        reason: 'audit',
        until: '2026-01-01T01:00:00.000Z',
        by: { user: 'tester', host: 'here' },
        since: '2026-01-01T00:00:00.000Z',
      },
    ]);
    await world.clock.wait(HOUR);
    expect((await status(session)).freezes).toEqual([]);
  });

  it('may be prolonged under its name, and not be cut short', async () => {
    const { freeze: first } = await frozen();
    const later = { until: world.clock.now() + 2 * HOUR, reason: 'longer' };
    expect((await frozen('freeze', later)).former).toEqual(first);
    expect(await readFreezes(session)).toMatchObject([later]);
    const error = await refusal(frozen());
    expect(error).toMatchObject({ code: 'BASCULE_FREEZE_EXISTS', exitCode: 2 });
    expect(error.next).toMatch(/--name.*bascule thaw test --name freeze/);
    expect(await readFreezes(session)).toMatchObject([later]);
  });
});

describe('a thaw', () => {
  it('ends the only freeze without a name, and says when there is none', async () => {
    expect(await thaw(session, undefined)).toBeUndefined();
    await frozen('xmas');
    expect(await thaw(session, undefined)).toMatchObject({ name: 'xmas' });
    expect(await readFreezes(session)).toEqual([]);
    expect(await thaw(session, 'xmas')).toBeUndefined();
    expect(await deploying()).toMatchObject({ outcome: 'succeeded' });
  });

  it('asks which of several, and knows only those in force', async () => {
    await frozen('one');
    await frozen('two');
    for (const name of [undefined, 'three']) {
      const error = await refusal(thaw(session, name));
      expect(error).toMatchObject({ code: 'BASCULE_FREEZE_UNKNOWN', exitCode: 2 });
      expect(error.details.join()).toMatch(/one: until.*two: until/);
    }
    await thaw(session, 'one');
    expect(await readFreezes(session)).toMatchObject([{ name: 'two' }]);
  });
});
