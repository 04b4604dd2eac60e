import {
  CopyImageCommand,
  CreateTagsCommand,
  DeleteTagsCommand,
  DeregisterImageCommand,
  DescribeImagesCommand,
  ModifyImageAttributeCommand,
  ModifySnapshotAttributeCommand,
  type Image,
  type Tag,
} from '@aws-sdk/client-ec2';
import {
  BAKE_ID_TAG,
  BAKING_TAG,
  bakingTags,
  imageName,
  type BakeOrder,
  type Baking,
} from '../domain/bake-order';
import type { Access } from '../domain/config';
import { BasculeError, messageOf } from '../domain/errors';
import { bakedTags, judgeExisting } from '../domain/image-tags';
import type { Clock } from '../ports';
import { createClients } from './aws';
import { awsErrorName } from './aws-errors';
import { systemClock } from './clock';

export interface PlacedImage {
  region: string;
  imageId: string;
}

/** What EC2 tells is eventually consistent: a copy that was only just begun may not be shown yet. */
const SHOWN_WITHIN_MILLISECONDS = 60_000;

/** How long an image may take to become available; AWS needs most of an hour for a large one on another continent. */
const AVAILABLE_WITHIN_MINUTES = 60;

/**
 * Copies the image to the other regions and shares all of them, region by region side by side, and waits until each
 * is available. Safe to repeat: what is there already is found by its name. Nothing of it is under way any more when
 * this ends, also where it fails, so that whoever cleans up afterwards finds everything.
 * @throws BasculeError BASCULE_COPY_FAILED, which names the region and the image.
 */
export async function distribute(
  order: BakeOrder,
  home: PlacedImage,
  clock: Clock,
  signal?: AbortSignal,
): Promise<Record<string, string>> {
  const stop = new AbortController();
  const stopAll = (): void => stop.abort(signal?.reason);
  if (signal?.aborted === true) stopAll();
  signal?.addEventListener('abort', stopAll);
  const failures: unknown[] = [];
  const regions = [...new Set([home.region, ...order.regions])];
  const placed = await Promise.all(
    regions.map((region) =>
      placeIn(order, region, home, { clock, signal: stop.signal }).catch((thrown: unknown) => {
        // Of several that failed, the others only stopped because of this one.
        failures.push(thrown);
        stop.abort(thrown);
        return '';
      }),
    ),
  );
  signal?.removeEventListener('abort', stopAll);
  if (failures.length > 0) throw failures[0];
  return Object.fromEntries(regions.map((region, index) => [region, placed[index] ?? '']));
}

interface Patience {
  clock: Clock;
  signal: AbortSignal;
}

async function placeIn(
  order: BakeOrder,
  region: string,
  home: PlacedImage,
  patience: Patience,
): Promise<string> {
  try {
    const id = region === home.region ? home.imageId : await copyTo(order, region, home);
    const image = await imageAvailable({ region, imageId: id }, patience.clock, patience.signal);
    await share(region, image, order.shareWith);
    return id;
  } catch (thrown) {
    if (patience.signal.aborted || thrown instanceof BasculeError) throw thrown;
    throw copyFailed(region, `${imageName(order)}: ${messageOf(thrown)}`, thrown);
  }
}

/** The image of that name in the region, begun now where there is none; what failed there before is removed first. */
async function copyTo(order: BakeOrder, region: string, home: PlacedImage): Promise<string> {
  return makeOnce(region, imageName(order), () =>
    copyImage(order, region, { id: home.imageId, region: home.region }),
  );
}

/** The own image of a name; made where there is none, or only one that failed. */
export async function makeOnce(region: string, name: string, make: () => Promise<string>): Promise<string> {
  const there = await ownImage(region, name);
  if (there?.ImageId !== undefined) {
    const standing = judgeExisting(there.State);
    if (standing === 'ready' || standing === 'wait') return there.ImageId;
    if (standing === 'unusable') throw notAvailable({ region, imageId: there.ImageId }, there.State);
    if (standing === 'failed') await removeFailed(region, there.ImageId);
  }
  return make();
}

/** Copies an image under the release's name; tagged as unfinished from its first moment on. */
export async function copyImage(
  order: BakeOrder,
  region: string,
  source: { id: string; region: string },
): Promise<string> {
  const Tags = tagList(bakingTags(order));
  const key = order.encrypted ? order.kmsKeys[region] : undefined;
  const copy = await createClients(region).ec2.send(
    new CopyImageCommand({
      Name: imageName(order),
      SourceImageId: source.id,
      SourceRegion: source.region,
      ...(order.encrypted ? { Encrypted: true } : {}),
      ...(key === undefined ? {} : { KmsKeyId: key }),
      TagSpecifications: [
        { ResourceType: 'image', Tags },
        { ResourceType: 'snapshot', Tags },
      ],
    }),
  );
  if (copy.ImageId === undefined) throw new Error('CopyImage answered without an image id');
  return copy.ImageId;
}

async function ownImage(region: string, name: string): Promise<Image | undefined> {
  const answer = await createClients(region).ec2.send(
    new DescribeImagesCommand({ Owners: ['self'], Filters: [{ Name: 'name', Values: [name] }] }),
  );
  return answer.Images?.[0];
}

async function removeFailed(region: string, ImageId: string): Promise<void> {
  const gone = new DeregisterImageCommand({ ImageId, DeleteAssociatedSnapshots: true });
  await createClients(region)
    .ec2.send(gone)
    .catch((thrown: unknown) => {
      if (!awsErrorName(thrown).startsWith('InvalidAMIID')) throw thrown;
    });
}

/**
 * Waits until an image can be launched from.
 * @throws BasculeError BASCULE_IMAGE_NOT_AVAILABLE; what the signal was aborted with.
 */
export async function imageAvailable(
  { region, imageId }: PlacedImage,
  clock: Clock,
  signal?: AbortSignal,
): Promise<Image> {
  const start = clock.now();
  for (let wait = 500; ; wait = Math.min(wait * 2, 15_000)) {
    signal?.throwIfAborted();
    const image = await describe(region, imageId);
    if (image?.State === 'available') return image;
    if (clock.now() - start >= patienceWith(image?.State))
      throw notAvailable({ region, imageId }, image?.State);
    await clock.wait(wait, signal);
  }
}

function patienceWith(state: string | undefined): number {
  const standing = judgeExisting(state);
  if (standing === 'wait') return AVAILABLE_WITHIN_MINUTES * 60_000;
  return standing === 'none' ? SHOWN_WITHIN_MILLISECONDS : 0;
}

async function describe(region: string, imageId: string): Promise<Image | undefined> {
  try {
    const answer = await createClients(region).ec2.send(new DescribeImagesCommand({ ImageIds: [imageId] }));
    return answer.Images?.[0];
  } catch (thrown) {
    if (awsErrorName(thrown).startsWith('InvalidAMIID')) return undefined;
    throw thrown;
  }
}

function notAvailable({ region, imageId }: PlacedImage, state: string | undefined): BasculeError {
  const waited = judgeExisting(state) === 'wait' ? ` within ${AVAILABLE_WITHIN_MINUTES} minutes` : '';
  return new BasculeError({
    code: 'BASCULE_IMAGE_NOT_AVAILABLE',
    message: `The image ${imageId} in ${region} did not become available${waited}; it is ${state ?? 'gone'}.`,
    next:
      state === 'disabled'
        ? 'Somebody disabled it: enable it again, or give the release a new version.'
        : 'Bake again: what failed is removed and made anew, what is only slow is waited for.',
    blame: 'world',
    exitCode: 3,
  });
}

function copyFailed(region: string, why: string, cause: unknown): BasculeError {
  return new BasculeError({
    code: 'BASCULE_COPY_FAILED',
    message: `The image could not be copied to ${region} and shared there: ${why}.`,
    next: 'Bake again once the cause is gone: regions that have the image keep it.',
    blame: 'world',
    exitCode: 3,
    cause,
  });
}

/** Lets other accounts launch the image, and copy it, which takes its snapshots. Who may already, still may. */
export async function share(
  region: string,
  image: Image,
  accounts: readonly string[],
  access?: Access,
): Promise<void> {
  if (accounts.length === 0) return;
  const { ec2 } = createClients(region, access);
  const UserIds = [...accounts];
  for (const SnapshotId of snapshotsOf(image))
    await ec2.send(
      new ModifySnapshotAttributeCommand({
        SnapshotId,
        Attribute: 'createVolumePermission',
        OperationType: 'add',
        UserIds,
      }),
    );
  const Add = UserIds.map((UserId) => ({ UserId }));
  await ec2.send(
    new ModifyImageAttributeCommand({ ImageId: image.ImageId ?? '', LaunchPermission: { Add } }),
  );
}

/**
 * Gives images and their snapshots the tags with which they count as baked, and only then takes from them what
 * marks all that a bake has not finished. Safe to repeat.
 * @param images By region, the one first that the others are copies of, as `distribute` answers.
 */
export async function tagBaked(
  order: Baking,
  images: Readonly<Record<string, string>>,
  clock: Clock = systemClock,
): Promise<void> {
  const now = clock.now();
  const [home, ...copies] = Object.entries(images).map(([region, imageId]) => ({ region, imageId }));
  // What the others were copied of counts first: a bake that goes on after a kill copies again from that one.
  const tag = (image: PlacedImage): Promise<void> => tagOne(image, bakedTags(order, now, image.region));
  if (home !== undefined) await tag(home);
  await Promise.all(copies.map(tag));
}

async function tagOne(
  { region, imageId }: PlacedImage,
  tags: Readonly<Record<string, string>>,
): Promise<void> {
  const { ec2 } = createClients(region);
  const image = await describe(region, imageId);
  if (image === undefined) throw notAvailable({ region, imageId }, undefined);
  const snapshots = snapshotsOf(image);
  const Tags = tagList(tags);
  // Snapshots first: of an image that counts they can be found, also when it is gone one day and they are not.
  if (snapshots.length > 0) await ec2.send(new CreateTagsCommand({ Resources: snapshots, Tags }));
  await ec2.send(new CreateTagsCommand({ Resources: [imageId], Tags }));
  const Resources = [imageId, ...snapshots];
  const unfinished = [{ Key: BAKING_TAG }, { Key: BAKE_ID_TAG }];
  await ec2.send(new DeleteTagsCommand({ Resources, Tags: unfinished }));
}

export function snapshotsOf(image: Image): string[] {
  return (image.BlockDeviceMappings ?? []).flatMap(({ Ebs }) => Ebs?.SnapshotId ?? []);
}

export function tagList(tags: Readonly<Record<string, string>>): Tag[] {
  return Object.entries(tags).map(([Key, Value]) => ({ Key, Value }));
}
