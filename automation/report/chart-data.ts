import type { Figure, Verdict } from '../../src/domain/analysis/assessment';
import type { CheckCourse, CheckLook, DeploymentStory } from './story';

/** One line of a chart; a gap where it has no value. */
export interface Line {
  label: string;
  look: 'blue' | 'green' | 'value' | 'limit' | 'fail' | 'undecided';
  values: (number | null)[];
}

/** One chart. Seconds count from the opening of the deployment. */
export interface Panel {
  /** Id of the element that it is drawn in. */
  id: string;
  title: string;
  unit: Figure['unit'] | 'percent';
  seconds: number[];
  lines: Line[];
  /** What stands beside the values at each point. */
  notes: (string | null)[];
}

/** What the page's script draws. */
export interface ReportCharts {
  endSecond: number;
  /** When production traffic was moved. */
  shifts: number[];
  panels: Panel[];
}

/** Weights and checks on one axis of seconds. */
export function chartsOf(story: DeploymentStory): ReportCharts {
  const second = (at: number): number => Number(((at - story.openedAt) / 1000).toFixed(3));
  return {
    endSecond: Math.max(1, second(story.endedAt)),
    shifts: story.blocks.filter(({ moves }) => moves).map(({ to }) => second(to)),
    panels: [
      ...story.weights.map(({ region, colour, points }, index): Panel => ({
        id: `weights-${index}`,
        title: `Traffic on ${colour} in ${region}, per cent`,
        unit: 'percent',
        seconds: points.map(({ at }) => second(at)),
        lines: [{ label: colour, look: colour, values: points.map(({ percent }) => percent) }],
        notes: points.map(() => null),
      })),
      ...story.checks.flatMap((course, index) => panelsOf(course, index, second)),
    ],
  };
}

/** A chart for each number of a check: its value, the limit beside it, and the looks that did not pass. */
function panelsOf(course: CheckCourse, index: number, second: (at: number) => number): Panel[] {
  const { name, region, looks } = course;
  const kinds = new Map(looks.flatMap(({ figures }) => figures.map((one) => [one.name, one.unit] as const)));
  return [...kinds].map(([figure, unit], part): Panel => {
    const points = withGaps(looks);
    const numbers = points.map((look) => look?.figures.find((one) => one.name === figure));
    const values = numbers.map((one) => one?.value ?? null);
    const marked = (verdicts: readonly Verdict[]): (number | null)[] =>
      points.map((look, at) => {
        if (look === null || !verdicts.includes(look.verdict)) return null;
        return values[at] ?? 0;
      });
    return {
      id: `check-${index}-${part}`,
      title: `${name}: ${figure}, ${region}`,
      unit,
      seconds: times(points, looks).map(second),
      lines: [
        { label: figure, look: 'value', values },
        { label: 'limit', look: 'limit', values: numbers.map((one) => one?.limit ?? null) },
        { label: 'failed', look: 'fail', values: marked(['fail']) },
        { label: 'undecided', look: 'undecided', values: marked(['inconclusive', 'error']) },
      ],
      notes: points.map((look) => (look === null ? null : `${look.verdict}: ${look.reason}`)),
    };
  });
}

/** Between the steps nobody looked: a null there keeps a line from going across. */
function withGaps(looks: readonly CheckLook[]): (CheckLook | null)[] {
  return looks.flatMap((look, index) => {
    const former = looks[index - 1];
    return former === undefined || former.step === look.step ? [look] : [null, look];
  });
}

function times(points: readonly (CheckLook | null)[], looks: readonly CheckLook[]): number[] {
  return points.map((look, index) => {
    if (look !== null) return look.at;
    const before = points[index - 1]?.at ?? looks[0]?.at ?? 0;
    const after = points[index + 1]?.at ?? before;
    return (before + after) / 2;
  });
}
