import { planRetire } from '../../src/domain/plan';
import { refuseIfInterrupted, runPlan, type Deployed } from './deployments';
import { nextDeployment, holding } from './holding';
import { liveVersion, readRegions, requireOneLive } from './observe';
import type { Session } from './session';

export type RetireResult = { kind: 'nothing-to-retire'; message: string } | ({ kind: 'retired' } & Deployed);

/** Lets the idle colour go now, once its traffic was seen to end. */
export async function retire(session: Session): Promise<RetireResult> {
  const deployment = await nextDeployment(session);
  return holding(session, deployment, async (lease) => {
    await refuseIfInterrupted(session);
    const regions = requireOneLive(await readRegions(session));
    const version = liveVersion(regions) ?? 'unknown';
    const { environment, service, policy } = session;
    const plan = planRetire({ environment, service, version, formerVersion: version, regions, policy });
    if (plan.steps.length === 0)
      return {
        kind: 'nothing-to-retire',
        message: `${environment}: the idle colour has no instances; nothing was changed.`,
      };
    return {
      kind: 'retired',
      ...(await runPlan(session, deployment, lease, plan, `${environment}: retire the idle colour`)),
    };
  });
}
