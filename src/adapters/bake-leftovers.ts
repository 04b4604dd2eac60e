import {
  CreateTagsCommand,
  DeleteKeyPairCommand,
  DeleteSecurityGroupCommand,
  DeleteSnapshotCommand,
  DeleteVolumeCommand,
  DeregisterImageCommand,
  DescribeKeyPairsCommand,
  DescribeSecurityGroupsCommand,
  paginateDescribeImages,
  paginateDescribeInstances,
  paginateDescribeSecurityGroups,
  paginateDescribeSnapshots,
  paginateDescribeVolumes,
  TerminateInstancesCommand,
  type DescribeImagesCommandOutput,
  type EC2Client,
  type Filter,
  type Tag,
} from '@aws-sdk/client-ec2';
import { BAKE_ID_TAG, BAKING_TAG } from '../domain/bake-order';
import { IMAGE_TAG, isLeftover } from '../domain/image-tags';
import type { Untagged } from '../domain/packer-course';
import type { Clock } from '../ports';
import { createClients } from './aws';
import { awsErrorName } from './aws-errors';

/** Whose leftovers: all of a service's bakes, or those of one of them. */
export interface LeftoverScope {
  service: string;
  bakeId?: string;
  /**
   * Name of the image that is being baked: Packer tags it only once it is whole, and an encrypted copy of it is
   * not known before.
   */
  image?: string;
}

/** Something temporary in EC2. */
interface Leftover {
  id: string;
  tags: Record<string, string>;
  /** What an image consists of. */
  snapshots?: string[];
}

interface Found {
  instances: Leftover[];
  volumes: Leftover[];
  keyPairs: Leftover[];
  securityGroups: Leftover[];
  images: Leftover[];
  snapshots: Leftover[];
}

/** An instance ends within a minute or two; EC2 lets go of its group and volumes a little later. */
const PATIENCE_MILLISECONDS = 10 * 60_000;
const LOOK_MILLISECONDS = [500, 1000, 2000, 5000];

/**
 * Removes what bakes left in a region, and waits until it is gone: by tag, and never what counts as baked.
 * Safe to repeat, and beside another one. Gives the ids of what was removed.
 */
export async function sweepLeftovers(region: string, scope: LeftoverScope, clock: Clock): Promise<string[]> {
  const { ec2 } = createClients(region);
  const deadline = clock.now() + PATIENCE_MILLISECONDS;
  const seen = new Set<string>();
  for (let round = 0; ; round += 1) {
    const found = await find(ec2, scope);
    const all = Object.values(found).flat() as Leftover[];
    if (all.length === 0) return [...seen];
    for (const { id } of all) seen.add(id);
    const refused = await remove(ec2, found);
    if (clock.now() > deadline)
      throw new Error(
        `still there in ${region}: ${all.map(({ id }) => id).join(', ')}${refused === '' ? '' : ` (${refused})`}`,
      );
    await clock.wait(LOOK_MILLISECONDS[Math.min(round, LOOK_MILLISECONDS.length - 1)] ?? 5000);
  }
}

async function find(ec2: EC2Client, scope: LeftoverScope): Promise<Found> {
  const Filters: Filter[] = [{ Name: `tag:${BAKING_TAG}`, Values: [scope.service] }];
  const states = ['pending', 'running', 'shutting-down', 'stopping', 'stopped'];
  const alive: Filter[] = [...Filters, { Name: 'instance-state-name', Values: states }];
  const client = { client: ec2 };
  const own = (list: Leftover[]): Leftover[] => list.filter(({ tags }) => concerns(scope, tags));
  // The instance of a test boot has its version, too; what counts as baked are images and what they consist of.
  const uncounted = (list: Leftover[]): Leftover[] =>
    own(list).filter(({ tags }) => isLeftover(tags, scope.service));
  const named = [{ Name: 'name', Values: [scope.image ?? ''] }];
  const [byName, instances, volumes, keyPairs, securityGroups, images, snapshots] = await Promise.all([
    scope.image === undefined
      ? []
      : pages(paginateDescribeImages(client, { Filters: named, Owners: ['self'] }), imagesIn),
    pages(paginateDescribeInstances(client, { Filters: alive }), (page) =>
      (page.Reservations ?? [])
        .flatMap((one) => one.Instances ?? [])
        .map(({ InstanceId, Tags }) => leftover(InstanceId, Tags)),
    ),
    pages(paginateDescribeVolumes(client, { Filters }), (page) =>
      (page.Volumes ?? []).map(({ VolumeId, Tags }) => leftover(VolumeId, Tags)),
    ),
    ec2
      .send(new DescribeKeyPairsCommand({ Filters }))
      .then(({ KeyPairs = [] }) => KeyPairs.map(({ KeyPairId, Tags }) => leftover(KeyPairId, Tags))),
    pages(paginateDescribeSecurityGroups(client, { Filters }), (page) =>
      (page.SecurityGroups ?? []).map(({ GroupId, Tags }) => leftover(GroupId, Tags)),
    ),
    pages(paginateDescribeImages(client, { Filters, Owners: ['self'] }), imagesIn),
    pages(paginateDescribeSnapshots(client, { Filters, OwnerIds: ['self'] }), (page) =>
      (page.Snapshots ?? []).map(({ SnapshotId, Tags }) => leftover(SnapshotId, Tags)),
    ),
  ]);
  return {
    instances: own(instances),
    volumes: own(volumes),
    keyPairs: own(keyPairs),
    securityGroups: own(securityGroups),
    images: [...uncounted(images), ...byName.filter(({ tags }) => isNameless(tags))],
    snapshots: uncounted(snapshots),
  };
}

function imagesIn(page: DescribeImagesCommandOutput): Leftover[] {
  return (page.Images ?? []).map(({ ImageId, Tags, BlockDeviceMappings = [] }) => ({
    ...leftover(ImageId, Tags),
    snapshots: BlockDeviceMappings.flatMap(({ Ebs }) => Ebs?.SnapshotId ?? []),
  }));
}

/** Neither baked nor being baked, by its tags. */
function isNameless(tags: Record<string, string>): boolean {
  return tags[IMAGE_TAG.version] === undefined && tags[BAKING_TAG] === undefined;
}

/** What names no bake belongs to whichever is over: only one is at work on a service at a time. */
function concerns(scope: LeftoverScope, tags: Record<string, string>): boolean {
  return scope.bakeId === undefined || (tags[BAKE_ID_TAG] ?? scope.bakeId) === scope.bakeId;
}

async function pages<P>(all: AsyncIterable<P>, of: (page: P) => Leftover[]): Promise<Leftover[]> {
  const list: Leftover[] = [];
  for await (const page of all) list.push(...of(page));
  return list;
}

function leftover(id: string | undefined, tags: Tag[] | undefined): Leftover {
  return {
    id: id ?? '',
    tags: Object.fromEntries((tags ?? []).map(({ Key, Value }) => [Key ?? '', Value ?? ''])),
  };
}

/** One attempt; what something else still depends on is refused, and is tried again. Gives the last refusal. */
async function remove(ec2: EC2Client, found: Found): Promise<string> {
  let refused = '';
  const attempt = async (work: Promise<unknown>): Promise<void> => {
    await work.catch((thrown: unknown) => {
      const name = awsErrorName(thrown);
      if (/NotFound|InvalidAMIID\.Unavailable/.test(name)) return;
      if (!/InUse|DependencyViolation|IncorrectState|InvalidState/.test(name)) throw thrown;
      refused = name;
    });
  };
  const { instances, volumes, keyPairs, securityGroups, images, snapshots } = found;
  const InstanceIds = instances.map(({ id }) => id);
  if (InstanceIds.length > 0) await attempt(ec2.send(new TerminateInstancesCommand({ InstanceIds })));
  for (const { id } of images)
    await attempt(ec2.send(new DeregisterImageCommand({ ImageId: id, DeleteAssociatedSnapshots: true })));
  const parts = new Set([
    ...snapshots.map(({ id }) => id),
    ...images.flatMap((image) => image.snapshots ?? []),
  ]);
  for (const id of parts) await attempt(ec2.send(new DeleteSnapshotCommand({ SnapshotId: id })));
  for (const { id } of keyPairs) await attempt(ec2.send(new DeleteKeyPairCommand({ KeyPairId: id })));
  if (InstanceIds.length > 0) return refused;
  for (const { id } of volumes) await attempt(ec2.send(new DeleteVolumeCommand({ VolumeId: id })));
  for (const { id } of securityGroups)
    await attempt(ec2.send(new DeleteSecurityGroupCommand({ GroupId: id })));
  return refused;
}

/** Packer names a group and a key pair before it makes them; EC2 shows them some seconds later at most. */
const SHOWN_MILLISECONDS = 60_000;

/**
 * Tags what Packer names and does not tag, so that it is found should Packer be killed. Looks for it until it is
 * there, or the signal is aborted.
 */
export async function tagTemporary(
  { region, clock, signal }: { region: string; clock: Clock; signal: AbortSignal },
  what: Untagged,
  name: string,
  tags: Readonly<Record<string, string>>,
): Promise<void> {
  const { ec2 } = createClients(region);
  const Tags = Object.entries(tags).map(([Key, Value]) => ({ Key, Value }));
  const deadline = clock.now() + SHOWN_MILLISECONDS;
  while (!signal.aborted && clock.now() < deadline) {
    const id = await idOf(ec2, what, name);
    if (id !== undefined) return void (await ec2.send(new CreateTagsCommand({ Resources: [id], Tags })));
    await clock.wait(250, signal);
  }
}

async function idOf(ec2: EC2Client, what: Untagged, name: string): Promise<string | undefined> {
  switch (what) {
    case 'image':
      return name;
    case 'key-pair': {
      const Filters = [{ Name: 'key-name', Values: [name] }];
      return (await ec2.send(new DescribeKeyPairsCommand({ Filters }))).KeyPairs?.[0]?.KeyPairId;
    }
    case 'security-group': {
      const Filters = [{ Name: 'group-name', Values: [name] }];
      return (await ec2.send(new DescribeSecurityGroupsCommand({ Filters }))).SecurityGroups?.[0]?.GroupId;
    }
  }
}
