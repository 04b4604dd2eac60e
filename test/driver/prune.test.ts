/** What `bascule images prune` does with AWS's answers, and what an environment needs. */
import { beforeEach, describe, expect, it } from 'vitest';
import { deploy } from '../../automation/operations/deploy';
import { pruneReleases, usesOf } from '../../automation/operations/images';
import type { LeftSnapshot, ReleaseImage, Used } from '../../src/domain/release-images';
import type { ReleaseImages } from '../../src/ports';
import { livePlace } from '../support/deployments';
import { FakeWorld } from '../support/fake-world';
import { refusal, sessionOf } from '../support/session';

const DAY = 24 * 3600_000;

class MemoryImages implements ReleaseImages {
  readonly removed: string[] = [];
  readonly lefts: LeftSnapshot[] = [];
  /** Told before each look at what is used. */
  onUses: (looks: number) => Used[] = () => [];
  refuses: string | undefined;
  private looks = 0;

  constructor(private readonly images: ReleaseImage[]) {}

  list = (region: string) => Promise.resolve(this.images.filter((image) => image.region === region));
  uses = () => Promise.resolve(this.onUses(this.looks++));
  sharedWith = ({ id }: ReleaseImage) => Promise.resolve(id === 'ami-1.0.0' ? ['222222222222'] : []);
  left = () => Promise.resolve(this.lefts);
  remove = ({ id }: ReleaseImage) => {
    if (id === this.refuses) return Promise.reject(new Error('UnauthorizedOperation'));
    return Promise.resolve(void this.removed.push(id));
  };
  removeLeft = ({ id }: LeftSnapshot) => Promise.resolve(void this.removed.push(id));
}

const { clock } = new FakeWorld();
const facts = { region: 'eu-west-3', contentSha256: null, builder: null, schema: null, expiresAt: null };
const image = (version: string, daysOld: number): ReleaseImage => ({
  ...facts,
  ...{ id: `ami-${version}`, version, state: 'available', snapshots: [] },
  createdAt: clock.now() - daysOld * DAY,
});

describe('a prune', () => {
  let images: MemoryImages;

  beforeEach(() => {
    images = new MemoryImages([image('1.0.0', 90), image('2.0.0', 60), image('3.0.0', 1)]);
    images.lefts.push({ ...facts, id: 'snap-0', version: '0.1.0', createdAt: clock.now() - 90 * DAY });
  });

  const prune = (dryRun: boolean) =>
    pruneReleases({
      ...{ images, regions: ['eu-west-3'], used: [], clock, dryRun },
      policy: { keep: 1, olderThanDays: 30 },
    });

  it('only says what it would do until it is told to do it', async () => {
    const { releases, left, shared, removed } = await prune(true);
    expect(releases.map(({ verdict }) => verdict.kind)).toEqual(['keep', 'prune', 'prune']);
    expect(left.map(({ id }) => id)).toEqual(['snap-0']);
    expect(shared).toEqual([{ image: 'ami-1.0.0', region: 'eu-west-3', accounts: ['222222222222'] }]);
    expect([removed, images.removed]).toEqual([[], []]);
    const done = await prune(false);
    expect(done.removed).toEqual(['ami-2.0.0', 'ami-1.0.0']);
    expect(images.removed).toEqual(['ami-2.0.0', 'ami-1.0.0', 'snap-0']);
  });

  it('keeps what came to be used since it looked at all of them', async () => {
    const use = { kind: 'instance' as const, region: 'eu-west-3', instance: 'i-1' };
    images.onUses = (looks) => (looks === 0 ? [] : [{ image: 'ami-2.0.0', use }]);
    const { releases, removed } = await prune(false);
    expect(removed).toEqual(['ami-1.0.0']);
    expect(releases[1]?.verdict).toEqual({ kind: 'keep', why: 'instance i-1 (eu-west-3)' });
  });

  it('names what is gone already when AWS refuses the next', async () => {
    images.refuses = 'ami-1.0.0';
    const error = await refusal(prune(false));
    expect(error).toMatchObject({ code: 'BASCULE_PRUNE_STOPPED', exitCode: 3 });
    expect(error.message).toContain('UnauthorizedOperation');
    expect(error.details).toEqual(['removed before: ami-2.0.0']);
    expect(images.removed).toEqual(['ami-2.0.0']);
  });
});

describe('what an environment needs', () => {
  it('is what it would roll back to also while no single release is live', async () => {
    const { world, journal, leases } = livePlace();
    const session = sessionOf(world, journal, leases);
    await deploy(session, { version: '2.0.0', force: false, overrideFreeze: [] });
    const target = { version: '1.0.0', use: { kind: 'rollback-target', environment: 'test' } };
    expect(await usesOf(session)).toContainEqual(target);
    const { routeList } = world.at();
    for (const { id } of routeList) world.at().setWeights(id, { blue: 50, green: 50 });
    world.runs('blue', '0.5.0');
    expect(await usesOf(session)).toContainEqual(target);
  });
});
