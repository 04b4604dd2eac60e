/** Copies of images, who shares them, and their snapshots, over the real control plane. */
import { createHash } from 'node:crypto';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import {
  CopyImageCommand,
  DescribeImageAttributeCommand,
  DescribeImagesCommand,
  DescribeSnapshotAttributeCommand,
  DescribeSnapshotsCommand,
  DeregisterImageCommand,
  EC2Client,
  RegisterImageCommand,
  type Image,
  type Snapshot,
} from '@aws-sdk/client-ec2';
import {
  CreateBucketCommand,
  DeleteObjectCommand,
  PutObjectCommand,
  type BucketLocationConstraint,
} from '@aws-sdk/client-s3';
import { AssumeRoleCommand } from '@aws-sdk/client-sts';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { replicateBundle, S3Bundles } from '../../src/adapters/bundles';
import { systemClock } from '../../src/adapters/clock';
import { distribute, tagBaked, type PlacedImage } from '../../src/adapters/image-copies';
import { AwsReleaseImages } from '../../src/adapters/release-images';
import { findBaseImage, makeImage } from '../../src/adapters/release';
import type { Baking } from '../../src/domain/bake-order';
import { parseImage } from '../../src/domain/config';
import { bundleAddress, bundleKey } from '../../src/domain/image-tags';
import type { Clock } from '../../src/ports';
import { must } from '../support/until';
import { Plane } from './moto-plane';

const HOME = 'eu-west-3';
const OTHER = 'eu-central-1';
const PARTNER = '222222222222';
/** Keys of the own account, as only these can be shared. */
const KEYS = Object.fromEntries(
  [HOME, OTHER].map((region) => [region, `arn:aws:kms:${region}:123456789012:key/images`]),
);

let plane: Plane;

beforeAll(async () => {
  plane = await Plane.start();
  Object.assign(process.env, {
    AWS_ENDPOINT_URL: plane.url,
    AWS_ACCESS_KEY_ID: 'test',
    AWS_SECRET_ACCESS_KEY: 'test',
  });
}, 120_000);

afterAll(async () => {
  await plane?.dispose();
});

async function baking(version: string, image: object = {}): Promise<Baking> {
  const parsed = parseImage({ service: 'shop', bucket: 'releases', regions: [HOME, OTHER], ...image });
  if (!parsed.ok) throw new Error(JSON.stringify(parsed.problems));
  const base = await findBaseImage(parsed.config, HOME);
  const sums = { sha256: 'a'.repeat(64), contentSha256: 'b'.repeat(64) };
  return { ...parsed.config, ...sums, version, bundleFile: 'none', base };
}

async function imageIn(region: string, id: string | undefined): Promise<Image> {
  const answer = await plane.ec2(region).send(new DescribeImagesCommand({ ImageIds: [must(id)] }));
  return must(answer.Images?.[0]);
}

async function snapshotOf(region: string, image: Image): Promise<Snapshot> {
  const SnapshotIds = [must(image.BlockDeviceMappings?.[0]?.Ebs?.SnapshotId)];
  const answer = await plane.ec2(region).send(new DescribeSnapshotsCommand({ SnapshotIds }));
  return must(answer.Snapshots?.[0]);
}

const tagsOf = ({ Tags = [] }: Image | Snapshot) =>
  Object.fromEntries(Tags.map(({ Key = '', Value = '' }) => [Key, Value]));

async function named(region: string, name: string): Promise<string[]> {
  const answer = await plane.ec2(region).send(new DescribeImagesCommand({ Owners: ['self'] }));
  return (answer.Images ?? []).flatMap(({ Name, ImageId }) => (Name === name ? must(ImageId) : []));
}

describe('a release in all its regions', () => {
  let order: Baking;
  let home: PlacedImage;
  let images: Record<string, string>;

  beforeAll(async () => {
    order = await baking('1.0.0', { kmsKeys: KEYS, shareWith: [PARTNER], expiresAfterDays: 30 });
    home = await makeImage(order, HOME);
    images = await distribute(order, home, systemClock);
  });

  it('is a copy in each, encrypted with the region’s own key, that does not count yet', async () => {
    expect(Object.keys(images)).toEqual([HOME, OTHER]);
    expect(images[HOME]).toBe(home.imageId);
    for (const region of [HOME, OTHER]) {
      const image = await imageIn(region, images[region]);
      expect(image.Name).toBe('shop-1.0.0-bbbbbbbbbbbb');
      expect(image.BlockDeviceMappings?.[0]?.Ebs?.Encrypted).toBe(true);
      const snapshot = await snapshotOf(region, image);
      expect(snapshot.KmsKeyId).toBe(KEYS[region]);
      for (const made of [image, snapshot]) {
        expect(tagsOf(made)).toMatchObject({ 'bascule:baking': 'shop' });
        expect(tagsOf(made)).not.toHaveProperty('version');
      }
    }
  });

  it('may be launched and copied by the accounts it is shared with, who see it as theirs to use', async () => {
    for (const region of [HOME, OTHER]) {
      const ec2 = plane.ec2(region);
      const ImageId = must(images[region]);
      const launch = { ImageId, Attribute: 'launchPermission' as const };
      const { LaunchPermissions } = await ec2.send(new DescribeImageAttributeCommand(launch));
      expect(LaunchPermissions).toEqual([{ UserId: PARTNER }]);
      const { SnapshotId } = await snapshotOf(region, await imageIn(region, ImageId));
      const volume = { SnapshotId, Attribute: 'createVolumePermission' as const };
      const { CreateVolumePermissions } = await ec2.send(new DescribeSnapshotAttributeCommand(volume));
      expect(CreateVolumePermissions).toEqual([{ UserId: PARTNER }]);
    }
    const partner = await accountOf(PARTNER);
    const owned = await partner.send(new DescribeImagesCommand({ Owners: ['123456789012'] }));
    const executable = await partner.send(new DescribeImagesCommand({ ExecutableUsers: ['self'] }));
    partner.destroy();
    for (const { Images = [] } of [owned, executable]) {
      expect(Images.map(({ ImageId }) => ImageId)).toContain(images[OTHER]);
      // Tags are seen by the owner alone.
      expect(Images.find(({ ImageId }) => ImageId === images[OTHER])?.Tags ?? []).toEqual([]);
    }
  });

  it('is not made twice', async () => {
    expect(await makeImage(order, HOME)).toEqual(home);
    expect(await distribute(order, home, systemClock)).toEqual(images);
    for (const region of [HOME, OTHER])
      expect(await named(region, 'shop-1.0.0-bbbbbbbbbbbb')).toEqual([images[region]]);
  });

  it('counts with its tags, which its snapshots have too, and is unfinished no more', async () => {
    const clock: Clock = { ...systemClock, now: () => Date.UTC(2026, 0, 1) };
    await tagBaked(order, images, clock);
    await tagBaked(order, images, clock);
    for (const region of [HOME, OTHER]) {
      const image = await imageIn(region, images[region]);
      for (const made of [image, await snapshotOf(region, image)]) {
        expect(tagsOf(made)).toMatchObject({ version: '1.0.0', 'bascule:expires': '2026-01-31' });
        expect(Object.keys(tagsOf(made)).filter((key) => key.startsWith('bascule:bak'))).toEqual([]);
      }
    }
  });

  async function accountOf(account: string): Promise<EC2Client> {
    const role = { RoleArn: `arn:aws:iam::${account}:role/partner`, RoleSessionName: 'test' };
    const { Credentials } = await plane.sts().send(new AssumeRoleCommand(role));
    const credentials = {
      accessKeyId: must(Credentials?.AccessKeyId),
      secretAccessKey: must(Credentials?.SecretAccessKey),
      ...(Credentials?.SessionToken === undefined ? {} : { sessionToken: Credentials.SessionToken }),
    };
    return new EC2Client({ endpoint: plane.url, region: OTHER, credentials });
  }
});

describe('a bundle of a region with a bucket of its own', () => {
  const BUCKETS = { [OTHER]: 'releases-other' };
  let folder: string;
  let order: Baking;
  let key: string;

  beforeAll(async () => {
    folder = await mkdtemp(path.join(tmpdir(), 'bascule-bundle-'));
    const bundleFile = path.join(folder, 'bundle.tar.gz');
    await writeFile(bundleFile, 'a release');
    const sha256 = createHash('sha256').update('a release').digest('hex');
    // A plus sign is one in the name of what is copied, not a space.
    order = { ...(await baking('8.0.0+1', { regionBuckets: BUCKETS })), sha256, bundleFile };
    key = bundleKey(order);
    for (const [region, Bucket] of Object.entries({ [HOME]: 'releases', ...BUCKETS })) {
      const CreateBucketConfiguration = { LocationConstraint: region as BucketLocationConstraint };
      await plane.s3(region).send(new CreateBucketCommand({ Bucket, CreateBucketConfiguration }));
    }
  });

  afterAll(() => rm(folder, { recursive: true, force: true }));

  const look = (region: string) => new S3Bundles().look(region, bundleAddress(order, region));

  it('is copied there with the sum that was sent, and its image names it', async () => {
    await replicateBundle(order);
    await replicateBundle(order);
    for (const region of [HOME, OTHER])
      expect(await look(region)).toEqual({ kind: 'found', sha256: order.sha256 });
    const images = await distribute(order, await makeImage(order, HOME), systemClock);
    await tagBaked(order, images);
    const address = async (region: string) => tagsOf(await imageIn(region, images[region]))['bascule:bundle'];
    expect(await address(HOME)).toBe(`s3://releases/${key}`);
    expect(await address(OTHER)).toBe(`s3://releases-other/${key}`);
  });

  it('is seen to be another one, or gone, and made whole by the next bake', async () => {
    const place = { Bucket: BUCKETS[OTHER], Key: key };
    const spoilt = new PutObjectCommand({ ...place, Body: 'another', ChecksumAlgorithm: 'SHA256' });
    await plane.s3(OTHER).send(spoilt);
    const other = createHash('sha256').update('another').digest('hex');
    expect(await look(OTHER)).toEqual({ kind: 'found', sha256: other });
    await replicateBundle(order);
    expect(await look(OTHER)).toEqual({ kind: 'found', sha256: order.sha256 });
    await plane.s3(OTHER).send(new DeleteObjectCommand(place));
    expect(await look(OTHER)).toEqual({ kind: 'missing' });
    await replicateBundle(order);
    expect(await look(OTHER)).toEqual({ kind: 'found', sha256: order.sha256 });
  });

  it('is told with region and bucket where it cannot be copied', async () => {
    const nowhere = { ...order, regionBuckets: { [OTHER]: 'no-such-bucket' } };
    await expect(replicateBundle(nowhere)).rejects.toMatchObject({
      code: 'BASCULE_COPY_FAILED',
      exitCode: 3,
      message: expect.stringContaining(`no-such-bucket for ${OTHER}`) as string,
    });
  });
});

describe('a copy', () => {
  afterEach(() => plane.faults([]));

  it('that failed is named with its region, and made again by the next bake', async () => {
    const order = await baking('2.0.0');
    const home = await makeImage(order, HOME);
    await plane.faults([{ kind: 'image-copies', state: 'failed', region: OTHER }]);
    const failing = distribute(order, home, systemClock);
    await expect(failing).rejects.toMatchObject({ code: 'BASCULE_IMAGE_NOT_AVAILABLE', exitCode: 3 });
    const [failed = ''] = await named(OTHER, 'shop-2.0.0-bbbbbbbbbbbb');
    await expect(failing).rejects.toThrow(new RegExp(`${failed} in ${OTHER} .*failed`));
    const { SnapshotId } = await snapshotOf(OTHER, await imageIn(OTHER, failed));
    await plane.faults([]);
    const images = await distribute(order, home, systemClock);
    expect(images[OTHER]).not.toBe(failed);
    expect(await named(OTHER, 'shop-2.0.0-bbbbbbbbbbbb')).toEqual([images[OTHER]]);
    expect(await snapshots(OTHER)).not.toContain(SnapshotId);
  });

  it('is waited for until it can be used, or for an hour, or until nobody wants it any more', async () => {
    const order = await baking('3.0.0');
    const home = await makeImage(order, HOME);
    await plane.faults([{ kind: 'image-copies', state: 'pending', region: OTHER }]);
    let now = 0;
    const slow: Clock = {
      now: () => now,
      wait: (milliseconds) => Promise.resolve(void (now += 60 * milliseconds)),
    };
    await expect(distribute(order, home, slow)).rejects.toThrow(
      /ami-\w+ in eu-central-1 did not become available within 60 minutes; it is pending/,
    );
    expect(now).toBeGreaterThanOrEqual(3600_000);
    const stop = new AbortController();
    const given = new Error('stopped by SIGTERM');
    const stopping: Clock = { now: () => 0, wait: () => Promise.resolve(stop.abort(given)) };
    await expect(distribute(order, home, stopping, stop.signal)).rejects.toBe(given);
    const patient: Clock = { now: () => 0, wait: () => plane.faults([]) };
    const images = await distribute(order, home, patient);
    expect((await imageIn(OTHER, images[OTHER])).State).toBe('available');
  });

  it('that AWS will not share is told with its region and AWS’s own reason', async () => {
    const order = { ...(await baking('4.0.0')), shareWith: [PARTNER] };
    const home = await makeImage(order, HOME);
    const sharing = distribute(order, home, systemClock);
    await expect(sharing).rejects.toMatchObject({ code: 'BASCULE_COPY_FAILED', exitCode: 3 });
    await expect(sharing).rejects.toThrow(/shop-4\.0\.0-\w+.*can't be shared/);
  });
});

async function snapshots(region: string): Promise<string[]> {
  const answer = await plane.ec2(region).send(new DescribeSnapshotsCommand({ OwnerIds: ['self'] }));
  return (answer.Snapshots ?? []).flatMap(({ SnapshotId }) => SnapshotId ?? []);
}

describe('snapshots of images', () => {
  const releases = new AwsReleaseImages('shop');

  async function baked(version: string) {
    const order = await baking(version, { regions: [HOME] });
    const home = await makeImage(order, HOME);
    await tagBaked(order, await distribute(order, home, systemClock));
    return must((await releases.list(HOME)).find((image) => image.version === version));
  }

  it('stay while another image has them, and go with the last', async () => {
    const image = await baked('5.0.0');
    const [SnapshotId = ''] = image.snapshots;
    const BlockDeviceMappings = [{ DeviceName: '/dev/sda1', Ebs: { SnapshotId } }];
    const second = new RegisterImageCommand({ Name: 'by-hand', BlockDeviceMappings });
    const { ImageId } = await plane.ec2().send(second);
    await releases.remove(image);
    expect(await snapshots(HOME)).toContain(SnapshotId);
    expect((await releases.left(HOME)).map(({ id }) => id)).not.toContain(SnapshotId);
    await releases.remove({ ...image, id: must(ImageId) });
    expect(await snapshots(HOME)).not.toContain(SnapshotId);
  });

  it('are found by their tags once their image is gone without them, those of others never', async () => {
    const image = await baked('6.0.0');
    const other = await baked('7.0.0');
    await plane.ec2().send(new DeregisterImageCommand({ ImageId: image.id }));
    await plane
      .ec2()
      .send(new CopyImageCommand({ Name: 'unfinished', SourceImageId: other.id, SourceRegion: HOME }));
    const left = await releases.left(HOME);
    expect(left).toMatchObject([{ id: image.snapshots[0], region: HOME, version: '6.0.0' }]);
    await releases.removeLeft(must(left[0]));
    await releases.removeLeft(must(left[0]));
    expect(await releases.left(HOME)).toEqual([]);
    expect(await snapshots(HOME)).toContain(other.snapshots[0]);
  });

  it('tell who else may use their image', async () => {
    const order = await baking('1.0.0', { kmsKeys: KEYS, shareWith: [PARTNER], regions: [HOME, OTHER] });
    const shared = must((await releases.list(HOME)).find(({ version }) => version === order.version));
    expect(await releases.sharedWith(shared)).toEqual([PARTNER]);
    const own = must((await releases.list(HOME)).find(({ version }) => version === '7.0.0'));
    expect(await releases.sharedWith(own)).toEqual([]);
  });
});
