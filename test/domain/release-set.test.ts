import { describe, expect, it } from 'vitest';
import { bundlesOf, differencesOf, releasePart, type BundleReading } from '../../src/domain/release-set';

const SUM = 'a'.repeat(64);
const OTHER = 'f'.repeat(64);
const PARIS = 's3://releases/shop.tar.gz';
const FRANKFURT = 's3://frankfurt/shop.tar.gz';

function part(region: string, tags: Record<string, string | undefined> = {}) {
  const all = { 'bascule:content': 'c'.repeat(64), 'bascule:bundle': PARIS, 'bascule:sha256': SUM, ...tags };
  const given = Object.entries(all).flatMap(([key, value]) => (value === undefined ? [] : [[key, value]]));
  return releasePart({
    region,
    id: `ami-${region}`,
    tags: Object.fromEntries(given) as Record<string, string>,
  });
}

const found = (sha256: string | null): BundleReading => ({ kind: 'found', sha256 });
const paris = part('eu-west-3');
const frankfurt = part('eu-central-1', { 'bascule:bundle': FRANKFURT });

describe('a release', () => {
  it('is one set where content and bundles are the same, each in its own bucket', () => {
    const bundles = new Map([
      [PARIS, found(SUM)],
      [FRANKFURT, found(SUM)],
    ]);
    expect(differencesOf([paris, frankfurt], bundles)).toEqual([]);
    expect([...bundlesOf([paris, frankfurt, part('eu-west-1')])]).toEqual([
      [PARIS, 'eu-west-3'],
      [FRANKFURT, 'eu-central-1'],
    ]);
  });

  it('may be of images that Bascule did not make, and of no region at all', () => {
    const none = { 'bascule:content': undefined, 'bascule:bundle': undefined, 'bascule:sha256': undefined };
    expect(differencesOf([part('eu-west-3', none), part('eu-central-1', none)], new Map())).toEqual([]);
    expect(differencesOf([], new Map())).toEqual([]);
  });

  it.each<[string, Record<string, string | undefined>, RegExp]>([
    [
      'has other content',
      { 'bascule:content': 'd'.repeat(64) },
      /content dddddddddddd, .* content cccccccccccc/,
    ],
    [
      'has none that is known',
      { 'bascule:content': undefined },
      /no content, and ami-eu-west-3 in eu-west-3/,
    ],
    ['gets another bundle', { 'bascule:sha256': OTHER }, /bundle with sum ffffffffffff, .* sum aaaaaaaaaaaa/],
    ['gets none', { 'bascule:bundle': undefined }, /has no bundle, and ami-eu-west-3 in eu-west-3 a bundle/],
  ])('is none where the image of a region %s', (_, tags, what) => {
    const differences = differencesOf([paris, part('eu-central-1', tags)]);
    expect(differences).toEqual([{ region: 'eu-central-1', what: expect.stringMatching(what) as string }]);
    expect(differences[0]?.what).toContain('image ami-eu-central-1');
  });

  it.each<[string, BundleReading, RegExp]>([
    ['is not there', { kind: 'missing' }, /s3:\/\/frankfurt\/shop\.tar\.gz is not there/],
    ['was changed', found(OTHER), /has sum ffffffffffff instead of aaaaaaaaaaaa/],
    ['may not be read', { kind: 'unreadable', why: 'denied' }, /cannot be compared: denied/],
  ])('is none where a region’s bundle %s', (_, reading, what) => {
    const bundles = new Map([
      [PARIS, found(SUM)],
      [FRANKFURT, reading],
    ]);
    expect(differencesOf([paris, frankfurt], bundles)).toEqual([
      { region: 'eu-central-1', what: expect.stringMatching(what) as string },
    ]);
  });

  it('is compared with one another where no tag names the sum', () => {
    const unnamed = { 'bascule:sha256': undefined };
    const parts = [
      part('eu-west-3', unnamed),
      part('eu-central-1', { ...unnamed, 'bascule:bundle': FRANKFURT }),
    ];
    const bundles = (sum: string | null) =>
      new Map([
        [PARIS, found(SUM)],
        [FRANKFURT, found(sum)],
      ]);
    expect(differencesOf(parts, bundles(OTHER)).map(({ region }) => region)).toEqual(['eu-central-1']);
    expect(differencesOf(parts, bundles(SUM))).toEqual([]);
    // Of what an older version sent S3 keeps no sum.
    expect(differencesOf(parts, bundles(null))).toEqual([]);
  });

  it('whose regions share one object needs no right to read it, for that is equal to itself', () => {
    const parts = [paris, part('eu-west-1')];
    expect(differencesOf(parts, new Map([[PARIS, { kind: 'unreadable', why: 'denied' }]]))).toEqual([]);
    expect(differencesOf(parts, new Map([[PARIS, { kind: 'missing' }]]))).toHaveLength(2);
  });
});
