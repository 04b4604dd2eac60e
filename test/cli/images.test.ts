/** What `bascule images` and `bascule images prune` say to people. */
import { describe, expect, it } from 'vitest';
import { renderPruned, renderReleases } from '../../automation/cli/output/images';
import type { Release } from '../../src/domain/release-images';

const DAY = 24 * 3600_000;
const NOW = Date.UTC(2026, 10, 21, 12);

function release(version: string, change: Partial<Release> = {}): Release {
  const facts = { contentSha256: 'b'.repeat(64), builder: null, schema: null, expiresAt: null };
  const image = { ...facts, id: 'ami-1', region: 'eu-west-3', version, state: 'available', snapshots: [] };
  const createdAt = NOW - 3 * DAY;
  return { ...facts, version, createdAt, images: [{ ...image, createdAt }], uses: [], ...change };
}

const live = {
  kind: 'fleet',
  environment: 'int',
  region: 'eu-west-3',
  colour: 'blue',
  role: 'live',
} as const;

describe('the list of images', () => {
  it('has version, age, regions, content and use, and more only where a release tells more', () => {
    expect(renderReleases([release('1.0.0', { uses: [live] })], [], NOW)).toBe(
      [
        'version  age       regions    content       used by',
        '1.0.0    3 day(s)  eu-west-3  bbbbbbbbbbbb  live in int (blue, eu-west-3)',
      ].join('\n'),
    );
    const told = { builder: 'bundle', schema: '4-6', expiresAt: Date.UTC(2026, 11, 1) };
    const gone = { expiresAt: Date.UTC(2026, 10, 21) };
    expect(renderReleases([release('2.0.0', told), release('1.0.0', gone)], [], NOW)).toBe(
      [
        'version  age       regions    content       builder  schema  expires               used by',
        '2.0.0    3 day(s)  eu-west-3  bbbbbbbbbbbb  bundle   4-6     2026-11-30            nothing',
        '1.0.0    3 day(s)  eu-west-3  bbbbbbbbbbbb                   2026-11-20 (expired)  nothing',
      ].join('\n'),
    );
  });

  it('says of which environment it knows nothing', () => {
    const unread = [{ environment: 'staging', code: 'BASCULE_AWS_DENIED', why: 'not allowed' }];
    for (const releases of [[], [release('1.0.0')]])
      expect(renderReleases(releases, unread, NOW)).toMatch(
        /\nnote: staging could not be read.*not allowed$/,
      );
  });
});

describe('what a prune says', () => {
  const pruned = {
    releases: [
      { release: release('2.0.0'), verdict: { kind: 'keep' as const, why: 'one of the 1 newest' } },
      { release: release('1.0.0'), verdict: { kind: 'prune' as const, why: 'expired' } },
    ],
    left: [{ id: 'snap-1', region: 'eu-west-3', version: '0.1.0', createdAt: null, expiresAt: null }],
    shared: [{ image: 'ami-1', region: 'eu-west-3', accounts: ['222222222222'] }],
    removed: [],
  };

  it('is what would go and why, that others may use it unseen, and how to do it', () => {
    expect(renderPruned(pruned, true)).toBe(
      [
        '2.0.0  stays     one of the 1 newest',
        '1.0.0  would go  expired              ami-1 (eu-west-3)',
        'note: ami-1 (eu-west-3) is shared with 222222222222; whether it is used there is not seen.',
        '1 release(s) with 1 image(s) would be deregistered, with their snapshots.',
        '1 snapshot(s) of images that are gone already would be deleted: snap-1 (eu-west-3).',
        'Nothing was changed; --no-dry-run does it.',
      ].join('\n'),
    );
  });

  it('is what went, once it did it', () => {
    expect(renderPruned(pruned, false)).toContain('1 release(s) with 1 image(s) were deregistered');
    expect(renderPruned({ ...pruned, releases: [], left: [], shared: [] }, true)).toBe(
      '0 release(s) with 0 image(s) would be deregistered, with their snapshots.',
    );
  });
});
