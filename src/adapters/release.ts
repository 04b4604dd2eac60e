import { readFile } from 'node:fs/promises';
import { CopyImageCommand, CreateTagsCommand, DescribeImagesCommand, type Image } from '@aws-sdk/client-ec2';
import { HeadObjectCommand, PutObjectCommand } from '@aws-sdk/client-s3';
import { RELEASES_PREFIX, type BakeConfig, type ImageConfig } from '../domain/config';
import { BasculeError } from '../domain/errors';
import type { Clock } from '../ports';
import { createClients } from './aws';
import { awsErrorStatus } from './aws-errors';

export type ReleaseOrder = ImageConfig & BakeConfig;

/** One attempt to send a bundle: 500 MB over a line of 15 Mbit/s. */
const UPLOAD_MILLISECONDS = 5 * 60_000;

/** How long a copy of a machine image may take to become available; AWS needs minutes for large ones. */
const AVAILABLE_WITHIN_MILLISECONDS = 30 * 60_000;

/** Puts the bundle into the bucket under its checksum; what is there already is not sent again. */
export async function uploadBundle(order: ReleaseOrder): Promise<string> {
  const key = `${RELEASES_PREFIX}${order.service}/${order.version}/${order.sha256}.tar.gz`;
  const { s3 } = createClients(order.regions[0] ?? '');
  const there = await s3.send(new HeadObjectCommand({ Bucket: order.bucket, Key: key })).then(
    () => true,
    (thrown: unknown) => {
      if (awsErrorStatus(thrown) === 404) return false;
      throw thrown;
    },
  );
  if (!there) {
    // Whole, because the SDK cannot send a stream a second time.
    const Body = await readFile(order.bundleFile);
    const upload = { Bucket: order.bucket, Key: key, Body, ContentType: 'application/gzip' };
    await s3.send(new PutObjectCommand(upload), { requestTimeout: UPLOAD_MILLISECONDS });
  }
  return `s3://${order.bucket}/${key}`;
}

/** The release's image in a region: a copy of the base image, tagged with what it stands for. Safe to repeat. */
export async function makeImage(
  order: ReleaseOrder,
  region: string,
  bundle: string,
  clock: Clock,
): Promise<string> {
  const { ec2 } = createClients(region);
  const name = `${order.service}-${order.version}-${order.contentSha256.slice(0, 12)}`;
  // Found by name first: a bake that was killed may have copied the image and not tagged it yet.
  const id = (await ownImage(region, name))?.ImageId ?? (await copyBase(order, region, name));
  await available(region, id, clock);
  const tags = {
    ...order.tags,
    Name: name,
    service: order.service,
    version: order.version,
    'bascule:bundle': bundle,
    'bascule:sha256': order.sha256,
    'bascule:content': order.contentSha256,
  };
  // Copying drops tags, and an image counts as baked only with them: they come last.
  await ec2.send(
    new CreateTagsCommand({
      Resources: [id],
      Tags: Object.entries(tags).map(([Key, Value]) => ({ Key, Value })),
    }),
  );
  return id;
}

async function ownImage(region: string, name: string): Promise<Image | undefined> {
  const answer = await createClients(region).ec2.send(
    new DescribeImagesCommand({ Owners: ['self'], Filters: [{ Name: 'name', Values: [name] }] }),
  );
  return answer.Images?.[0];
}

async function copyBase(order: ReleaseOrder, region: string, name: string): Promise<string> {
  const { owner, name: pattern } = order.baseImage;
  const { ec2 } = createClients(region);
  const answer = await ec2.send(
    new DescribeImagesCommand({
      Owners: [owner],
      Filters: [
        { Name: 'name', Values: [pattern] },
        { Name: 'state', Values: ['available'] },
      ],
    }),
  );
  const base = (answer.Images ?? []).sort((one, other) =>
    (other.CreationDate ?? '').localeCompare(one.CreationDate ?? ''),
  )[0];
  if (base?.ImageId === undefined)
    throw new BasculeError({
      code: 'BASCULE_BASE_IMAGE_MISSING',
      message: `No base image named ${pattern} of owner ${owner} is available in ${region}.`,
      next: 'Correct bascule:image.baseImage in Pulumi.image.yaml.',
    });
  const copy = await ec2.send(
    new CopyImageCommand({ Name: name, SourceImageId: base.ImageId, SourceRegion: region }),
  );
  if (copy.ImageId === undefined) throw new Error('CopyImage answered without an image id');
  return copy.ImageId;
}

async function available(region: string, id: string, clock: Clock): Promise<void> {
  const deadline = clock.now() + AVAILABLE_WITHIN_MILLISECONDS;
  for (let wait = 500; ; wait = Math.min(wait * 2, 15_000)) {
    const answer = await createClients(region).ec2.send(new DescribeImagesCommand({ ImageIds: [id] }));
    const state = answer.Images?.[0]?.State;
    if (state === 'available') return;
    if (state === 'failed' || state === 'error' || state === 'deregistered' || clock.now() > deadline)
      throw new BasculeError({
        code: 'BASCULE_IMAGE_NOT_AVAILABLE',
        message: `The image ${id} in ${region} did not become available; it is ${state ?? 'gone'}.`,
        next: 'Deregister it and bake again.',
        blame: 'world',
        exitCode: 3,
      });
    await clock.wait(wait);
  }
}
