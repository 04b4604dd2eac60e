/** Images of releases in two regions: baked, shared, listed, and removed once nothing needs them. */
import { rm, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { CreateAutoScalingGroupCommand } from '@aws-sdk/client-auto-scaling';
import {
  CreateLaunchTemplateCommand,
  DeregisterImageCommand,
  DescribeImageAttributeCommand,
  DescribeImagesCommand,
  DescribeSnapshotAttributeCommand,
  DescribeSnapshotsCommand,
  ModifyImageAttributeCommand,
  RegisterImageCommand,
  type Image,
} from '@aws-sdk/client-ec2';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import type { Pruned } from '../../automation/operations/images';
import type { Release } from '../../src/domain/release-images';
import { ENVIRONMENT } from '../support/e2e-project';
import { apps, LiveEnvironment } from '../support/e2e';
import { must } from '../support/until';

const OTHER = 'eu-north-1';
const PARTNER = '222222222222';
let live: LiveEnvironment;
let regions: string[];

beforeAll(async () => {
  live = await LiveEnvironment.start((settings) => (settings.fleet.minimum = 1));
  regions = [live.region, OTHER];
  const key = (region: string) => `arn:aws:kms:${region}:123456789012:key/images`;
  const kmsKeys = Object.fromEntries(regions.map((region) => [region, key(region)]));
  await live.changeImages({ regions, kmsKeys, shareWith: [PARTNER], expiresAfterDays: 30 });
  await Promise.all([live.succeeds('up', ENVIRONMENT), live.bake('1.0.0', apps.service)]);
  const deploy = (version: string) => live.succeeds('deploy', ENVIRONMENT, '--version', version);
  await Promise.all([deploy('1.0.0'), live.bake('2.0.0', apps.service)]);
  await deploy('2.0.0');
  await live.succeeds('retire', ENVIRONMENT);
}, 300_000);

afterAll(() => live?.dispose());

const snapshotOf = (image: Image) => must(image.BlockDeviceMappings?.[0]?.Ebs?.SnapshotId);

async function imagesOf(version: string, region: string): Promise<Image[]> {
  const Filters = [{ Name: 'tag:version', Values: [version] }];
  const answer = await live.ec2(region).send(new DescribeImagesCommand({ Owners: ['self'], Filters }));
  return answer.Images ?? [];
}

async function snapshotsIn(region: string): Promise<Map<string, Record<string, string>>> {
  const { Snapshots = [] } = await live
    .ec2(region)
    .send(new DescribeSnapshotsCommand({ OwnerIds: ['self'] }));
  return new Map(
    Snapshots.map(({ SnapshotId = '', Tags = [] }) => [
      SnapshotId,
      Object.fromEntries(Tags.map(({ Key = '', Value = '' }) => [Key, Value])),
    ]),
  );
}

/** An image as a bake of long ago left it, with its snapshot, in both regions. */
async function formerly(version: string, more: Record<string, string> = {}): Promise<Image[]> {
  const tags = { service: 'shop', version, 'bascule:content': 'c'.repeat(64), ...more };
  const Tags = Object.entries(tags).map(([Key, Value]) => ({ Key, Value }));
  const TagSpecifications = (['image', 'snapshot'] as const).map((ResourceType) => ({ ResourceType, Tags }));
  const order = new RegisterImageCommand({ Name: `shop-${version}`, TagSpecifications });
  await Promise.all(regions.map((region) => live.ec2(region).send(order)));
  return (await Promise.all(regions.map((region) => imagesOf(version, region)))).flat();
}

/** A group of somebody else's, without an instance, that would launch the image. */
async function groupFor({ ImageId }: Image): Promise<void> {
  const name = { LaunchTemplateName: 'nightly' };
  const { LaunchTemplate } = await live
    .ec2()
    .send(
      new CreateLaunchTemplateCommand({ ...name, LaunchTemplateData: { ImageId, InstanceType: 't3.small' } }),
    );
  await live.autoScaling().send(
    new CreateAutoScalingGroupCommand({
      AutoScalingGroupName: 'nightly',
      MinSize: 0,
      MaxSize: 1,
      AvailabilityZones: [`${live.region}a`],
      LaunchTemplate: { LaunchTemplateId: LaunchTemplate?.LaunchTemplateId, Version: '1' },
    }),
  );
}

const prune = (...args: string[]) => live.run<Pruned & { dryRun: boolean }>('images', 'prune', ...args);
const everything = ['--keep', '0', '--older-than', '0'];
const going = ({ releases }: Pruned) =>
  releases.flatMap(({ release, verdict }) => (verdict.kind === 'prune' ? [release.version] : []));

describe('a baked release', () => {
  test('is in each region, encrypted, shared, and tagged with its snapshots', async () => {
    for (const region of regions) {
      const [image, ...more] = await imagesOf('1.0.0', region);
      expect(more).toEqual([]);
      const { ImageId = '', BlockDeviceMappings, Tags = [] } = must(image);
      expect(BlockDeviceMappings?.[0]?.Ebs?.Encrypted).toBe(true);
      const ec2 = live.ec2(region);
      const launch = { ImageId, Attribute: 'launchPermission' as const };
      const { LaunchPermissions } = await ec2.send(new DescribeImageAttributeCommand(launch));
      expect(LaunchPermissions).toEqual([{ UserId: PARTNER }]);
      const SnapshotId = snapshotOf(must(image));
      const volume = { SnapshotId, Attribute: 'createVolumePermission' as const };
      const { CreateVolumePermissions } = await ec2.send(new DescribeSnapshotAttributeCommand(volume));
      expect(CreateVolumePermissions).toEqual([{ UserId: PARTNER }]);
      const tags = Object.fromEntries(Tags.map(({ Key = '', Value = '' }) => [Key, Value]));
      expect(tags).toMatchObject({ service: 'shop', version: '1.0.0', 'bascule:builder': 'bundle' });
      expect(tags['bascule:expires']).toMatch(/^\d{4}-\d{2}-\d{2}$/);
      expect(tags).not.toHaveProperty('bascule:baking');
      expect((await snapshotsIn(region)).get(SnapshotId)).toEqual(tags);
    }
  });
});

describe('images', () => {
  let needed: Image[];

  beforeAll(async () => {
    const [shared] = await formerly('0.7.0');
    const LaunchPermission = { Add: [{ UserId: PARTNER }] };
    const { ImageId } = must(shared);
    await live.ec2().send(new ModifyImageAttributeCommand({ ImageId, LaunchPermission }));
    await formerly('0.8.0', { 'bascule:expires': '2020-01-31' });
    needed = await formerly('0.9.0');
    await groupFor(must(needed[0]));
  });

  test('are listed by release, with where each is live, and what would need it', async () => {
    const { json } = await live.succeeds<{ releases: Release[]; unread: unknown[] }>('images');
    expect(json.unread).toEqual([]);
    const uses = Object.fromEntries(
      json.releases.map(({ version, uses: all }) => [version, [...new Set(all.map(({ kind }) => kind))]]),
    );
    expect(uses['2.0.0']).toEqual(expect.arrayContaining(['fleet', 'instance', 'launch-template']));
    expect(uses['1.0.0']).toEqual(expect.arrayContaining(['rollback-target']));
    expect(uses['1.0.0']).not.toContain('instance');
    expect(uses['0.9.0']).toEqual(['launch-template']);
    expect([uses['0.7.0'], uses['0.8.0']]).toEqual([[], []]);
    const current = must(json.releases.find(({ version }) => version === '2.0.0'));
    expect(current.uses).toContainEqual(
      expect.objectContaining({ environment: ENVIRONMENT, region: live.region, role: 'live' }),
    );
    expect(current.images.map(({ region }) => region).sort()).toEqual([...regions].sort());
    expect(current.contentSha256).toMatch(/^[0-9a-f]{64}$/);
    expect(current.createdAt).toBeGreaterThan(Date.now() - 3_600_000);
  });

  test('are all kept while what an environment needs cannot be read', async () => {
    const file = path.join(live.project, 'Pulumi.staging.yaml');
    await writeFile(file, 'config: { "bascule:environment": { service: shop } }\n');
    try {
      const refused = await live.run('images', 'prune', ...everything, '--no-dry-run');
      expect(refused.exitCode).toBe(2);
      expect(refused.json.error?.code).toBe('BASCULE_USE_UNKNOWN');
      expect(refused.json.error?.message).toContain('staging');
      const { json } = await live.succeeds<{ releases: Release[]; unread: unknown[] }>('images');
      expect(json.releases.map(({ version }) => version)).toContain('0.7.0');
      expect(json.unread).toMatchObject([{ environment: 'staging', code: 'BASCULE_CONFIG_INVALID' }]);
    } finally {
      await rm(file);
    }
  });

  test('are only named by a prune that is not told to do it, the expired ones also before their age', async () => {
    const before = await imagesOf('0.7.0', OTHER);
    const all = await prune(...everything);
    expect(all.json).toMatchObject({ dryRun: true, removed: [] });
    expect(going(all.json).sort()).toEqual(['0.7.0', '0.8.0']);
    expect(all.json.shared).toMatchObject([{ region: live.region, accounts: [PARTNER] }]);
    const old = await prune('--keep', '1', '--older-than', '30');
    expect(going(old.json)).toEqual(['0.8.0']);
    expect(await imagesOf('0.7.0', OTHER)).toEqual(before);
  });

  test('go with their snapshots, and with those that an earlier prune left; what is needed stays', async () => {
    const [half] = await imagesOf('0.7.0', OTHER);
    // As a prune leaves it that is killed between an image and its snapshot.
    await live.ec2(OTHER).send(new DeregisterImageCommand({ ImageId: must(half?.ImageId) }));
    const { exitCode, json } = await prune(...everything, '--no-dry-run');
    expect(exitCode).toBe(0);
    expect(json.removed).toHaveLength(3);
    expect(json.left).toMatchObject([{ id: snapshotOf(must(half)), region: OTHER, version: '0.7.0' }]);
    for (const region of regions) {
      for (const gone of ['0.7.0', '0.8.0']) expect(await imagesOf(gone, region)).toEqual([]);
      for (const kept of ['0.9.0', '1.0.0', '2.0.0']) expect(await imagesOf(kept, region)).toHaveLength(1);
      const versions = [...(await snapshotsIn(region)).values()].flatMap(({ version }) => version ?? []);
      expect(versions.sort()).toEqual(['0.9.0', '1.0.0', '2.0.0']);
    }
  });
});
