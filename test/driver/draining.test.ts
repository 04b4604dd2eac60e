/** What is said of the connections that were still open when a fleet that leaves had drained. */
import { expect, it } from 'vitest';
import { BasculeError } from '../../src/domain/errors';
import type { OpenConnections } from '../../src/ports';
import { deploymentOf, livePlace } from '../support/deployments';
import { sessionOf } from '../support/session';

/** Deploys, lets the former colour of two instances go, and tells what the retire step said and recorded. */
async function retired(last: OpenConnections['last'] | null, periodSeconds = 1) {
  const { world, journal, leases } = livePlace();
  world.at().connections = last === null ? null : { periodSeconds, source: 'CWAgent open', last };
  const session = sessionOf(world, journal, leases, {
    retire: { when: 'after', afterSeconds: 0 },
    drainSeconds: 5,
    drainTimeoutSeconds: 300,
  });
  const result = await deploymentOf(session);
  const said = session.messages.flatMap((one) =>
    one.kind === 'done' && one.step.kind === 'retire' ? [one.note] : [],
  );
  return { outcome: result.outcome, said, facts: result.state.steps['retire:eu-west-3']?.facts };
}

it('counts those of all its instances at the last report before the limit', async () => {
  const asked: number[] = [];
  const { outcome, said, facts } = await retired((colour, from, to) => {
    expect(colour).toBe('blue');
    expect(from).toBeLessThan(to);
    asked.push(to);
    return Promise.resolve({ perInstance: 1.5, at: to - 2_000 });
  });
  expect(outcome).toBe('succeeded');
  expect(said).toEqual([
    '3 connection(s) were still open when draining ended (reported 2 s before) and were cut off',
  ]);
  expect(facts).toMatchObject({ instances: 2, openAtLimit: 3, desired: 0 });
  expect(asked.length).toBeGreaterThan(0);
});

it('says so when there was none', async () => {
  const { said, facts } = await retired((_colour, _from, to) => Promise.resolve({ perInstance: 0, at: to }));
  expect(said).toEqual(['no connection was open when draining ended (reported 0 s before)']);
  expect(facts).toMatchObject({ openAtLimit: 0 });
});

it('waits for a report that is late, and for none for ever', async () => {
  let looks = 0;
  const late = await retired((_colour, _from, to) => {
    looks += 1;
    return Promise.resolve(looks < 20 ? { perInstance: 9, at: to - 90_000 } : { perInstance: 0.5, at: to });
  }, 60);
  expect(late.said).toEqual([expect.stringMatching(/^1 connection\(s\) were still open/)]);
  const never = await retired(() => Promise.resolve(null));
  expect(never.outcome).toBe('succeeded');
  expect(never.said).toEqual([
    'how many connections were still open when draining ended is not known: CWAgent open was not reported',
  ]);
  expect(never.facts).not.toHaveProperty('openAtLimit');
});

it('does not hold a deployment up where the metric may not be read, or none is configured', async () => {
  const refused = () =>
    Promise.reject(new BasculeError({ code: 'BASCULE_AWS_DENIED', message: 'no', next: 'allow it' }));
  expect((await retired(refused)).outcome).toBe('succeeded');
  const without = await retired(null);
  expect(without.outcome).toBe('succeeded');
  expect(without.said).toEqual([expect.stringContaining('deployment.openConnections is not configured')]);
});
