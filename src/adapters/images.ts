import { DescribeImagesCommand } from '@aws-sdk/client-ec2';
import type { Access } from '../domain/config';
import type { Image, Images } from '../ports';
import { createClients } from './aws';

/** The machine images of releases, found by their tags. */
export class AwsImages implements Images {
  /** @param access Whose account is looked into; without one, that of the command's environment. */
  constructor(private readonly access?: Access) {}

  async find(
    region: string,
    service: string,
    version: string,
    owners: readonly string[],
  ): Promise<Image | undefined> {
    const answer = await createClients(region, this.access).ec2.send(
      new DescribeImagesCommand({
        // Without owners AWS would search every public image there is.
        Owners: [...owners],
        Filters: [
          { Name: 'tag:service', Values: [service] },
          { Name: 'tag:version', Values: [version] },
        ],
      }),
    );
    const newest = (answer.Images ?? []).sort((one, other) =>
      (other.CreationDate ?? '').localeCompare(one.CreationDate ?? ''),
    )[0];
    if (newest?.ImageId === undefined) return undefined;
    return {
      id: newest.ImageId,
      region,
      version,
      state: newest.State ?? 'unknown',
      tags: Object.fromEntries((newest.Tags ?? []).map((tag) => [tag.Key ?? '', tag.Value ?? ''])),
      createdAt: newest.CreationDate ?? '',
    };
  }
}
