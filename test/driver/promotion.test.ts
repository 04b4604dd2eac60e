/** Promotion and windows with a world in memory: who is let through, which image, and what the journals say of it. */
import { beforeEach, describe, expect, it } from 'vitest';
import { deploy } from '../../automation/operations/deploy';
import { entryOf } from '../../automation/operations/history';
import { promote, type Former, type PromoteRequest } from '../../automation/operations/promote';
import { releases } from '../../automation/operations/releases';
import { abort, resume } from '../../automation/operations/resume';
import { rollback } from '../../automation/operations/rollback';
import { windowsSchema } from '../../src/domain/config/windows';
import { ORIGIN_TAG, type BundleMove } from '../../src/domain/promotion-images';
import type { Handover, Image } from '../../src/ports';
import { livePlace } from '../support/deployments';
import type { FakeWorld } from '../support/fake-world';
import type { MemoryJournal } from '../support/memory';
import { refusal, sessionOf, type TestSession } from '../support/session';

const REGION = 'eu-west-3';
const SUM = 'a'.repeat(64);
const BUNDLE = `releases/shop/2.0.0/${SUM}.tar.gz`;
const TAGS = {
  service: 'shop',
  version: '2.0.0',
  'bascule:content': 'c'.repeat(64),
  'bascule:bundle': `s3://from-bucket/${BUNDLE}`,
  'bascule:sha256': SUM,
  team: 'shop',
};

/** Two accounts in memory. */
class FakeHandover implements Handover {
  own = { source: '111111111111', target: '222222222222' };
  readonly sources = new Map<string, Image>();
  readonly targets = new Map<string, Image>();
  readonly moved: BundleMove[] = [];
  readonly shared: string[] = [];
  waitedFor: string[] = [];

  accounts() {
    return Promise.resolve(this.own);
  }
  source(region: string, version: string) {
    const image = this.sources.get(region);
    return Promise.resolve(image?.version === version ? image : undefined);
  }
  target(region: string, version: string) {
    const image = this.targets.get(region);
    return Promise.resolve(image?.version === version ? image : undefined);
  }
  copy(source: Image, region: string, tags: Readonly<Record<string, string>>) {
    const id = `ami-copy-of-${source.id}-${source.region}`;
    this.targets.set(region, { ...source, id, region, tags: { ...tags } });
    return Promise.resolve(id);
  }
  share(source: Image) {
    this.shared.push(source.id);
    return Promise.resolve(source.id);
  }
  available({ id }: Pick<Image, 'id'>) {
    this.waitedFor.push(id);
    return Promise.resolve();
  }
  moveBundle(move: BundleMove) {
    this.moved.push(move);
    return Promise.resolve();
  }
}

function image(id: string, region = REGION, change: Partial<Image> = {}): Image {
  return { id, region, version: '2.0.0', state: 'available', tags: TAGS, createdAt: '2026-01-01', ...change };
}

let staging: { world: FakeWorld; journal: MemoryJournal; session: TestSession };
let production: typeof staging;
let handover: FakeHandover;
let former: Former;

function environment(): typeof staging {
  const { world, journal, leases } = livePlace();
  return { world, journal, session: sessionOf(world, journal, leases) };
}

beforeEach(() => {
  staging = environment();
  production = environment();
  production.session.promotion = { from: 'staging', soakSeconds: 0, tests: true, kmsKeys: {} };
  handover = new FakeHandover();
  handover.sources.set(REGION, image('ami-1'));
  former = {
    promotion: { from: 'staging', soakSeconds: 0, tests: true, kmsKeys: {} },
    journal: staging.journal,
    handover,
    destination: {
      from: { environment: 'staging', regions: [REGION] },
      environment: 'production',
      regions: [REGION],
      imageOwners: ['self'],
      bucket: 'to-bucket',
      readableBuckets: [],
    },
  };
});

const through = (version = '2.0.0') => deploy(staging.session, { version, force: false });
const promoting = (change: Partial<PromoteRequest> = {}) =>
  promote(production.session, former, { version: '2.0.0', force: false, imageOnly: false, ...change });
const openingOf = async (journal: MemoryJournal) => {
  const records = await journal.read((await journal.list()).at(-1) ?? '');
  const first = records[0];
  if (first?.kind !== 'opened') throw new Error('there is no journal');
  return { ...first, notes: entryOf(records).notes };
};

describe('a promotion', () => {
  it('brings what succeeded before, tags and bundle with it, and says in the journal by which deployment', async () => {
    const before = await through();
    const ended = await promoting();
    expect(ended).toMatchObject({
      kind: 'ended',
      placed: [{ region: REGION, imageId: `ami-copy-of-ami-1-${REGION}`, how: 'copied' }],
      result: { kind: 'deployed', outcome: 'succeeded' },
    });
    if (before.kind !== 'deployed') throw new Error('staging was not deployed');
    expect(handover.targets.get(REGION)?.tags).toEqual({
      ...TAGS,
      'bascule:bundle': `s3://to-bucket/${BUNDLE}`,
      [ORIGIN_TAG]: `111111111111 ${REGION} ami-1`,
    });
    expect(handover.moved).toEqual([
      { from: { bucket: 'from-bucket', key: BUNDLE }, to: { bucket: 'to-bucket', key: BUNDLE }, sha256: SUM },
    ]);
    const opening = await openingOf(production.journal);
    expect(opening.promoted).toEqual({ from: 'staging', deployment: before.deployment });
    expect(opening.notes).toContainEqual(
      expect.stringContaining(`promoted from staging (${before.deployment})`),
    );
  });

  it('is refused for what was never deployed before, and touches nothing', async () => {
    const error = await refusal(promoting());
    expect(error).toMatchObject({ code: 'BASCULE_NOT_PROMOTED', exitCode: 2 });
    expect(error.message).toContain('2.0.0 was never deployed to staging');
    expect(handover.targets.size).toBe(0);
    expect(await production.journal.list()).toEqual([]);
    expect(production.world.applied).toEqual([]);
  });

  it('waits for the soak of the environment before', async () => {
    former.promotion.soakSeconds = 3600;
    await through();
    const clock = production.world.clock;
    await clock.wait(staging.world.clock.now() - clock.now());
    const early = await refusal(promoting());
    expect(early.code).toBe('BASCULE_NOT_PROMOTED');
    expect(early.message).toContain('of 1 h');
    await clock.wait(3600_000);
    expect(await promoting()).toMatchObject({ result: { outcome: 'succeeded' } });
  });

  it('is refused after the environment before was rolled back from it, unless by force, with the reason recorded', async () => {
    await through();
    await rollback(staging.session);
    expect((await refusal(promoting())).message).toContain('staging was taken back from 2.0.0 to 1.0.0');
    await promoting({ forcePromotion: 'the cause was the database' });
    const opening = await openingOf(production.journal);
    expect(opening.promoted).toMatchObject({ from: 'staging', forced: 'the cause was the database' });
    expect(opening.notes.join()).toContain('by force: the cause was the database');
  });

  it('finds a copy made before, waits for it, and makes no other', async () => {
    await through();
    await promoting({ imageOnly: true });
    expect(await production.journal.list()).toEqual([]);
    const copy = handover.targets.get(REGION);
    if (copy === undefined) throw new Error('nothing was copied');
    handover.targets.set(REGION, { ...copy, state: 'pending' });
    expect(await promoting({ imageOnly: true })).toMatchObject({
      placed: [{ imageId: copy.id, how: 'there' }],
    });
    expect(handover.waitedFor).toEqual([copy.id]);
  });

  it('refuses an image of that version that is another release', async () => {
    await through();
    handover.targets.set(
      REGION,
      image('ami-2', REGION, { tags: { ...TAGS, 'bascule:content': 'd'.repeat(64) } }),
    );
    const error = await refusal(promoting());
    expect(error).toMatchObject({ code: 'BASCULE_PROMOTION_DIFFERS', exitCode: 2 });
    expect(error.message).toContain('ami-2');
    expect(await production.journal.list()).toEqual([]);
  });

  it('within one account leaves the image and the bundle as they are', async () => {
    await through();
    handover.own = { source: '111111111111', target: '111111111111' };
    handover.targets.set(REGION, image('ami-1'));
    expect(await promoting()).toMatchObject({ placed: [{ imageId: 'ami-1', how: 'there' }] });
    expect(handover.moved).toEqual([]);
  });

  it('copies from another region where the release has no image in its own, and shares where none is owned', async () => {
    await through();
    const all = { ...former.destination, regions: [REGION, 'us-east-1'] };
    former = { ...former, destination: all };
    const copied = await promoting({ imageOnly: true });
    expect(copied.placed.map(({ imageId }) => imageId)).toEqual([
      `ami-copy-of-ami-1-${REGION}`,
      `ami-copy-of-ami-1-${REGION}`,
    ]);
    handover.targets.clear();
    former = { ...former, destination: { ...all, regions: [REGION], imageOwners: ['111111111111'] } };
    expect((await promoting({ imageOnly: true })).placed).toMatchObject([
      { imageId: 'ami-1', how: 'shared' },
    ]);
    former = { ...former, destination: { ...all, imageOwners: ['111111111111'] } };
    expect(await refusal(promoting({ imageOnly: true }))).toMatchObject({ code: 'BASCULE_PROMOTION_FAILED' });
  });

  it('is the only way in: deploy is refused, but by force', async () => {
    const deploying = (forcePromotion?: string) =>
      deploy(production.session, {
        version: '2.0.0',
        force: false,
        ...(forcePromotion !== undefined && { forcePromotion }),
      });
    const error = await refusal(deploying());
    expect(error).toMatchObject({ code: 'BASCULE_NOT_PROMOTED', exitCode: 2 });
    expect(error.next).toContain('bascule promote 2.0.0 --to test');
    expect(await production.journal.list()).toEqual([]);
    expect(await deploying('urgent')).toMatchObject({ outcome: 'succeeded' });
    expect((await openingOf(production.journal)).promoted).toEqual({
      from: 'staging',
      deployment: null,
      forced: 'urgent',
    });
  });
});

describe('windows', () => {
  // The clock of the world in memory begins on Thursday, 1 January 2026, at midnight.
  const weekend = windowsSchema.parse({
    timeZone: 'UTC',
    open: [{ days: ['sat'], from: '09:00', to: '17:00' }],
  });

  it('refuse deploy and promote and say when they open, before anything is asked or copied', async () => {
    production.session.windows = weekend;
    const ways = [
      promoting,
      () => deploy(production.session, { version: '2.0.0', force: false, forcePromotion: 'x' }),
    ];
    for (const way of ways) {
      const error = await refusal(way());
      expect(error).toMatchObject({ code: 'BASCULE_OUTSIDE_WINDOW', exitCode: 2 });
      expect(error.message).toContain('opens Sat 2026-01-03 09:00 UTC');
      expect(error.next).toContain('--override-window');
    }
    expect(handover.targets.size).toBe(0);
    expect(await production.journal.list()).toEqual([]);
  });

  it('let a deployment begin while they are open', async () => {
    production.session.windows = weekend;
    production.session.promotion = null;
    await production.world.clock.wait(Date.UTC(2026, 0, 3, 9) - production.world.clock.now());
    const opened = await deploy(production.session, {
      version: '2.0.0',
      force: false,
      overrideWindow: 'no need',
    });
    expect(opened).toMatchObject({ outcome: 'succeeded' });
    expect((await openingOf(production.journal)).overrodeWindow).toBeUndefined();
  });

  it('are overridden for a reason that the journal keeps', async () => {
    production.session.windows = weekend;
    await through();
    await promoting({ overrideWindow: 'customers wait' });
    const opening = await openingOf(production.journal);
    expect(opening.overrodeWindow).toBe('customers wait');
    expect(opening.notes.join()).toContain('window overridden: customers wait');
  });

  it('stop neither rollback, nor resume, nor abort', async () => {
    production.session.promotion = null;
    const deploying = (version: string) => deploy(production.session, { version, force: false });
    await deploying('2.0.0');
    production.session.windows = weekend;
    expect(await rollback(production.session)).toMatchObject({ outcome: 'succeeded' });
    for (const [version, way, outcome] of [
      ['3.0.0', resume, 'succeeded'],
      ['4.0.0', abort, 'failed'],
    ] as const) {
      production.session.windows = null;
      production.world.beforeApply = () => {
        throw new Error('killed');
      };
      await expect(deploying(version)).rejects.toThrow('killed');
      production.world.beforeApply = () => undefined;
      production.session.windows = weekend;
      expect(await way(production.session)).toMatchObject({ outcome });
    }
  });
});

describe('the way of releases', () => {
  it('tells where each version is, how long, and what may go on', async () => {
    await through();
    const images = { list: () => Promise.resolve([]) };
    const stations = [
      { environment: 'staging', promotion: null, journal: staging.journal, images, region: REGION },
      {
        environment: 'production',
        promotion: former.promotion,
        journal: production.journal,
        images,
        region: REGION,
      },
    ];
    const now = staging.world.clock.now() + 60_000;
    const before = await releases(stations, 50, now);
    expect(before.unread).toEqual([]);
    expect(before.releases).toMatchObject([
      {
        version: '2.0.0',
        environments: [
          { environment: 'staging', outcome: 'succeeded', live: true, soakedSeconds: 60, promotion: null },
          {
            environment: 'production',
            outcome: null,
            live: false,
            promotion: { from: 'staging', allowed: true },
          },
        ],
      },
    ]);
    await promoting();
    const after = await releases(stations, 50, now);
    expect(after.releases[0]?.environments[1]).toMatchObject({ outcome: 'succeeded', live: true });
  });
});
