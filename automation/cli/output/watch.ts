import { duration, share } from '../../../src/domain/analysis/assessment';
import type { WatchView } from '../../watch/view';
import type { CheckView, FigureView } from '../../watch/checks';
import { table } from './tables';

const SIGNS = {
  waiting: '·',
  'under way': '▸',
  done: '✓',
  failed: '✗',
  undoing: '↩',
  undone: '↩',
  skipped: '–',
} as const;

type StepView = WatchView['steps'][number];
type RegionView = WatchView['regions'][number];

/** All that there is to see of a deployment, for a terminal. */
export function renderWatch(view: WatchView): string {
  const to = view.purpose === 'retire' ? 'retire the idle colour' : `${view.from ?? 'nothing'} → ${view.to}`;
  return [
    `${view.service} ${view.environment}  ${to}  deployment ${view.deployment}, by ${view.by}, for ${elapsed(view.openedAt, view.closedAt ?? view.at)}`,
    ...headlines(view),
    ...view.regions.flatMap((region) => ['', ...regionLines(region)]),
    '',
    table(view.steps.map((step) => stepRow(step, view.at))),
    ...(view.checks.length === 0 ? [] : ['', table(view.checks.flatMap(checkRows))]),
  ].join('\n');
}

/** What a person has to know first. */
export function headlines(view: WatchView): string[] {
  const { paused, trouble, abandoned, problem, outcome } = view;
  return [
    ...(outcome === null && paused !== null ? [`paused by ${paused}; advance goes on`] : []),
    ...(outcome === null && trouble !== null ? [`goes back: ${trouble}`] : []),
    ...(abandoned === null ? [] : [`nobody works on it: ${abandoned}`]),
    ...(problem === null ? [] : [`what is shown may be old: ${problem}`]),
  ];
}

/** The weights of a region's routes; those that share alike are told together. */
export function weightLines({ routes }: RegionView): string[] {
  const alike = new Map<string, string[]>();
  for (const { label, blue, green } of routes) {
    const key = `blue ${blue}, green ${green}`;
    alike.set(key, [...(alike.get(key) ?? []), label]);
  }
  return [...alike].map(
    ([weights, labels]) => `${weights} on ${labels.length === 1 ? labels[0] : `${labels.length} routes`}`,
  );
}

/** One line for each instance, and its fleet before it. */
export function fleetLines({ fleets }: RegionView): string[] {
  return fleets.flatMap(({ colour, role, version, healthy, desired, instances }) => [
    `${colour} ${role}, ${version ?? 'no version'}: ${healthy} of ${desired} healthy`,
    ...instances.map((one) => `  ${one.healthy ? '✓' : '✗'} ${one.words}`),
  ]);
}

/** A number beside its limit. */
export function figureText({ name, value, limit, unit }: FigureView): string {
  const text = (number: number): string =>
    unit === 'share' ? share(number) : unit === 'seconds' ? duration(number) : String(number);
  const bound = limit === null ? '' : ` (limit ${text(limit)})`;
  return `${name} ${value === null ? 'unknown' : text(value)}${bound}`;
}

function regionLines(region: RegionView): string[] {
  const lines = [...weightLines(region), ...fleetLines(region)];
  return [region.region, ...lines.map((line) => `  ${line}`)];
}

function stepRow(step: StepView, now: number): string[] {
  return [`  ${SIGNS[step.phase]} ${step.what}`, step.region, timeOf(step, now), step.reason ?? ''];
}

function timeOf(step: StepView, now: number): string {
  const { phase, startedAt, endedAt, until, byHand } = step;
  if (startedAt === null) return '';
  if (phase !== 'under way') return endedAt === null ? '' : elapsed(startedAt, endedAt);
  const left = until === null ? `for ${elapsed(startedAt, now)}` : `${elapsed(now, until)} left`;
  return byHand ? `${left}, until a person goes on` : left;
}

function checkRows(check: CheckView): string[][] {
  const { name, region, verdict, reason, failures, failureLimit, figures } = check;
  return [
    [`  check ${name}`, region, verdict, `${failures} failed (limit ${failureLimit})`, reason],
    ...figures.map((figure) => ['', '', '', '', figureText(figure)]),
  ];
}

function elapsed(from: number, to: number): string {
  const seconds = Math.max(0, Math.round((to - from) / 1000));
  return seconds < 60 ? `${seconds} s` : `${Math.floor(seconds / 60)} min ${seconds % 60} s`;
}
