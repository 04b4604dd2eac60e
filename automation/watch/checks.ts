import type { Assessment, Figure, Verdict } from '../../src/domain/analysis/assessment';
import type { Check } from '../../src/domain/analysis/check';
import type { DeploymentState } from '../../src/domain/replay';
import { describeStep, type Step } from '../../src/domain/step';
import type { CheckCourse } from '../report/story';

/** One number of a check over time. */
export interface FigureView {
  name: string;
  unit: Figure['unit'];
  value: number | null;
  limit: number | null;
  points: { at: number; value: number | null; limit: number | null }[];
}

/** One check in one region, as the last step that looked found it. */
export interface CheckView {
  name: string;
  region: string;
  step: string;
  verdict: Verdict;
  reason: string;
  at: number;
  failures: number;
  /** So many failed assessments are put up with. */
  failureLimit: number;
  figures: FigureView[];
}

/** What a page shows of the past: at a look each minute, hours. */
const LOOKS = 300;

/** Every check that has looked, with its numbers over time. */
export function checkViews(state: DeploymentState, courses: readonly CheckCourse[]): CheckView[] {
  return courses.flatMap((course) => {
    const last = course.looks.at(-1);
    const step = state.plan.steps.find(({ id }) => id === last?.step);
    if (last === undefined || step === undefined) return [];
    const { name, region, looks } = course;
    return {
      name,
      region,
      step: describeStep(step),
      verdict: last.verdict,
      reason: last.reason,
      at: last.at,
      failures: state.steps[step.id]?.courses?.[name]?.failures ?? 0,
      failureLimit: checksOfStep(step).find((check) => check.name === name)?.pacing.failureLimit ?? 0,
      figures: figureViews(looks.slice(-LOOKS)),
    };
  });
}

export function checksOfStep(step: Step): Check[] {
  return step.kind === 'analyse' || step.kind === 'soak' ? (step.checks ?? []) : [];
}

/** A figure that a look did not give has no value then. */
function figureViews(looks: readonly (Pick<Assessment, 'figures'> & { at: number })[]): FigureView[] {
  const last = new Map(
    looks.flatMap(({ figures }) => figures.map((figure) => [figure.name, figure] as const)),
  );
  return [...last.values()].map(({ name, unit, limit }) => {
    const points = looks.map(({ at, figures }) => {
      const found = figures.find((figure) => figure.name === name);
      return { at, value: found?.value ?? null, limit: found?.limit ?? null };
    });
    return { name, unit, limit, value: points.at(-1)?.value ?? null, points };
  });
}
