import { BasculeError } from '../../src/domain/errors';
import type { Image } from '../../src/ports';
import { requireNewSchema } from './database';
import { runPlan, refuseIfInterrupted, type Deployed } from './deployments';
import { logOverrides, requirePassage } from './freeze';
import { nextDeployment, holding } from './holding';
import { liveVersion, readRegions, requireOneLive } from './observe';
import { findImages, judgeImage, planFor, type Wanted } from './planning';
import { requireRoom } from './preflight';
import { requireSamePlan, type ApprovedPlan } from './preview-plan';
import type { Session } from './session';

export interface DeployRequest extends Wanted {
  /** Deploy also a version that is live already. */
  force: boolean;
  /** Freezes to go past, each by its name. */
  overrideFreeze?: readonly string[];
  /** Run this plan, or none. */
  approved?: ApprovedPlan;
}

export type DeployResult =
  { kind: 'already-live'; version: string; message: string } | ({ kind: 'deployed' } & Deployed);

/** Takes an environment to a release. */
export async function deploy(session: Session, request: DeployRequest): Promise<DeployResult> {
  const { environment } = session;
  const { version, approved } = request;
  const deployment = await nextDeployment(session);
  const overrode = await requirePassage(session, 'deploy', request.overrideFreeze ?? []);
  return holding(session, deployment, async (lease) => {
    await refuseIfInterrupted(session);
    const regions = requireOneLive(await readRegions(session));
    // Whether a plan that was given is to deploy it again is part of that plan.
    if (liveVersion(regions) === version && !request.force && approved === undefined)
      return {
        kind: 'already-live',
        version,
        message: `${environment} runs ${version} already; nothing was changed. Use --force to deploy it again.`,
      };
    const images = await requireImages(session, version);
    const plan = planFor(session, request, regions, images);
    await requireNewSchema(session, plan);
    const strategy = request.strategy ?? session.policy.strategy;
    const about = { plan, regions, images };
    const planHash = approved && (await requireSamePlan(approved, { ...about, strategy }));
    await requireRoom(session, about);
    const title = `${environment}: ${plan.formerVersion ?? 'nothing'} → ${version}`;
    await logOverrides(session, overrode, deployment);
    const opening = { overrode, ...(planHash !== undefined && { planHash }) };
    return { kind: 'deployed', ...(await runPlan(session, deployment, lease, plan, title, opening)) };
  });
}

/** @throws BasculeError BASCULE_IMAGE_MISSING or BASCULE_IMAGE_NOT_AVAILABLE (exit code 2), before anything is touched. */
async function requireImages(session: Session, version: string): Promise<Map<string, Image>> {
  const images = new Map<string, Image>();
  for (const [region, image] of await findImages(session.world.images, session, version)) {
    const judged = judgeImage(session, version, region, image);
    if (judged instanceof BasculeError) throw judged;
    images.set(region, judged);
  }
  return images;
}
