import { beforeEach, describe, expect, it } from 'vitest';
import { renderHistory, renderStatus } from '../../automation/cli/output/tables';
import { freeze } from '../../automation/operations/freeze';
import { entryOf, events, history } from '../../automation/operations/history';
import { resume } from '../../automation/operations/resume';
import { deploy } from '../../automation/operations/deploy';
import { status } from '../../automation/operations/status';
import { unlock } from '../../automation/operations/unlock';
import { FakeWorld } from '../support/fake-world';
import { MemoryJournal, MemoryLeases } from '../support/memory';
import { sessionOf, type TestSession } from '../support/session';

const JOB = 'https://ci.example.com/7';
const FORMER = { host: 'ci-7', pid: 42, user: 'ada', job: JOB };
let world: FakeWorld;
let journal: MemoryJournal;
let leases: MemoryLeases;
let session: TestSession;

beforeEach(() => {
  world = new FakeWorld();
  world.runs('blue', '1.0.0');
  journal = new MemoryJournal();
  leases = new MemoryLeases(world.clock);
  session = sessionOf(world, journal, leases);
});

/** A deployment that was killed while it applied the idle fleet, its last record cut off, its lease still held. */
async function killed(): Promise<string> {
  world.beforeApply = () => {
    throw new Error('killed');
  };
  await expect(deploy(session, { version: '2.0.0', force: false })).rejects.toThrow('killed');
  world.beforeApply = () => undefined;
  const deployment = (await journal.list())[0] ?? '';
  const { records } = await journal.inspect(deployment);
  journal.spoil(deployment, records.length, '{"kind":"ra');
  await leases.acquire(deployment, FORMER);
  session.sightOf = () => 'gone';
  return deployment;
}

describe('the status for people', () => {
  it('tells of freezes, of a holder that is gone, and of a record that was cut off', async () => {
    await freeze(session, { name: 'xmas', reason: 'Christmas', until: world.clock.now() + 3_600_000 });
    await world.clock.wait(3_600_000);
    const deployment = await killed();
    await freeze(session, { name: 'quarter', reason: 'audit', until: world.clock.now() + 3_600_000 });
    const text = renderStatus(await status(session));
    expect(text).toContain(`Deployment ${deployment} to 2.0.0 is interrupted, at: `);
    expect(text).toMatch(/Record \d+ of its journal was cut off/);
    expect(text).toMatch(
      /Held by ada on ci-7 \(process 42, https:\/\/ci\.example\.com\/7\) since 2026-\S+Z\./,
    );
    expect(text).toContain('Its holder is gone: process 42 on ci-7, which held it, does not run any more.');
    expect(text).toMatch(/Frozen until 2026-\S+Z by tester on here \(quarter\): audit/);
    expect(text).not.toContain('Christmas');
  });
});

describe('the history for people', () => {
  it('tells of freezes, unlocks and resumptions beside the deployments', async () => {
    const deployment = await killed();
    await unlock(session, { insist: false, reason: null });
    await resume(session);
    const until = world.clock.now() + 3_600_000;
    await freeze(session, { name: 'quarter', reason: 'audit', until });
    const entries = await history(session, 5);
    const text = renderHistory(entries, await events(session, 5), true);
    expect(text).toMatch(
      /unlocked by tester on here \(process 1\) from ada on ci-7 \(process 42\): process 42 on ci-7/,
    );
    expect(text).toMatch(/resumed by tester on here/);
    expect(text).toMatch(
      /WHEN +WHAT +BY\n.*frozen until 2026-\S+ \(quarter\): audit +tester@here\n.*unlocked from ada/,
    );
    expect(entryOf(await journal.read(deployment)).outcome).toBe('succeeded');
    expect(session.messages).toContainEqual({
      kind: 'note',
      text: expect.stringMatching(/^record \d+ of the journal was cut off/),
    });
  });

  it('leaves out a deployment whose opening was cut off', async () => {
    journal.spoil('20260101-000000-0000', 0, '{"kind":"opened"');
    expect(await history(session, 5)).toEqual([]);
    expect(renderHistory([], await events(session, 5), false)).toBe('No deployment yet.');
    expect(await deploy(session, { version: '2.0.0', force: false })).toMatchObject({ outcome: 'succeeded' });
  });
});
