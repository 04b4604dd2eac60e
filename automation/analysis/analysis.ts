import { assessCheck } from '../../src/domain/analysis/assess';
import type { Check, CommandCheck } from '../../src/domain/analysis/check';
import type { Measurement, Window } from '../../src/domain/analysis/measurement';
import {
  dueOf,
  judge,
  stagesBefore,
  standingsOf,
  stretchOf,
  type Standing,
  type Watching,
} from '../../src/domain/analysis/standing';
import { failedRequests, figureLines, windowOf } from '../../src/domain/analysis/telling';
import { otherColour } from '../../src/domain/colour';
import type { Reason } from '../../src/domain/records';
import type { DeploymentState } from '../../src/domain/replay';
import type { Analyse } from '../../src/domain/step';
import type { Look, MetricCheck } from '../../src/ports';
import { done, pending, reason, type StepContext, type Verdict } from '../steps/handler';
import { CommandsUnderWay } from './commands';
import { factsFor } from './facts';

interface Measured {
  check: Check;
  measurement: Measurement;
}

/** How often a step that analyses asks whether a check is due: a look begins at most this much too late. */
export const POLL_MILLISECONDS = 200;

/**
 * One round of a step's checks: what is due is measured, then judged, then recorded, and the records alone decide
 * how the step stands. So a driver that takes over goes on where the former one was.
 */
export async function look(step: Watching, context: StepContext): Promise<Verdict> {
  const now = context.world.clock.now();
  const due = dueOf(standingsOf(step, context.state(), now), now);
  const measured = await measure(step, due, context);
  if (measured.length > 0)
    await context.record(
      measured.map(({ check, measurement }) => ({
        check: check.name,
        assessment: assessCheck(check, measurement, stagesBefore(step, check, context.state())),
      })),
    );
  const judgement = judge(step, context.state(), context.world.clock.now());
  switch (judgement.kind) {
    case 'open':
      return pending(judgement.waitingFor);
    case 'passed':
      return done(judgement.note);
    case 'failed':
      return { kind: 'failed', reason: reasonOf(step, judgement.by, measured) };
    case 'halt':
      return { kind: 'halt', reason: reasonOf(step, judgement.by, measured) };
  }
}

/**
 * While the new fleet grows for its next weight it keeps the one it has: the analysis of that weight goes on looking.
 * Only what fails counts; what has no answer here is asked for again at the next weight.
 */
export async function lookBetween(region: string, context: StepContext): Promise<Verdict | undefined> {
  const { plan, steps } = context.state();
  const last = plan.steps.findLast(
    (step): step is Analyse =>
      step.kind === 'analyse' && step.region === region && steps[step.id]?.phase === 'verified',
  );
  if (last === undefined || (steps[last.id]?.startedAt ?? null) === null) return undefined;
  const record: StepContext['record'] = (found) => context.record(found, last);
  // As if a person had to end it: what it already passed is no reason to look no more.
  const verdict = await look({ ...last, byHand: true }, { ...context, record });
  return verdict.kind === 'failed' ? verdict : undefined;
}

async function measure(step: Watching, due: readonly Check[], context: StepContext): Promise<Measured[]> {
  const metrics = due.filter((check): check is MetricCheck => check.kind !== 'command');
  const commands = due.filter((check): check is Check & CommandCheck => check.kind === 'command');
  const at = lookOf(step, context);
  const underWay = CommandsUnderWay.of(context);
  for (const check of commands)
    underWay.begin(check, factsFor(step, check, context), { from: at.from, to: at.to });
  const found = metrics.length === 0 ? [] : await context.region.metrics.measure(metrics, at);
  return [
    ...metrics.map((check, index) => ({
      check,
      measurement: found[index] ?? { kind: 'none' as const, window: at, reason: 'nothing was measured' },
    })),
    ...(await underWay.ended()),
  ];
}

function lookOf(step: Watching, context: StepContext): Look {
  const state = context.state();
  const { from } = stretchOf(step, state);
  return {
    colour: step.colour,
    former: otherColour(step.colour),
    from,
    to: context.world.clock.now(),
    before: step.kind === 'analyse' ? null : beforeTheCutover(step.region, state, from),
  };
}

/**
 * In the soak the former colour has no traffic any more: it is held against what it did in this deployment until
 * the cutover, which is near enough in time to be the same kind of hour, and surely the same release.
 */
function beforeTheCutover(region: string, state: DeploymentState, soakFrom: number): Window {
  const cutover = state.plan.steps.find(
    (step) => step.kind === 'shift' && step.region === region && step.percent === undefined,
  );
  const startedAt = cutover === undefined ? null : (state.steps[cutover.id]?.startedAt ?? null);
  return { from: state.openedAt, to: startedAt ?? soakFrom };
}

/** Which check, which numbers, which window, and which requests failed as far as the last look tells. */
function reasonOf(step: Watching, { check, course, next }: Standing, measured: readonly Measured[]): Reason {
  const { last } = course;
  const answered = course.failures > check.pacing.failureLimit;
  const where = step.kind === 'soak' ? 'in the soak' : `at ${step.percent} %`;
  const why = 'reason' in next ? next.reason : '';
  const within = last === null ? '' : ` (${windowOf(last.window)})`;
  const found = measured.find((one) => one.check.name === check.name);
  return reason(
    answered ? 'BASCULE_ANALYSIS_FAILED' : 'BASCULE_ANALYSIS_INCONCLUSIVE',
    `The check ${check.name} ${answered ? 'failed' : 'gave no answer'} ${where} on ${step.colour} in ${step.region}: ${why}${within}.`,
    [
      ...figureLines(last?.figures ?? []),
      `${course.looks} look(s), ${course.failures} failed; the limit is ${check.pacing.failureLimit}`,
      ...failedRequests(found?.measurement),
    ],
  );
}
