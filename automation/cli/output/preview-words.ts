/** What a preview says, in words that its text and its comment share. Pure. */
import type {
  CostDifference,
  Preview,
  PreviewedStep,
  PropertyChange,
  ResourceChange,
  ResourceOperation,
  StackPreview,
} from '../../../src/domain/preview/preview';
import { COLOURS, type Colour } from '../../../src/domain/colour';
import { duration } from '../../../src/domain/duration';
import { describeWeights, type RouteWeights, type Weights } from '../../../src/domain/traffic';

export { duration };

/** `1 route`, `3 routes`. */
export function count(number: number, what: string): string {
  return `${number} ${what}${number === 1 ? '' : 's'}`;
}

/** From what to what. */
export function versionsText({ formerVersion, version, verdict }: Preview): string {
  if (formerVersion === version) return verdict.kind === 'changes' ? `${version} again` : version;
  // A refusal may be that nobody can say what is live.
  if (formerVersion === null) return verdict.kind === 'refused' ? `→ ${version}` : `nothing → ${version}`;
  return `${formerVersion} → ${version}`;
}

/** The verdict in one sentence. */
export function verdictText({ verdict, formerVersion, version }: Preview): string {
  switch (verdict.kind) {
    case 'nothing-to-do':
      return `Nothing to do: ${verdict.message}`;
    case 'stacks-differ':
      return verdict.message;
    case 'refused':
      return `A deployment would be refused, for ${count(verdict.reasons.length, 'reason')}.`;
    case 'changes':
      if (formerVersion === null) return `A deployment would bring ${version} live: the first one.`;
      if (formerVersion === version) return `A deployment would bring ${version} live anew.`;
      return `A deployment would bring ${version} live instead of ${formerVersion}.`;
  }
}

const DONE: Record<ResourceOperation, string> = {
  create: 'created',
  update: 'changed',
  replace: 'replaced',
  delete: 'deleted',
};

/** `2 created, 1 changed`, or `no change`. */
export function changesText(resources: readonly ResourceChange[]): string {
  const parts = (Object.keys(DONE) as ResourceOperation[]).flatMap((operation) => {
    const number = resources.filter((resource) => resource.operation === operation).length;
    return number === 0 ? [] : [`${number} ${DONE[operation]}`];
  });
  return parts.length === 0 ? 'no change' : parts.join(', ');
}

/** One line for a stack: who applies it, and how much of it changes. */
export function stackText(stack: StackPreview, environment: string): string {
  const by = stack.applied === 'by-deploy' ? 'by this deployment' : `only by \`bascule up ${environment}\``;
  const unchanged = stack.unchanged === 0 ? '' : `, ${stack.unchanged} unchanged`;
  return `${changesText(stack.resources)}${unchanged}${stack.resources.length === 0 ? '' : ` (${by})`}`;
}

/** The stacks that a deployment applies, and those that only `bascule up` does. */
export function changesBy(stacks: readonly StackPreview[], applied: StackPreview['applied']) {
  const concerned = stacks.filter((stack) => stack.applied === applied && stack.resources.length > 0);
  return { stacks: concerned.length, resources: concerned.flatMap((stack) => stack.resources) };
}

export const SIGNS: Record<ResourceOperation, string> = {
  create: '+',
  update: '~',
  replace: '±',
  delete: '-',
};

/** `aws:ec2/launchTemplate:LaunchTemplate "green" (replaced)` */
export function resourceText({ operation, type, name }: ResourceChange): string {
  return printable(`${type} ${name} (${DONE[operation]})`);
}

/** `tags.version: "1.0.0" → "2.0.0"` */
export function propertyText(change: PropertyChange): string {
  const { path, before, after } = change;
  const [old, fresh] = shortened(valueText(before), valueText(after));
  const values = !('before' in change)
    ? `${fresh} (added)`
    : !('after' in change)
      ? `${old} (removed)`
      : `${old} → ${fresh}`;
  return printable(`${path}: ${values}${change.replaces === true ? ' (forces the replacement)' : ''}`);
}

/** What a property of a new resource will be. */
export function newPropertyText({ path, after }: PropertyChange): string {
  return printable(`${path}: ${shortened('', valueText(after))[1]}`);
}

const PLACEHOLDERS = new Set(['[secret]', '[computed]']);

function valueText(value: unknown): string {
  if (value === undefined) return '';
  if (typeof value !== 'string') return JSON.stringify(value);
  return PLACEHOLDERS.has(value) ? value : JSON.stringify(decoded(value));
}

/** User data is a script in base64: what changes in it is to be read. */
function decoded(value: string): string {
  if (value.length < 20 || !/^[A-Za-z0-9+/]+={0,2}$/.test(value)) return value;
  const text = Buffer.from(value, 'base64').toString('utf8');
  return /^#(!|cloud-config)/.test(text) ? text : value;
}

const LONGEST_VALUE = 160;
const BEFORE_DIFFERENCE = 40;

/** Long values, as user data or policies, are shown around the first place where they differ. */
function shortened(before: string, after: string): [string, string] {
  if (before.length <= LONGEST_VALUE && after.length <= LONGEST_VALUE) return [before, after];
  let same = 0;
  while (same < Math.min(before.length, after.length) && before[same] === after[same]) same += 1;
  const from = Math.max(0, same - BEFORE_DIFFERENCE);
  return [excerpt(before, from), excerpt(after, from)];
}

function excerpt(text: string, from: number): string {
  const begin = text.length <= LONGEST_VALUE ? 0 : from;
  const end = begin + LONGEST_VALUE;
  return `${begin > 0 ? '…' : ''}${text.slice(begin, end)}${end < text.length ? '…' : ''}`;
}

/** Without what moves a terminal's cursor or changes its colours. */
export function printable(text: string): string {
  // eslint-disable-next-line no-control-regex
  return text.replace(/[\u0000-\u001f\u007f-\u009f\u2028-\u202e\u2066-\u2069]+/g, ' ');
}

/** Cut where it is too long for a line that is read at a glance. */
export function cut(text: string, longest: number): string {
  return text.length <= longest ? text : `${text.slice(0, longest - 1)}…`;
}

/** Routes whose weights a step changes alike. */
export interface MovedRoutes {
  labels: string[];
  before: Weights | null;
  after: Weights | null;
}

/** The routes of a step that moves traffic, those together that have the same weights before and after. */
export function movedRoutes({ before, after }: NonNullable<PreviewedStep['weights']>): MovedRoutes[] {
  const ids = [...new Set([...before, ...after].map(({ id }) => id))];
  const groups = new Map<string, MovedRoutes>();
  for (const id of ids) {
    const old = find(before, id);
    const fresh = find(after, id);
    const key = `${old === undefined ? '' : describeWeights(old.weights)} to ${fresh === undefined ? '' : describeWeights(fresh.weights)}`;
    const group = groups.get(key) ?? {
      labels: [],
      before: old?.weights ?? null,
      after: fresh?.weights ?? null,
    };
    group.labels.push(printable(fresh?.label ?? old?.label ?? id));
    groups.set(key, group);
  }
  return [...groups.values()]
    .map((group) => ({ ...group, labels: group.labels.sort(byNumbers) }))
    .sort((one, other) => byNumbers(one.labels[0] ?? '', other.labels[0] ?? ''));
}

function find(routes: readonly RouteWeights[], id: string): RouteWeights | undefined {
  return routes.find((route) => route.id === id);
}

const collator = new Intl.Collator('en', { numeric: true });
const byNumbers = (one: string, other: string): number => collator.compare(one, other);

export function weightsText(weights: Weights | null): string {
  return weights === null ? 'no such route' : describeWeights(weights);
}

/** More than these are counted, and listed where there is room. */
export const FEW_ROUTES = 6;

/** The steps of a region that move traffic. */
export interface Moves {
  region: string;
  steps: { step: PreviewedStep; number: number; groups: MovedRoutes[] }[];
  routes: number;
}

export function movesOf(steps: readonly PreviewedStep[]): Moves[] {
  const regions = new Map<string, Moves>();
  steps.forEach((step, index) => {
    if (step.weights === undefined) return;
    const groups = movedRoutes(step.weights);
    const moves = regions.get(step.region) ?? { region: step.region, steps: [], routes: 0 };
    moves.steps.push({ step, number: index + 1, groups });
    moves.routes = Math.max(
      moves.routes,
      groups.reduce((sum, { labels }) => sum + labels.length, 0),
    );
    regions.set(step.region, moves);
  });
  return [...regions.values()];
}

/** `101 routes in 3 steps: 5 %, 25 %, 100 % to green`; null where no traffic moves. */
export function movesText({ routes, steps }: Moves): string {
  const last = steps.at(-1)?.groups[0];
  const colour = gaining(last);
  if (colour === undefined) return `${count(routes, 'route')} in ${count(steps.length, 'step')}`;
  const shares = steps.map(({ groups }) => `${shareOf(groups[0]?.after, colour)} %`);
  return `${count(routes, 'route')} in ${count(steps.length, 'step')}: ${shares.join(', ')} to ${colour}`;
}

function gaining(group: MovedRoutes | undefined): Colour | undefined {
  return COLOURS.find((colour) => shareOf(group?.after, colour) > shareOf(group?.before, colour));
}

function shareOf(weights: Weights | null | undefined, colour: Colour): number {
  const total = (weights?.blue ?? 0) + (weights?.green ?? 0);
  return total === 0 ? 0 : Math.round(((weights?.[colour] ?? 0) / total) * 100);
}

/** `5 min, then for a person`; empty where a step does not wait by itself. */
export function waitText({ wait }: PreviewedStep): string {
  if (wait === undefined) return '';
  const time = wait.seconds === null ? '' : duration(wait.seconds);
  if (!wait.byHand) return time;
  return time === '' ? 'for a person' : `${time}, then for a person`;
}

/** `2 live, 3 idle`, and what limits the new fleet is given. */
export function instancesText({ instances, capacity }: PreviewedStep): string {
  const both = instances === undefined ? '' : `${instances.live} live, ${instances.idle} idle`;
  if (capacity === undefined) return both;
  const limits = `${capacity.minimum} to ${capacity.maximum}`;
  return both === '' ? `${capacity.desired} (${limits})` : `${both} (${limits})`;
}

/** How long the whole usually takes; null as long as one step has no history. */
export function expectedText(steps: readonly PreviewedStep[]): string {
  const known = steps.filter(({ expectedSeconds }) => expectedSeconds !== null);
  if (known.length === 0) return 'no history yet';
  const sum = known.reduce((total, step) => total + beyondItsGroup(step, known), 0);
  const rest = steps.length - known.length;
  return `${duration(sum)} by the history${rest === 0 ? '' : `; ${count(rest, 'step')} without history not counted`}`;
}

/** What a step adds to the time of the whole: of those that wait side by side only the longest counts. */
function beyondItsGroup(step: PreviewedStep, all: readonly PreviewedStep[]): number {
  const seconds = step.expectedSeconds ?? 0;
  if (step.group === undefined) return seconds;
  const group = all.filter(({ group }) => group === step.group);
  const longest = Math.max(...group.map(({ expectedSeconds }) => expectedSeconds ?? 0));
  return step === group.find(({ expectedSeconds }) => expectedSeconds === longest) ? longest : 0;
}

/** `+0.0832 USD per hour while both colours run` */
export function costText({ currency, perHour }: CostDifference): string {
  return `${perHour < 0 ? '−' : '+'}${money(Math.abs(perHour))} ${currency} per hour while both colours run`;
}

/** Prices of instances have four decimals and more. */
export function money(amount: number): string {
  return amount.toFixed(4).replace(/0{1,2}$/, '');
}

/** How the plan is run; null where there is none. */
export function planText({
  hash,
  environment,
  version,
  verdict,
  strategyOptions = [],
  promotedFrom,
}: Preview): string | null {
  if (hash === null) return null;
  const options = [...strategyOptions, '--plan', hash].join(' ');
  const command =
    promotedFrom === undefined
      ? `\`bascule deploy ${environment} --version ${version} ${options}\``
      : `\`bascule promote ${version} --to ${environment} ${options}\``;
  const runs = 'runs exactly this plan, or refuses and says what changed.';
  return verdict.kind === 'refused' ? `Once that is mended, ${command} ${runs}` : `${command} ${runs}`;
}
