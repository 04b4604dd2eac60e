import type { DeploymentState } from '../replay';
import type { Analyse, Soak } from '../step';
import type { Check } from './check';
import { SOLE_STAGE, type Stages } from './rate';
import { NO_COURSE, nextOf, nextOfAll, type Course, type Next, type Stretch } from './course';

/** A step that watches the new colour with checks. */
export type Watching = Analyse | Soak;

/** How one check of a step stands. */
export interface Standing {
  check: Check;
  course: Course;
  next: Next;
}

export type Judgement =
  | { kind: 'open'; waitingFor: string }
  | { kind: 'passed'; note: string }
  | { kind: 'failed'; by: Standing }
  | { kind: 'halt'; by: Standing };

/** The time that a step watches over; it does not end while a person holds it, or has to end it. */
export function stretchOf(step: Watching, state: DeploymentState): Stretch {
  const from = state.steps[step.id]?.startedAt ?? state.openedAt;
  const { resumedAt } = state;
  const byHand = step.kind === 'analyse' && step.byHand;
  if (step.seconds === null || byHand || state.paused !== null) return { from, to: Infinity, resumedAt };
  return { from, to: from + step.seconds * 1000, resumedAt };
}

export function standingsOf(step: Watching, state: DeploymentState, now: number): Standing[] {
  const stretch = stretchOf(step, state);
  return (step.checks ?? []).map((check) => {
    const course = state.steps[step.id]?.courses?.[check.name] ?? NO_COURSE;
    return { check, course, next: nextOf(course, check.pacing, stretch, now) };
  });
}

/** What a check found at the weights of the same region before this step; the soak stands for itself. */
export function stagesBefore(step: Watching, check: Check, state: DeploymentState): Stages {
  if (step.kind === 'soak') return SOLE_STAGE;
  const all = state.plan.steps.filter((one) => one.kind === 'analyse' && one.region === step.region);
  const before = all.slice(
    0,
    all.findIndex(({ id }) => id === step.id),
  );
  return {
    earlier: before.map(({ id }) => state.steps[id]?.courses?.[check.name]?.evidence ?? 0),
    ofAll: all.length,
  };
}

/** The checks that have to measure now. */
export function dueOf(standings: readonly Standing[], now: number): Check[] {
  return standings.flatMap(({ check, next }) => (next.kind === 'look' && next.at <= now ? [check] : []));
}

/**
 * What a step has come to. What failed turns back whoever wants to go on; what has no answer holds nobody up who
 * decided for it, and passes for nobody else.
 */
export function judge(step: Watching, state: DeploymentState, now: number): Judgement {
  const standings = standingsOf(step, state, now);
  const failed = standings.find(({ next }) => next.kind === 'failed');
  if (failed !== undefined) return { kind: 'failed', by: failed };
  const isAdvanced = state.advanced.includes(step.id) && state.paused === null;
  if (isAdvanced) return { kind: 'passed', note: decided(standings) };
  const halted = standings.find(({ next }) => next.kind === 'halt');
  if (halted !== undefined) return { kind: 'halt', by: halted };
  const waitingFor = waits(step, state, standings, now);
  return waitingFor === null
    ? { kind: 'passed', note: passed(step, standings) }
    : { kind: 'open', waitingFor };
}

function decided(standings: readonly Standing[]): string {
  const open = standings.filter(({ course }) => course.last?.verdict !== 'pass');
  const unanswered = open.map(
    ({ check, course }) => `${check.name} (${course.last?.verdict ?? 'no look yet'})`,
  );
  return `a person went on${unanswered.length === 0 ? '' : `, without a pass of ${unanswered.join(', ')}`}`;
}

function passed(step: Watching, standings: readonly Standing[]): string {
  const names = standings.map(({ check }) => check.name);
  return names.length === 0 ? '' : `${names.join(', ')} passed over ${step.seconds ?? 0} s`;
}

/** What a step still waits for; null when there is nothing. */
function waits(
  step: Watching,
  state: DeploymentState,
  standings: readonly Standing[],
  now: number,
): string | null {
  const { from, to } = stretchOf(step, state);
  const atLeast = step.seconds === null ? null : Math.ceil((from + step.seconds * 1000 - now) / 1000);
  const more = atLeast === null || atLeast <= 0 ? '' : `${atLeast} s more`;
  const telling = standings
    .filter(({ course }) => course.last !== null && course.last.verdict !== 'pass')
    .map(({ check, course }) => `${check.name} is ${course.last?.verdict}`);
  const person =
    state.paused !== null
      ? [`a person: ${state.paused.by.user} asked to pause, \`advance\` goes on`]
      : to === Infinity
        ? ['a person who says `advance`']
        : [];
  if (now >= to) {
    const looking = standings.filter(({ next }) => next.kind === 'look');
    if (nextOfAll(standings.map(({ next }) => next)).kind === 'passed') return null;
    return `an answer of ${looking.map(unanswered).join('; ')}`;
  }
  return [more, ...person, ...telling].filter((part) => part !== '').join('; ');
}

function unanswered({ check, course }: Standing): string {
  return course.last === null ? check.name : `${check.name}: ${course.last.reason}`;
}
