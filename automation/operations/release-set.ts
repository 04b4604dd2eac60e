import { BasculeError } from '../../src/domain/errors';
import { bundlesOf, differencesOf, releasePart, type Difference } from '../../src/domain/release-set';
import type { Bundles, Image } from '../../src/ports';
import type { Session } from './session';

/** What keeps images, one for each region, from being one release; what they name is looked at too. */
export async function lookAtReleaseSet(bundles: Bundles, images: readonly Image[]): Promise<Difference[]> {
  const parts = images.map(releasePart);
  const readings = [...bundlesOf(parts)].map(
    async ([address, region]) => [address, await bundles.look(region, address)] as const,
  );
  return differencesOf(parts, new Map(await Promise.all(readings)));
}

/** @throws BasculeError BASCULE_RELEASE_SET_BROKEN (exit code 2), before any region starts. */
export async function requireReleaseSet(
  { service, world }: Session,
  version: string,
  images: ReadonlyMap<string, Image | undefined>,
): Promise<void> {
  const found = [...images.values()].filter((image) => image !== undefined);
  const differences = await lookAtReleaseSet(world.bundles, found);
  const [first] = differences;
  if (first === undefined) return;
  throw new BasculeError({
    code: 'BASCULE_RELEASE_SET_BROKEN',
    message: `${service} ${version} is not the same release in every region. ${first.region}: ${first.what}.`,
    details: differences.map(({ region, what }) => `${region}: ${what}`),
    next: `Nothing was changed. \`bascule bake ${version} --app <folder>\` makes up for what is missing or spoilt; where the content is another one, remove that image (\`bascule images\` lists them) or give the release a new version.`,
    blame: 'world',
  });
}
