import type { Image } from '@aws-sdk/client-ec2';
import { fromTagList } from '../../model/tags';
import type { Props } from '../../rpc/values';
import type { AwsContext } from '../context';
import { echo, filtersOf, text, texts } from './arguments';
import type { AwsFunction } from './index';

export const getAmi: AwsFunction = async (args, context) => {
  const found = await findImages(args, context);
  const [first, ...others] = found.sort(newestFirst);
  if (!first)
    throw new Error('Your query returned no results. Please change your search criteria and try again.');
  if (others.length > 0 && args.mostRecent !== true) {
    throw new Error(
      `Your query returned more than one result (${found.length}). Please try a more specific search criteria, or set mostRecent to true.`,
    );
  }
  return { ...echo(args), ...imageFacts(first, context) };
};

export const getAmiIds: AwsFunction = async (args, context) => {
  const found = (await findImages(args, context)).sort(newestFirst);
  const ids = found.map((image) => image.ImageId ?? '');
  return { ...echo(args), id: ids.join(','), ids: args.sortAscending === true ? ids.reverse() : ids };
};

async function findImages(args: Props, context: AwsContext): Promise<Image[]> {
  const owners = texts(args, 'owners');
  const { Images } = await (
    await context.ec2()
  ).describeImages({
    ...(owners ? { Owners: owners } : {}),
    ...filtersOf(args),
    ...(args.includeDeprecated === true ? { IncludeDeprecated: true } : {}),
  });
  const pattern = text(args, 'nameRegex');
  const matcher = pattern === undefined ? undefined : new RegExp(pattern);
  return (Images ?? []).filter((image) => !matcher || matcher.test(image.Name ?? ''));
}

/** Properties that are AWS's own in all but the capital; empty where the image has none. */
const TEXTS = [
  'architecture',
  'creationDate',
  'deprecationTime',
  'description',
  'hypervisor',
  'imageLocation',
  'imageOwnerAlias',
  'imageType',
  'name',
  'ownerId',
  'platform',
  'platformDetails',
  'rootDeviceName',
  'rootDeviceType',
  'state',
  'virtualizationType',
] as const;

function newestFirst(a: Image, b: Image): number {
  return Date.parse(b.CreationDate ?? '') - Date.parse(a.CreationDate ?? '');
}

function imageFacts(image: Image, context: AwsContext) {
  const id = image.ImageId ?? '';
  return {
    id,
    imageId: id,
    arn: `arn:${context.partition}:ec2:${context.region}::image/${id}`,
    ...Object.fromEntries(TEXTS.map((name) => [name, image[capitalised(name)] ?? ''])),
    blockDeviceMappings: deviceFacts(image),
    enaSupport: image.EnaSupport ?? false,
    productCodes: [],
    public: image.Public ?? false,
    rootSnapshotId: rootSnapshot(image),
    stateReason: { code: image.StateReason?.Code ?? 'UNSET', message: image.StateReason?.Message ?? 'UNSET' },
    tags: fromTagList(image.Tags),
  };
}

const capitalised = <T extends string>(name: T): Capitalize<T> =>
  (name.charAt(0).toUpperCase() + name.slice(1)) as Capitalize<T>;

function deviceFacts(image: Image) {
  return (image.BlockDeviceMappings ?? []).map((device) => ({
    deviceName: device.DeviceName ?? '',
    noDevice: device.NoDevice ?? '',
    virtualName: device.VirtualName ?? '',
    ebs: {
      delete_on_termination: String(device.Ebs?.DeleteOnTermination ?? false),
      encrypted: String(device.Ebs?.Encrypted ?? false),
      iops: String(device.Ebs?.Iops ?? 0),
      snapshot_id: device.Ebs?.SnapshotId ?? '',
      throughput: String(device.Ebs?.Throughput ?? 0),
      volume_size: String(device.Ebs?.VolumeSize ?? 0),
      volume_type: device.Ebs?.VolumeType ?? '',
    },
  }));
}

function rootSnapshot(image: Image): string {
  const root = image.BlockDeviceMappings?.find((device) => device.DeviceName === image.RootDeviceName);
  return root?.Ebs?.SnapshotId ?? '';
}
