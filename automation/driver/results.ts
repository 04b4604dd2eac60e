/** What came of a step: recorded first, then told. */
import type { Told } from '../../src/domain/approval';
import type { Assessed, Reason } from '../../src/domain/records';
import { describeTold } from '../../src/domain/approval';
import { turnsBack, type Step } from '../../src/domain/step';
import { shiftsGivenBack } from '../../src/domain/too-late';
import type { Verdict } from '../steps/handler';
import type { Run } from './run';

/** Records what a look came to. */
export async function settle(
  run: Run,
  step: Step,
  verdict: Exclude<Verdict, { kind: 'pending' }>,
): Promise<void> {
  switch (verdict.kind) {
    case 'done': {
      const { facts, note } = verdict;
      const record = await run.journal.append({ kind: 'verified', step: step.id, facts });
      run.reporter.say({ kind: 'done', step, at: record.at, note });
      return;
    }
    case 'failed':
      return fail(run, step, verdict.reason);
    case 'halt':
      return haltExplained(run, step, verdict.reason);
  }
}

/**
 * A step failed: what is still before the proof turns the deployment back, what comes later is a person's. So is
 * what fails in a region that was passed over, once the others were given back what was held.
 */
export async function fail(run: Run, step: Step, reason: Reason): Promise<void> {
  if (!turnsBack(step) || shiftsGivenBack(run.journal.state).length > 0) return halt(run, step, reason);
  const record = await run.journal.append({ kind: 'failed', step: step.id, reason });
  run.reporter.say({ kind: 'failed', step, at: record.at, reason });
}

/** Stops for a person. */
export async function halt(run: Run, step: Step | null, reason: Reason): Promise<void> {
  const record = await run.journal.append({ kind: 'halted', step: step?.id ?? null, reason });
  if (step !== null) run.reporter.say({ kind: 'failed', step, at: record.at, reason });
}

/** A step that refuses to go on may only have met what somebody else changed: then both states are shown. */
export async function haltExplained(run: Run, step: Step, reason: Reason): Promise<void> {
  const drift = await run.lookout.drift(run.journal.state, 0, [step.region]);
  return halt(run, step, drift ?? reason);
}

/** Records what checks found. */
export async function assessed(run: Run, step: Step, assessments: Assessed[]): Promise<void> {
  const record = await run.journal.append({ kind: 'assessed', step: step.id, assessments });
  run.reporter.say({ kind: 'assessed', step, assessments, at: record.at });
}

/** Records what was made of somebody's approval. */
export async function heard(run: Run, step: Step, told: Told): Promise<void> {
  await run.journal.append({ kind: 'approved', step: step.id, ...told });
  run.reporter.say({ kind: 'note', text: describeTold(told) });
}
