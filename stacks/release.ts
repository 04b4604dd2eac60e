import * as pulumi from '@pulumi/pulumi';
import * as aws from './aws';

/** The image of a release in one region. */
export interface ReleaseImage {
  id: string;
  rootDeviceName: string;
  tags: Record<string, string>;
}

/** What is looked for: an image by its tags, of these owners. */
export interface ImageQuery {
  service: string;
  version: string;
  region: string;
  owners: string[];
}

/**
 * The most recent available image of a release. Throws when there is none, or none that can be launched, and
 * says what to do.
 */
export async function findReleaseImage(query: ImageQuery, provider: aws.Provider): Promise<ReleaseImage> {
  const available = await imageIds(query, provider, [{ name: 'state', values: ['available'] }]);
  const id = available[0];
  if (id === undefined) throw new pulumi.RunError(await whyNone(query, provider));
  const image = await describeImage(id, query, provider);
  return { id, rootDeviceName: image.rootDeviceName, tags: image.tags };
}

interface Filter {
  name: string;
  values: string[];
}

/** Ids of the release's images, the most recent first. Asks for ids, since no match is no error there. */
async function imageIds(
  { service, version, region, owners }: ImageQuery,
  provider: aws.Provider,
  more: Filter[],
): Promise<string[]> {
  const filters = [
    { name: 'tag:service', values: [service] },
    { name: 'tag:version', values: [version] },
    ...more,
  ];
  const found = await aws.ec2.getAmiIds({ owners, region, filters }, { provider });
  return found.ids;
}

async function describeImage(id: string, { region, owners }: ImageQuery, provider: aws.Provider) {
  const filters = [{ name: 'image-id', values: [id] }];
  return aws.ec2.getAmi({ owners, region, filters, mostRecent: true }, { provider });
}

async function whyNone(query: ImageQuery, provider: aws.Provider): Promise<string> {
  const { service, version, region, owners } = query;
  const whose = owners.map((owner) => (owner === 'self' ? 'this account' : `account ${owner}`)).join(' or ');
  const unusable = (await imageIds(query, provider, []))[0];
  if (unusable === undefined) {
    return (
      `There is no image of ${service} ${version} in ${region}: none of ${whose} carries the tags service=${service} and version=${version}.\n` +
      `  Next: bascule bake ${version} --app <folder>`
    );
  }
  const image = await describeImage(unusable, query, provider);
  const reason = image.stateReason['message'];
  const said = reason === undefined || reason === '' ? '' : ` (${reason})`;
  return (
    `The image of ${service} ${version} in ${region}, ${unusable}, cannot be launched: its state is ${image.state}${said}, not available.\n` +
    (image.state === 'pending'
      ? '  Next: wait until it is available, then run this again.'
      : `  Next: deregister it and run: bascule bake ${version} --app <folder>`)
  );
}
