import type { BakeConfig, ImageConfig } from './config';

/** Everything that is known of a bake before it begins; what the bake script is told, as JSON in BASCULE_BAKE. */
export interface BakeOrder extends ImageConfig, BakeConfig {}

/** A bake under way: the script has looked up what it builds on. */
export interface Baking extends BakeOrder {
  /** The base image in the home region. */
  base: { id: string; name: string };
}

/** What is still being baked for a service carries it with the service's name, and whatever has it does not count. */
export const BAKING_TAG = 'bascule:baking';
/** The bake that something being baked belongs to, so that what clears up after one leaves another one alone. */
export const BAKE_ID_TAG = 'bascule:bake';

/** The name of a release's image in every region; safe to look for, since it stands for version and content. */
export function imageName({ service, version, contentSha256 }: BakeOrder): string {
  // EC2 takes no plus sign in an image's name, and a version has no @.
  return `${service}-${version.replaceAll('+', '@')}-${contentSha256.slice(0, 12)}`;
}

/** The tags of everything temporary that a bake makes: instances, volumes, key pairs, images until they count. */
export function bakingTags(order: BakeOrder): Record<string, string> {
  return { [BAKING_TAG]: order.service, [BAKE_ID_TAG]: bakeId(order) };
}

export function bakeId(order: BakeOrder): string {
  return order.id ?? order.contentSha256.slice(0, 12);
}
