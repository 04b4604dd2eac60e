import {
  paginateDescribeAutoScalingGroups,
  type AutoScalingClient,
  type AutoScalingGroup,
} from '@aws-sdk/client-auto-scaling';
import {
  DeleteSnapshotCommand,
  DeregisterImageCommand,
  DescribeLaunchTemplateVersionsCommand,
  paginateDescribeImages,
  paginateDescribeInstances,
  type EC2Client,
  type Image,
} from '@aws-sdk/client-ec2';
import type { ReleaseImage, Used } from '../domain/release-images';
import type { ReleaseImages } from '../ports';
import { createClients } from './aws';
import { awsErrorName } from './aws-errors';

/** As many values as a filter of EC2 takes (Amazon EC2 API reference, "Filter"). */
const FILTER_VALUES = 200;

/** The images of a service's releases in this account. */
export class AwsReleaseImages implements ReleaseImages {
  constructor(private readonly service: string) {}

  async list(region: string): Promise<ReleaseImage[]> {
    const { ec2 } = createClients(region);
    const found: ReleaseImage[] = [];
    const Filters = [
      { Name: 'tag:service', Values: [this.service] },
      { Name: 'tag-key', Values: ['version'] },
    ];
    for await (const page of paginateDescribeImages({ client: ec2 }, { Owners: ['self'], Filters }))
      for (const image of page.Images ?? []) found.push(releaseImage(region, image));
    return found;
  }

  async uses(region: string, ids: readonly string[]): Promise<Used[]> {
    const { ec2, autoScaling } = createClients(region);
    const [templates, instances] = await Promise.all([
      templateUses(region, autoScaling, ec2),
      instanceUses(region, ec2, ids),
    ]);
    return [...templates, ...instances];
  }

  async remove({ region, id, snapshots }: ReleaseImage): Promise<void> {
    const { ec2 } = createClients(region);
    // AWS deletes the snapshots with the image, so that a kill leaves none that nobody finds any more. What is left
    // of them, where it could not, is deleted one by one; not before, for EC2 refuses while an image is made of it.
    const gone = new DeregisterImageCommand({ ImageId: id, DeleteAssociatedSnapshots: true });
    await unlessGone('InvalidAMIID', ec2.send(gone));
    for (const SnapshotId of snapshots)
      await unlessGone('InvalidSnapshot.NotFound', ec2.send(new DeleteSnapshotCommand({ SnapshotId })));
  }
}

function releaseImage(region: string, image: Image): ReleaseImage {
  const tags = Object.fromEntries((image.Tags ?? []).map(({ Key, Value }) => [Key ?? '', Value ?? '']));
  const createdAt = Date.parse(image.CreationDate ?? '');
  return {
    id: image.ImageId ?? '',
    region,
    version: tags['version'] ?? '',
    state: image.State ?? 'unknown',
    createdAt: Number.isNaN(createdAt) ? null : createdAt,
    contentSha256: tags['bascule:content'] ?? null,
    snapshots: (image.BlockDeviceMappings ?? []).flatMap(({ Ebs }) => Ebs?.SnapshotId ?? []),
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

/** What somebody else removed meanwhile is as it should be. */
async function unlessGone(code: string, work: Promise<unknown>): Promise<void> {
  await work.catch((thrown: unknown) => {
    if (!awsErrorName(thrown).startsWith(code)) throw thrown;
  });
}
