import { describe, expect, it } from 'vitest';
import { bakeRelease, type BakeParts } from '../../automation/bake/flow';
import type { BakeEvent } from '../../src/domain/bake-progress';
import { BasculeError } from '../../src/domain/errors';
import { bakeOrder } from '../support/bakes';

const HOME = { region: 'eu-west-3', imageId: 'ami-1' };

/** Parts that work, and note what they are asked for. */
function working(change: Partial<BakeParts> = {}) {
  const calls: string[] = [];
  const events: BakeEvent[] = [];
  const parts: BakeParts = {
    tell: (event) => void events.push(event),
    sweep: async (whose) => {
      calls.push(`sweep ${whose}`);
      return [];
    },
    findBase: async () => ({ id: 'ami-base', name: 'al2023' }),
    build: async ({ base }) => {
      calls.push(`build on ${base.id}`);
      return { ...HOME, counts: false };
    },
    testBoot: async ({ imageId }) => {
      calls.push(`boot ${imageId}`);
      return undefined;
    },
    distribute: async () => {
      calls.push('distribute');
      return { 'eu-west-3': 'ami-1', 'us-east-1': 'ami-2' };
    },
    tagBaked: async (_, images) => void calls.push(`tag ${Object.values(images).join(' ')}`),
    ...change,
  };
  return { parts, calls, events };
}

const never = new AbortController().signal;
const order = bakeOrder({ builder: 'packer', regions: ['eu-west-3', 'us-east-1'] });

describe('a bake', () => {
  it('tags what counts last of all, after the test boot and the copies', async () => {
    const { parts, calls } = working();
    expect(await bakeRelease(order, parts, never)).toEqual({ 'eu-west-3': 'ami-1', 'us-east-1': 'ami-2' });
    expect(calls).toEqual([
      'sweep service',
      'build on ami-base',
      'boot ami-1',
      'distribute',
      'tag ami-1 ami-2',
    ]);
  });

  it('says what an earlier one had left', async () => {
    const { parts, events } = working({ sweep: async () => ['i-1', 'vol-2'] });
    await bakeRelease(order, parts, never);
    expect(events[0]).toEqual({ kind: 'note', text: expect.stringContaining('i-1, vol-2') });
  });

  it('does not boot what counts already and only lacks its copies', async () => {
    const { parts, calls } = working({ build: async () => ({ ...HOME, counts: true }) });
    await bakeRelease(order, parts, never);
    expect(calls).toEqual(['sweep service', 'distribute', 'tag ami-1 ami-2']);
  });

  it('removes what it made when the test boot fails, and never tags it', async () => {
    const { parts, calls } = working({
      testBoot: async () => ({ why: 'no answer within 300 s', lines: ['Error: no database'] }),
    });
    await expect(bakeRelease(order, parts, never)).rejects.toMatchObject({
      code: 'BASCULE_BAKE_FAILED',
      exitCode: 3,
      message: expect.stringContaining('its test boot failed: no answer within 300 s'),
      details: ['Error: no database'],
    });
    expect(calls.at(-1)).toBe('sweep this');
    expect(calls.filter((call) => call.startsWith('tag'))).toEqual([]);
  });

  it('tells both when removing fails as well, and keeps the first code', async () => {
    const cause = new BasculeError({ code: 'BASCULE_BAKE_FAILED', message: 'no', next: 'x', exitCode: 3 });
    const { parts } = working({
      build: () => Promise.reject(cause),
      sweep: (whose) => (whose === 'this' ? Promise.reject(new Error('no network')) : Promise.resolve([])),
    });
    await expect(bakeRelease(order, parts, never)).rejects.toMatchObject({
      code: 'BASCULE_BAKE_FAILED',
      details: [expect.stringContaining('could not be removed: no network')],
      next: expect.stringContaining('bascule:baking'),
    });
  });

  it('is stopped between its steps, and removes what it made', async () => {
    const stop = new AbortController();
    const { parts, calls } = working({
      build: async () => {
        stop.abort();
        return { ...HOME, counts: false };
      },
    });
    await expect(bakeRelease(order, parts, stop.signal)).rejects.toMatchObject({ code: 'BASCULE_STOPPED' });
    expect(calls).toEqual(['sweep service', 'sweep this']);
  });
});
