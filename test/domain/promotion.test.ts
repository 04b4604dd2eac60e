import { describe, expect, it } from 'vitest';
import {
  adviceOn,
  describeVerdict,
  judgePromotion,
  staysOf,
  type Passage,
  type Verdict,
} from '../../src/domain/promotion';
import { chainsOf, chainTo } from '../../src/domain/promotion-chain';
import {
  bundleMove,
  ORIGIN_TAG,
  passedTags,
  placementOf,
  type PassedImage,
} from '../../src/domain/promotion-images';
import { waysOf } from '../../src/domain/release-way';
import { environment, problemsIn } from '../support/config';

const MINUTE = 60_000;

/** A deployment that begins in a minute and ends half a minute later, with all that it did in between. */
function passage(minute: number, version: string, change: Partial<Passage> = {}): Passage {
  const openedAt = minute * MINUTE;
  return {
    deployment: `d-${minute}`,
    purpose: 'deploy',
    version,
    openedAt,
    shiftedAt: openedAt + 10_000,
    closedAt: openedAt + 30_000,
    outcome: 'succeeded',
    tests: [],
    ...change,
  };
}

const required = (soakMinutes = 0, tests = true) => ({
  ...{ from: 'int', soakSeconds: soakMinutes * 60, tests },
  kmsKeys: {},
});
const judge = (passages: Passage[], at: number, soakMinutes = 0, tests = true): Verdict =>
  judgePromotion(passages, '2', required(soakMinutes, tests), at * MINUTE);

describe('whether a release may go on', () => {
  it('is no for what was never deployed, and for what never succeeded', () => {
    expect(judge([passage(1, '1')], 9)).toEqual({ kind: 'never-deployed' });
    for (const outcome of ['failed', 'rolled-back', 'halted', null] as const) {
      const verdict = judge([passage(1, '1'), passage(2, '2', { outcome, closedAt: null })], 9);
      expect(verdict).toMatchObject({ kind: 'not-succeeded', last: { deployment: 'd-2' } });
      expect(describeVerdict(verdict, '2', required(), 0)).toContain(
        outcome === null ? 'has not ended' : `ended as ${outcome}`,
      );
    }
  });

  it('is yes once it succeeded, also after a failure, and also where it has been replaced since', () => {
    const passages = [passage(1, '2', { outcome: 'failed' }), passage(2, '2'), passage(3, '3')];
    expect(judge(passages, 9)).toMatchObject({ kind: 'ready', stay: { passage: { deployment: 'd-2' } } });
  });

  it('waits for the soak, from the moment when its deployment succeeded', () => {
    const passages = [passage(1, '2')];
    expect(judge(passages, 11.4, 10)).toMatchObject({ kind: 'soaking', readyAt: 11.5 * MINUTE });
    expect(judge(passages, 11.5, 10)).toMatchObject({ kind: 'ready' });
  });

  it('ends the soak where another release began to take traffic', () => {
    const passages = [passage(1, '2'), passage(11, '3')];
    expect(staysOf(passages, '2')).toMatchObject([{ from: 1.5 * MINUTE, until: 11 * MINUTE + 10_000 }]);
    const verdict = judge(passages, 99, 10);
    expect(verdict).toMatchObject({ kind: 'replaced-too-early' });
    expect(describeVerdict(verdict, '2', required(10), 99 * MINUTE)).toBe(
      '2 was live in int for 9 min 40 s of 10 min when 3 (d-11) took its place',
    );
    expect(judge(passages, 99, 9)).toMatchObject({ kind: 'ready' });
  });

  it.each([
    ['failed', { outcome: 'failed' as const, shiftedAt: null }, 'ready'],
    ['turned back', { outcome: 'rolled-back' as const }, 'ready'],
    ['halted with traffic moved', { outcome: 'halted' as const }, 'replaced-too-early'],
    ['halted before', { outcome: 'halted' as const, shiftedAt: null }, 'ready'],
    ['runs with traffic moved', { outcome: null, closedAt: null }, 'replaced-too-early'],
    ['only let the former colour go', { purpose: 'retire' as const, version: '2' }, 'ready'],
    ['deployed the same again', { version: '2' }, 'ready'],
  ])('is not cut short by a later deployment that %s', (_what, change, kind) => {
    expect(judge([passage(1, '2'), passage(5, '3', change)], 99, 10).kind).toBe(kind);
  });

  it('takes the best of several stays', () => {
    const passages = [passage(1, '2'), passage(20, '3'), passage(30, '2'), passage(31, '4')];
    expect(judge(passages, 99, 10)).toMatchObject({
      kind: 'ready',
      stay: { passage: { deployment: 'd-1' } },
    });
  });

  it('is no once a person went back from it, however long it was live, until it is deployed again', () => {
    const back = [passage(1, '1'), passage(2, '2'), passage(60, '1', { purpose: 'rollback' })];
    const verdict = judge(back, 99);
    expect(verdict).toMatchObject({ kind: 'rolled-back' });
    expect(describeVerdict(verdict, '2', required(), 0)).toBe('int was taken back from 2 to 1 (d-60)');
    expect(adviceOn(verdict, '2', 'int')).toContain('bascule deploy int --version 2');
    expect(judge([...back, passage(70, '2')], 99).kind).toBe('ready');
  });

  it('asks for all tests to have passed, those of its deployment where it was gone back to', () => {
    const tests = [
      { id: 'test:eu-west-3:idle:login', passed: true },
      { id: 'test:eu-west-3:live:login', passed: false },
    ];
    const untested = [passage(1, '2', { tests })];
    expect(judge(untested, 9)).toMatchObject({
      kind: 'tests-not-passed',
      tests: ['test:eu-west-3:live:login'],
    });
    expect(judge(untested, 9, 0, false)).toMatchObject({ kind: 'ready' });
    const goneBack = [...untested, passage(2, '3'), passage(3, '2', { purpose: 'rollback' })];
    expect(judge(goneBack, 9).kind).toBe('tests-not-passed');
  });
});

describe('what a file says of promotion', () => {
  it('names keys of its own regions only', () => {
    const kmsKeys = { 'eu-west-3': 'alias/shop', 'us-east-1': 'alias/shop' };
    const edited = environment((config) => (config['promotion'] = { from: 'staging', kmsKeys }));
    expect(problemsIn('production', edited)).toEqual([
      { where: 'promotion.kmsKeys.us-east-1', message: 'is not one of regions: eu-west-3' },
    ]);
  });
});

describe('the order of the environments', () => {
  const link = (environment: string, from?: string, service = 'shop') => ({ environment, from, service });

  it('is what each says it comes from', () => {
    const links = [link('demo'), link('int'), link('production', 'staging'), link('staging', 'int')];
    expect(chainsOf(links).map(({ environment }) => environment)).toEqual([
      'demo',
      'int',
      'staging',
      'production',
    ]);
    expect(chainTo('production', links).map(({ environment }) => environment)).toEqual([
      'int',
      'staging',
      'production',
    ]);
  });

  it.each([
    [[link('a', 'b'), link('b', 'a')], 'each comes from another: a → b → a'],
    [[link('a', 'a')], 'each comes from another: a → a'],
    [[link('a', 'b')], 'there is no Pulumi.b.yaml'],
    [[link('a', 'b'), link('b', undefined, 'blog')], 'another service: blog, not shop'],
  ])('is one clear error where it does not hold', (links, why) => {
    const refused = (): unknown => chainTo('a', links);
    expect(refused).toThrow(why);
    expect(refused).toThrow(expect.objectContaining({ code: 'BASCULE_PROMOTION_CHAIN', exitCode: 2 }));
    expect(() => chainsOf(links)).toThrow(why);
  });
});

describe('the image of a promotion', () => {
  const SUM = 'a'.repeat(64);
  const source: PassedImage = {
    id: 'ami-1',
    region: 'eu-west-3',
    state: 'available',
    tags: { service: 'shop', version: '2', 'bascule:content': 'c1', 'aws:backup': 'x' },
  };
  const facts = {
    region: 'eu-west-3',
    source,
    there: undefined,
    accounts: { source: '1', target: '2' },
    owners: ['self'],
  };

  it('is copied, unless what is there is the same', () => {
    expect(placementOf(facts)).toEqual({ kind: 'copy' });
    for (const state of ['available', 'pending']) {
      const there = { ...source, id: 'ami-2', state };
      expect(placementOf({ ...facts, there })).toEqual({ kind: 'there', image: there });
    }
    const broken = { ...source, id: 'ami-2', state: 'failed' };
    expect(placementOf({ ...facts, there: broken })).toEqual({ kind: 'copy' });
    const another = { ...source, id: 'ami-2', tags: { ...source.tags, 'bascule:content': 'c2' } };
    expect(placementOf({ ...facts, there: another })).toEqual({ kind: 'another', image: another });
  });

  it('without a sum is the same only as itself and as its own copies', () => {
    const bare = { ...source, tags: { service: 'shop', version: '2' } };
    const copy = { ...bare, id: 'ami-2', tags: { ...bare.tags, [ORIGIN_TAG]: '1 eu-west-3 ami-1' } };
    expect(placementOf({ ...facts, source: bare, there: bare }).kind).toBe('there');
    expect(placementOf({ ...facts, source: bare, there: copy }).kind).toBe('there');
    expect(placementOf({ ...facts, source: bare, there: { ...bare, id: 'ami-3' } }).kind).toBe('another');
  });

  it('is shared where the next environment launches images of others, and only there', () => {
    expect(placementOf({ ...facts, owners: ['1'] })).toEqual({ kind: 'share' });
    expect(placementOf({ ...facts, owners: ['1', '2'] })).toEqual({ kind: 'copy' });
    expect(placementOf({ ...facts, owners: ['1'], region: 'us-east-1' })).toEqual({ kind: 'not-in-region' });
  });

  it('keeps its tags, and says where it comes from, also over several copies', () => {
    const first = passedTags(source, '1', null);
    expect(first).toEqual({
      service: 'shop',
      version: '2',
      'bascule:content': 'c1',
      [ORIGIN_TAG]: '1 eu-west-3 ami-1',
    });
    expect(passedTags({ ...source, id: 'ami-2', tags: first }, '2', null)).toEqual(first);
  });

  it('takes its bundle along, unless the instances there may read the bucket where it is', () => {
    const tags = {
      ...source.tags,
      'bascule:bundle': 's3://one/releases/shop/2/x.tar.gz',
      'bascule:sha256': SUM,
    };
    const bundled = { ...source, tags };
    const key = 'releases/shop/2/x.tar.gz';
    const move = bundleMove(bundled, { bucket: 'two', readable: [] });
    expect(move).toEqual({ from: { bucket: 'one', key }, to: { bucket: 'two', key }, sha256: SUM });
    expect(passedTags(bundled, '1', move)['bascule:bundle']).toBe(`s3://two/${key}`);
    expect(bundleMove(bundled, { bucket: 'one', readable: [] })).toBeNull();
    expect(bundleMove(bundled, { bucket: 'two', readable: ['one'] })).toBeNull();
    expect(bundleMove(source, { bucket: 'two', readable: [] })).toBeNull();
  });
});

describe('the way of the versions', () => {
  it('goes through the environments in their order, the newest version first', () => {
    const stations = [
      {
        environment: 'int',
        promotion: null,
        passages: [passage(1, '1'), passage(10, '2'), passage(20, '3')],
      },
      { environment: 'staging', promotion: required(5), passages: [passage(8, '1')] },
      { environment: 'production', promotion: { ...required(), from: 'staging' }, passages: null },
    ];
    const baked = [
      { version: '1', createdAt: 0, contentSha256: 'c1' },
      { version: '4', createdAt: 30 * MINUTE, contentSha256: 'c4' },
    ];
    const ways = waysOf(stations, baked, 22 * MINUTE);
    expect(ways.map(({ version, bakedAt }) => [version, bakedAt])).toEqual([
      ['4', 30 * MINUTE],
      ['3', null],
      ['2', null],
      ['1', 0],
    ]);
    const seen = ways.map(({ environments }) =>
      environments.map(({ outcome, live, promotion }) => [outcome, live, promotion?.allowed]),
    );
    expect(seen).toEqual([
      [
        [null, false, undefined],
        [null, false, false],
        [null, false, false],
      ],
      [
        ['succeeded', true, undefined],
        [null, false, false],
        [null, false, false],
      ],
      [
        ['succeeded', false, undefined],
        [null, false, true],
        [null, false, false],
      ],
      [
        ['succeeded', false, undefined],
        ['succeeded', true, true],
        [null, false, true],
      ],
    ]);
    expect(ways[1]?.environments[1]?.promotion?.why).toContain(
      'has been live in int for 1 min 30 s of 5 min',
    );
    expect(ways[0]?.environments[2]).toMatchObject({ known: false });
  });
});
