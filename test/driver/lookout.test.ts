/** How often which regions are looked at for what somebody else changed. */
import { beforeEach, describe, expect, it } from 'vitest';
import { Lookout } from '../../automation/driver/lookout';
import { deploy } from '../../automation/operations/deploy';
import { readRegions, requireOneLive } from '../../automation/operations/observe';
import { planFor } from '../../automation/operations/planning';
import { replay, type DeploymentState } from '../../src/domain/replay';
import { RECORD_FORMAT } from '../../src/domain/records';
import { livePlace, onceSaid, says } from '../support/deployments';
import type { FakeWorld } from '../support/fake-world';
import { sessionOf, type TestSession } from '../support/session';

const NAMES = ['eu-west-1', 'eu-west-2', 'eu-west-3', 'eu-north-1'];
let world: FakeWorld;
let session: TestSession;
let looked: string[];

beforeEach(() => {
  const place = livePlace({ regions: NAMES });
  ({ world } = place);
  session = sessionOf(world, place.journal, place.leases, { soakSeconds: 120 });
  looked = [];
  for (const name of NAMES) world.at(name).beforeLook = () => void looked.push(name);
});

async function opened(): Promise<DeploymentState> {
  const regions = requireOneLive(await readRegions(session));
  const plan = planFor(session, { version: '2.0.0' }, regions, new Map());
  const { holder } = session;
  const common = { format: RECORD_FORMAT, deployment: 'd', sequence: 0, at: world.clock.now(), fence: 1 };
  return replay([{ kind: 'opened', plan, holder, ...common }]);
}

describe('a look for drift', () => {
  it('takes in the regions at hand whenever theirs is too old, and the others in turn', async () => {
    const lookout = new Lookout(world);
    const state = await opened();
    const [first = '', ...others] = NAMES;
    for (let second = 0; second < 60; second += 1) {
      expect(await lookout.drift(state, 5000, [first])).toBeUndefined();
      await world.clock.wait(1000);
    }
    const times = (name: string): number => looked.filter((one) => one === name).length;
    expect(times(first)).toBe(12);
    // One of them every 15 seconds.
    expect(others.map(times).sort()).toEqual([1, 1, 2]);
  });

  it('costs no more for each region where there are more of them', async () => {
    const state = await opened();
    const all = new Lookout(world);
    for (const name of NAMES) await all.drift(state, 1000, [name]);
    expect(looked.length).toBeLessThanOrEqual(NAMES.length + 1);
  });

  it('finds what was changed in a region that is not at hand', async () => {
    const last = world.at(NAMES.at(-1));
    onceSaid(session, says('started', `soak:${NAMES[0]}`), () =>
      last.setWeights('rule-1', { blue: 30, green: 70 }),
    );
    const result = await deploy(session, { version: '2.0.0', force: false });
    expect(result).toMatchObject({ outcome: 'halted', reason: { code: 'BASCULE_TRAFFIC_DRIFT' } });
    expect(session.messages).toContainEqual(
      expect.objectContaining({
        kind: 'failed',
        step: expect.objectContaining({ region: NAMES[0] }) as unknown,
      }),
    );
  });
});
