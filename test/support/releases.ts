/** Releases for tests that are not about baking, which is an update of a Pulumi stack for each. */
import { CopyImageCommand, CreateTagsCommand, DescribeImagesCommand } from '@aws-sdk/client-ec2';
import { SERVICE } from './e2e-project';
import type { LiveEnvironment } from './e2e';
import { must } from './until';

/** Makes the image of a release that is baked already anew under other versions: the same application, called otherwise. */
export async function alsoAs(
  live: LiveEnvironment,
  baked: string,
  versions: readonly string[],
  region: string = live.region,
): Promise<void> {
  const ec2 = live.ec2(region);
  const { Images } = await ec2.send(
    new DescribeImagesCommand({
      Owners: ['self'],
      Filters: [
        { Name: 'tag:service', Values: [SERVICE] },
        { Name: 'tag:version', Values: [baked] },
      ],
    }),
  );
  const { ImageId: SourceImageId, Tags = [] } = must(Images?.[0], `an image of ${baked}`);
  for (const version of versions) {
    const Name = `${SERVICE}-${version}`;
    const copy = await ec2.send(new CopyImageCommand({ SourceImageId, SourceRegion: region, Name }));
    // Copying drops tags.
    const others = Tags.filter(({ Key }) => Key !== 'version' && Key !== 'Name');
    await ec2.send(
      new CreateTagsCommand({
        Resources: [must(copy.ImageId)],
        Tags: [...others, { Key: 'Name', Value: Name }, { Key: 'version', Value: version }],
      }),
    );
  }
}
