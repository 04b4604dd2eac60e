import type { PromotionConfig } from '../../src/domain/config';
import type { Promoted } from '../../src/domain/records';
import type { Handover, Journal } from '../../src/ports';
import { deploy, type DeployRequest, type DeployResult } from './deploy';
import { judgeIn, notFit, placeRelease, type Destination, type PlacedRelease } from './promotion';
import type { Session } from './session';
import { requireWindow } from './windows';

export interface PromoteRequest extends DeployRequest {
  /** Bring the image, and deploy nothing yet. */
  imageOnly: boolean;
}

/** The environment that a release comes from, and how its image gets from there. */
export interface Former {
  /** What is asked of a release before it goes on. */
  promotion: PromotionConfig;
  journal: Pick<Journal, 'list' | 'read'>;
  handover: Handover;
  destination: Omit<Destination, 'version'>;
}

export type PromoteResult =
  | { kind: 'placed'; placed: PlacedRelease[]; promoted: Promoted }
  | { kind: 'ended'; placed: PlacedRelease[]; result: DeployResult };

/**
 * Takes an environment to a release that went through the one before: the same image, and an ordinary deployment.
 * @throws BasculeError BASCULE_NOT_PROMOTED, BASCULE_OUTSIDE_WINDOW … (exit code 2), before anything is touched.
 */
export async function promote(
  session: Session,
  former: Former,
  request: PromoteRequest,
): Promise<PromoteResult> {
  const { imageOnly, ...deployment } = request;
  const { reporter } = session;
  const { promotion } = former;
  // An image may be brought at any time; the deployment asks once more.
  if (!imageOnly) requireWindow(session, 'promote', request.overrideWindow);
  const promoted = await requireFit(session, former, promotion, request);
  const { version } = request;
  const tell = (text: string): void => reporter.say({ kind: 'note', text });
  const placed = await placeRelease(former.handover, { ...former.destination, version }, tell);
  if (imageOnly) return { kind: 'placed', placed, promoted };
  return { kind: 'ended', placed, result: await deploy(session, { ...deployment, promoted }) };
}

async function requireFit(
  { environment, world }: Session,
  { journal }: Former,
  promotion: PromotionConfig,
  { version, forcePromotion, imageOnly }: PromoteRequest,
): Promise<Promoted> {
  const { from } = promotion;
  const now = world.clock.now();
  const verdict = await judgeIn(journal, version, promotion, now);
  if (verdict.kind === 'ready') return { from, deployment: verdict.stay.passage.deployment };
  const { deployment } = 'stay' in verdict ? verdict.stay.passage : { deployment: null };
  // So that its deployment can be previewed while it soaks.
  if (imageOnly && verdict.kind === 'soaking') return { from, deployment };
  if (forcePromotion === undefined) throw notFit(environment, version, promotion, verdict, now);
  return { from, deployment, forced: forcePromotion };
}
