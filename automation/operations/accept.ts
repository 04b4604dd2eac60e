import { assessDrift, expectationOf } from '../../src/domain/expectation';
import { replanBack, replanForward, type AcceptedRegion } from '../../src/domain/replan';
import type { DeploymentState, StepState } from '../../src/domain/replay';
import { describeStep } from '../../src/domain/step';
import type { Drift } from '../../src/domain/traffic';
import { planHashOf } from '../../src/domain/preview/hash';
import { restoreHeld, type Drive } from '../driver';
import { needsApproval } from './approval-opening';
import { readAnswering } from './answering';
import { readRegions } from './observe';
import type { Session } from './session';

export interface RegionDrift {
  region: string;
  traffic: Drift[];
  fleet: Drift[];
}

/** Where the world differs from what the journal implies, region by region. */
export function driftsOf(state: DeploymentState, regions: readonly AcceptedRegion[]): RegionDrift[] {
  return regions.flatMap(({ region, ...seen }) => {
    const expectation = expectationOf(state, region);
    return expectation === undefined ? [] : [{ region, ...assessDrift(expectation, { region, ...seen }) }];
  });
}

/**
 * Takes what a person changed by hand as it is, and plans anew from there: forward to the same release, or
 * back to the former colour when the deployment has turned back.
 */
export async function acceptWhatIsThere(session: Session, drive: Drive): Promise<void> {
  const { journal, reporter } = drive;
  const drifts = driftsOf(journal.state, await readRegions(session));
  const direction = journal.state.turnedBack === null ? 'forward' : 'back';
  const accepted = drifts.flatMap(({ traffic, fleet }) =>
    direction === 'back' ? traffic : [...traffic, ...fleet],
  );
  if (accepted.length === 0) {
    reporter.say({
      kind: 'note',
      text: 'nothing differs from what the journal says; there is nothing to accept',
    });
    return;
  }
  // What is held is not what a person left: it is put back first, so that the plan rests on what was found.
  if (direction === 'forward') await restoreHeld(drive);
  const { state } = journal;
  if (state.halted !== null) return;
  const regions = await readRegions(session);
  const { plan, adopted } =
    direction === 'forward' ? replanForward(state, regions, session.policy) : replanBack(state, regions);
  // Whoever approved has looked at another plan.
  const consent = direction === 'forward' && needsApproval(plan) ? { planHash: planHashOf(plan) } : {};
  await journal.append({ kind: 'replanned', plan, accepted, adopted, direction, ...consent });
  for (const { label, expected, found } of accepted)
    reporter.say({ kind: 'note', text: `accepted: ${label}: ${found} (the journal said ${expected})` });
}

/** Tells what is recorded of each step that began, and where the world differs from it. */
export async function tellWhatIsFound(
  session: Session,
  { journal, reporter }: Drive,
  way: 'on' | 'back',
): Promise<void> {
  const note = (text: string): void => reporter.say({ kind: 'note', text });
  const { state } = journal;
  for (const step of state.plan.steps) {
    const is = state.steps[step.id];
    if (is === undefined || is.phase === 'pending') continue;
    const then = way === 'on' && state.turnedBack === null ? onwards(is) : '';
    note(`recorded: ${describeStep(step)} [${step.region}]: ${recorded(is)}${then}`);
  }
  const { readings, silent } = await readAnswering(session);
  for (const { region, error } of silent) note(`found: ${region} gives no answer: ${error.message}`);
  for (const { region, traffic, fleet } of driftsOf(state, readings)) {
    const drifts = [...traffic, ...fleet];
    if (drifts.length === 0) note(`found: ${region} is as the journal says`);
    for (const drift of drifts)
      note(`found: ${region}, ${drift.label}: expected ${drift.expected}; found ${drift.found}`);
  }
}

function recorded({ phase, reason }: StepState): string {
  switch (phase) {
    case 'pending':
      return 'not begun';
    case 'started':
      return 'begun, without a result';
    case 'ran':
      return 'carried out';
    case 'verified':
      return 'done';
    case 'failed':
      return `failed: ${reason?.message ?? 'no reason is recorded'}`;
    case 'undoing':
      return 'its undoing was begun, without a result';
    case 'undone':
      return 'undone';
    case 'unrestored':
      return `not put back: ${reason?.message ?? 'no reason is recorded'}`;
  }
}

/** What going on makes of it. */
function onwards({ phase }: StepState): string {
  if (phase === 'verified') return ', adopted';
  if (phase === 'ran') return ', its effect is looked at again';
  return phase === 'undone' ? ', done again' : '';
}
