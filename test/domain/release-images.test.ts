import { describe, expect, it } from 'vitest';
import {
  judgeLeft,
  judgePrune,
  releasesOf,
  type ImageUse,
  type ReleaseImage,
  type Used,
} from '../../src/domain/release-images';

const DAY = 24 * 3600_000;
const NOW = Date.UTC(2026, 5, 1);

function image(version: string, daysOld: number | null, region = 'eu-west-3'): ReleaseImage {
  return {
    id: `ami-${version}-${region}`,
    region,
    version,
    state: 'available',
    createdAt: daysOld === null ? null : NOW - daysOld * DAY,
    contentSha256: `sum of ${version}`,
    builder: 'bundle',
    schema: null,
    expiresAt: null,
    snapshots: [`snap-${version}-${region}`],
  };
}

const live: ImageUse = {
  kind: 'fleet',
  environment: 'int',
  region: 'eu-west-3',
  colour: 'blue',
  role: 'live',
};

function verdicts(images: ReleaseImage[], used: Used[], keep: number, olderThanDays: number) {
  const judged = judgePrune(releasesOf(images, used), { keep, olderThanDays }, NOW);
  return Object.fromEntries(
    judged.map(({ release, verdict }) => [release.version, verdict.kind === 'keep' ? verdict.why : 'prune']),
  );
}

describe('releases by their images', () => {
  it('are one for each version, the newest first, with all regions', () => {
    const images = [image('1.0.0', 9), image('2.0.0', 3), image('2.0.0', 2, 'eu-central-1')];
    const releases = releasesOf(images, [{ version: '2.0.0', use: live }]);
    expect(releases.map(({ version }) => version)).toEqual(['2.0.0', '1.0.0']);
    expect(releases[0]?.images.map(({ region }) => region)).toEqual(['eu-central-1', 'eu-west-3']);
    expect(releases[0]?.uses).toEqual([live]);
    expect(releases[1]?.uses).toEqual([]);
  });

  it('are in the order of their versions where AWS, which tells whole seconds, gives the same time', () => {
    const versions = ['0.9.0', '0.10.0', '0.8.0'];
    const releases = releasesOf(
      versions.map((version) => image(version, 1)),
      [],
    );
    expect(releases.map(({ version }) => version)).toEqual(['0.10.0', '0.9.0', '0.8.0']);
  });

  it('have no content, builder or schema in common where their images differ', () => {
    const one = { ...image('1.0.0', 1), schema: '4-6' };
    const odd = { ...one, region: 'eu-central-1', contentSha256: 'another', builder: null, schema: '5-6' };
    const none = { contentSha256: null, builder: null, schema: null };
    expect(releasesOf([one, odd], [])[0]).toMatchObject(none);
    expect(releasesOf([one], [])[0]).toMatchObject({ builder: 'bundle', schema: '4-6' });
  });

  it('expire with the last of their images, and never while one of these never does', () => {
    const one = { ...image('1.0.0', 9), expiresAt: NOW };
    const later = { ...image('1.0.0', 9, 'eu-central-1'), expiresAt: NOW + DAY };
    expect(releasesOf([one, later], [])[0]?.expiresAt).toBe(NOW + DAY);
    expect(releasesOf([one, { ...later, expiresAt: null }], [])[0]?.expiresAt).toBeNull();
  });
});

describe('what a prune lets go', () => {
  const five = [1, 2, 3, 4, 5].map((age) => image(`${6 - age}.0.0`, age * 10));

  it('is older than the age and not among the newest', () => {
    expect(verdicts(five, [], 2, 35)).toEqual({
      '5.0.0': 'one of the 2 newest',
      '4.0.0': 'one of the 2 newest',
      '3.0.0': 'not older than 35 day(s)',
      '2.0.0': 'prune',
      '1.0.0': 'prune',
    });
  });

  it('is nothing that is used, by version or by image', () => {
    const used: Used[] = [
      { version: '1.0.0', use: { kind: 'rollback-target', environment: 'int' } },
      { image: 'ami-2.0.0-eu-west-3', use: { kind: 'launch-template', region: 'eu-west-3', group: 'other' } },
    ];
    expect(verdicts(five, used, 0, 0)).toEqual({
      '5.0.0': 'prune',
      '4.0.0': 'prune',
      '3.0.0': 'prune',
      '2.0.0': 'launch template of other (eu-west-3)',
      '1.0.0': 'int would roll back to it',
    });
  });

  it('is no release of which one region is used, in any region', () => {
    const images = [image('1.0.0', 90), image('1.0.0', 90, 'eu-central-1')];
    const use: ImageUse = { kind: 'instance', region: 'eu-central-1', instance: 'i-1' };
    expect(verdicts(images, [{ image: 'ami-1.0.0-eu-central-1', use }], 0, 0)).toEqual({
      '1.0.0': 'instance i-1 (eu-central-1)',
    });
  });

  it('is what has expired before its age says so, but neither what is used nor one of the newest', () => {
    const expired = five.map((one) => ({ ...one, expiresAt: NOW }));
    const used: Used[] = [{ version: '2.0.0', use: live }];
    expect(verdicts(expired, used, 1, 365)).toMatchObject({
      '5.0.0': 'one of the 1 newest',
      '4.0.0': 'prune',
      '2.0.0': 'live in int (blue, eu-west-3)',
      '1.0.0': 'prune',
    });
    const tomorrow = five.map((one) => ({ ...one, expiresAt: NOW + 1 }));
    expect(verdicts(tomorrow, [], 1, 365)).toMatchObject({ '4.0.0': 'not older than 365 day(s)' });
  });

  it('is also the snapshot of an image that is gone, by its own age or expiry', () => {
    const left = (id: string, daysOld: number | null, expiresAt: number | null = null) => ({
      ...{ id, region: 'eu-west-3', version: '1.0.0', expiresAt },
      createdAt: daysOld === null ? null : NOW - daysOld * DAY,
    });
    const all = [left('old', 40), left('young', 3), left('unknown', null), left('expired', 3, NOW)];
    const going = judgeLeft(all, { keep: 9, olderThanDays: 30 }, NOW);
    expect(going.map(({ id }) => id)).toEqual(['old', 'expired']);
  });

  it('is nothing whose age is not known', () => {
    expect(verdicts([image('1.0.0', null)], [], 0, 0)).toEqual({ '1.0.0': 'its age is not known' });
  });
});
