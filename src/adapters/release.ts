import { DescribeImagesCommand } from '@aws-sdk/client-ec2';
import { imageName, type Baking } from '../domain/bake-order';
import type { ImageConfig } from '../domain/config';
import { BasculeError } from '../domain/errors';
import type { Clock } from '../ports';
import { createClients } from './aws';
import { systemClock } from './clock';
import { copyImage, imageAvailable, makeOnce, type PlacedImage } from './image-copies';

/**
 * The image of the builder `bundle`, in the home region: a copy of the base image, not tagged yet. Instances get the
 * release when they boot. Safe to repeat; ends once one can be launched.
 */
export async function makeImage(
  order: Baking,
  region: string,
  clock: Clock = systemClock,
  signal?: AbortSignal,
): Promise<PlacedImage> {
  const imageId = await makeOnce(region, imageName(order), () =>
    copyImage(order, region, { id: order.base.id, region }),
  );
  await imageAvailable({ region, imageId }, clock, signal);
  return { region, imageId };
}

/**
 * The most recent base image of the configured name and owner.
 * @throws BasculeError BASCULE_BASE_IMAGE_MISSING (exit code 2).
 */
export async function findBaseImage(
  { baseImage }: Pick<ImageConfig, 'baseImage'>,
  region: string,
): Promise<Baking['base']> {
  const { owner, name: pattern } = baseImage;
  const answer = await createClients(region).ec2.send(
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
  if (base?.ImageId !== undefined) return { id: base.ImageId, name: base.Name ?? '' };
  throw new BasculeError({
    code: 'BASCULE_BASE_IMAGE_MISSING',
    message: `No base image named ${pattern} of owner ${owner} is available in ${region}.`,
    next: 'Correct bascule:image.baseImage in Pulumi.image.yaml.',
  });
}
