import { BasculeError } from '../../src/domain/errors';
import type { StackPreview } from '../../src/domain/preview/preview';
import type { Promoted } from '../../src/domain/records';
import type { Image } from '../../src/ports';
import { approvalOpening } from './approval-opening';
import { changeNotes, type Explained } from './change-set';
import { requireNewSchema } from './database';
import { runPlan, refuseIfInterrupted, type Deployed, type Opening } from './deployments';
import { logOverrides, requirePassage } from './freeze';
import { nextDeployment, holding } from './holding';
import { liveVersion, readRegions, requireOneLive } from './observe';
import { findImages, judgeImage, planFor, type Wanted } from './planning';
import { requireRoom } from './preflight';
import type { ApprovedPlan } from './preview-plan';
import { requirePromotion } from './promotion';
import { requireReleaseSet } from './release-set';
import type { Session } from './session';
import { withTests } from './test';
import { requireWindow } from './windows';

export interface DeployRequest extends Wanted, Explained {
  /** Deploy also a version that is live already. */
  force: boolean;
  /** Freezes to go past, each by its name. */
  overrideFreeze?: readonly string[];
  /** Leave the deployment open where an approval is not given yet. */
  leaveAtApproval?: boolean;
  /** Run this plan, or none. */
  approved?: ApprovedPlan;
  /** What `bascule promote` found of the environment before. */
  promoted?: Promoted;
  /** Why to deploy what was not promoted. */
  forcePromotion?: string;
  /** Why to begin also outside the windows. */
  overrideWindow?: string;
}

export type DeployResult =
  { kind: 'already-live'; version: string; message: string } | ({ kind: 'deployed' } & Deployed);

/** Takes an environment to a release. */
export async function deploy(asked: Session, request: DeployRequest): Promise<DeployResult> {
  const session = { ...asked, leaveAtApproval: request.leaveAtApproval === true };
  const { environment } = session;
  const { version, approved } = request;
  const passed = allowed(session, request);
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
    await requireReleaseSet(session, version, images);
    const plan = planFor(await withTests(session), request, regions, images);
    await requireNewSchema(session, plan);
    const strategy = request.strategy ?? session.policy.strategy;
    const about = { plan, regions, images, strategy };
    const stacks: StackPreview[] = [];
    const seen = (all: readonly StackPreview[]): void => void stacks.push(...all);
    const consent = await approvalOpening(session, approved, { ...about, seen });
    await requireRoom(session, about);
    const change = await changeNotes(session, request, { plan, images, stacks });
    const title = `${environment}: ${plan.formerVersion ?? 'nothing'} → ${version}`;
    await logOverrides(session, overrode, deployment);
    const opening = { overrode, ...passed, ...consent, ...change };
    return { kind: 'deployed', ...(await runPlan(session, deployment, lease, plan, title, opening)) };
  });
}

/** What stands in the journal of how it was allowed; refused before anything is asked of AWS. */
function allowed(session: Session, request: DeployRequest): Pick<Opening, 'promoted' | 'overrodeWindow'> {
  const promoted = requirePromotion(session, request);
  const command = request.promoted === undefined ? 'deploy' : 'promote';
  const overrodeWindow = requireWindow(session, command, request.overrideWindow);
  return { ...(promoted && { promoted }), ...(overrodeWindow !== undefined && { overrodeWindow }) };
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
