/**
 * Deployments and rollbacks are killed before and after each of their writes, and another machine goes on: the
 * world ends as if nothing had happened, and no request fails.
 *
 * `npm test` strikes a part; BASCULE_NIGHTLY=1 all of it, or BASCULE_SHARD=2/4 of it. One case alone:
 * BASCULE_KILL_SCENARIO=rollback BASCULE_KILL_POINT='journal started shift#1:before:driver'.
 */
import { afterAll, describe, expect, test } from 'vitest';
import { KillRun, type Choice, type ScenarioName } from '../support/kill-run';

const { BASCULE_NIGHTLY, BASCULE_SHARD, BASCULE_KILL_POINT, BASCULE_KILL_SCENARIO } = process.env;
const nightly = BASCULE_NIGHTLY === '1';

/** Of a rollback that brings the fleet up, all writes are those of the others: a part of them is enough. */
const EVERY_NIGHT: ScenarioName[] = ['rollback', 'first', 'deployment', 'canary', 'cold', 'regions'];
/** A driver that dies at a weight on the way is in canary.test too. */
const EVERY_TIME: ScenarioName[] = ['rollback', 'first', 'regions'];
/** A stage of its own and two regions in each case: what is new in it is where the regions meet. */
const POINTS_OF_TWO_REGIONS = 2;
const named = BASCULE_KILL_SCENARIO?.split(',') ?? (nightly ? EVERY_NIGHT : EVERY_TIME);
const chosen = EVERY_NIGHT.filter((name) => named.includes(name));

function choiceFor(name: ScenarioName): Choice {
  if (BASCULE_KILL_POINT !== undefined) return { kind: 'one', point: BASCULE_KILL_POINT };
  if (nightly && name !== 'cold') return { kind: 'all', shard: BASCULE_SHARD };
  if (name === 'regions') return { kind: 'spread', count: POINTS_OF_TWO_REGIONS };
  // A fixed half of what stands for each: the rest of a run of the tests needs its time too.
  return { kind: 'representative', shard: BASCULE_SHARD ?? (nightly ? undefined : '1/2') };
}

const run = new KillRun();
afterAll(() => run.dispose());

describe('killed at any write', () => {
  test.each(chosen)(
    '%s ends as an undisturbed one, from another machine, without a failed request',
    async (name) => {
      const { struck, complaints } = await run.play(name, choiceFor(name));
      expect(struck).toBeGreaterThan(0);
      expect(complaints.join('\n\n')).toBe('');
    },
    nightly ? 12 * 3600_000 : 900_000,
  );
});
