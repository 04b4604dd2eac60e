import type { EnvironmentConfig } from '../../src/domain/config';
import { BasculeError } from '../../src/domain/errors';
import type { RegionFacts } from '../../src/domain/plan';
import { hashOf, planChange, type GivenPlan } from '../../src/domain/preview/hash';
import type { PreviewedImage } from '../../src/domain/preview/preview';
import { sectionsOf } from '../../src/domain/preview/sections';
import type { Plan } from '../../src/domain/records';
import type { Strategy } from '../../src/domain/strategy';
import type { Image, StackPreviews } from '../../src/ports';
import { fleetTargets } from './planning';

/** The plan that a deployment must be, and what is needed to see whether it is. */
export interface ApprovedPlan {
  given: GivenPlan;
  config: EnvironmentConfig;
  previews: StackPreviews;
}

/** What a deployment is about to do. */
export interface AboutToRun {
  plan: Plan;
  regions: readonly RegionFacts[];
  images: ReadonlyMap<string, Image | undefined>;
  strategy: Strategy;
}

/**
 * Lets a deployment run when it is the plan that was given, and none other.
 * @returns the plan's hash
 * @throws BasculeError BASCULE_PLAN_CHANGED (exit code 2) naming what changed, before anything is touched.
 */
export async function requireSamePlan(approved: ApprovedPlan, about: AboutToRun): Promise<string> {
  const { given, config, previews } = approved;
  const stacks = await Promise.all(fleetTargets(about.plan).map((target) => previews.fleet(target)));
  const now = sectionsOf({ ...about, config, stacks, images: previewedImages(about.images) });
  const change = planChange(given, now);
  if (change === null) return given.hash;
  const { environment, version } = about.plan;
  const what =
    change.sections.length === 0
      ? 'something in it changed, though which part of it cannot be told'
      : `what changed since: ${change.sections.join(', ')}`;
  throw new BasculeError({
    code: 'BASCULE_PLAN_CHANGED',
    message: `The plan ${given.hash} is not what would run in ${environment} now; ${what}.`,
    details: [...change.lines, `now it is ${hashOf(now)}`],
    next: `Nothing was changed. Look at it anew: \`bascule preview ${environment} --version ${version}\`, and deploy that plan.`,
  });
}

export function previewedImages(images: ReadonlyMap<string, Image | undefined>): PreviewedImage[] {
  return [...images].map(([region, image]) => ({
    region,
    found: image === undefined ? null : { id: image.id, state: image.state },
  }));
}
