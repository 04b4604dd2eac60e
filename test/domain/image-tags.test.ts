import { describe, expect, it } from 'vitest';
import type { Baking } from '../../src/domain/bake-order';
import { parseImage } from '../../src/domain/config';
import { bakedTags, expiryOf, isLeftover, judgeExisting } from '../../src/domain/image-tags';

const NOW = Date.UTC(2026, 10, 21, 23, 59);

function baking(image: object = {}, bake: Partial<Baking> = {}): Baking {
  const parsed = parseImage({
    ...{ service: 'shop', bucket: 'releases', regions: ['eu-west-3'], tags: { team: 'shop' } },
    ...image,
  });
  if (!parsed.ok) throw new Error(JSON.stringify(parsed.problems));
  return {
    ...parsed.config,
    version: '1.2.0',
    sha256: 'a'.repeat(64),
    contentSha256: 'b'.repeat(64),
    bundleFile: 'shop.tar.gz',
    base: { id: 'ami-1', name: 'al2023' },
    ...bake,
  };
}

describe('the tags of a baked image', () => {
  it('say what it is of, and for the builder bundle where the release is', () => {
    expect(bakedTags(baking({}, { madeBy: 'bundle' }), NOW, 'eu-west-3')).toEqual({
      team: 'shop',
      Name: 'shop-1.2.0-bbbbbbbbbbbb',
      service: 'shop',
      version: '1.2.0',
      'bascule:content': 'b'.repeat(64),
      'bascule:builder': 'bundle',
      'bascule:base': 'ami-1 al2023',
      'bascule:bundle': `s3://releases/releases/shop/1.2.0/${'a'.repeat(64)}.tar.gz`,
      'bascule:sha256': 'a'.repeat(64),
    });
  });

  it('name the bucket of the region where it has one of its own', () => {
    const image = { regions: ['eu-west-3', 'eu-central-1'], regionBuckets: { 'eu-central-1': 'frankfurt' } };
    const key = `releases/shop/1.2.0/${'a'.repeat(64)}.tar.gz`;
    const bundle = (region: string): string | undefined =>
      bakedTags(baking(image), NOW, region)['bascule:bundle'];
    expect(bundle('eu-west-3')).toBe(`s3://releases/${key}`);
    expect(bundle('eu-central-1')).toBe(`s3://frankfurt/${key}`);
  });

  it('name no bundle where Packer put everything on it, but what made it, and all that is known', () => {
    const known = { madeBy: 'packer 1.6.6, ansible 2.14.18', revision: 'f00', schema: '4-6' };
    const tags = bakedTags(baking({ builder: 'packer', expiresAfterDays: 30 }, known), NOW, 'eu-west-3');
    expect(tags).toMatchObject({
      'bascule:builder': 'packer 1.6.6, ansible 2.14.18',
      'bascule:revision': 'f00',
      'bascule:schema': '4-6',
      'bascule:expires': '2026-12-21',
    });
    expect(Object.keys(tags)).not.toContain('bascule:bundle');
    expect(Object.keys(tags)).not.toContain('bascule:sha256');
  });

  it('are none that EC2 refuses for its length', () => {
    const tags = bakedTags(baking({}, { base: { id: 'ami-1', name: 'n'.repeat(300) } }), NOW, 'eu-west-3');
    expect(tags['bascule:base']).toHaveLength(256);
  });
});

describe('an image’s expiry', () => {
  it('is the end of the day that its tag names', () => {
    expect(expiryOf('2026-12-21')).toBe(Date.UTC(2026, 11, 22));
  });

  it.each([undefined, '', 'soon', '2026-13-99', '21.12.2026'])('is none by %j', (tag) => {
    expect(expiryOf(tag)).toBeNull();
  });
});

describe('what a bake left', () => {
  it('is what the service was baking and has no version, for with one it counts', () => {
    expect(isLeftover({ 'bascule:baking': 'shop' }, 'shop')).toBe(true);
    expect(isLeftover({ 'bascule:baking': 'shop', version: '1.2.0' }, 'shop')).toBe(false);
    expect(isLeftover({ 'bascule:baking': 'cart' }, 'shop')).toBe(false);
    expect(isLeftover({}, 'shop')).toBe(false);
  });
});

describe('an image that has the name already', () => {
  it.each([
    [undefined, 'none'],
    ['pending', 'wait'],
    ['available', 'ready'],
    ['failed', 'failed'],
    ['error', 'failed'],
    ['disabled', 'unusable'],
  ])('that is %s: %s', (state, expected) => {
    expect(judgeExisting(state)).toBe(expected);
  });
});
