import {
  paginateDescribeAutoScalingGroups,
  type AutoScalingClient,
  type AutoScalingGroup,
} from '@aws-sdk/client-auto-scaling';
import {
  DeleteSnapshotCommand,
  DeregisterImageCommand,
  DescribeImageAttributeCommand,
  DescribeLaunchTemplateVersionsCommand,
  paginateDescribeImages,
  paginateDescribeInstances,
  paginateDescribeSnapshots,
  type EC2Client,
  type Filter,
  type Image,
  type Tag,
} from '@aws-sdk/client-ec2';
import type { Access } from '../domain/config';
import { expiryOf, IMAGE_TAG } from '../domain/image-tags';
import type { LeftSnapshot, ReleaseImage, Used } from '../domain/release-images';
import type { ReleaseImages } from '../ports';
import { createClients } from './aws';
import { awsErrorName } from './aws-errors';
import { snapshotsOf } from './image-copies';

/** As many values as a filter of EC2 takes (Amazon EC2 API reference, "Filter"). */
const FILTER_VALUES = 200;

/** The images of a service's releases in this account; listed also in the account of another access. */
export class AwsReleaseImages implements ReleaseImages {
  constructor(
    private readonly service: string,
    private readonly access?: Access,
  ) {}

  async list(region: string): Promise<ReleaseImage[]> {
    const Filters = [
      { Name: `tag:${IMAGE_TAG.service}`, Values: [this.service] },
      { Name: 'tag-key', Values: [IMAGE_TAG.version] },
    ];
    return (await ownImages(region, Filters, this.access)).map((image) => releaseImage(region, image));
  }

  async uses(region: string, ids: readonly string[]): Promise<Used[]> {
    const { ec2, autoScaling } = createClients(region);
    const [templates, instances] = await Promise.all([
      templateUses(region, autoScaling, ec2),
      instanceUses(region, ec2, ids),
    ]);
    return [...templates, ...instances];
  }

  async sharedWith({ region, id }: ReleaseImage): Promise<string[]> {
    const question = new DescribeImageAttributeCommand({ ImageId: id, Attribute: 'launchPermission' });
    const { LaunchPermissions = [] } = await createClients(region).ec2.send(question);
    return LaunchPermissions.flatMap(
      ({ UserId, Group, OrganizationArn, OrganizationalUnitArn }) =>
        UserId ?? Group ?? OrganizationArn ?? OrganizationalUnitArn ?? [],
    );
  }

  async remove({ region, id, snapshots }: ReleaseImage): Promise<void> {
    const { ec2 } = createClients(region);
    // AWS deletes the snapshots with the image, so that a kill leaves none that nobody finds any more. What is left
    // of them, where it could not, is deleted one by one; not before, for EC2 refuses while an image is made of it.
    const gone = new DeregisterImageCommand({ ImageId: id, DeleteAssociatedSnapshots: true });
    await unless(/^InvalidAMIID/, ec2.send(gone));
    for (const snapshot of snapshots) await removeSnapshot(region, snapshot);
  }

  async left(region: string): Promise<LeftSnapshot[]> {
    const Filters = [
      { Name: `tag:${IMAGE_TAG.service}`, Values: [this.service] },
      // What only a bake tags: a person's own snapshots of the service are none of its images'.
      { Name: 'tag-key', Values: [IMAGE_TAG.content] },
    ];
    const found: LeftSnapshot[] = [];
    for await (const page of paginateDescribeSnapshots(
      { client: createClients(region).ec2 },
      { OwnerIds: ['self'], Filters },
    ))
      for (const { SnapshotId: id = '', Tags = [], StartTime } of page.Snapshots ?? []) {
        const tags = tagsOf(Tags);
        const version = tags[IMAGE_TAG.version] ?? '';
        const createdAt = StartTime?.getTime() ?? null;
        found.push({ id, region, version, createdAt, expiresAt: expiryOf(tags[IMAGE_TAG.expires]) });
      }
    if (found.length === 0) return [];
    // Asked after the snapshots: an image that was made meanwhile is not missed.
    const needed = new Set((await ownImages(region)).flatMap(snapshotsOf));
    return found.filter(({ id }) => !needed.has(id));
  }

  async removeLeft({ region, id }: LeftSnapshot): Promise<void> {
    await removeSnapshot(region, id);
  }
}

async function ownImages(region: string, Filters?: Filter[], access?: Access): Promise<Image[]> {
  const found: Image[] = [];
  const question = { Owners: ['self'], IncludeDisabled: true, ...(Filters === undefined ? {} : { Filters }) };
  for await (const page of paginateDescribeImages({ client: createClients(region, access).ec2 }, question))
    found.push(...(page.Images ?? []));
  return found;
}

async function removeSnapshot(region: string, SnapshotId: string): Promise<void> {
  const { ec2 } = createClients(region);
  // One that another image has too stays with that one.
  await unless(/^InvalidSnapshot\.(NotFound|InUse)$/, ec2.send(new DeleteSnapshotCommand({ SnapshotId })));
}

function tagsOf(tags: readonly Tag[]): Record<string, string> {
  return Object.fromEntries(tags.map(({ Key, Value }) => [Key ?? '', Value ?? '']));
}

function releaseImage(region: string, image: Image): ReleaseImage {
  const tags = tagsOf(image.Tags ?? []);
  const createdAt = Date.parse(image.CreationDate ?? '');
  return {
    id: image.ImageId ?? '',
    region,
    version: tags[IMAGE_TAG.version] ?? '',
    state: image.State ?? 'unknown',
    createdAt: Number.isNaN(createdAt) ? null : createdAt,
    contentSha256: tags[IMAGE_TAG.content] ?? null,
    builder: tags[IMAGE_TAG.builder] ?? null,
    schema: tags[IMAGE_TAG.schema] ?? null,
    expiresAt: expiryOf(tags[IMAGE_TAG.expires]),
    snapshots: snapshotsOf(image),
  };
}

/** What groups would launch, a group without an instance included: it may scale out in the next second. */
async function templateUses(region: string, autoScaling: AutoScalingClient, ec2: EC2Client): Promise<Used[]> {
  const groups: AutoScalingGroup[] = [];
  for await (const page of paginateDescribeAutoScalingGroups({ client: autoScaling }, {}))
    groups.push(...(page.AutoScalingGroups ?? []));
  const uses = groups.flatMap((group) =>
    templatesOf(group).map(async ({ id, version }): Promise<Used[]> => {
      const answer = await ec2.send(
        new DescribeLaunchTemplateVersionsCommand({ LaunchTemplateId: id, Versions: [version] }),
      );
      return (answer.LaunchTemplateVersions ?? []).flatMap(({ LaunchTemplateData }) => {
        const image = LaunchTemplateData?.ImageId;
        const use = { kind: 'launch-template' as const, region, group: group.AutoScalingGroupName ?? '' };
        return image === undefined ? [] : [{ image, use }];
      });
    }),
  );
  return (await Promise.all(uses)).flat();
}

function templatesOf({ LaunchTemplate, MixedInstancesPolicy }: AutoScalingGroup) {
  const mixed = MixedInstancesPolicy?.LaunchTemplate;
  const all = [
    LaunchTemplate,
    mixed?.LaunchTemplateSpecification,
    ...(mixed?.Overrides ?? []).map((override) => override.LaunchTemplateSpecification),
  ];
  return all.flatMap((one) =>
    one?.LaunchTemplateId === undefined
      ? []
      : [{ id: one.LaunchTemplateId, version: one.Version ?? '$Default' }],
  );
}

/** A stopped instance is started again from its own volumes, but one that is replaced needs the image. */
async function instanceUses(region: string, ec2: EC2Client, ids: readonly string[]): Promise<Used[]> {
  const uses: Used[] = [];
  for (let from = 0; from < ids.length; from += FILTER_VALUES) {
    const Filters = [
      { Name: 'image-id', Values: ids.slice(from, from + FILTER_VALUES) },
      { Name: 'instance-state-name', Values: ['pending', 'running', 'stopping', 'stopped'] },
    ];
    for await (const page of paginateDescribeInstances({ client: ec2 }, { Filters }))
      for (const { ImageId, InstanceId } of (page.Reservations ?? []).flatMap((one) => one.Instances ?? []))
        uses.push({ image: ImageId ?? '', use: { kind: 'instance', region, instance: InstanceId ?? '' } });
  }
  return uses;
}

/** What somebody else removed meanwhile, or needs, is as it should be. */
async function unless(code: RegExp, work: Promise<unknown>): Promise<void> {
  await work.catch((thrown: unknown) => {
    if (!code.test(awsErrorName(thrown))) throw thrown;
  });
}
