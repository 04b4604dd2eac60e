import { decide } from '../../src/domain/decide';
import { planRollback } from '../../src/domain/plan';
import type { Plan } from '../../src/domain/records';
import type { Drive } from '../driver';
import { readAnswering } from './answering';
import { requireOneLive, servingVersion } from './observe';
import type { Session } from './session';

/**
 * Plans the rest of a rollback for regions that gave no answer when it was made, once they give one: what the others
 * did stays done.
 */
export async function planWhatCameBack(session: Session, { journal, reporter }: Drive): Promise<void> {
  const { state } = journal;
  const { plan } = state;
  const { unplanned = [] } = plan;
  if (unplanned.length === 0 || decide(state).kind !== 'halt') return;
  const { readings } = await readAnswering({ ...session, regions: unplanned }).catch(() => ({
    readings: [],
  }));
  const regions = requireOneLive(readings);
  const behind = regions.filter((facts) => servingVersion(facts) !== plan.version);
  const { environment, service, version, formerVersion } = plan;
  const rest = planRollback({
    environment,
    service,
    version,
    formerVersion,
    regions: behind,
    policy: session.policy,
  });
  const back = regions.map(({ region }) => region);
  if (back.length === 0) return;
  const whole = joined(plan, rest, back);
  const adopted = plan.steps.map(({ id }) => id);
  await journal.append({ kind: 'replanned', plan: whole, accepted: [], adopted, direction: 'forward' });
  reporter.say({ kind: 'note', text: `${back.join(' and ')} answers again, and is brought back too` });
}

function joined(plan: Plan, rest: Plan, back: readonly string[]): Plan {
  const left = (plan.unplanned ?? []).filter((region) => !back.includes(region));
  const { unplanned: _, ...planned } = plan;
  return {
    ...planned,
    steps: [...plan.steps, ...rest.steps],
    found: [...(plan.found ?? []), ...(rest.found ?? [])],
    ...(left.length > 0 && { unplanned: left }),
  };
}
