import { otherColour } from '../../src/domain/colour';
import { BasculeError } from '../../src/domain/errors';
import type { RegionFacts } from '../../src/domain/plan';
import {
  assessPreflight,
  type Lack,
  type PreflightAssessment,
  type PreflightNeed,
} from '../../src/domain/preflight';
import type { Plan } from '../../src/domain/records';
import type { Image, Preflight, PreflightQuestion } from '../../src/ports';
import type { Session } from './session';

/** What a deployment is about to do, before it begins. */
export interface Intended {
  plan: Plan;
  regions: readonly RegionFacts[];
  /** The release's image in each region. */
  images: ReadonlyMap<string, Image | undefined>;
}

/**
 * Looks whether AWS would let the plan have what it needs, in all regions side by side. What cannot be known
 * is told and refuses nothing.
 * @throws BasculeError with the code of the first lack (exit code 2), before anything is touched.
 */
export async function requireRoom(session: Session, intended: Intended): Promise<void> {
  const { reporter } = session;
  const found = await lookForRoom(session, intended);
  for (const { summary, notes } of found)
    for (const text of [summary, ...notes]) reporter.say({ kind: 'note', text: `preflight: ${text}` });
  const lacks = found.flatMap((one) => one.lacks);
  const [first, ...others] = lacks;
  if (first !== undefined) throw refusal(first, others);
}

/** What there is room for in each region; nothing where the configuration does without this look. */
export async function lookForRoom(
  session: Session,
  intended: Intended,
  how: Pick<PreflightQuestion, 'readOnly'> = {},
): Promise<PreflightAssessment[]> {
  const { preflight } = session;
  if (preflight === null) return [];
  const question = { ...how, alarms: alarmsOf(session) };
  return Promise.all(intended.regions.map((facts) => lookAt(preflight, facts, intended, question)));
}

async function lookAt(
  preflight: Preflight,
  facts: RegionFacts,
  { plan, images }: Intended,
  question: Pick<PreflightQuestion, 'alarms' | 'readOnly'>,
): Promise<PreflightAssessment> {
  const { region } = facts;
  const imageId = images.get(region)?.id ?? '';
  const colour = otherColour(facts.live);
  const reading = await preflight.read({ ...question, region, colour, version: plan.version, imageId });
  return assessPreflight(reading, needOf(plan, facts));
}

/** The most instances that the plan gives the new fleet, however small it starts. */
export function needOf(plan: Plan, { region, live, fleets }: RegionFacts): PreflightNeed {
  const wanted = plan.steps.map((step) =>
    step.region === region && (step.kind === 'apply-idle' || step.kind === 'follow')
      ? step.capacity.desired
      : 0,
  );
  return {
    instances: Math.max(0, ...wanted),
    present: fleets[otherColour(live)]?.instances.length ?? 0,
    live: fleets[live]?.instances.length ?? 0,
  };
}

function alarmsOf({ policy }: Session): string[] {
  return [...new Set(policy.checks.flatMap((check) => (check.kind === 'alarms' ? check.names : [])))];
}

function refusal(first: Lack, others: readonly Lack[]): BasculeError {
  return new BasculeError({
    code: first.code,
    message: first.message,
    details: others.map((lack) => `${lack.code}: ${lack.message}`),
    next: `${first.next} Nothing was changed. \`deployment.preflight: false\` does without this look.`,
    blame: 'world',
  });
}
