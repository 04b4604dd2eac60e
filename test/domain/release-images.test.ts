import { describe, expect, it } from 'vitest';
import {
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

  it('have no content in common where their images differ', () => {
    const odd = { ...image('1.0.0', 1, 'eu-central-1'), contentSha256: 'another' };
    expect(releasesOf([image('1.0.0', 1), odd], [])[0]?.contentSha256).toBeNull();
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

  it('is nothing whose age is not known', () => {
    expect(verdicts([image('1.0.0', null)], [], 0, 0)).toEqual({ '1.0.0': 'its age is not known' });
  });
});
