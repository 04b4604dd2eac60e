import type { Figure, Verdict } from '../../src/domain/analysis/assessment';
import type { Window } from '../../src/domain/analysis/measurement';
import { describeTold } from '../../src/domain/approval';
import { COLOURS, type Colour } from '../../src/domain/colour';
import { describeHolder } from '../../src/domain/lease';
import type { Outcome } from '../../src/domain/outcome';
import type { FoundRegion, JournalRecord, Plan, Reason } from '../../src/domain/records';
import { replay } from '../../src/domain/replay';
import { describeStep, type Step, type StepOf } from '../../src/domain/step';
import type { TestCase } from '../../src/domain/suite/result';
import type { RouteWeights } from '../../src/domain/traffic';
import { blocksOf, type StepBlock } from './blocks';

/** What became of one step. Times are Unix milliseconds, null for what never came. */
export interface ToldStep {
  id: string;
  name: string;
  region: string;
  phase: string;
  startedAt: number | null;
  endedAt: number | null;
  /** Why it failed, or what it found. */
  note: string;
}

/** What the colour that gains had of a region's requests, in per cent, from each time on. */
export interface WeightCourse {
  region: string;
  colour: Colour;
  points: { at: number; percent: number }[];
}

export interface CheckLook {
  at: number;
  /** The id of the step that looked. */
  step: string;
  verdict: Verdict;
  reason: string;
  window: Window;
  figures: Figure[];
}

/** What one check saw in one region, over all steps that it looked in. */
export interface CheckCourse {
  name: string;
  region: string;
  looks: CheckLook[];
}

/** What became of one test that was a gate. */
export interface ToldTest {
  name: string;
  region: string;
  when: StepOf<'test'>['when'];
  /** As of a step. */
  phase: string;
  startedAt: number | null;
  endedAt: number | null;
  /** What was wrong with it as the journal has it, in lines. */
  problems: string[];
  /** As the results in the bucket have them; null where there are none to be had. */
  cases: TestCase[] | null;
}

/** The results of tests by the id of their step. */
export type TestResults = ReadonlyMap<string, TestCase[]>;

/** A deployment as its journal tells it: all that the report is made of. */
export interface DeploymentStory {
  deployment: string;
  plan: Pick<Plan, 'purpose' | 'environment' | 'service' | 'version' | 'formerVersion'>;
  openedAt: number;
  /** The end; of a deployment that runs or was interrupted, the last that is known of it. */
  endedAt: number;
  /** Null for a deployment that runs or was interrupted. */
  outcome: Outcome | null;
  message: string | null;
  /** Why it turned back or stopped for a person. */
  reason: Reason | null;
  by: string;
  steps: ToldStep[];
  blocks: StepBlock[];
  weights: WeightCourse[];
  checks: CheckCourse[];
  tests: ToldTest[];
  /** What people and processes did beside the steps. */
  events: { at: number; what: string }[];
}

/** Tells a deployment by its journal, and by the results of its tests. Pure: the same always tells the same. */
export function storyOf(
  records: readonly JournalRecord[],
  results: TestResults = new Map(),
): DeploymentStory {
  const state = replay(records);
  const { plan, closed, openedAt, deployment } = state;
  const steps = stepsOf(records);
  const opened = records.find((record) => record.kind === 'opened');
  const endedAt = closed?.at ?? records.at(-1)?.at ?? openedAt;
  return {
    deployment,
    plan,
    openedAt,
    endedAt,
    outcome: closed?.outcome ?? null,
    message: closed?.message ?? state.halted?.message ?? null,
    reason: state.halted ?? state.turnedBack,
    by: opened === undefined ? 'unknown' : describeHolder(opened.holder),
    steps: plan.steps.map((step) => toldStep(step, state.steps[step.id])),
    blocks: blocksOf(records, steps),
    weights: weightsOf(records, steps),
    checks: checksOf(records, steps),
    tests: plan.steps.flatMap((step) => toldTest(step, state.steps[step.id], results)),
    events: records.flatMap(eventOf),
  };
}

/** Every step that any plan of the deployment had, by its id; of a step planned anew the last. */
function stepsOf(records: readonly JournalRecord[]): Map<string, Step> {
  const plans = records.flatMap((record) =>
    record.kind === 'opened' || record.kind === 'replanned' ? [record.plan] : [],
  );
  return new Map(plans.flatMap((plan) => plan.steps.map((step) => [step.id, step] as const)));
}

function toldStep(step: Step, state: ReturnType<typeof replay>['steps'][string] | undefined): ToldStep {
  const { phase = 'pending', startedAt = null, endedAt = null, reason = null, facts = {} } = state ?? {};
  const found = Object.entries(facts).map(([name, value]) => `${name}: ${value}`);
  const note = reason?.message ?? found.join(', ');
  return { id: step.id, name: describeStep(step), region: step.region, phase, startedAt, endedAt, note };
}

function toldTest(
  step: Step,
  state: ReturnType<typeof replay>['steps'][string] | undefined,
  results: TestResults,
): ToldTest[] {
  if (step.kind !== 'test') return [];
  const { id, name, region, when } = step;
  const { phase = 'pending', startedAt = null, endedAt = null, reason = null } = state ?? {};
  // What another run of it came to is no result of this one.
  const cases = endedAt === null ? null : (results.get(id) ?? null);
  const problems = reason?.details ?? [];
  return [{ name, region, when, phase, startedAt, endedAt, problems, cases }];
}

/** A weight is known before the writes begin and after they were read back; between the two it moves. */
function weightsOf(records: readonly JournalRecord[], steps: ReadonlyMap<string, Step>): WeightCourse[] {
  const courses = new Map<string, WeightCourse>();
  for (const step of steps.values()) {
    if (step.kind !== 'shift' || courses.has(step.region)) continue;
    courses.set(step.region, { region: step.region, colour: step.towards, points: [] });
  }
  const tell = (region: string, at: number, routes: readonly RouteWeights[]): void => {
    const course = courses.get(region);
    if (course === undefined || routes.length === 0) return;
    course.points.push({ at, percent: percentOf(course.colour, routes) });
  };
  const repeat = (region: string, at: number): void => {
    const points = courses.get(region)?.points;
    const last = points?.at(-1);
    if (last !== undefined) points?.push({ ...last, at });
  };
  for (const record of records) {
    if (record.kind === 'opened' || record.kind === 'replanned')
      for (const found of foundOf(record.plan)) tell(found.region, record.at, found.routes);
    const shift = 'step' in record && record.step !== null ? shiftOf(steps, record.step) : undefined;
    if (shift === undefined) continue;
    if (record.kind === 'started' || record.kind === 'undoStarted') repeat(shift.region, record.at);
    if (record.kind === 'ran' || record.kind === 'verified') tell(shift.region, record.at, shift.to);
    if (record.kind === 'undone') tell(shift.region, record.at, shift.from);
  }
  const end = records.at(-1)?.at;
  if (end !== undefined) for (const region of courses.keys()) repeat(region, end);
  return [...courses.values()].filter(({ points }) => points.length > 0);
}

/** Plans of format 1 tell nothing of what was found; their shifts know what they moved. */
function foundOf(plan: Plan): Pick<FoundRegion, 'region' | 'routes'>[] {
  if (plan.found !== undefined) return plan.found;
  return plan.steps.flatMap((step) =>
    step.kind === 'shift' ? [{ region: step.region, routes: step.from }] : [],
  );
}

function shiftOf(steps: ReadonlyMap<string, Step>, id: string): StepOf<'shift'> | undefined {
  const step = steps.get(id);
  return step?.kind === 'shift' ? step : undefined;
}

/** The mean over the routes, which differ only where somebody moved one by hand. */
function percentOf(colour: Colour, routes: readonly RouteWeights[]): number {
  const shares = routes.map(({ weights }) => {
    const whole = COLOURS.reduce((sum, one) => sum + weights[one], 0);
    return whole === 0 ? 0 : (100 * weights[colour]) / whole;
  });
  return shares.reduce((sum, one) => sum + one, 0) / shares.length;
}

function checksOf(records: readonly JournalRecord[], steps: ReadonlyMap<string, Step>): CheckCourse[] {
  const courses = new Map<string, CheckCourse>();
  for (const record of records) {
    if (record.kind !== 'assessed') continue;
    const region = steps.get(record.step)?.region ?? '';
    for (const { check, assessment } of record.assessments) {
      const key = JSON.stringify([region, check]);
      const course = courses.get(key) ?? { name: check, region, looks: [] };
      course.looks.push({ at: record.at, step: record.step, ...assessment });
      courses.set(key, course);
    }
  }
  return [...courses.values()];
}

function eventOf(record: JournalRecord): { at: number; what: string }[] {
  const { at } = record;
  switch (record.kind) {
    case 'opened':
      return (record.overrode ?? []).map((name) => ({ at, what: `went past the freeze ${name}` }));
    case 'approved':
      return [{ at, what: describeTold(record) }];
    case 'asked':
      return [{ at, what: `${record.request.kind} asked for by ${describeHolder(record.request.by)}` }];
    case 'resumed':
      return [{ at, what: `gone on with by ${describeHolder(record.holder)}` }];
    case 'unlocked':
      return [
        {
          at,
          what: `lease taken from ${describeHolder(record.former)} by ${describeHolder(record.holder)}: ${record.why}`,
        },
      ];
    case 'replanned':
      return [{ at, what: `planned anew: ${record.accepted.length} change(s) made by hand were accepted` }];
    case 'rollbackRequested':
      return [{ at, what: `the way back: ${record.reason.message}` }];
    case 'halted':
      return [{ at, what: `halted: ${record.reason.message}` }];
    default:
      return [];
  }
}
