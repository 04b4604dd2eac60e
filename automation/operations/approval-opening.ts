import { planHashOf } from '../../src/domain/preview/hash';
import type { Plan } from '../../src/domain/records';
import type { Opening } from './deployments';
import { hashNow, requireSamePlan, type AboutToRun, type ApprovedPlan } from './preview-plan';
import type { Session } from './session';

/** Whether people have to approve a plan. */
export function needsApproval({ steps }: Plan): boolean {
  return steps.some(({ kind }) => kind === 'approve');
}

/**
 * Which plan it is, and who asks for it: of a plan that was given, and of one that people have to approve.
 * @throws BasculeError BASCULE_PLAN_CHANGED (exit code 2) where it is not the plan that was given.
 */
export async function approvalOpening(
  session: Session,
  approved: ApprovedPlan | undefined,
  about: AboutToRun,
): Promise<Pick<Opening, 'planHash' | 'requester'>> {
  const given = approved && (await requireSamePlan(approved, about));
  if (!needsApproval(about.plan)) return given === undefined ? {} : { planHash: given };
  const place = await session.planPlace?.();
  const [requester, planHash] = await Promise.all([
    session.identity.current(),
    given ?? (place === undefined ? planHashOf(about.plan) : hashNow(place, about)),
  ]);
  return { planHash, requester };
}
