import type { EnvironmentConfig } from '../../src/domain/config';
import { BasculeError } from '../../src/domain/errors';
import type { RegionFacts } from '../../src/domain/plan';
import { hashOf, planChange, type GivenPlan } from '../../src/domain/preview/hash';
import type { PlanSections, PreviewedImage, StackPreview } from '../../src/domain/preview/preview';
import { sectionsOf } from '../../src/domain/preview/sections';
import type { Plan } from '../../src/domain/records';
import type { Strategy } from '../../src/domain/strategy';
import type { Image, StackPreviews } from '../../src/ports';
import { fleetTargets } from './planning';

/** What is needed to see what a plan is. */
export interface PlanPlace {
  config: EnvironmentConfig;
  previews: StackPreviews;
}

/** The plan that a deployment must be. */
export interface ApprovedPlan extends PlanPlace {
  given: GivenPlan;
}

/** What a deployment is about to do. */
export interface AboutToRun {
  plan: Plan;
  regions: readonly RegionFacts[];
  images: ReadonlyMap<string, Image | undefined>;
  strategy: Strategy;
  /** Told what the engine would do to the fleets, where it is asked. */
  seen?: (stacks: readonly StackPreview[]) => void;
}

/**
 * Lets a deployment run when it is the plan that was given, and none other.
 * @returns the plan's hash
 * @throws BasculeError BASCULE_PLAN_CHANGED (exit code 2) naming what changed, before anything is touched.
 */
export async function requireSamePlan(approved: ApprovedPlan, about: AboutToRun): Promise<string> {
  const { given } = approved;
  const now = await sectionsNow(approved, about);
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

/** The hash of what is about to run, as a preview would show it. */
export async function hashNow(place: PlanPlace, about: AboutToRun): Promise<string> {
  return hashOf(await sectionsNow(place, about));
}

async function sectionsNow({ config, previews }: PlanPlace, about: AboutToRun): Promise<PlanSections> {
  const stacks = await Promise.all(fleetTargets(about.plan).map((target) => previews.fleet(target)));
  about.seen?.(stacks);
  return sectionsOf({ ...about, config, stacks, images: previewedImages(about.images) });
}

export function previewedImages(images: ReadonlyMap<string, Image | undefined>): PreviewedImage[] {
  return [...images].map(([region, image]) => ({
    region,
    found: image === undefined ? null : { id: image.id, state: image.state },
  }));
}
