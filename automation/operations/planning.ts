import type { EnvironmentConfig } from '../../src/domain/config';
import { BasculeError } from '../../src/domain/errors';
import { IMAGE_TAG } from '../../src/domain/image-tags';
import { planDeploy, type RegionFacts } from '../../src/domain/plan';
import type { Plan } from '../../src/domain/records';
import { rangeOfTag, type SchemaRange } from '../../src/domain/schema-range';
import type { Strategy } from '../../src/domain/strategy';
import type { FleetTarget, Image, Images } from '../../src/ports';
import { liveVersion } from './observe';
import type { Session } from './session';

/** What a deployment is asked to do. */
export interface Wanted {
  version: string;
  /** How traffic moves; as configured unless given. */
  strategy?: Strategy;
}

/** The plan of a deployment, from what was found: the same for a preview as for the deployment itself. */
export function planFor(
  session: Session,
  { version, strategy }: Wanted,
  regions: RegionFacts[],
  images: ReadonlyMap<string, Image | undefined>,
): Plan {
  const { environment, service } = session;
  const policy = { ...session.policy, strategy: strategy ?? session.policy.strategy };
  const schema = declaredRange(images);
  const formerVersion = liveVersion(regions);
  const release = { environment, service, version, formerVersion, ...(schema && { schema }) };
  return planDeploy({ ...release, regions, policy });
}

/** The range of database schemas that a release declares; all its images say the same. */
export function declaredRange(images: ReadonlyMap<string, Image | undefined>): SchemaRange | null {
  const declared = [...images.values()].map((image) => rangeOfTag(image?.tags[IMAGE_TAG.schema]));
  return declared.find((range) => range !== null) ?? null;
}

/** Where images are looked for, and which. */
export type ImageQuestion = Pick<Session, 'service' | 'regions' | 'imageOwners'>;

/** As it is asked for an environment, which may get its images from another one. */
type EnvironmentImages = ImageQuestion & Pick<Session, 'environment' | 'promotion'>;

/** A release's image in each region, side by side; undefined where there is none. */
export async function findImages(
  images: Images,
  { service, regions, imageOwners }: ImageQuestion,
  version: string,
): Promise<Map<string, Image | undefined>> {
  const found = regions.map(
    async (region) => [region, await images.find(region, service, version, imageOwners)] as const,
  );
  return new Map(await Promise.all(found));
}

export function imageQuestionOf(
  environment: string,
  { service, regions, fleet, promotion }: EnvironmentConfig,
): EnvironmentImages {
  const imageOwners = fleet.imageOwners;
  return { environment, service, regions, imageOwners, promotion: promotion ?? null };
}

/** A region's image, or why a deployment refuses it. */
export function judgeImage(
  { service, imageOwners, promotion, environment }: EnvironmentImages,
  version: string,
  region: string,
  image: Image | undefined,
): Image | BasculeError {
  if (image === undefined)
    return new BasculeError({
      code: 'BASCULE_IMAGE_MISSING',
      message: `There is no image of ${service} ${version} in ${region} (owners: ${imageOwners.join(', ')}).`,
      next:
        promotion === null
          ? `Bake it: \`bascule bake ${version} --app <folder>\`. Nothing was changed.`
          : `Bring it from ${promotion.from}: \`bascule promote ${version} --to ${environment} --image-only\`. Nothing was changed.`,
    });
  if (image.state === 'available') return image;
  return new BasculeError({
    code: 'BASCULE_IMAGE_NOT_AVAILABLE',
    message: `The image ${image.id} of ${service} ${version} in ${region} is ${image.state}, not available.`,
    next: 'Wait until it is available, or bake the version again. Nothing was changed.',
    blame: 'world',
  });
}

/** What a plan makes of the stacks of the fleets that it brings up. */
export function fleetTargets({ steps }: Plan): FleetTarget[] {
  return steps.flatMap((step) => {
    if (step.kind !== 'apply-idle') return [];
    const { region, colour, version, capacity } = step;
    return [{ region, colour, version, capacity }];
  });
}
