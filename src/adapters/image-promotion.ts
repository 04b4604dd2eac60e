import { createHash } from 'node:crypto';
import {
  CopyImageCommand,
  CreateTagsCommand,
  DescribeImagesCommand,
  type Image as Ec2Image,
} from '@aws-sdk/client-ec2';
import { GetObjectCommand, HeadObjectCommand, PutObjectCommand } from '@aws-sdk/client-s3';
import type { Access } from '../domain/config';
import type { BundleMove } from '../domain/promotion-images';
import type { Clock, Handover, Image } from '../ports';
import { createClients } from './aws';
import { awsErrorStatus } from './aws-errors';
import { imageAvailable, makeOnce, share, snapshotsOf, tagList } from './image-copies';
import { AwsImages } from './images';
import { StsIdentity } from './sts-identity';

/** One attempt to fetch or send a bundle: 500 MB over a line of 15 Mbit/s. */
const TRANSFER_MILLISECONDS = 5 * 60_000;

/** The environment that a release comes from. */
export interface FormerAccount {
  access: Access;
  service: string;
  /** Its first region. */
  home: string;
  imageOwners: readonly string[];
}

/** The next one, whose access the process uses. */
export interface NextAccount {
  home: string;
  imageOwners: readonly string[];
  /** By region, for copies of encrypted images. */
  kmsKeys: Readonly<Record<string, string>>;
}

/** Images and bundles of a release between the accounts of two environments. */
export class AwsHandover implements Handover {
  constructor(
    private readonly former: FormerAccount,
    private readonly next: NextAccount,
    private readonly clock: Clock,
    private readonly stop: AbortSignal,
  ) {}

  async accounts(): Promise<{ source: string; target: string }> {
    const [source, target] = await Promise.all([
      new StsIdentity(createClients(this.former.home, this.former.access).sts).current(),
      new StsIdentity(createClients(this.next.home).sts).current(),
    ]);
    return { source: source.account, target: target.account };
  }

  source(region: string, version: string): Promise<Image | undefined> {
    const { access, service, imageOwners } = this.former;
    return new AwsImages(access).find(region, service, version, imageOwners);
  }

  target(region: string, version: string): Promise<Image | undefined> {
    return new AwsImages().find(region, this.former.service, version, this.next.imageOwners);
  }

  async copy(source: Image, region: string, tags: Readonly<Record<string, string>>): Promise<string> {
    const image = await this.describe(source);
    await this.letIn(source, image);
    const Tags = tagList(tags);
    const encrypted = (image.BlockDeviceMappings ?? []).some(({ Ebs }) => Ebs?.Encrypted === true);
    const key = encrypted ? this.next.kmsKeys[region] : undefined;
    const name = image.Name ?? source.id;
    const imageId = await makeOnce(region, name, async () => {
      const copy = await createClients(region).ec2.send(
        new CopyImageCommand({
          Name: name,
          SourceImageId: source.id,
          SourceRegion: source.region,
          // What is encrypted stays so, under the key of this account.
          ...(encrypted ? { Encrypted: true } : {}),
          ...(key === undefined ? {} : { KmsKeyId: key }),
          TagSpecifications: [
            { ResourceType: 'image', Tags },
            { ResourceType: 'snapshot', Tags },
          ],
        }),
      );
      if (copy.ImageId === undefined) throw new Error('CopyImage answered without an image id');
      return copy.ImageId;
    });
    const copied = await imageAvailable({ region, imageId }, this.clock, this.stop);
    // One that a kill left, or somebody else made of it, may lack them.
    await createClients(region).ec2.send(
      new CreateTagsCommand({ Resources: [imageId, ...snapshotsOf(copied)], Tags }),
    );
    return imageId;
  }

  async share(source: Image, tags: Readonly<Record<string, string>>): Promise<string> {
    await this.letIn(source, await this.describe(source));
    const { ec2 } = createClients(source.region);
    // Amazon EC2 user guide, "Tag your Amazon EC2 resources": tags of a shared image are each account's own.
    await ec2.send(new CreateTagsCommand({ Resources: [source.id], Tags: tagList(tags) }));
    return source.id;
  }

  async available({ region, id }: Pick<Image, 'region' | 'id'>): Promise<void> {
    await imageAvailable({ region, imageId: id }, this.clock, this.stop);
  }

  async moveBundle({ from, to, sha256 }: BundleMove): Promise<void> {
    const target = createClients(this.next.home).s3;
    const place = { Bucket: to.bucket, Key: to.key };
    const there = await target.send(new HeadObjectCommand({ ...place, ChecksumMode: 'ENABLED' })).then(
      ({ ChecksumSHA256 }) => ChecksumSHA256,
      (thrown: unknown) => {
        if (awsErrorStatus(thrown) === 404) return undefined;
        throw thrown;
      },
    );
    if (there !== undefined && sha256 !== null && hexOf(there) === sha256) return;
    const { s3 } = createClients(this.former.home, this.former.access);
    // No role reads the one and writes the other: it goes through here, whole, as it can be sent again.
    const answer = await s3.send(new GetObjectCommand({ Bucket: from.bucket, Key: from.key }), {
      requestTimeout: TRANSFER_MILLISECONDS,
    });
    const Body = (await answer.Body?.transformToByteArray()) ?? new Uint8Array();
    const sum = createHash('sha256').update(Body).digest();
    if (sha256 !== null && sum.toString('hex') !== sha256)
      throw new Error(
        `the bundle s3://${from.bucket}/${from.key} has the SHA-256 ${sum.toString('hex')}, and its image names ${sha256}`,
      );
    const content = { Body, ContentType: 'application/gzip', ChecksumSHA256: sum.toString('base64') };
    // S3 refuses what arrives with another sum.
    await target.send(new PutObjectCommand({ ...place, ...content, ChecksumAlgorithm: 'SHA256' }), {
      requestTimeout: TRANSFER_MILLISECONDS,
    });
  }

  /** The next environment's account may launch the image and copy its snapshots. */
  private async letIn({ region }: Image, image: Ec2Image): Promise<void> {
    const { source, target } = await this.accounts();
    if (source !== target) await share(region, image, [target], this.former.access);
  }

  private async describe({ region, id }: Image): Promise<Ec2Image> {
    const { ec2 } = createClients(region, this.former.access);
    const answer = await ec2.send(new DescribeImagesCommand({ ImageIds: [id] }));
    const image = answer.Images?.[0];
    if (image === undefined) throw new Error(`${id} in ${region} is there no more`);
    return image;
  }
}

function hexOf(base64: string): string {
  return Buffer.from(base64, 'base64').toString('hex');
}
