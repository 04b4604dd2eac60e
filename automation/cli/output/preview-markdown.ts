import { previewMarker } from '../../../src/domain/comment';
import type {
  Preview,
  PreviewedStep,
  ResourceChange,
  StackPreview,
} from '../../../src/domain/preview/preview';
import { folded, within, type Block, type Fold } from './folds';
import { code, fenceFor, html, prose } from './markdown';
import {
  changesBy,
  changesText,
  costText,
  count,
  cut,
  duration,
  expectedText,
  FEW_ROUTES,
  instancesText,
  money,
  movesOf,
  movesText,
  newPropertyText,
  planText,
  propertyText,
  resourceText,
  stackText,
  verdictText,
  waitText,
  weightsText,
  type MovedRoutes,
  type Moves,
} from './preview-words';
import { waveLines } from './preview-waves';

/**
 * GitHub refuses a comment of more than 65,536 characters ("body is too long (maximum is 65536 characters)");
 * GitLab takes a million.
 */
export const COMMENT_LIMIT = 65_536;

/** On the first screen; all of them are below it. */
const FIRST_WARNINGS = 5;
const LONGEST_MESSAGE = 400;

/**
 * A preview as the comment of a merge request: what decides is seen at once, the rest is folded. The same
 * preview gives the same text, so that a comment can be updated in place.
 */
export function renderPreviewMarkdown(preview: Preview): string {
  const { service, environment } = preview;
  const head = [
    previewMarker(service, environment),
    `### ${prose(`${service} ${environment}`)}: ${versions(preview)}`,
    '',
    `**${prose(cut(verdictText(preview), LONGEST_MESSAGE))}**`,
    '',
    ...reasons(preview),
    ...facts(preview),
    ...firstWarnings(preview),
  ];
  const folds = [
    warningsFold(preview),
    stacksFold(preview),
    trafficFold(preview),
    stepsFold(preview),
    wayBackFold(preview),
    costFold(preview),
  ].filter((fold) => fold !== null);
  const foot = footer(preview);
  const leftOut = (lines: number): string =>
    `_${count(lines, 'line')} left out: a comment holds ${COMMENT_LIMIT.toLocaleString('en')} characters. ` +
    `${code(`bascule preview ${environment} --version ${preview.version}`)} shows all of it._`;
  const whole = (kept: readonly Fold[]): string => [...head, ...kept.flatMap(folded), ...foot].join('\n');
  return whole(within(folds, { limit: COMMENT_LIMIT - whole([]).length, leftOut }));
}

function versions({ formerVersion, version, verdict }: Preview): string {
  if (formerVersion === version) return `${code(version)}${verdict.kind === 'changes' ? ' again' : ''}`;
  if (formerVersion === null) return `${verdict.kind === 'refused' ? '' : 'nothing '}→ ${code(version)}`;
  return `${code(formerVersion)} → ${code(version)}`;
}

function reasons({ verdict }: Preview): string[] {
  if (verdict.kind !== 'refused') return [];
  const lines = verdict.reasons.map(
    ({ code: name, message, next }) =>
      `- ${code(name)}: ${prose(cut(message, LONGEST_MESSAGE))} _${prose(cut(next, LONGEST_MESSAGE))}_`,
  );
  return [...lines, ''];
}

function facts(preview: Preview): string[] {
  const rows = [
    ['Images', imagesCell(preview)],
    ['Changes', changesCell(preview)],
    ['Traffic', trafficCell(preview)],
    ['Cost', preview.cost === null ? '' : prose(costText(preview.cost), 'table')],
    ['Warnings', preview.warnings.length === 0 ? 'none' : String(preview.warnings.length)],
    ['Plan', preview.hash === null ? '' : code(preview.hash, 'table')],
  ].filter(([, cell]) => cell !== '');
  return [...tableOf(['', ''], rows), ''];
}

function imagesCell({ images, version }: Preview): string {
  const parts = images.map(({ region, found }) =>
    found === null
      ? `${code(region, 'table')} **no image of ${code(version, 'table')}**`
      : `${code(region, 'table')} ${code(found.id, 'table')} ${prose(found.state, 'table')}`,
  );
  return parts.join('<br>');
}

function changesCell({ stacks, environment }: Preview): string {
  const deployed = changesBy(stacks, 'by-deploy');
  const other = changesBy(stacks, 'by-up');
  const parts = [
    deployed.stacks === 0
      ? 'no resource'
      : `${changesText(deployed.resources)} in ${count(deployed.stacks, 'stack')}`,
    ...(other.stacks === 0
      ? []
      : [`only by ${code(`bascule up ${environment}`, 'table')}: ${changesText(other.resources)}`]),
  ];
  return parts.join('<br>');
}

function trafficCell({ steps }: Preview): string {
  if (steps.length === 0) return '';
  const moves = movesOf(steps);
  if (moves.length === 0) return 'none moves';
  return moves
    .map(
      (one) => (moves.length === 1 ? '' : `${code(one.region, 'table')} `) + prose(movesText(one), 'table'),
    )
    .join('<br>');
}

function firstWarnings({ warnings }: Preview): string[] {
  if (warnings.length === 0) return [];
  const shown = warnings.slice(0, FIRST_WARNINGS);
  const rest = warnings.length - shown.length;
  return [
    ...shown.map(({ code: name, message }) => `- ⚠️ ${code(name)}: ${prose(cut(message, LONGEST_MESSAGE))}`),
    ...(rest === 0 ? [] : [`- and ${rest} more, below`]),
    '',
  ];
}

/** What to do about each warning, and those that had no place on the first screen. */
function warningsFold({ warnings }: Preview): Fold | null {
  if (warnings.length <= FIRST_WARNINGS && warnings.every(({ next }) => next === undefined)) return null;
  const lines = warnings.map(
    ({ code: name, message, next }) =>
      `- ${code(name)}: ${prose(message)}${next === undefined ? '' : ` _${prose(next)}_`}`,
  );
  return { summary: `Warnings: ${warnings.length}, and what to do`, blocks: [block(lines)] };
}

function stacksFold({ stacks, environment }: Preview): Fold | null {
  if (stacks.length === 0) return null;
  const all = stacks.flatMap(({ resources }) => resources);
  const concerned = stacks.filter(({ resources }) => resources.length > 0).length;
  return {
    summary: `Resources: ${changesText(all)}${concerned === 0 ? '' : ` in ${count(concerned, 'stack')}`}`,
    blocks: stacks.flatMap((stack) => stackBlocks(stack, environment)),
  };
}

function stackBlocks(stack: StackPreview, environment: string): Block[] {
  const title = `${code(stack.stack)}: ${prose(stackText(stack, environment))}`;
  const lines = stack.resources.flatMap(resourceLines);
  if (lines.length === 0) return [block([title, ''])];
  const fence = fenceFor(lines);
  return [{ open: [title, '', `${fence}diff`], lines, close: [fence, ''] }];
}

/** A diff's signs in the first column, so that created, changed and deleted have their colours. */
const DIFF_SIGNS: Record<ResourceChange['operation'], string> = {
  create: '+',
  update: '!',
  replace: '!',
  delete: '-',
};

function resourceLines(resource: ResourceChange): string[] {
  const { operation, properties } = resource;
  const own = `${DIFF_SIGNS[operation]} ${resourceText(resource)}`;
  if (operation === 'delete') return [own];
  return [
    own,
    ...properties.map((one) => `      ${operation === 'create' ? newPropertyText(one) : propertyText(one)}`),
  ];
}

function trafficFold({ steps }: Preview): Fold | null {
  const moves = movesOf(steps);
  if (moves.length === 0) return null;
  const blocks = moves.flatMap((region) => [movesTable(region), ...routeLists(region)]);
  const one = moves.length === 1 ? moves[0] : undefined;
  const summary = one === undefined ? `in ${moves.length} regions` : movesText(one);
  return { summary: `Traffic: ${summary}`, blocks };
}

function movesTable({ region, steps, routes }: Moves): Block {
  const rows = steps.flatMap(({ step, number, groups }) =>
    groups.flatMap((group) =>
      routesOf(group, routes).map((label) => [
        String(number),
        prose(step.text, 'table'),
        label,
        weightsText(group.before),
        weightsText(group.after),
        instancesText(step),
      ]),
    ),
  );
  const [head = '', rule = '', ...body] = tableOf(
    ['Step', '', 'Route', 'Before', 'After', 'Instances'],
    rows,
  );
  return { open: [`${code(region)}`, '', head, rule], lines: body, close: [''] };
}

/** Each route has a row of its own, until they are too many to be read. */
function routesOf({ labels }: MovedRoutes, all: number): string[] {
  if (labels.length <= FEW_ROUTES) return labels.map((label) => code(label, 'table'));
  return [
    labels.length === all
      ? `all ${all} routes`
      : `${labels.length} routes, from ${code(labels[0] ?? '', 'table')}`,
  ];
}

/** The routes that stand in one row together, named once. */
function routeLists({ steps }: Moves): Block[] {
  const lists = new Map<string, string[]>();
  for (const { labels } of steps.flatMap(({ groups }) => groups))
    if (labels.length > FEW_ROUTES) lists.set(labels.join('\n'), labels);
  return [...lists.values()].map((labels) => ({
    open: [`<details><summary>The ${labels.length} routes from ${html(labels[0] ?? '')}</summary>`, ''],
    lines: labels.map((label) => `- ${code(label)}`),
    close: ['', '</details>', ''],
  }));
}

function stepsFold(preview: Preview): Fold | null {
  const { steps } = preview;
  if (steps.length === 0) return null;
  const rows = steps.map((step, index) => [
    String(index + 1),
    code(step.region, 'table'),
    prose(step.text, 'table'),
    instancesText(step),
    waitText(step),
    usually(step),
  ]);
  const [head = '', rule = '', ...body] = tableOf(
    ['', 'Region', 'Step', 'Instances', 'Waits', 'Usually takes'],
    rows,
  );
  const sum = [...waveLines(preview), `In all: ${expectedText(steps)}.`]
    .map((line) => prose(line))
    .join('  \n');
  return {
    summary: `Steps: ${steps.length}`,
    blocks: [block([sum, '']), { open: [head, rule], lines: body, close: [''] }],
  };
}

function usually({ expectedSeconds }: PreviewedStep): string {
  return expectedSeconds === null ? '' : duration(expectedSeconds);
}

function wayBackFold({ wayBack }: Preview): Fold | null {
  if (wayBack.length === 0) return null;
  const lines = wayBack.map(({ region, text }) => `- ${code(region)}: ${prose(text)}`);
  return { summary: 'Way back', blocks: [block(lines)] };
}

function costFold({ cost }: Preview): Fold | null {
  if (cost === null) return null;
  const rows = cost.parts.map(({ region, instanceType, instances, perHour }) => [
    code(region, 'table'),
    code(instanceType, 'table'),
    String(instances),
    `${money(perHour)} ${prose(cost.currency, 'table')}`,
  ]);
  const [head = '', rule = '', ...body] = tableOf(['Region', 'Type', 'Instances', 'Each per hour'], rows);
  const unpriced =
    cost.unpriced.length === 0
      ? []
      : [block(['', `No price is configured for ${cost.unpriced.map((type) => code(type)).join(', ')}.`])];
  return {
    summary: `Cost: ${costText(cost)}`,
    blocks: [{ open: [head, rule], lines: body, close: [] }, ...unpriced],
  };
}

function footer(preview: Preview): string[] {
  const text = planText(preview);
  return text === null ? [''] : ['', prose(text), ''];
}

function block(lines: string[]): Block {
  return { open: [], lines, close: [] };
}

/** Its head, its rule, and a line for each row. */
function tableOf(head: readonly string[], rows: readonly (readonly string[])[]): string[] {
  const line = (cells: readonly string[]): string => `| ${cells.join(' | ')} |`;
  return [line(head), line(head.map(() => '---')), ...rows.map(line)];
}
