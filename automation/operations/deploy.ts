import { BasculeError } from '../../src/domain/errors';
import { planDeploy } from '../../src/domain/plan';
import type { Strategy } from '../../src/domain/strategy';
import type { Image } from '../../src/ports';
import { runPlan, refuseIfInterrupted, type Deployed } from './deployments';
import { logOverrides, requirePassage } from './freeze';
import { nextDeployment, holding } from './holding';
import { liveVersion, readRegions, requireOneLive } from './observe';
import { requireRoom } from './preflight';
import type { Session } from './session';

export interface DeployRequest {
  version: string;
  /** Deploy also a version that is live already. */
  force: boolean;
  /** Freezes to go past, each by its name. */
  overrideFreeze?: readonly string[];
  /** How traffic moves; as configured unless given. */
  strategy?: Strategy;
}

export type DeployResult =
  { kind: 'already-live'; version: string; message: string } | ({ kind: 'deployed' } & Deployed);

/** Takes an environment to a release. */
export async function deploy(session: Session, request: DeployRequest): Promise<DeployResult> {
  const deployment = await nextDeployment(session);
  const overrode = await requirePassage(session, 'deploy', request.overrideFreeze ?? []);
  return holding(session, deployment, async (lease) => {
    await refuseIfInterrupted(session);
    const regions = requireOneLive(await readRegions(session));
    const formerVersion = liveVersion(regions);
    if (formerVersion === request.version && !request.force)
      return {
        kind: 'already-live',
        version: request.version,
        message: `${session.environment} runs ${request.version} already; nothing was changed. Use --force to deploy it again.`,
      };
    const images = await requireImages(session, request.version);
    const { environment, service } = session;
    const policy = { ...session.policy, strategy: request.strategy ?? session.policy.strategy };
    const plan = planDeploy({
      environment,
      service,
      version: request.version,
      formerVersion,
      regions,
      policy,
    });
    await requireRoom(session, { plan, regions, images });
    const title = `${environment}: ${formerVersion ?? 'nothing'} → ${request.version}`;
    await logOverrides(session, overrode, deployment);
    return { kind: 'deployed', ...(await runPlan(session, deployment, lease, plan, title, overrode)) };
  });
}

/** @throws BasculeError BASCULE_IMAGE_MISSING or BASCULE_IMAGE_NOT_AVAILABLE (exit code 2), before anything is touched. */
async function requireImages(session: Session, version: string): Promise<Map<string, Image>> {
  const { service, imageOwners } = session;
  const images = new Map<string, Image>();
  for (const region of session.regions) {
    const image = await session.world.images.find(region, service, version, imageOwners);
    if (image === undefined)
      throw new BasculeError({
        code: 'BASCULE_IMAGE_MISSING',
        message: `There is no image of ${service} ${version} in ${region} (owners: ${imageOwners.join(', ')}).`,
        next: `Bake it: \`bascule bake ${version} --app <folder>\`. Nothing was changed.`,
      });
    if (image.state !== 'available')
      throw new BasculeError({
        code: 'BASCULE_IMAGE_NOT_AVAILABLE',
        message: `The image ${image.id} of ${service} ${version} in ${region} is ${image.state}, not available.`,
        next: 'Wait until it is available, or bake the version again. Nothing was changed.',
        blame: 'world',
      });
    images.set(region, image);
  }
  return images;
}
